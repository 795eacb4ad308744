//! Questions of other muds, answered from the users that the game has published.

use super::bouncer;
use super::persons;
use crate::clients::Clients;
use crate::cx::Cx;
use crate::i3::packet::{Body, Header, Packet, Text, WhoRow};
use crate::ids::MudId;
use crate::muds::Muds;
use crate::network::User;

/// The space that a who-reply needs besides its rows, in bytes.
const WHO_REPLY_SPARE_BYTES: usize = 512;

/// Keys of out-of-band sessions are below this value, so that they are positive in 32 bits.
const KEY_BELOW: i64 = 1_000_000_000;

/// The gender "neuter" in ucache packets. Games publish no gender.
pub(super) const NEUTER: i64 = 2;

/// Answers a question of another mud. A broadcast question is answered only if there is something to report.
pub(super) fn asked(cx: &mut Cx<'_>, muds: &mut Muds, clients: &Clients, mud: MudId, packet: &Packet<'_>) {
    // A CoffeeMud router drops the name of the mud that asks for a user's visible name. No answer can reach it.
    if packet.header.from_mud.is_empty() {
        cx.metrics.packets_ignored += 1;
        return;
    }
    let service = match &packet.body {
        Body::WhoReq {} => "who",
        Body::FingerReq { .. } => "finger",
        Body::LocateReq { .. } => "locate",
        // Every careful mud sends this to check that the connection works, so it is answered whatever services are
        // offered.
        _ => "",
    };
    if !service.is_empty() && !cx.settings.mud(mud).offers(service) {
        return muds.refuse(cx, mud, packet, "unk-type", format!("{service} is not offered here"));
    }
    let asker = &packet.header.from_mud;
    if !muds.may_answer(cx, mud, asker) {
        return;
    }
    match answer(cx, muds, clients, mud, packet) {
        Ok(Some(body)) => {
            let header = Header {
                to_user: packet.header.from_user.clone(),
                ..Header::to_mud(&cx.settings.mud(mud).name, None, asker)
            };
            muds.answer(cx, mud, asker, &Packet { header, body });
        }
        Ok(None) => {}
        Err(user) => muds.refuse(cx, mud, packet, "unk-user", format!("User {user} is not online")),
    }
}

/// Returns the answer, `None` if there is none, or the name of the user who is not online.
fn answer(
    cx: &mut Cx<'_>,
    muds: &Muds,
    clients: &Clients,
    mud: MudId,
    packet: &Packet<'_>,
) -> Result<Option<Body<'static>>, String> {
    let key = cx.rng.i64(1..KEY_BELOW);
    let known = muds[mud].presence.fresh(cx.now.mono, cx.settings.api.presence_ttl);
    let online = persons::online(clients, mud, known, cx.now.mono);
    let find = |user: &str| {
        let found = online.iter().find(|(known, _)| known.name.to_lowercase() == user.to_lowercase());
        found.ok_or_else(|| user.to_owned())
    };
    Ok(Some(match &packet.body {
        Body::WhoReq {}
            if known.is_none()
                && let Some(rows) = bouncer::who_rows(cx, muds, mud) =>
        {
            let rows = persons::with_rows(rows, &online);
            Body::WhoReply { users: fit(rows, cx.settings.link.frame_bytes_max) }
        }
        Body::WhoReq {} => {
            let rows = persons::with_rows(Vec::new(), &online);
            Body::WhoReply { users: fit(rows, cx.settings.link.frame_bytes_max) }
        }
        Body::FingerReq { user } => {
            let (user, idle) = find(user)?;
            finger_reply(user, *idle)
        }
        Body::LocateReq { user } => {
            let (user, idle) = find(user)?;
            Body::LocateReply {
                located_mud: cx.settings.mud(mud).name.clone().into(),
                located_user: user.name.clone().into(),
                idle: *idle,
                status: some(&user.status),
            }
        }
        Body::ChanWhoReq { channel } => {
            let users = persons::listeners(clients, mud, channel, known);
            let users = users.into_iter().map(Into::into).collect();
            Body::ChanWhoReply { channel: channel.to_string().into(), users }
        }
        Body::ChanUserReq { user } if known.is_some() => {
            let (found, _) = find(user)?;
            Body::ChanUserReply {
                user: user.to_string().into(),
                visname: found.name.clone().into(),
                gender: NEUTER,
            }
        }
        Body::ChanUserReq { user } => {
            let mut letters = user.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            let visname = format!("{first}{}", letters.as_str());
            Body::ChanUserReply { user: user.to_string().into(), visname: visname.into(), gender: NEUTER }
        }
        Body::AuthMudReq {} => Body::AuthMudReply { key },
        Body::PingReq {} => Body::PingReply { key },
        _ => return Ok(None),
    }))
}

fn finger_reply(user: &User, idle: i64) -> Body<'static> {
    Body::FingerReply {
        visname: user.name.clone().into(),
        title: some(&user.title),
        // The reply never holds an address or a name from outside the game.
        real_name: None,
        email: None,
        loginout_time: some(&user.login_time),
        idle,
        ip_name: None,
        level: (user.level > 0).then(|| user.level.to_string().into()),
        extra: some(&finger_extra(user)),
    }
}

fn some(text: &str) -> Option<Text<'static>> {
    Some(persons::sent(text)).filter(|text| !text.is_empty())
}

fn finger_extra(user: &User) -> String {
    let parts = [("race", &user.race), ("guild", &user.guild), ("location", &user.location)];
    let known =
        parts.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| format!("{name}: {text}"));
    known.collect::<Vec<_>>().join(", ")
}

/// Keeps as many rows as a frame holds. A last row says how many were left out.
fn fit(mut rows: Vec<WhoRow<'static>>, frame_bytes_max: usize) -> Vec<WhoRow<'static>> {
    let mut room = frame_bytes_max.saturating_sub(WHO_REPLY_SPARE_BYTES);
    let fitting = rows
        .iter()
        .take_while(|row| {
            // Twice the length of the text, because every byte may need an escape.
            let bytes = 2 * (row.visname.len() + row.extra.len()) + 40;
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        })
        .count();
    let left_out = rows.len() - fitting;
    if left_out > 0 {
        rows.truncate(fitting);
        let extra = format!("and {left_out} more").into();
        rows.push(WhoRow { visname: "...".into(), idle: 0, extra });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_who_reply_is_cut_and_ends_with_a_count() {
        let row =
            |n: usize| WhoRow { visname: format!("User{n}").into(), idle: 0, extra: "x".repeat(200).into() };
        let rows = fit((0..100).map(row).collect(), 9500);
        let kept = rows.len() - 1;
        assert!(kept > 10 && kept < 40, "{kept}");
        assert_eq!(rows[kept].extra, format!("and {} more", 100 - kept));
        assert_eq!(fit((0..3).map(row).collect(), 9500).len(), 3);
    }
}
