//! Tells and channel lines.

use super::shown::{Outcome, Problem, Shown, member, text_of, user_at_mud};
use crate::page::ANSWER_TIMEOUT;
use crate::text::plain;
use i3_client::Happening;
use i3_client::blocking::Client;
use i3_config::people::{Say, Tell};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a refusal of the other mud is waited for. A tell that arrives is not answered.
const REFUSAL_WAIT: Duration = Duration::from_millis(1500);

pub(super) fn tell(client: &mut Client, args: &Tell) -> Outcome {
    let (user, mud) = user_at_mud(&args.user)?;
    let text = text_of(&args.text, "the message")?;
    let mut params = json!({"target_mud": mud, "target_user": user, "message": text});
    if let Some(from) = &args.from {
        params["from_user"] = json!(from);
    }
    let answer = client.call_raw("tell", params, ANSWER_TIMEOUT)?;
    if let Some(refusal) = refused(client, &answer)? {
        return Err(Problem::Nothing(format!("the tell to {user}@{mud} was refused: {refusal}")));
    }
    Ok(Shown::line(answer, format!("Told {}@{}.", plain(user), plain(mud))))
}

pub(super) fn say(client: &mut Client, args: &Say) -> Outcome {
    let text = text_of(&args.text, "what to say")?;
    let mut params = json!({"channel": args.channel, "message": text});
    if let Some(from) = &args.from {
        params["from_user"] = json!(from);
    }
    let answer = client.call_raw("channel_send", params, ANSWER_TIMEOUT)?;
    if let Some(refusal) = refused(client, &answer)? {
        return Err(Problem::Nothing(format!("the line was refused: {refusal}")));
    }
    Ok(Shown::line(answer, format!("Said on {}.", plain(&args.channel))))
}

/// Waits for a refusal of what was sent.
fn refused(client: &mut Client, sent: &Value) -> Result<Option<String>, Problem> {
    let until = Instant::now() + REFUSAL_WAIT;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        match client.next_happening(Some(left))? {
            Some(Happening::Event(event))
                if event.name == "error_occurred"
                    && !event.params["message_id"].is_null()
                    && event.params["message_id"] == sent["message_id"] =>
            {
                let (text, code) =
                    (member(&event.params, "error_message"), member(&event.params, "error_code"));
                return Ok(Some(if text.is_empty() {
                    code
                } else {
                    format!("{} ({code})", text.trim_end_matches('.'))
                }));
            }
            Some(Happening::Disconnected { .. }) => return Ok(None),
            _ => {}
        }
    }
    Ok(None)
}
