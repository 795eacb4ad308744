//! The lists that a router sends, and what of them is shown.

use super::caller;
use crate::api::event;
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::Fault;
use crate::hub::{Hub, To};
use crate::i3::packet::{ChannelEntry, Mapping, MudEntry};
use crate::network::mudlist::{Mud, MudChange, Status};
use crate::pending::Question;
use serde::Serialize;

/// A mudlist packet: merge, save, and tell of muds that came or went.
pub(crate) fn mudlist_received(hub: &mut Hub, mud: usize, id: i64, muds: &Mapping<'_, Option<MudEntry<'_>>>) {
    let changes = hub.muds[mud].mudlist.apply(id, muds);
    let saves = changes.iter().map(|change| hub.muds[mud].save_mud(&change.name)).collect();
    hub.save(saves);
    for change in changes {
        announce(hub, mud, &change);
    }
}

fn announce(hub: &mut Hub, mud: usize, change: &MudChange) {
    let unheard_of = change.before.is_none() && !hub.muds[mud].is_news(hub.now.mono);
    if change.name == hub.muds[mud].settings.name || unheard_of {
        return;
    }
    // A mud that was not known before and is down has not gone anywhere.
    let (before, after) = (change.before.unwrap_or(Status::Down), change.after.unwrap_or(Status::Down));
    if before == after {
        return;
    }
    let event = if after == Status::Up { &event::MUD_ONLINE } else { &event::MUD_OFFLINE };
    let mut params = Object::default().with("mud_name", &change.name).with("status", &after);
    match hub.muds[mud].mudlist.get(&change.name) {
        Some(info) => params.add("info", &row(&change.name, info)),
        None => params.add("info", &serde_json::Value::Null),
    }
    hub.emit(To::Readers(mud), event, params);
}

/// A chanlist-reply: merge and save; channels that come or go after the login are news.
pub(crate) fn chanlist_received(
    hub: &mut Hub,
    mud: usize,
    id: i64,
    channels: &Mapping<'_, Option<ChannelEntry<'_>>>,
) {
    let changes = hub.muds[mud].chanlist.apply(hub.now.mono, id, channels);
    let saves = changes.iter().map(|(name, _)| hub.muds[mud].save_channel(name)).collect();
    hub.save(saves);
    for (name, channel) in changes {
        hub.answer_waiters(|question| match question {
            Question::Verdict { mud: at, message_id, channel: awaited, there } => {
                let agreed = *at == mud && *awaited == name && *there == Some(channel.is_some());
                agreed.then(|| Ok(super::host::verdict(&name, message_id, false)))
            }
            _ => None,
        });
        let one = &hub.muds[mud];
        if channel.is_some() && !one.is_news(hub.now.mono) && !one.chanlist.is_settled(hub.now.mono) {
            continue;
        }
        let event = if channel.is_some() { &event::CHANNEL_ADDED } else { &event::CHANNEL_REMOVED };
        let params = Object::default()
            .with("channel", &name)
            .with("owner", channel.as_ref().map_or("", |channel| &channel.owner))
            .with("type", &channel.as_ref().map_or(0, |channel| channel.channel_type));
        hub.emit(To::Readers(mud), event, params);
    }
}

/// A mud as the API shows it.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    #[serde(flatten)]
    mud: &'a Mud,
}

fn row<'a>(name: &'a str, mud: &'a Mud) -> Row<'a> {
    Row { name, mud }
}

/// The method `mudlist`. Routers know no request for the list: `refresh` has nothing to ask for, since every change is
/// sent unasked.
pub(crate) fn mudlist(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    call.params.flag("refresh")?;
    let filter = call.params.object("filter")?;
    let [status, driver, service, name] = [
        filter.optional_text("status")?,
        filter.optional_text("driver")?,
        filter.optional_text("has_service")?,
        filter.optional_text("name")?,
    ];
    let holds = |text: &str, wanted: &str| text.to_lowercase().contains(&wanted.to_lowercase());
    let rows: Vec<Row<'_>> = hub.muds[caller.mud]
        .mudlist
        .iter()
        .filter(|(_, mud)| match status.as_deref() {
            None => true,
            Some("up" | "online") => mud.status == Status::Up,
            Some("down" | "offline") => mud.status == Status::Down,
            Some(_) => false,
        })
        .filter(|(_, mud)| driver.as_deref().is_none_or(|wanted| holds(&mud.driver, wanted)))
        .filter(|(_, mud)| {
            let value = |wanted: &str| mud.services.get(wanted).is_some_and(|value| *value != 0);
            service.as_deref().is_none_or(value)
        })
        .filter(|(known, _)| name.as_deref().is_none_or(|wanted| holds(known, wanted)))
        .map(|(name, mud)| row(name, mud))
        .collect();
    Ok(Object::default().with("status", "success").with("muds", &rows).with("count", &rows.len()).finish())
}
