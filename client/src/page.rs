//! Lists that come in pages.

use i3_client::Error;
use i3_client::blocking::Client;
use serde_json::{Value, json};
use std::time::Duration;

/// How long each answer may take.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The most pages that are asked for.
const PAGES_MAX: usize = 1000;

/// Returns the whole list: the answer to the first request, with the elements of all pages in its member `list`.
pub(crate) fn whole(client: &mut Client, method: &str, params: Value, list: &str) -> Result<Value, Error> {
    let mut params = params;
    let mut answer = client.call_raw(method, params.clone(), ANSWER_TIMEOUT)?;
    let mut all = answer[list].take().as_array().cloned().unwrap_or_default();
    let mut next = answer.get("next").cloned();
    for _ in 0..PAGES_MAX {
        let Some(after) = next.filter(|next| !next.is_null()) else { break };
        params["after"] = after;
        let mut page = client.call_raw(method, params.clone(), ANSWER_TIMEOUT)?;
        all.extend(page[list].take().as_array().cloned().unwrap_or_default());
        next = page.get("next").cloned();
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("more");
        answer.remove("next");
    }
    answer["count"] = json!(all.len());
    answer[list] = Value::Array(all);
    Ok(answer)
}
