//! Events as lines of IRC.
//!
//! All clients that want the same tags share the bytes of an event. A client without `server-time` is told the time of a
//! replayed line in its text.

use super::caps::Caps;
use super::message::{LINE_BYTES_MAX, escaped};
use super::names::{SERVER, SERVICE, host_of, nick_of, shown_channel, source};
use super::out::{bounded, server_time};
use super::split::{ROOM_BYTES_MIN, pieces};
use crate::clients::{Encode, Framed, Personal, Posted, Views, Way};
use crate::colour::{TextStyle, render, to_irc};
use crate::event::told::{ErrorOccurred, Located, REFUSED_JOIN, Said, Targeted, Told};
use crate::fault::Fault;
use crate::saved;
use crate::time::UnixTime;
use serde::Deserialize;
use std::borrow::Cow;

/// The view of lines without tags, or with the time alone.
const FIRST: usize = 0;

/// The view of lines with time and id, or with the id alone.
const SECOND: usize = 1;

const fn way(encoder: &'static dyn Encode, door: usize, view: usize) -> Way {
    Way { name: "irc", label: "irc", encoder, door, view }
}

/// Without tags.
pub(crate) static PLAIN: Way = way(&NoneOrAll, 2, FIRST);
/// With time and id.
static FULL: Way = way(&NoneOrAll, 2, SECOND);
/// With the time.
static TIMED: Way = way(&TimeOrId, 3, FIRST);
/// With the id.
static NUMBERED: Way = way(&TimeOrId, 3, SECOND);

/// Returns the way for a client with these capabilities.
pub(super) fn way_of(caps: Caps) -> &'static Way {
    match (caps.has(Caps::TIME), caps.has(Caps::TAGS)) {
        (false, false) => &PLAIN,
        (true, true) => &FULL,
        (true, false) => &TIMED,
        (false, true) => &NUMBERED,
    }
}

/// The tags of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tags {
    pub(super) time: bool,
    pub(super) id: bool,
}

impl Tags {
    pub(super) fn of(caps: Caps) -> Tags {
        Tags { time: caps.has(Caps::TIME), id: caps.has(Caps::TAGS) }
    }

    /// Writes the tags of a line. Only the first line of an event has its id: ids are unique.
    pub(super) fn write(self, at: UnixTime, id: Option<u64>, label: Option<&str>) -> String {
        let time = self.time.then(|| format!("time={}", server_time(at)));
        let id = id.filter(|_| self.id).map(|id| format!("msgid={id}"));
        let label = label.map(|label| format!("label={}", escaped(label)));
        label.into_iter().chain(time).chain(id).collect::<Vec<_>>().join(";")
    }
}

#[derive(Debug)]
struct NoneOrAll;

#[derive(Debug)]
struct TimeOrId;

impl Encode for NoneOrAll {
    fn event(&self, posted: &Posted<'_>, style: TextStyle, into: &mut Vec<u8>) -> Views {
        both(posted, style, into, [Tags { time: false, id: false }, Tags { time: true, id: true }])
    }

    fn fault(&self, fault: &Fault, _: TextStyle) -> Framed {
        complaint(fault)
    }
}

impl Encode for TimeOrId {
    fn event(&self, posted: &Posted<'_>, style: TextStyle, into: &mut Vec<u8>) -> Views {
        both(posted, style, into, [Tags { time: true, id: false }, Tags { time: false, id: true }])
    }

    fn fault(&self, fault: &Fault, _: TextStyle) -> Framed {
        complaint(fault)
    }
}

fn both(posted: &Posted<'_>, style: TextStyle, into: &mut Vec<u8>, tags: [Tags; 2]) -> Views {
    tags.map(|tags| {
        let start = into.len();
        write(into, posted, style, tags);
        start..into.len()
    })
}

fn complaint(fault: &Fault) -> Framed {
    let text = format!("{}\r\n", bounded(&format!(":{SERVER} NOTICE * :{}", fault.message))).into_bytes();
    let whole = 0..text.len();
    Framed::new(text, [whole.clone(), whole])
}

/// Writes an event with its tags.
fn write(bytes: &mut Vec<u8>, posted: &Posted<'_>, style: TextStyle, tags: Tags) {
    let stamp = (posted.is_replay && !tags.time).then_some(posted.at);
    for (at, line) in lines(posted, style, stamp).into_iter().enumerate() {
        let is_first = at == 0;
        let label = posted.personal.label.filter(|_| is_first);
        let tags = tags.write(posted.at, is_first.then_some(posted.id), label);
        if !tags.is_empty() {
            bytes.extend_from_slice(format!("@{tags} ").as_bytes());
        }
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
}

/// How a text is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Said,
    Acted,
    Noticed,
}

/// Returns the lines of a text from a user to a nick or a channel. `stamp`: when it was said, if the text must tell that.
pub(super) fn speech(
    source: &str,
    manner: Manner,
    target: &str,
    text: &str,
    stamp: Option<UnixTime>,
) -> Vec<String> {
    const COMMAND_BYTES: usize = " PRIVMSG  :".len() + 1;
    const ACTION_BYTES: usize = "\u{1}ACTION \u{1}".len();
    let stamp = stamp.map_or_else(String::new, |at| {
        let at = at.to_string();
        format!("[{} {}] ", at.get(..10).unwrap_or_default(), at.get(11..16).unwrap_or_default())
    });
    let taken = source.len() + target.len() + COMMAND_BYTES + ACTION_BYTES + stamp.len();
    // Names that leave no room for a text are told in the text.
    let (source, before) = match LINE_BYTES_MAX.checked_sub(taken) {
        Some(room) if room >= ROOM_BYTES_MIN => (source, String::new()),
        _ => (SERVER, format!("<{}> ", source.rsplit('!').next().unwrap_or_default())),
    };
    let taken = source.len() + target.len() + COMMAND_BYTES + ACTION_BYTES + stamp.len();
    let each = pieces(&format!("{before}{text}"), LINE_BYTES_MAX.saturating_sub(taken)).into_iter();
    each.map(|piece| {
        bounded(&match manner {
            Manner::Said => format!(":{source} PRIVMSG {target} :{stamp}{piece}"),
            Manner::Acted => format!(":{source} PRIVMSG {target} :\u{1}ACTION {stamp}{piece}\u{1}"),
            Manner::Noticed => format!(":{source} NOTICE {target} :{stamp}{piece}"),
        })
    })
    .collect()
}

/// Renders a text of the network.
pub(super) fn shown(text: &str, style: TextStyle) -> Cow<'_, str> {
    if style == TextStyle::Plain { render(text, TextStyle::Plain) } else { to_irc(text) }
}

/// Returns the text of an emote as an action: the name is in front already.
fn action(text: &str, actor: &str, target: &str, style: TextStyle) -> String {
    let text = text.strip_prefix("$N").map_or(text, str::trim_start);
    let name = |name: &str| render(name, TextStyle::Plain).replace(['$', '\n'], "");
    let text = text.replace("$N", &name(actor)).replace("$O", &name(target));
    shown(&text, style).into_owned()
}

/// The members of events that only the gateway itself sends.
#[derive(Debug, Default, Deserialize)]
struct News {
    #[serde(default)]
    gap: bool,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    dropped: u64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    advice: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    router: String,
}

/// Returns the lines of an event, without tags. Most events about the network are of no use to a client of IRC, and have none.
pub(super) fn lines(posted: &Posted<'_>, style: TextStyle, stamp: Option<UnixTime>) -> Vec<String> {
    let members = posted.members;
    let personal = posted.personal;
    let found = match posted.kind.name {
        "tell_received" | "emoteto_received" | "beep_received" => {
            saved::read::<Told<'_>>(members).map(|told| tell(posted, &told, style, stamp))
        }
        "channel_message" | "channel_emote" => {
            saved::read::<Said<'_>>(members).map(|said| line(posted, &said, style, stamp))
        }
        "channel_targeted_emote" => saved::read::<Targeted<'_>>(members).map(|said| {
            let text = action(&said.message, &said.visname, &said.target_visname, style);
            let source = source(&said.from_user, &said.from_mud, false);
            speech(&source, Manner::Acted, &shown_channel(&said.channel), &text, stamp)
        }),
        "error_occurred" => saved::read::<ErrorOccurred<'_>>(members).map(|error| failed(&error, personal)),
        "locate_reply" => saved::read::<Located<'_>>(members).map(|found| {
            let source = format!("{SERVICE}!{SERVICE}@{SERVER}");
            speech(&source, Manner::Noticed, &found.to_user, &located(&found), None)
        }),
        name => saved::read::<News>(members).map(|news| notices(name, &news)),
    };
    found.unwrap_or_default()
}

fn tell(posted: &Posted<'_>, told: &Told<'_>, style: TextStyle, stamp: Option<UnixTime>) -> Vec<String> {
    let source = source(&told.from_user, &told.from_mud, posted.personal.with_mud);
    let (manner, text) = match posted.kind.name {
        "tell_received" => (Manner::Said, shown(&told.message, style).into_owned()),
        "emoteto_received" => (Manner::Acted, action(&told.message, &told.visname, &told.to_user, style)),
        _ => (Manner::Noticed, format!("{} beeps you", render(&told.visname, TextStyle::Plain))),
    };
    speech(&source, manner, &nick_of(&told.to_user), &text, stamp)
}

fn line(posted: &Posted<'_>, said: &Said<'_>, style: TextStyle, stamp: Option<UnixTime>) -> Vec<String> {
    let source = source(&said.from_user, &said.from_mud, false);
    let (manner, text) = match posted.kind.name {
        "channel_message" if posted.personal.is_notice => {
            (Manner::Noticed, shown(&said.message, style).into_owned())
        }
        "channel_message" => (Manner::Said, shown(&said.message, style).into_owned()),
        _ => (Manner::Acted, action(&said.message, &said.visname, "", style)),
    };
    speech(&source, manner, &shown_channel(&said.channel), &text, stamp)
}

/// Returns the line for an error about something that was sent.
fn failed(error: &ErrorOccurred<'_>, personal: Personal<'_>) -> Vec<String> {
    let nick = if error.to_user.is_empty() { "*".into() } else { nick_of(&error.to_user) };
    let by = if error.from_mud.is_empty() { String::new() } else { format!("{}: ", error.from_mud) };
    let text = render(&error.error_message, TextStyle::Plain).replace('\n', " ");
    let text = format!("{by}{text} ({})", render(&error.error_code, TextStyle::Plain));
    if let Some(channel) = error.message_id.as_deref().and_then(|id| id.strip_prefix(REFUSED_JOIN)) {
        let (code, channel) =
            (if error.error_code == "not-allowed" { 473 } else { 403 }, shown_channel(channel));
        let source = source(&error.to_user, &error.to_mud, false);
        let refused = format!(":{SERVER} {code} {nick} {channel} :Cannot join channel: {text}");
        return vec![bounded(&refused), bounded(&format!(":{source} PART {channel} :the router refuses it"))];
    }
    vec![bounded(&match personal.about {
        Some(channel) if channel.starts_with('#') => format!(":{SERVER} 404 {nick} {channel} :{text}"),
        Some(target) => format!(":{SERVER} 401 {nick} {target} :{text}"),
        None => format!(":{SERVER} NOTICE {nick} :{text}"),
    })]
}

/// Says where a user is.
pub(super) fn located(found: &Located<'_>) -> String {
    let plain = |text: &str| render(text, TextStyle::Plain).into_owned();
    let status = if found.status.is_empty() { String::new() } else { format!(", {}", plain(&found.status)) };
    let (user, mud) = (plain(&found.located_user), plain(&found.located_mud));
    let target = format!("{}@{}", nick_of(&user), host_of(&found.located_mud));
    format!("{user} is on {mud} (idle {} s{status}): {target}", found.idle)
}

/// Returns the notices for events of the gateway itself.
fn notices(name: &str, news: &News) -> Vec<String> {
    let text = match name {
        "replay_complete" if news.gap => {
            let place = news
                .channel
                .as_deref()
                .map_or_else(String::new, |name| format!(" on {}", shown_channel(name)));
            format!("Some of what you have missed{place} was too old or too much, and is lost")
        }
        "lagged" => format!("{} messages were dropped, because your client did not read", news.dropped),
        "shutdown_warning" => news.message.clone(),
        "identity_warning" => news.advice.clone(),
        "gateway_disconnected" => format!("Intermud-3 is away ({}): {}", news.router, news.reason),
        "gateway_reconnected" => format!("Intermud-3 is back ({})", news.router),
        _ => return Vec::new(),
    };
    let text = render(&text, TextStyle::Plain).replace('\n', " ");
    vec![bounded(&format!(":{SERVER} NOTICE * :{text}"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;

    fn posted<'a>(kind: &str, members: &'a str, is_replay: bool) -> Posted<'a> {
        let (kind, at) = (event::find(kind).unwrap(), UnixTime::from_micros(1_000));
        Posted {
            kind,
            members: members.as_bytes(),
            id: 7,
            at,
            stamp: None,
            is_replay,
            personal: Personal::default(),
        }
    }

    fn written(posted: &Posted<'_>, way: &Way) -> String {
        let bytes = way.encoder.framed(posted, TextStyle::Raw).view(way.view);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    const TELL: &str = r#"{"from_mud":"Dark Castle","from_user":"bob","to_mud":"Alpha","to_user":"ann","message":"%^RED%^hi%^RESET%^,1","visname":"Bob"}"#;

    #[test]
    fn a_tell_is_a_private_message_with_the_tags_that_a_client_wants() {
        let tell = posted("tell_received", TELL, false);
        let line = ":bob!bob@Dark.Castle PRIVMSG ann :\u{f}\u{3}05hi\u{f},1\r\n";
        let time = "time=1970-01-01T00:00:00.001Z";
        for (caps, tags) in [
            ("", String::new()),
            ("server-time", format!("@{time} ")),
            ("message-tags", "@msgid=7 ".to_owned()),
            ("message-tags server-time", format!("@{time};msgid=7 ")),
        ] {
            let way = way_of(Caps::default().changed(caps).unwrap());
            assert_eq!(written(&tell, way), format!("{tags}{line}"), "{caps}");
        }
    }

    #[test]
    fn a_replayed_line_tells_its_time_to_those_who_have_no_other_way() {
        let tell = posted("tell_received", TELL, true);
        assert!(written(&tell, &PLAIN).contains(" PRIVMSG ann :[1970-01-01 00:00] "));
        assert!(!written(&tell, &TIMED).contains('['));
    }

    #[test]
    fn emotes_are_actions() {
        let emote = |text: &str| {
            let members = format!(
                r#"{{"channel":"a b","from_mud":"Sage","from_user":"bob","message":"{text}","visname":"Bob"}}"#
            );
            written(&posted("channel_emote", &members, false), &PLAIN)
        };
        assert_eq!(emote("$N waves"), ":bob!bob@Sage PRIVMSG #a%20b :\u{1}ACTION waves\u{1}\r\n");
        assert!(emote("Slowly $N waves").contains("ACTION Slowly Bob waves"));
        assert!(emote("$N says \\u0001x\\r\\n").contains("ACTION says x\u{1}\r\n"));
        let targeted = r#"{"channel":"c","from_mud":"Sage","from_user":"bob","message":"$N pokes $O","visname":"Bob","target_mud":"Alpha","target_user":"ann","target_visname":"Ann","message_target":"$N pokes you"}"#;
        let text = written(&posted("channel_targeted_emote", targeted, false), &PLAIN);
        assert!(text.contains("ACTION pokes Ann\u{1}"), "{text}");
    }

    #[test]
    fn a_long_text_becomes_several_lines_of_which_one_has_the_id() {
        let members = format!(
            r#"{{"channel":"c","from_mud":"{}","from_user":"bob","message":"{}","visname":"Bob"}}"#,
            "M".repeat(120),
            "word ".repeat(300)
        );
        let text = written(&posted("channel_message", &members, false), &FULL);
        assert_eq!(text.matches("msgid=7").count(), 1);
        assert!(text.lines().count() > 3);
        for line in text.split("\r\n") {
            let line = line.split_once(' ').map_or("", |(_, line)| line);
            assert!(line.len() <= LINE_BYTES_MAX, "{line}");
        }
        assert_eq!(text.matches("word").count(), 300);
        let names = format!(
            r#"{{"channel":"c","from_mud":"{0}","from_user":"{0}","message":"hi","visname":""}}"#,
            "!".repeat(128)
        );
        let text = written(&posted("channel_message", &names, false), &PLAIN);
        assert!(text.starts_with(":i3-gateway PRIVMSG #c :<%21"), "{text}");
    }

    #[test]
    fn an_error_names_the_target_if_it_is_known() {
        let members = r#"{"error_code":"unk-user","error_message":"no bob","from_mud":"Sage","to_mud":"Alpha","to_user":"ann","context":"i3_packet_error"}"#;
        let mut error = posted("error_occurred", members, false);
        assert_eq!(written(&error, &PLAIN), ":i3-gateway NOTICE ann :Sage: no bob (unk-user)\r\n");
        error.personal.about = Some("bob@Sage");
        assert_eq!(written(&error, &PLAIN), ":i3-gateway 401 ann bob@Sage :Sage: no bob (unk-user)\r\n");
        error.personal.about = Some("#chat");
        assert!(written(&error, &PLAIN).starts_with(":i3-gateway 404 ann #chat :"));
    }

    #[test]
    fn news_of_other_muds_are_left_out() {
        assert_eq!(written(&posted("channel_added", r#"{"channel":"c"}"#, false), &FULL), "");
        assert!(
            written(&posted("lagged", r#"{"dropped":3}"#, false), &PLAIN).contains("NOTICE * :3 messages")
        );
    }
}
