//! The parameters of `call`: words become what the method needs.

use i3_client::{Member, Method, Shape, methods::METHODS};
use i3_config::cli::nearest;
use serde_json::{Map, Value};

/// Another name that the methods accept for a parameter.
const OTHER_NAMES: &[(&str, &str)] = &[("message", "emote")];

/// Returns the method of a name.
pub(crate) fn method(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// Returns the most similar name of a method.
pub(crate) fn nearest_method(name: &str) -> Option<&'static str> {
    nearest(name, METHODS.iter().map(|method| method.name))
}

/// The method with its parameters, as it is called: `tell target_mud target_user message [from_user]`.
pub(crate) fn usage(method: &Method) -> String {
    let params = method.params.iter();
    let params = params.map(|one| if one.required { one.name.to_owned() } else { format!("[{}]", one.name) });
    std::iter::once(method.name.to_owned()).chain(params).collect::<Vec<_>>().join(" ")
}

/// Parses the parameters of a request from the command line. Null: no parameters.
pub(crate) fn read(name: &str, words: &[String]) -> Result<Value, String> {
    let known = method(name);
    if let [only] = words
        && only.trim_start().starts_with(['{', '['])
        && let Some(value) = whole(known, only)?
    {
        return Ok(value);
    }
    let mut params = Map::new();
    let mut position = 0;
    for word in words {
        let (name, value) = match named(known, word) {
            Some(named) => pair(known, named)?,
            None => {
                let member = at_position(known, position, word)?;
                position += 1;
                (member.name.to_owned(), convert(member, word)?)
            }
        };
        if params.insert(name.clone(), value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    if let Some(method) = known.filter(|_| !words.is_empty()) {
        let is_there = |member: &Member| {
            let other = OTHER_NAMES.iter().find(|(_, name)| *name == member.name);
            params.contains_key(member.name) || other.is_some_and(|(other, _)| params.contains_key(*other))
        };
        if let Some(missing) = method.params.iter().find(|member| member.required && !is_there(member)) {
            return Err(format!("{} is missing; it is {}\n{}", missing.name, missing.summary, usage(method)));
        }
    }
    Ok(Value::Object(params))
}

/// Parameters as one JSON object or array. `None`: it is none, and the method's first parameter is a text or a list.
fn whole(known: Option<&Method>, text: &str) -> Result<Option<Value>, String> {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => {
            return match known.and_then(|method| method.params.first()).map(|member| member.shape) {
                Some(Shape::Text) => Ok(None),
                _ => Err(format!("the parameters are not JSON: {error}")),
            };
        }
    };
    if let (Some(method), Some(object)) = (known, value.as_object()) {
        for name in object.keys() {
            known_name(method, name)?;
        }
    }
    if let (Some(method), Some(list)) = (known, value.as_array())
        && list.len() > method.params.len()
    {
        return Err(too_many(method));
    }
    Ok(Some(value))
}

/// What `name=value` consists of, if a word is that.
fn named<'w>(known: Option<&Method>, word: &'w str) -> Option<(&'w str, bool, &'w str)> {
    let (name, value) = word.split_once('=')?;
    let (name, is_json) = name.strip_suffix(':').map_or((name, false), |name| (name, true));
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // `a == b` is a text, and so is `x=1` where the method has no parameter of a similar name.
    let is_meant = known.is_none_or(|method| known_name(method, name).is_ok() || !value.contains(['=', ' ']));
    (is_name && is_meant).then_some((name, is_json, value))
}

fn pair(
    known: Option<&Method>,
    (name, is_json, value): (&str, bool, &str),
) -> Result<(String, Value), String> {
    if is_json {
        let value = serde_json::from_str(value);
        let value = value.map_err(|error| format!("what follows {name}:= is not JSON: {error}"))?;
        if let Some(method) = known {
            known_name(method, name)?;
        }
        return Ok((name.to_owned(), value));
    }
    match known {
        Some(method) => Ok((name.to_owned(), convert(known_name(method, name)?, value)?)),
        None => Ok((name.to_owned(), guess(value))),
    }
}

/// Returns the parameter of a name. The error names the nearest one.
fn known_name<'m>(method: &'m Method, name: &str) -> Result<&'m Member, String> {
    let find = |name: &str| method.params.iter().find(|member| member.name == name);
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == name).and_then(|(_, name)| find(name));
    find(name).or(other).ok_or_else(|| {
        let advice = match nearest(name, method.params.iter().map(|member| member.name)) {
            Some(nearest) => format!(" Did you mean {nearest}?"),
            None if method.params.is_empty() => " It has none.".to_owned(),
            None => String::new(),
        };
        format!("{} has no parameter {name:?}.{advice}\n{}", method.name, usage(method))
    })
}

fn at_position<'m>(known: Option<&'m Method>, position: usize, word: &str) -> Result<&'m Member, String> {
    match known {
        Some(method) => method.params.get(position).ok_or_else(|| too_many(method)),
        None => Err(format!("{word:?} is neither JSON nor name=value nor name:=value")),
    }
}

fn too_many(method: &Method) -> String {
    let count = method.params.len();
    let plural = if count == 1 { "" } else { "s" };
    format!(
        "{} has only {count} parameter{plural}; a text with blanks stands in quotes\n{}",
        method.name,
        usage(method)
    )
}

/// Makes of a word what a parameter needs.
fn convert(member: &Member, word: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("{} is {what}, and not {word:?}", member.name);
    let json = || serde_json::from_str::<Value>(word);
    Ok(match member.shape {
        Shape::Text => Value::from(word),
        Shape::OneOf(words) => {
            let found = words.iter().find(|one| one.eq_ignore_ascii_case(word));
            let all = words.join(", ");
            Value::from(*found.ok_or_else(|| wrong(&format!("one of {all}")))?)
        }
        Shape::Integer => Value::from(word.parse::<i64>().map_err(|_| wrong("a whole number"))?),
        Shape::Number => {
            let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
            match word.parse::<i64>() {
                Ok(whole) => Value::from(whole),
                Err(_) => Value::from(number.ok_or_else(|| wrong("a number"))?),
            }
        }
        Shape::Flag => match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Value::Bool(true),
            "false" | "no" | "off" | "0" => Value::Bool(false),
            _ => return Err(wrong("true or false")),
        },
        Shape::List(_) if word.trim_start().starts_with('[') => {
            json().map_err(|error| wrong(&format!("a list in JSON ({error})")))?
        }
        Shape::List(Shape::Object) => return Err(wrong("a list of objects, in JSON")),
        Shape::List(of) => {
            let one = Member { shape: *of, ..*member };
            let words = word.split(',').map(str::trim).filter(|word| !word.is_empty());
            Value::Array(words.map(|word| convert(&one, word)).collect::<Result<_, _>>()?)
        }
        Shape::Object => match json() {
            Ok(value) if value.is_object() => value,
            _ => return Err(wrong("an object, in JSON")),
        },
        Shape::IntegerOrText => word.parse::<i64>().map_or_else(|_| Value::from(word), Value::from),
        Shape::Any => guess(word),
    })
}

/// What a word is, if nothing says so: JSON if it is JSON, else a text.
fn guess(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| Value::from(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(method: &str, words: &[&str]) -> Result<Value, String> {
        read(method, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn words_become_what_the_method_needs() {
        for (method, given, expected) in [
            ("status", &[][..], json!({})),
            ("channel_history", &["channel=gossip", "limit=2"], json!({"channel": "gossip", "limit": 2})),
            ("channel_history", &["gossip", "2"], json!({"channel": "gossip", "limit": 2})),
            (
                "channel_history",
                &["5", "before=2026-01-01T00:00:00Z"],
                json!({"channel": "5", "before": "2026-01-01T00:00:00Z"}),
            ),
            (
                "who",
                &["Sage", "wait=true", "timeout=2.5"],
                json!({"target_mud": "Sage", "wait": true, "timeout": 2.5}),
            ),
            ("who", &["target_mud=Sage", "wait=yes"], json!({"target_mud": "Sage", "wait": true})),
            (
                "tell",
                &["Sage", "bob", "a == b"],
                json!({"target_mud": "Sage", "target_user": "bob", "message": "a == b"}),
            ),
            (
                "tell",
                &["target_mud=5", "target_user=6", "message=7"],
                json!({"target_mud": "5", "target_user": "6", "message": "7"}),
            ),
            ("channel_emote", &["channel=c", "message=waves"], json!({"channel": "c", "message": "waves"})),
            ("ban_remove", &["ban_id=3"], json!({"ban_id": 3})),
            (
                "ban_add",
                &["pattern=*@S", "expires_in:=60", "direction=IN"],
                json!({"pattern": "*@S", "expires_in": 60, "direction": "in"}),
            ),
            ("channel_admin", &["c", "add=Sage, Hollow"], json!({"channel": "c", "add": ["Sage", "Hollow"]})),
            ("mudlist", &["filter={\"status\":\"up\"}"], json!({"filter": {"status": "up"}})),
            ("mudlist", &[r#"{"filter":{"status":"up"}}"#], json!({"filter": {"status": "up"}})),
            ("tell", &[r#"["Sage","bob","hi"]"#], json!(["Sage", "bob", "hi"])),
            ("presence_sync", &[r#"users=[{"name":"Ann"}]"#], json!({"users": [{"name": "Ann"}]})),
            ("of_a_later_version", &["a=1", "b=x", "c:=[2]"], json!({"a": 1, "b": "x", "c": [2]})),
        ] {
            assert_eq!(words(method, given), Ok(expected), "{method} {given:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (method, given, expected) in [
            (
                "tell",
                &["target_mod=Sage"][..],
                "tell has no parameter \"target_mod\". Did you mean target_mud?",
            ),
            ("tell", &[r#"{"target_usr":"x"}"#], "Did you mean target_user?"),
            ("status", &["a=1"], "status has no parameter \"a\". It has none."),
            ("channel_history", &["c", "limit=two"], "limit is a whole number, and not \"two\""),
            ("who", &["Sage", "wait=perhaps"], "wait is true or false"),
            ("ban_add", &["x", "direction=up"], "direction is one of both, in, out"),
            ("tell", &["Sage", "bob"], "message is missing"),
            ("tell", &["Sage", "bob", "hi", "Me", "Me", "more"], "tell has only 5 parameters"),
            ("tell", &["[1, 2, 3, 4, 5, 6]"], "tell has only 5 parameters"),
            ("mudlist", &["filter=up"], "an object, in JSON"),
            ("tell", &["target_mud=a", "target_mud=b"], "target_mud is given twice"),
            ("tell", &["target_mud:=x"], "what follows target_mud:= is not JSON"),
            ("mudlist", &["{"], "not JSON"),
            ("of_a_later_version", &["word"], "neither JSON nor name=value"),
        ] {
            let text = words(method, given).unwrap_err();
            assert!(text.contains(expected), "{method} {given:?}: {text}");
        }
        assert_eq!(nearest_method("tel"), Some("tell"));
        assert_eq!(nearest_method("chanel_list"), Some("channel_list"));
        assert_eq!(nearest_method("sesions"), Some("sessions"));
        assert_eq!(nearest_method("xyzzy"), None);
        assert_eq!(usage(method("kick").unwrap()), "kick session_id");
    }
}
