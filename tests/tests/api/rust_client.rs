//! The types of `clients/rust`: made from the OpenRPC and AsyncAPI documents, and never by hand.

use crate::contract::document;
use i3_core::door::rpc::{asyncapi, discover};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const HEAD: &str = "// Made from docs/openrpc.json and docs/asyncapi.json by\n\
                    // `cargo test -p i3-tests --test api -- --ignored`. A test fails when this file is stale.\n\n";

/// `who_reply` as the name of a type.
fn type_name(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// A text as a comment that rustdoc reads as it stands.
fn comment(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]").replace('<', "&lt;").replace('\n', " ")
}

fn text_of<'a>(value: &'a Json, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Writes structs for the objects of a schema.
#[derive(Default)]
struct Types {
    out: String,
}

impl Types {
    /// Returns the Rust type of a schema. Structs that it needs are written, and named after `name`.
    fn of(&mut self, name: &str, schema: &Json) -> String {
        if let Some(choices) = schema["anyOf"].as_array() {
            let others: Vec<&Json> = choices.iter().filter(|choice| choice["type"] != "null").collect();
            if others.len() < choices.len() {
                assert_eq!(others.len(), 1, "{name}");
                return format!("Option<{}>", self.of(name, others[0]));
            }
            return self.choice(name, &others);
        }
        match schema["type"].as_str() {
            Some("string") => "String".to_owned(),
            Some("boolean") => "bool".to_owned(),
            Some("number") => "f64".to_owned(),
            Some("integer") if schema["minimum"].as_i64().is_some_and(|least| least >= 0) => "u64".to_owned(),
            Some("integer") => "i64".to_owned(),
            Some("array") => format!("Vec<{}>", self.of(name, &schema["items"])),
            Some("object") if schema["properties"].is_object() => {
                self.object(name, text_of(schema, "description"), schema);
                name.to_owned()
            }
            Some("object") => "Map<String, Value>".to_owned(),
            _ => "Value".to_owned(),
        }
    }

    /// Writes an enum of what an answer may be.
    fn choice(&mut self, name: &str, choices: &[&Json]) -> String {
        let mut variants = String::new();
        for choice in choices {
            let variant = type_name(text_of(choice, "description"));
            let of = self.of(&format!("{name}{variant}"), choice);
            let _ = writeln!(
                variants,
                "    /// {}\n    {variant}({of}),",
                comment(text_of(choice, "description"))
            );
        }
        let _ = writeln!(
            self.out,
            "/// One of the answers that the method gives.\n#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\n\
             #[serde(untagged)]\n#[allow(clippy::large_enum_variant, reason = \"an answer is read, used and dropped\")]\n\
             pub enum {name} {{\n{variants}}}\n"
        );
        name.to_owned()
    }

    fn object(&mut self, name: &str, summary: &str, schema: &Json) {
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let members = schema["properties"].as_object().unwrap();
        let members = members.iter().map(|(member, schema)| {
            (member.as_str(), schema, required.contains(member.as_str()), text_of(schema, "description"))
        });
        self.structure(name, summary, members.collect());
    }

    fn structure(&mut self, name: &str, summary: &str, members: Vec<(&str, &Json, bool, &str)>) {
        let mut fields = String::new();
        for (member, schema, required, summary) in members {
            let mut of = self.of(&format!("{name}{}", type_name(member)), schema);
            let mut attributes = String::new();
            if !required && !of.starts_with("Option<") {
                of = format!("Option<{of}>");
            }
            if of.starts_with("Option<") && !required {
                attributes += "    #[serde(default, skip_serializing_if = \"Option::is_none\")]\n";
            }
            let field = match member {
                "self" => {
                    attributes += "    #[serde(rename = \"self\")]\n";
                    "own"
                }
                "type" => "r#type",
                member => member,
            };
            let _ = writeln!(fields, "    /// {}\n{attributes}    pub {field}: {of},", comment(summary));
        }
        let summary = if summary.is_empty() { "A part of an answer." } else { summary };
        let _ = writeln!(
            self.out,
            "/// {}\n#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]\npub struct {name} {{\n{fields}}}\n",
            comment(summary),
        );
    }
}

fn events() -> String {
    let document = document(&asyncapi::document());
    let messages = document["components"]["messages"].as_object().unwrap();
    let mut types = Types::default();
    let (mut kinds, mut arms) = (String::new(), String::new());
    for (name, message) in messages {
        let of = type_name(name);
        let params = &message["payload"]["properties"]["params"];
        types.object(&of, text_of(message, "summary"), params);
        let _ = writeln!(kinds, "    /// {}\n    {of}({of}),", comment(text_of(message, "summary")));
        let _ = writeln!(arms, "            \"{name}\" => read(params, Kind::{of}),");
    }
    format!(
        "{HEAD}//! The events of the gateway, as types.\n\n\
         use serde::de::DeserializeOwned;\nuse serde::{{Deserialize, Serialize}};\nuse serde_json::{{Map, Value}};\n\n{}\
         /// An event, by its name.\n#[derive(Clone, Debug, PartialEq)]\n#[non_exhaustive]\n\
         #[allow(clippy::large_enum_variant, reason = \"an event is read, used and dropped; a box would only cost\")]\n\
         pub enum Kind {{\n{kinds}    /// An event that this version of the client does not know.\n    Unknown,\n}}\n\n\
         fn read<T: DeserializeOwned>(params: &Value, kind: fn(T) -> Kind) -> Kind {{\n    \
         T::deserialize(params).map_or(Kind::Unknown, kind)\n}}\n\n\
         impl Kind {{\n    /// Reads the parameters of the event of this name.\n    \
         pub fn read(name: &str, params: &Value) -> Kind {{\n        match name {{\n{arms}            \
         _ => Kind::Unknown,\n        }}\n    }}\n}}\n",
        types.out
    )
}

fn requests() -> String {
    let document = document(&discover::document());
    let mut types = Types::default();
    let mut implementations = String::new();
    for method in document["methods"].as_array().unwrap() {
        let name = text_of(method, "name");
        let of = type_name(name);
        let params = method["params"].as_array().unwrap().iter();
        let params = params.map(|one| {
            let required = one["required"] == true;
            (text_of(one, "name"), &one["schema"], required, text_of(one, "summary"))
        });
        types.structure(
            &of,
            &format!("The method `{name}`. {}", text_of(method, "summary")),
            params.collect(),
        );
        let schema = &method["result"]["schema"];
        let result = format!("{of}Answer");
        let result = match schema["properties"].is_object() {
            true => {
                types.object(&result, &format!("The answer to `{name}`."), schema);
                result
            }
            false => types.of(&result, schema),
        };
        let _ = writeln!(
            implementations,
            "impl Request for {of} {{\n    const METHOD: &'static str = \"{name}\";\n    type Answer = {result};\n}}\n"
        );
    }
    format!(
        "{HEAD}//! The methods of the gateway, as types: the parameters, and what is answered.\n\n\
         use crate::request::Request;\nuse serde::{{Deserialize, Serialize}};\nuse serde_json::{{Map, Value}};\n\n{}{}",
        types.out,
        implementations.trim_end().to_owned() + "\n"
    )
}

/// The shape of a parameter or a member, as Rust.
fn shape(schema: &Json) -> String {
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut others = choices.iter().filter(|choice| choice["type"] != "null");
        return others.next().map_or("Shape::Any".to_owned(), shape);
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        return format!("Shape::OneOf(&[{}])", words.join(", "));
    }
    match schema["type"].as_str() {
        Some("string") => "Shape::Text".to_owned(),
        Some("boolean") => "Shape::Flag".to_owned(),
        Some("number") => "Shape::Number".to_owned(),
        Some("integer") => "Shape::Integer".to_owned(),
        Some("array") => format!("Shape::List(&{})", shape(&schema["items"])),
        Some("object") => "Shape::Object".to_owned(),
        _ if schema["type"].is_array() => "Shape::IntegerOrText".to_owned(),
        _ => "Shape::Any".to_owned(),
    }
}

fn methods() -> String {
    let document = document(&discover::document());
    let mut out = format!(
        "{HEAD}//! The methods of the gateway, as a table: for programs whose user names the method.\n\n\
         use crate::request::{{Member, Method, Shape}};\n\n/// All methods, by their names.\npub const METHODS: &[Method] = &[\n"
    );
    let member = |out: &mut String, name: &str, schema: &Json, required: bool, summary: &str| {
        let default = match &schema["default"] {
            Json::Null => "None".to_owned(),
            default => format!("Some({:?})", default.to_string()),
        };
        let _ = writeln!(
            out,
            "            Member {{ name: {name:?}, shape: {}, required: {required}, default: {default}, summary: {summary:?} }},",
            shape(schema)
        );
    };
    for method in document["methods"].as_array().unwrap() {
        let permission = match method["x-permission"].as_str() {
            Some(permission) => format!("Some({permission:?})"),
            None => "None".to_owned(),
        };
        let _ = writeln!(
            out,
            "    Method {{\n        name: {:?},\n        summary: {:?},\n        permission: {permission},\n        params: &[",
            text_of(method, "name"),
            text_of(method, "summary"),
        );
        for one in method["params"].as_array().unwrap() {
            let required = one["required"] == true;
            member(&mut out, text_of(one, "name"), &one["schema"], required, text_of(one, "summary"));
        }
        out += "        ],\n        answer: &[\n";
        let schema = &method["result"]["schema"];
        // Of several answers the last is the whole one.
        let schema = schema["anyOf"].as_array().and_then(|all| all.last()).unwrap_or(schema);
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = required.contains(name.as_str());
            member(&mut out, name, schema, is_required, text_of(schema, "description"));
        }
        out += "        ],\n    },\n";
    }
    out + "];\n"
}

/// The files and what is to be in them.
fn files() -> [(PathBuf, String); 3] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/rust/src/generated");
    [
        (folder.join("events.rs"), events()),
        (folder.join("requests.rs"), requests()),
        (folder.join("methods.rs"), methods()),
    ]
}

#[test]
fn the_types_of_the_rust_client_are_not_stale() {
    for (path, text) in files() {
        assert!(
            std::fs::read_to_string(&path).unwrap_or_default() == text,
            "{} is not what the documents say: cargo test -p i3-tests --test api -- --ignored",
            path.display()
        );
    }
}

#[test]
#[ignore = "writes clients/rust/src/generated/"]
fn write_the_types_of_the_rust_client() {
    for (path, text) in files() {
        std::fs::write(path, text).unwrap();
    }
}
