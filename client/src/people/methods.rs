//! The methods of the API, from the table that this program was built with.

use super::shown::{Outcome, Problem, Shown};
use crate::look::Look;
use crate::params::{method, nearest_method, usage};
use crate::style::Style;
use crate::table::{Column, Table};
use crate::text::wrap;
use i3_client::methods::METHODS;
use i3_client::{Member, Method, Shape};
use serde_json::{Value, json};

/// Lists all methods, or describes one.
pub(super) fn methods(name: Option<&str>, look: Look) -> Outcome {
    let Some(name) = name else { return Ok(all(look)) };
    match method(name) {
        Some(method) => Ok(Shown::new(as_json(method), described(method, look))),
        None => {
            let nearest = nearest_method(name);
            let advice = nearest.map_or(String::new(), |nearest| format!(" Did you mean {nearest}?"));
            Err(Problem::Usage(format!(
                "there is no method {name:?}.{advice} `i3-gateway methods` lists all."
            )))
        }
    }
}

fn all(look: Look) -> Shown {
    let mut table =
        Table::new(&[Column::whole("METHOD", 0), Column::whole("NEEDS", 1), Column::text("MEANING", 0)]);
    for method in METHODS {
        table.row(vec![
            (Style::Bold, method.name.to_owned()),
            (Style::Plain, method.permission.unwrap_or_default().to_owned()),
            (Style::Plain, method.summary.to_owned()),
        ]);
    }
    let json: Vec<Value> = METHODS.iter().map(as_json).collect();
    Shown::new(json!({"methods": json, "count": json.len()}), table.lines(look))
}

fn described(method: &Method, look: Look) -> Vec<String> {
    let needs =
        method.permission.map_or("no permission".to_owned(), |needs| format!("the permission {needs}"));
    let paragraph = |text: &str| match look.columns {
        Some(columns) => wrap(text, columns),
        None => vec![text.to_owned()],
    };
    let mut lines = paragraph(&usage(method));
    lines.push(String::new());
    lines.extend(paragraph(&format!("{} It needs {needs}.", method.summary)));
    for (head, members) in [("PARAMETER", method.params), ("ANSWER", method.answer)] {
        if members.is_empty() {
            continue;
        }
        let is_params = head == "PARAMETER";
        let mut table = Table::new(&[
            Column::whole(head, 0),
            Column::text("TYPE", 1),
            Column::text("DEFAULT", 2),
            Column::text("MEANING", 0),
        ]);
        for member in members {
            let default = match member.default {
                Some(default) => default.to_owned(),
                None if member.required && is_params => "required".to_owned(),
                None => String::new(),
            };
            table.row(vec![
                (Style::Bold, member.name.to_owned()),
                (Style::Plain, shape(member.shape)),
                (Style::Plain, default),
                (Style::Plain, member.summary.to_owned()),
            ]);
        }
        lines.push(String::new());
        lines.extend(table.lines(look));
    }
    lines
}

/// A shape in words.
fn shape(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::OneOf(words) => words.join(" or "),
        Shape::Integer => "whole number".to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::List(of) => format!("list of {}", self::shape(*of)),
        Shape::Object => "object".to_owned(),
        Shape::IntegerOrText => "whole number or text".to_owned(),
        Shape::Any => "any".to_owned(),
    }
}

fn as_json(method: &Method) -> Value {
    let members = |all: &[Member]| -> Vec<Value> {
        all.iter()
            .map(|member| {
                let default = member.default.and_then(|default| serde_json::from_str::<Value>(default).ok());
                json!({"name": member.name, "type": shape(member.shape), "required": member.required,
                    "default": default, "summary": member.summary})
            })
            .collect()
    };
    json!({"name": method.name, "summary": method.summary, "permission": method.permission,
        "params": members(method.params), "answer": members(method.answer)})
}
