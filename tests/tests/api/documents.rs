//! The documents against the schemas of their specifications.

use crate::contract::document;
use i3_core::door::rpc::{asyncapi, discover};
use serde_json::{Value as Json, json};

/// Of `@open-rpc/meta-schema` 1.14.9, without its descriptions.
const OPENRPC: &str = include_str!("../../data/openrpc-meta-schema.json");

/// Of `@asyncapi/specs` 6.11.1, without its descriptions and examples.
const ASYNCAPI: &str = include_str!("../../data/asyncapi-3.0.0.json");

fn complaints(schema: &Json, document: &Json) -> Vec<String> {
    let validator = jsonschema::draft7::new(schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

fn schema(text: &str) -> Json {
    // What the meta-schema of OpenRPC takes from elsewhere is draft 7 in other words.
    let text = text
        .replace(
            "https://meta.json-schema.tools/#/definitions/JSONSchemaObject/properties/$ref",
            "http://json-schema.org/draft-07/schema#/properties/$ref",
        )
        .replace("https://meta.json-schema.tools", "http://json-schema.org/draft-07/schema#");
    let mut schema: Json = serde_json::from_str(&text).unwrap();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema
}

#[test]
fn the_openrpc_document_is_one() {
    let (schema, mut document) = (schema(OPENRPC), document(&discover::document()));
    assert_eq!(complaints(&schema, &document), [""; 0]);
    document["methods"][0]["params"][0]["schema"]["type"] = json!("text");
    assert_eq!(complaints(&schema, &document).len(), 1, "schemas are looked at too");
}

#[test]
fn the_asyncapi_document_is_one() {
    let (schema, mut document) = (schema(ASYNCAPI), document(&asyncapi::document()));
    assert_eq!(complaints(&schema, &document), [""; 0]);
    document["operations"]["sendEvent"]["action"] = json!("shout");
    assert!(!complaints(&schema, &document).is_empty(), "it is looked at");
}
