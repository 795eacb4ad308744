//! What the OpenRPC and AsyncAPI documents promise, and what was really said held against it.

use i3_core::door::rpc::{asyncapi, discover, rpc};
use i3_tests::scenario::Said;
use jsonschema::Validator;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// A document as the gateway gives it out.
pub(crate) fn document(text: &[u8]) -> Json {
    serde_json::from_slice(text).unwrap()
}

/// A schema by which nothing that it does not name may be there. To clients the documents promise less, so that a later
/// version may add a member.
fn strict(schema: &Json) -> Validator {
    fn close(schema: &mut Json) {
        match schema {
            Json::Object(members) => {
                if members.get("properties").is_some_and(Json::is_object)
                    && !members.contains_key("additionalProperties")
                {
                    members.insert("additionalProperties".to_owned(), json!(false));
                }
                members.values_mut().for_each(close);
            }
            Json::Array(list) => list.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut schema = schema.clone();
    close(&mut schema);
    jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap()
}

fn complaint(validator: &Validator, value: &Json) -> Option<String> {
    validator.iter_errors(value).next().map(|error| format!("{error} at {}", error.instance_path()))
}

struct Method {
    params: BTreeMap<String, Validator>,
    names: Vec<String>,
    result: Validator,
    errors: BTreeSet<i64>,
    reasons: BTreeSet<String>,
}

/// Both documents.
pub(crate) struct Contract {
    methods: BTreeMap<String, Method>,
    events: BTreeMap<String, Validator>,
}

/// What has been seen: methods that gave a result, and events.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) results: BTreeSet<String>,
    pub(crate) events: BTreeSet<String>,
    pub(crate) reasons: BTreeSet<String>,
}

impl Contract {
    pub(crate) fn new() -> Contract {
        let documented = document(&discover::document());
        let mut methods = BTreeMap::new();
        for method in documented["methods"].as_array().unwrap() {
            let params = method["params"].as_array().unwrap();
            let name = |of: &Json| of["name"].as_str().unwrap().to_owned();
            let errors = method["errors"].as_array().unwrap();
            let reasons = method["x-reasons"].as_array().into_iter().flatten();
            methods.insert(
                name(method),
                Method {
                    params: params.iter().map(|param| (name(param), strict(&param["schema"]))).collect(),
                    names: params.iter().map(name).collect(),
                    result: strict(&method["result"]["schema"]),
                    errors: errors.iter().map(|error| error["code"].as_i64().unwrap()).collect(),
                    reasons: reasons.map(|one| one["reason"].as_str().unwrap().to_owned()).collect(),
                },
            );
        }
        let documented = document(&asyncapi::document());
        let messages = documented["components"]["messages"].as_object().unwrap();
        let events = messages.iter().map(|(name, message)| (name.clone(), strict(&message["payload"])));
        Contract { methods, events: events.collect() }
    }

    pub(crate) fn methods(&self) -> BTreeSet<String> {
        self.methods.keys().cloned().collect()
    }

    pub(crate) fn events(&self) -> BTreeSet<String> {
        self.events.keys().cloned().collect()
    }

    /// Holds what clients sent and received against the documents.
    pub(crate) fn check(&self, said: &[Said], seen: &mut Seen) -> Result<(), String> {
        let mut asked: BTreeMap<(&str, String), Json> = BTreeMap::new();
        for Said { client, sent, text } in said {
            let Ok(message) = serde_json::from_str::<Json>(text) else { continue };
            let each = match message {
                Json::Array(list) => list,
                one => vec![one],
            };
            for one in each {
                let id = (client.as_str(), one["id"].to_string());
                if *sent {
                    // An answer whose id is null may be to anything.
                    if !one["id"].is_null() {
                        asked.insert(id, one);
                    }
                } else if let Some(name) = one["method"].as_str() {
                    let event = self.events.get(name).ok_or(format!("no such event: {one}"))?;
                    complaint(event, &one).map_or(Ok(()), |why| Err(format!("{one}: {why}")))?;
                    seen.events.insert(name.to_owned());
                } else {
                    self.answer(&one, asked.get(&id), seen).map_err(|why| format!("{one}: {why}"))?;
                }
            }
        }
        Ok(())
    }

    fn answer(&self, answer: &Json, request: Option<&Json>, seen: &mut Seen) -> Result<(), String> {
        let mut names: Vec<&String> =
            answer.as_object().map(|answer| answer.keys().collect()).unwrap_or_default();
        names.sort();
        if answer["jsonrpc"] != "2.0"
            || (names != ["error", "id", "jsonrpc"] && names != ["id", "jsonrpc", "result"])
        {
            return Err("an answer has jsonrpc, id, and either result or error".to_owned());
        }
        let known = |code: i64| rpc::code::ALL.iter().any(|(known, _)| *known == code);
        let code = answer["error"]["code"].as_i64();
        if let Some(code) = code.filter(|code| !known(*code)) {
            return Err(format!("{code} is no code of ours"));
        }
        let name = request.and_then(|request| request["method"].as_str());
        let Some((name, method)) = name.and_then(|name| Some((name, self.methods.get(name)?))) else {
            return if code.is_some() { Ok(()) } else { Err("nobody asked for it".to_owned()) };
        };
        let Some(code) = code else {
            seen.results.insert(name.to_owned());
            for (param, value) in params(request.map_or(&Json::Null, |request| &request["params"]), method) {
                // Names that mean nothing are passed over.
                let validator = method.params.get(&param).filter(|_| !value.is_null());
                let why = validator.and_then(|validator| complaint(validator, &value));
                why.map_or(Ok(()), |why| Err(format!("{param} was taken: {why}")))?;
            }
            let why = complaint(&method.result, &answer["result"]);
            return why.map_or(Ok(()), |why| Err(format!("the result of {name}: {why}")));
        };
        // A text that is no request may have an id and a method too.
        if !method.errors.contains(&code) && code != rpc::code::INVALID_REQUEST {
            return Err(format!("{name} does not give {code}"));
        }
        let data = &answer["error"]["data"];
        let (member, is_right) = match code {
            rpc::code::RATE_LIMIT => ("retry_after_ms", data["retry_after_ms"].is_u64()),
            rpc::code::PERMISSION => ("needs", data["needs"].is_string()),
            rpc::code::GATEWAY => {
                ("reason and retryable", data["reason"].is_string() && data["retryable"].is_boolean())
            }
            _ => ("", true),
        };
        if !is_right {
            return Err(format!("data must tell {member}"));
        }
        if let Some(reason) = data["reason"].as_str() {
            seen.reasons.insert(reason.to_owned());
            // Those of Intermud-3 have hyphens.
            let may = method.reasons.contains(reason)
                || reason.contains('-') && method.reasons.contains("too_many_waiting");
            return if may { Ok(()) } else { Err(format!("{name} does not give {reason}")) };
        }
        Ok(())
    }
}

/// The parameters of a request by name.
fn params(params: &Json, method: &Method) -> Vec<(String, Json)> {
    match params {
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        Json::Array(values) => method.names.iter().cloned().zip(values.iter().cloned()).collect(),
        _ => Vec::new(),
    }
}
