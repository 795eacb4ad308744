//! who, finger, locate, and the small questions that muds ask each other.

use super::{NOBODY, caller, or_empty, refuse, resolve_mud, user_of};
use crate::api::event;
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::Fault;
use crate::hub::{Hub, To};
use crate::i3::packet::{Body, Header, Packet, Text, WhoRow};
use crate::link::pacer::{Class, Origin};
use crate::network::{Shown, User, presence};
use crate::pending::{Question, WhoFilters};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// What a who-reply may hold besides its rows, in bytes.
const WHO_REPLY_SPARE_BYTES: usize = 512;

/// Keys for out-of-band sessions are drawn below this, to be positive in 32 bits.
const KEY_BELOW: i64 = 1_000_000_000;

fn from_user<'a>(call: &Call<'a>) -> Result<Cow<'a, str>, Fault> {
    Ok(call.params.optional_name("from_user")?.unwrap_or(Cow::Borrowed(NOBODY)))
}

/// How long an answer is waited for, unless the caller says otherwise.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The longest wait that a caller may ask for, in seconds.
pub const ANSWER_SECONDS_MAX: u64 = 60;

/// Muds that one channel_who asks: those heard last. Each question is a packet that must be paced.
pub const CHANNEL_WHO_MUDS_MAX: usize = 16;

/// Whether the caller waits for the answer itself, and for how long.
fn waits(hub: &Hub, call: &Call<'_>) -> Result<Option<Duration>, Fault> {
    let timeout = timeout(call)?;
    if !call.params.flag("wait")? {
        return Ok(None);
    }
    hub.may_wait(call)?;
    Ok(Some(timeout))
}

fn timeout(call: &Call<'_>) -> Result<Duration, Fault> {
    Ok(call.params.optional_seconds("timeout", ANSWER_SECONDS_MAX)?.unwrap_or(ANSWER_WITHIN))
}

/// Asks a question. The answer is an event, or, for who waits, the answer to the request.
fn ask(
    hub: &mut Hub,
    call: &Call<'_>,
    mud: usize,
    packet: &Packet<'_>,
    question: Question,
    requested: Object,
) -> Result<Option<Vec<u8>>, Fault> {
    let waits = waits(hub, call)?;
    // If it cannot go after all, an event says so.
    let from_user = or_empty(packet.header.from_user.as_ref()).to_owned();
    hub.send_packet(mud, Class::Query, packet, Some(Origin { message_id: None, from_user }))?;
    match waits {
        None => Ok(Some(requested.finish())),
        Some(timeout) => {
            hub.wait(call, question, timeout);
            Ok(None)
        }
    }
}

/// The method `who`.
pub(crate) fn who(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let caller = user_of(hub, call, "who")?;
    let of = resolve_mud(hub, call, caller.mud, &call.params.name("target_mud")?)?;
    let asker = from_user(call)?;
    let filters = who_filters(call)?;
    let packet =
        Packet { header: Header::to_mud(&caller.mud_name, Some(&asker), &of), body: Body::WhoReq {} };
    let requested = Object::default().with("status", "requested").with("mud_name", &of);
    let question = Question::Who { mud: caller.mud, of: of.clone(), asker: asker.to_string(), filters };
    ask(hub, call, caller.mud, &packet, question, requested)
}

fn who_filters(call: &Call<'_>) -> Result<WhoFilters, Fault> {
    let filters = call.params.object("filters")?;
    let texts = [filters.optional_text("race")?, filters.optional_text("guild")?];
    Ok(WhoFilters {
        min_level: filters.optional_int("min_level")?,
        max_level: filters.optional_int("max_level")?,
        texts: texts.into_iter().flatten().map(|text| text.to_lowercase()).collect(),
    })
}

impl WhoFilters {
    fn take(&self, row: &WhoRow<'_>) -> bool {
        let WhoUser { level, extra, .. } = WhoUser::from_row(row);
        let extra = extra.to_lowercase();
        self.min_level.is_none_or(|least| level >= least)
            && self.max_level.is_none_or(|most| level <= most)
            && self.texts.iter().all(|text| extra.contains(text))
    }
}

/// The method `finger`.
pub(crate) fn finger(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let caller = user_of(hub, call, "finger")?;
    let of = resolve_mud(hub, call, caller.mud, &call.params.name("target_mud")?)?;
    let target_user = call.params.name("target_user")?;
    let asker = from_user(call)?;
    let body = Body::FingerReq { user: target_user.to_lowercase().into() };
    let packet = Packet { header: Header::to_mud(&caller.mud_name, Some(&asker), &of), body };
    let requested =
        Object::default().with("status", "requested").with("mud_name", &of).with("user_name", &target_user);
    let question = Question::Finger { mud: caller.mud, of: of.clone(), asker: asker.to_string() };
    ask(hub, call, caller.mud, &packet, question, requested)
}

/// The method `locate`.
pub(crate) fn locate(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let caller = user_of(hub, call, "locate")?;
    let target_user = call.params.name("target_user")?;
    let asker = from_user(call)?;
    let body = Body::LocateReq { user: target_user.to_lowercase().into() };
    let packet = Packet { header: Header::broadcast(&caller.mud_name, Some(&asker)), body };
    let requested = Object::default().with("status", "requested").with("user_name", &target_user);
    let question = Question::Locate { mud: caller.mud, asker: asker.to_string() };
    ask(hub, call, caller.mud, &packet, question, requested)
}

/// The method `channel_user`: what a user of another mud is called. What is remembered is answered at once.
pub(crate) fn channel_user(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let caller = user_of(hub, call, "channel")?;
    let of = resolve_mud(hub, call, caller.mud, &call.params.name("target_mud")?)?;
    let target_user = call.params.name("target_user")?.to_lowercase();
    let timeout = timeout(call)?;
    if let Some(shown) = hub.muds[caller.mud].ucache.find(&of, &target_user) {
        return Ok(Some(shown_user(&of, &target_user, shown)));
    }
    hub.may_wait(call)?;
    let body = Body::ChanUserReq { user: target_user.as_str().into() };
    let packet = Packet { header: Header::to_mud(&caller.mud_name, None, &of), body };
    hub.send_packet(caller.mud, Class::Query, &packet, None)?;
    let question = Question::ChanUser { mud: caller.mud, of, user: target_user };
    hub.wait(call, question, timeout);
    Ok(None)
}

fn shown_user(mud: &str, user: &str, shown: &Shown) -> Vec<u8> {
    Object::default()
        .with("status", "success")
        .with("mud_name", mud)
        .with("user_name", user)
        .with("visname", &shown.visname)
        .with("gender", &shown.gender)
        .finish()
}

/// The method `channel_who`: who hears a channel, on one mud or on those that were heard there last.
pub(crate) fn channel_who(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let caller = user_of(hub, call, "channel")?;
    let channel = call.params.name("channel")?.into_owned();
    let asker = from_user(call)?;
    let waits = waits(hub, call)?;
    let targets = match call.params.optional_name("target_mud")? {
        Some(name) => vec![resolve_mud(hub, call, caller.mud, &name)?],
        None => {
            let mut heard = hub.muds[caller.mud].elsewhere.muds(&channel, CHANNEL_WHO_MUDS_MAX);
            heard.retain(|mud| *mud != caller.mud_name);
            heard
        }
    };
    for target in &targets {
        let header = Header::to_mud(&caller.mud_name, Some(&asker), target);
        let body = Body::ChanWhoReq { channel: channel.as_str().into() };
        let origin = Origin { message_id: None, from_user: asker.to_string() };
        hub.send_packet(caller.mud, Class::Query, &Packet { header, body }, Some(origin))?;
    }
    match waits {
        Some(timeout) if !targets.is_empty() => {
            let question = Question::ChanWho { mud: caller.mud, channel, open: targets };
            hub.wait(call, question, timeout);
            Ok(None)
        }
        Some(_) => Ok(Some(members(hub, caller.mud, &channel, "success"))),
        None => Ok(Some(members(hub, caller.mud, &channel, "requested"))),
    }
}

#[derive(Serialize)]
struct Members<'a> {
    mud: &'a str,
    users: &'a [String],
}

/// Who is known to hear a channel, here and elsewhere.
pub(crate) fn members(hub: &Hub, mud: usize, channel: &str, status: &str) -> Vec<u8> {
    let (one, now) = (&hub.muds[mud], hub.now.mono);
    let mut known = one.elsewhere.members(now, channel);
    if one.listeners.contains_key(channel) {
        let here = one.presence.users(now).map(|user| user.name.clone()).collect();
        known.insert(0, (one.settings.name.clone(), here));
    }
    let rows: Vec<_> = known.iter().map(|(mud, users)| Members { mud, users }).collect();
    let users: Vec<&str> = known.iter().flat_map(|(_, users)| users).map(String::as_str).collect();
    Object::default()
        .with("status", status)
        .with("channel", channel)
        .with("members", &rows)
        .with("users", &users)
        .finish()
}

/// The method `presence_sync`.
pub(crate) fn presence_sync(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    // Only the game itself can say who is on.
    let caller = if caller.may_speak { caller } else { super::speaker(hub, call)? };
    let users = presence::parse_users(&call.params.list("users")?).map_err(|error| Fault::params(error.0))?;
    let count = users.len();
    let renamed = hub.muds[caller.mud].presence.replace(hub.now.mono, users);
    if hub.muds[caller.mud].offers("ucache") && hub.muds[caller.mud].link.is_ready() {
        for user in renamed {
            // The game publishes no gender: neuter.
            let (key, visname) = (user.name.to_lowercase(), user.name.as_str());
            let body = Body::UcacheUpdate { user: key.as_str().into(), visname: visname.into(), gender: 2 };
            hub.answer(caller.mud, &Packet { header: Header::broadcast(&caller.mud_name, None), body });
        }
    }
    Ok(Object::default()
        .with("status", "synchronized")
        .with("mud_name", &caller.mud_name)
        .with("count", &count)
        .finish())
}

/// Another mud asks. A question that is not for us in particular is answered only with something to say.
pub(crate) fn asked(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    // A CoffeeMud router loses who asks for a user's name: no answer can go there.
    if packet.header.from_mud.is_empty() {
        hub.metrics.packets_ignored += 1;
        return;
    }
    let service = match &packet.body {
        Body::WhoReq {} => "who",
        Body::FingerReq { .. } => "finger",
        Body::LocateReq { .. } => "locate",
        // Asked by every careful mud to see whether we live; answered whatever is offered.
        _ => "",
    };
    if !service.is_empty() && !hub.muds[mud].offers(service) {
        if packet.header.to_mud.is_some() {
            refuse(hub, mud, packet, "unk-type", format!("{service} is not offered here"));
        }
        return;
    }
    match answer(hub, mud, packet) {
        Ok(Some(body)) => {
            let name = hub.muds[mud].settings.name.clone();
            let header = Header {
                to_user: packet.header.from_user.clone(),
                ..Header::to_mud(&name, None, &packet.header.from_mud)
            };
            hub.answer(mud, &Packet { header, body });
        }
        Ok(None) => {}
        Err(user) if packet.header.to_mud.is_some() => {
            refuse(hub, mud, packet, "unk-user", format!("User {user} is not online"));
        }
        Err(_) => {}
    }
}

/// The answer, nothing, or the user who is not here.
fn answer(hub: &mut Hub, mud: usize, packet: &Packet<'_>) -> Result<Option<Body<'static>>, String> {
    let now = hub.now.mono;
    let key = hub.rng.i64(1..KEY_BELOW);
    let one = &hub.muds[mud];
    let find = |user: &str| one.presence.find(now, user).ok_or_else(|| user.to_owned());
    Ok(Some(match &packet.body {
        Body::WhoReq {} => {
            let rows = one.presence.users(now).map(|user| who_row(user, one.presence.idle(now, user)));
            Body::WhoReply { users: fit(rows.collect(), hub.settings.link.frame_bytes_max) }
        }
        Body::FingerReq { user } => {
            let user = find(user)?;
            Body::FingerReply {
                visname: user.name.clone().into(),
                title: some(&user.title),
                // Never an address or a name from outside the game.
                real_name: None,
                email: None,
                loginout_time: some(&user.login_time),
                idle: one.presence.idle(now, user),
                ip_name: None,
                level: (user.level > 0).then(|| user.level.to_string().into()),
                extra: some(&finger_extra(user)),
            }
        }
        Body::LocateReq { user } => {
            let user = find(user)?;
            Body::LocateReply {
                located_mud: one.settings.name.clone().into(),
                located_user: user.name.clone().into(),
                idle: one.presence.idle(now, user),
                status: some(&user.status),
            }
        }
        Body::ChanWhoReq { channel } => {
            let heard = one.listeners.contains_key(&**channel);
            let users = one.presence.users(now).filter(|_| heard).map(|user| user.name.clone().into());
            Body::ChanWhoReply { channel: channel.to_string().into(), users: users.collect() }
        }
        Body::ChanUserReq { user } if one.presence.is_fresh(now) => {
            let found = find(user)?;
            // The game publishes no gender: neuter.
            Body::ChanUserReply {
                user: user.to_string().into(),
                visname: found.name.clone().into(),
                gender: 2,
            }
        }
        Body::ChanUserReq { user } => {
            let mut letters = user.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            let visname = format!("{first}{}", letters.as_str());
            Body::ChanUserReply { user: user.to_string().into(), visname: visname.into(), gender: 2 }
        }
        Body::AuthMudReq {} => Body::AuthMudReply { key },
        Body::PingReq {} => Body::PingReply { key },
        _ => return Ok(None),
    }))
}

fn some(text: &str) -> Option<Text<'static>> {
    (!text.is_empty()).then(|| crate::i3::text::outgoing(text).into_owned().into())
}

/// "Level 12 - the Bold", as the Python gateway writes and reads it.
fn who_row(user: &User, idle: i64) -> WhoRow<'static> {
    let extra = match (user.level, user.title.as_str()) {
        (0, title) => title.to_owned(),
        (level, "") => format!("Level {level}"),
        (level, title) => format!("Level {level} - {title}"),
    };
    WhoRow { visname: user.name.clone().into(), idle, extra: some(&extra) }
}

fn finger_extra(user: &User) -> String {
    let parts = [("race", &user.race), ("guild", &user.guild), ("location", &user.location)];
    let told =
        parts.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| format!("{name}: {text}"));
    told.collect::<Vec<_>>().join(", ")
}

/// As many rows as a frame holds, and one that says how many are left out.
fn fit(mut rows: Vec<WhoRow<'static>>, frame_bytes_max: usize) -> Vec<WhoRow<'static>> {
    let mut room = frame_bytes_max.saturating_sub(WHO_REPLY_SPARE_BYTES);
    let fitting = rows
        .iter()
        .take_while(|row| {
            // Twice the text: every byte may need an escape.
            let bytes = 2 * (row.visname.len() + or_empty(row.extra.as_ref()).len()) + 40;
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        })
        .count();
    let left_out = rows.len() - fitting;
    if left_out > 0 {
        rows.truncate(fitting);
        rows.push(WhoRow {
            visname: "...".into(),
            idle: 0,
            extra: Some(format!("and {left_out} more").into()),
        });
    }
    rows
}

#[derive(Serialize)]
struct WhoUser<'a> {
    name: &'a str,
    idle: i64,
    level: i64,
    extra: &'a str,
}

impl<'a> WhoUser<'a> {
    fn from_row(row: &'a WhoRow<'_>) -> Self {
        let text = or_empty(row.extra.as_ref());
        let (level, extra) = split_level(text).unwrap_or((0, text));
        WhoUser { name: &row.visname, idle: row.idle, level, extra }
    }
}

/// The two parts of "Level 12 - the Bold", or of "Level 12".
fn split_level(text: &str) -> Option<(i64, &str)> {
    let rest = text.strip_prefix("Level ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (level, rest) = rest.split_at(digits);
    let extra = if rest.is_empty() { rest } else { rest.strip_prefix(" - ")? };
    Some((level.parse().ok()?, extra))
}

#[derive(Serialize)]
struct UserInfo<'a> {
    name: &'a str,
    title: &'a str,
    real_name: &'a str,
    email: &'a str,
    login_time: &'a str,
    idle_time: i64,
    ip_address: &'a str,
    level: i64,
    extra: &'a str,
    /// A level that is a word, which the integer cannot hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    level_name: Option<&'a str>,
}

/// The answer to a who, finger or locate, as an event and as a result.
fn reply(packet: &Packet<'_>) -> Object {
    let mut params = Object::default()
        .with("from_mud", &packet.header.from_mud)
        .with("to_mud", or_empty(packet.header.to_mud.as_ref()))
        .with("to_user", or_empty(packet.header.to_user.as_ref()));
    match &packet.body {
        Body::WhoReply { users } => {
            params.add("users", &users.iter().map(WhoUser::from_row).collect::<Vec<_>>());
        }
        Body::FingerReply {
            visname,
            title,
            real_name,
            email,
            loginout_time,
            idle,
            ip_name,
            level,
            extra,
        } => {
            let level = or_empty(level.as_ref());
            let number = level.parse::<i64>().ok();
            let info = UserInfo {
                name: visname,
                title: or_empty(title.as_ref()),
                real_name: or_empty(real_name.as_ref()),
                email: or_empty(email.as_ref()),
                login_time: or_empty(loginout_time.as_ref()),
                idle_time: *idle,
                ip_address: or_empty(ip_name.as_ref()),
                level: number.unwrap_or(0),
                extra: or_empty(extra.as_ref()),
                level_name: (number.is_none() && !level.is_empty()).then_some(level),
            };
            params.add("user_info", &info);
        }
        Body::LocateReply { located_mud, located_user, idle, status } => {
            params.add("located_mud", located_mud);
            params.add("located_user", located_user);
            params.add("idle", idle);
            params.add("status", or_empty(status.as_ref()));
        }
        _ => {}
    }
    params
}

/// An answer to one of ours: for those who wait for it the answer to their request, for all others an event.
pub(crate) fn answered(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    let from = &*packet.header.from_mud;
    let to = or_empty(packet.header.to_user.as_ref());
    let waiters = hub.answer_waiters(|question| {
        let theirs = match (&packet.body, &*question) {
            (Body::WhoReply { .. }, Question::Who { mud: at, of, asker, .. })
            | (Body::FingerReply { .. }, Question::Finger { mud: at, of, asker }) => {
                *at == mud && of == from && asker.eq_ignore_ascii_case(to)
            }
            (Body::LocateReply { .. }, Question::Locate { mud: at, asker }) => {
                *at == mud && asker.eq_ignore_ascii_case(to)
            }
            _ => false,
        };
        theirs.then(|| {
            let (Body::WhoReply { users }, Question::Who { filters, .. }) = (&packet.body, &*question) else {
                return Ok(reply(packet).finish());
            };
            let users: Vec<WhoRow<'_>> = users.iter().filter(|row| filters.take(row)).cloned().collect();
            let names: Vec<String> = users.iter().map(|row| row.visname.to_string()).collect();
            let wanted = Packet { header: packet.header.clone(), body: Body::WhoReply { users } };
            Ok(reply(&wanted).with("members", &[Members { mud: from, users: &names }]).finish())
        })
    });
    let event = match &packet.body {
        Body::WhoReply { .. } => &event::WHO_REPLY,
        Body::FingerReply { .. } => &event::FINGER_REPLY,
        _ => &event::LOCATE_REPLY,
    };
    hub.emit(To::MudExcept(mud, &waiters), event, reply(packet));
}

/// Who hears a channel on another mud.
pub(crate) fn channel_members(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    let Body::ChanWhoReply { channel, users } = &packet.body else { return };
    let from = packet.header.from_mud.to_string();
    // A CoffeeMud router loses the name of the channel: then it is the one that this mud was asked about.
    let mut asked = channel.to_string();
    hub.answer_waiters(|question| {
        if let Question::ChanWho { mud: at, channel, open } = question
            && *at == mud
            && asked.is_empty()
            && open.contains(&from)
        {
            asked.clone_from(channel);
        }
        None
    });
    if asked.is_empty() {
        hub.metrics.packets_ignored += 1;
        return;
    }
    let names: Vec<String> = users.iter().map(ToString::to_string).collect();
    let now = hub.now.mono;
    hub.muds[mud].elsewhere.answered(now, &asked, &from, names.clone());
    let result = members(hub, mud, &asked, "success");
    let waiters = hub.answer_waiters(|question| match question {
        Question::ChanWho { mud: at, channel, open } if *at == mud && *channel == asked => {
            open.retain(|mud| *mud != from);
            open.is_empty().then(|| Ok(result.clone()))
        }
        _ => None,
    });
    let params = Object::default()
        .with("from_mud", &from)
        .with("to_user", or_empty(packet.header.to_user.as_ref()))
        .with("channel", &asked)
        .with("users", &names);
    hub.emit(To::MudExcept(mud, &waiters), &event::CHANNEL_WHO_REPLY, params);
}

/// What a user of another mud is called: an answer, or a broadcast.
pub(crate) fn user_shown(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    let (Body::ChanUserReply { user, visname, gender } | Body::UcacheUpdate { user, visname, gender }) =
        &packet.body
    else {
        return;
    };
    let from = &*packet.header.from_mud;
    let shown = Shown { visname: visname.to_string(), gender: *gender };
    hub.answer_waiters(|question| match question {
        Question::ChanUser { mud: at, of, user: asked }
            if *at == mud && of == from && asked.eq_ignore_ascii_case(user) =>
        {
            Some(Ok(shown_user(from, asked, &shown)))
        }
        _ => None,
    });
    hub.muds[mud].ucache.learn(from, user, shown);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_out_of_who_rows() {
        for (text, expected) in [
            ("Level 12 - the Bold", Some((12, "the Bold"))),
            ("Level 3", Some((3, ""))),
            ("Level up", None),
            ("Level 12th", None),
            ("First Admin", None),
        ] {
            assert_eq!(split_level(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_who_is_cut_and_says_so() {
        let row = |n: usize| WhoRow {
            visname: format!("User{n}").into(),
            idle: 0,
            extra: Some("x".repeat(200).into()),
        };
        let rows = fit((0..100).map(row).collect(), 9500);
        let kept = rows.len() - 1;
        assert!(kept > 10 && kept < 40, "{kept}");
        assert_eq!(rows[kept].extra.as_deref(), Some(format!("and {} more", 100 - kept).as_str()));
        assert_eq!(fit((0..3).map(row).collect(), 9500).len(), 3);
    }
}
