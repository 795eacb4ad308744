//! Each parameter of each method with values that its shape does not allow: an error that names it. Without one that must
//! be there: the same.

use i3_core::describe::shape::{ANY_LENGTH, Shape};
use i3_core::describe::values::NAME_BYTES_MAX;
use i3_core::door::rpc::discover::methods;
use i3_tests::scenario::Stage;
use serde_json::{Value as Json, json};

const STAGE: &str = r#"
router *net
gateway Alpha
mud Sage
client game Alpha lines
client stranger Alpha lines-raw
wait 6s
"#;

/// A good value of a parameter.
fn good(shape: Shape) -> Json {
    match shape {
        Shape::OneOf(texts) => json!(texts[0]),
        Shape::Int | Shape::Within(..) | Shape::Point => json!(1),
        Shape::Seconds(_) | Shape::Number => json!(1.5),
        Shape::Flag => json!(true),
        Shape::List(&shape, _) => json!([good(shape)]),
        Shape::Object(members) => {
            let needed = members.iter().filter(|member| member.required);
            needed.map(|member| (member.name.to_owned(), good(member.shape))).collect()
        }
        _ => json!("Sage@x"),
    }
}

/// Values that a shape does not allow.
fn bad(shape: Shape) -> Vec<Json> {
    let mut bad = match shape {
        Shape::Text => vec![json!(5), json!(true), json!([]), json!({})],
        Shape::Filled => vec![json!("")],
        Shape::Short(most) => vec![json!(""), json!("x".repeat(most + 1))],
        Shape::Name => {
            vec![
                json!(""),
                json!("  "),
                json!("a\u{7}b"),
                json!("x".repeat(NAME_BYTES_MAX + 1)),
                json!("x\n"),
            ]
        }
        Shape::OneOf(_) => vec![json!(""), json!("nonsense")],
        Shape::Int => vec![json!("5"), json!(1.5), json!(true), json!([]), json!({}), json!(1e300)],
        Shape::Within(least, most) => {
            [least.checked_sub(1), most.checked_add(1)].into_iter().flatten().map(Json::from).collect()
        }
        Shape::Seconds(most) => {
            vec![json!(0), json!(-1), json!(most + 1), json!("5"), json!(true), json!([])]
        }
        Shape::Flag => vec![json!(0), json!(1), json!("true"), json!([]), json!({})],
        Shape::Point => vec![json!(-1), json!(1.5), json!(true), json!([]), json!({})],
        Shape::List(&shape, most) => {
            let mut lists = vec![json!(5), json!("x"), json!({}), json!(true)];
            lists.extend(bad(shape).into_iter().map(|value| json!([value])));
            if most != ANY_LENGTH {
                lists.push(vec![good(shape); most + 1].into());
            }
            lists
        }
        Shape::Object(members) => {
            let mut objects = vec![json!(5), json!("x"), json!([]), json!(true)];
            for member in members {
                for value in bad(member.shape) {
                    let mut object = good(shape);
                    object[member.name] = value;
                    objects.push(object);
                }
            }
            objects
        }
        _ => Vec::new(),
    };
    bad.extend(match shape {
        Shape::Filled | Shape::Short(_) | Shape::Name | Shape::OneOf(_) => self::bad(Shape::Text),
        Shape::Within(..) => self::bad(Shape::Int),
        _ => Vec::new(),
    });
    bad
}

/// What is to be given along, where the shape does not say it.
fn others(method: &str, param: &str) -> Json {
    match (method, param) {
        ("channel_filter", "allow" | "message") => json!({"filter_id": 1, "allow": true}),
        ("channel_filter", "enabled") => json!({"channel": "chat"}),
        ("channel_admin", _) => json!({"add": ["Sage"]}),
        ("who" | "finger" | "locate" | "channel_who", "timeout") => json!({"wait": true}),
        _ => json!({}),
    }
}

#[test]
fn what_a_parameter_may_not_be_is_an_error_that_names_it() {
    let mut stage = Stage::new(1, usize::MAX);
    STAGE.lines().for_each(|line| stage.line(line).unwrap());
    let mut wrong = Vec::new();
    let mut tried = 0;
    for method in methods() {
        for param in method.params {
            let mut params = others(method.name, param.name);
            for needed in method.params.iter().filter(|param| param.required) {
                params[needed.name] = good(needed.shape);
            }
            let mut tries: Vec<Json> = bad(param.shape);
            if param.required {
                tries.push(Json::Null);
            }
            // The key of who is identified is not looked at.
            let client = if param.name == "api_key" { "stranger" } else { "game" };
            for value in tries {
                params[param.name] = value;
                let request = json!({"jsonrpc": "2.0", "id": tried, "method": method.name, "params": params});
                stage.send(client, &request.to_string()).unwrap();
                let answer = stage.answer(client, tried);
                tried += 1;
                let text = answer["error"]["message"].as_str().unwrap_or_default();
                let inner = match param.shape {
                    Shape::Object(members) => members.iter().any(|member| text.contains(member.name)),
                    _ => false,
                };
                if answer["error"]["code"] != -32602 || !(text.contains(param.name) || inner) {
                    let mut request = request.to_string();
                    request.truncate(300);
                    wrong.push(format!("{request}: {answer}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 800, "{tried}");
}
