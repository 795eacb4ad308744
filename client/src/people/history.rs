//! The history of the channels.

use super::shown::{Outcome, Shown, list, member, text_of, time};
use crate::events::words;
use crate::look::Look;
use crate::page::ANSWER_TIMEOUT;
use crate::style::Style;
use crate::text::{Styled, plain};
use i3_client::blocking::Client;
use i3_config::people::{History, Search};
use serde_json::{Value, json};

/// How many lines are shown, unless the command says otherwise.
const LINES: u32 = 20;
/// The most lines of one answer.
const PAGE: u32 = 100;
/// Columns by which the further lines of a message are indented: those of the date and the time.
const INDENT: usize = 20;

pub(super) fn history(client: &mut Client, args: &History, look: Look) -> Outcome {
    let params = json!({"channel": args.channel});
    let answer = lines_of(client, "channel_history", params, args.limit)?;
    if list(&answer, "messages").is_empty() {
        let channel = plain(&args.channel);
        let text = format!(
            "Nothing is kept of the channel {channel}: `i3-gateway channels` lists the channels, and the gateway keeps what \
             it hears on those that were joined."
        );
        return Ok(Shown::line(answer, text));
    }
    Ok(shown(answer, look))
}

pub(super) fn search(client: &mut Client, args: &Search, look: Look) -> Outcome {
    let query = text_of(&args.words, "what to look for")?;
    let mut params = json!({ "query": query });
    if let Some(channel) = &args.channel {
        params["channel"] = json!(channel);
    }
    let answer = lines_of(client, "history_search", params, args.limit)?;
    if list(&answer, "messages").is_empty() {
        return Ok(Shown::line(answer, format!("Nothing that is kept contains {:?}.", plain(&query))));
    }
    Ok(shown(answer, look))
}

/// Asks for the newest lines, in pages. They come back in the order in which they were said.
fn lines_of(
    client: &mut Client,
    method: &str,
    mut params: Value,
    limit: Option<u32>,
) -> Result<Value, i3_client::Error> {
    let limit = limit.unwrap_or(LINES).max(1);
    let mut messages: Vec<Value> = Vec::new();
    loop {
        let left = limit.saturating_sub(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        params["limit"] = json!(left.min(PAGE));
        let mut page = client.call_raw(method, params.clone(), ANSWER_TIMEOUT)?;
        let more = page["messages"].take().as_array().cloned().unwrap_or_default();
        let is_last = more.is_empty() || page["more"] != true || page["next"].is_null();
        params["before"] = page["next"].take();
        messages.extend(more);
        if is_last || messages.len() >= limit as usize {
            break;
        }
    }
    messages.sort_by_key(|message| message["event_id"].as_u64());
    Ok(json!({"status": "success", "messages": messages, "count": messages.len()}))
}

fn shown(answer: Value, look: Look) -> Shown {
    let line = |message: &Value| {
        let event = message["event"].as_str().unwrap_or("channel_message");
        Styled::default()
            .with(Style::Dim, time(&member(message, "timestamp")))
            .and(" ")
            .join(words(event, message))
            .lines(look, INDENT)
    };
    let lines = list(&answer, "messages").iter().flat_map(line).collect();
    Shown::new(answer, lines)
}
