//! Replies of other muds to questions of local clients.

use super::ask::{shown_user, subscribers};
use super::text::{or_empty, spelled};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::{ChannelWhoReply, FingerReply, Located, UserInfo, WhoReply, WhoUser};
use crate::i3::packet::{Body, Header, Packet, WhoRow};
use crate::ids::MudId;
use crate::muds::{Asked, Muds};
use crate::network::remote_subscribers::USERS_MAX;
use crate::network::{NAME_BYTES_MAX, Shown};
use crate::waiting::{ChannelWhoStatus, Members, Question, Reply, Waiting, WhoAnswer, WhoFilters};
use std::borrow::Cow;

/// Number of users in a who-reply that are passed on.
const WHO_ROWS_MAX: usize = 1_000;

/// Bytes of the texts of a who-reply that are passed on.
const WHO_BYTES_MAX: usize = 65_536;

impl WhoFilters {
    fn takes(&self, user: &WhoUser<'_>) -> bool {
        let extra = user.extra.to_lowercase();
        self.min_level.is_none_or(|least| user.level >= least)
            && self.max_level.is_none_or(|most| user.level <= most)
            && self.texts.iter().all(|text| extra.contains(text))
    }
}

fn who_user(row: &WhoRow<'_>) -> WhoUser<'static> {
    let (level, extra) = split_level(&row.extra).unwrap_or((0, &row.extra));
    WhoUser {
        name: Cow::Owned(row.visname.clone().into_owned()),
        idle: row.idle,
        level,
        extra: Cow::Owned(extra.to_owned()),
    }
}

/// Reads the rows of a who-reply, as many as the limits allow. A last row says how many were left out.
fn who_users(rows: &[WhoRow<'_>]) -> Vec<WhoUser<'static>> {
    let mut room = WHO_BYTES_MAX;
    let fits = |row: &&WhoRow<'_>| {
        let bytes = row.visname.len() + row.extra.len();
        let fits = bytes <= room;
        room = room.saturating_sub(bytes);
        fits
    };
    let mut users: Vec<_> = rows.iter().take(WHO_ROWS_MAX).take_while(fits).map(who_user).collect();
    let left_out = rows.len() - users.len();
    if left_out > 0 {
        let extra = format!("and {left_out} more").into();
        users.push(WhoUser { name: "...".into(), idle: 0, level: 0, extra });
    }
    users
}

/// Splits "Level 12 - the Bold" or "Level 12" into the level and the rest.
fn split_level(text: &str) -> Option<(i64, &str)> {
    let rest = text.strip_prefix("Level ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (level, rest) = rest.split_at(digits);
    let extra = if rest.is_empty() { rest } else { rest.strip_prefix(" - ")? };
    Some((level.parse().ok()?, extra))
}

/// A reply, in the form of an event.
#[derive(Clone)]
enum Answer {
    Who(WhoReply<'static>),
    Finger(FingerReply<'static>),
    Locate(Located<'static>),
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

impl Answer {
    /// Reads a reply to a user, whose name is given as the game writes it.
    fn read(packet: &Packet<'_>, to_user: &str) -> Option<Answer> {
        let Header { from_mud, to_mud, .. } = &packet.header;
        let from_mud = owned(from_mud);
        let (to_mud, to_user) = (owned(or_empty(to_mud.as_ref())), owned(to_user));
        Some(match &packet.body {
            Body::WhoReply { users } => {
                Answer::Who(WhoReply { from_mud, to_mud, to_user, users: who_users(users) })
            }
            Body::FingerReply { .. } => {
                Answer::Finger(FingerReply { from_mud, to_mud, to_user, user_info: user_info(&packet.body)? })
            }
            Body::LocateReply { located_mud, located_user, idle, status } => Answer::Locate(Located {
                from_mud,
                to_mud,
                to_user,
                located_mud: owned(located_mud),
                located_user: owned(located_user),
                idle: *idle,
                status: owned(or_empty(status.as_ref())),
            }),
            _ => return None,
        })
    }

    /// Returns the result for a waiting request, if this reply answers it.
    fn reply(&self, mud: MudId, question: &Question) -> Option<Reply> {
        let is_for = |at: MudId, asker: &str, to_user: &str| at == mud && asker.eq_ignore_ascii_case(to_user);
        match (self, question) {
            (Answer::Who(reply), Question::Who { mud: at, of, asker, filters }) => {
                (is_for(*at, asker, &reply.to_user) && *of == reply.from_mud)
                    .then(|| who_answer(reply, filters))
            }
            (Answer::Finger(reply), Question::Finger { mud: at, of, asker }) => {
                let fits = is_for(*at, asker, &reply.to_user) && *of == reply.from_mud;
                fits.then(|| Reply::Finger(reply.clone()))
            }
            (Answer::Locate(reply), Question::Locate { mud: at, asker }) => {
                is_for(*at, asker, &reply.to_user).then(|| Reply::Locate(reply.clone()))
            }
            _ => None,
        }
    }
}

fn who_answer(reply: &WhoReply<'_>, filters: &WhoFilters) -> Reply {
    let wanted = reply.users.iter().filter(|user| filters.takes(user));
    let users: Vec<WhoUser<'static>> =
        wanted.map(|user| WhoUser { name: owned(&user.name), extra: owned(&user.extra), ..*user }).collect();
    let names = users.iter().map(|user| user.name.to_string()).collect();
    Reply::Who(WhoAnswer {
        from_mud: reply.from_mud.to_string(),
        to_mud: reply.to_mud.to_string(),
        to_user: reply.to_user.to_string(),
        members: vec![Members { mud: reply.from_mud.to_string(), users: names }],
        users,
    })
}

fn user_info(body: &Body<'_>) -> Option<UserInfo<'static>> {
    let Body::FingerReply { visname, title, real_name, email, loginout_time, idle, ip_name, level, extra } =
        body
    else {
        return None;
    };
    let level = or_empty(level.as_ref());
    let number = level.parse::<i64>().ok();
    let text = |field: &Option<Cow<'_, str>>| owned(or_empty(field.as_ref()));
    Some(UserInfo {
        name: owned(visname),
        title: text(title),
        real_name: text(real_name),
        email: text(email),
        login_time: text(loginout_time),
        idle_time: *idle,
        ip_address: text(ip_name),
        level: number.unwrap_or(0),
        extra: text(extra),
        level_name: (number.is_none() && !level.is_empty()).then(|| owned(level)),
    })
}

/// Returns the question that a reply answers. A reply that nobody has asked for, and that would be remembered, is ignored and
/// counted.
fn question(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId, packet: &Packet<'_>) -> Option<Asked> {
    let asked = muds[mud].questions.answered(cx.now.mono, packet);
    cx.metrics.packets_ignored += u64::from(asked.is_none());
    asked
}

/// Handles a reply to who, finger or locate. A request that waits for it gets it as its result; all other sessions get
/// an event.
pub(super) fn answered(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    out: &mut Delivery<'_>,
    mud: MudId,
    packet: &Packet<'_>,
) {
    let to_user = spelled(cx, muds, mud, or_empty(packet.header.to_user.as_ref()));
    let Some(answer) = Answer::read(packet, to_user) else { return };
    muds[mud].questions.answered(cx.now.mono, packet);
    let waiters = waiting.answer(cx, |question| answer.reply(mud, question).map(Ok));
    let event = match answer {
        Answer::Who(reply) => Event::WhoReply(reply),
        Answer::Finger(reply) => Event::FingerReply(reply),
        Answer::Locate(reply) => Event::LocateReply(reply),
    };
    out.emit(cx, To::MudExcept(mud, &waiters), &event);
}

/// Handles the list of subscribers of a channel on another mud.
pub(super) fn channel_members(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    out: &mut Delivery<'_>,
    mud: MudId,
    packet: &Packet<'_>,
) {
    let Body::ChanWhoReply { users, .. } = &packet.body else { return };
    // The name of the channel is that of the question, because a CoffeeMud router loses it in the reply.
    let Some(Asked { of: from, about: asked, .. }) = question(cx, muds, mud, packet) else { return };
    let names: Vec<String> = users
        .iter()
        .filter(|name| name.len() <= NAME_BYTES_MAX)
        .take(USERS_MAX)
        .map(ToString::to_string)
        .collect();
    muds[mud].elsewhere.answered(cx.now.mono, &asked, &from, names.clone());
    let result = subscribers(cx, muds, out.clients, mud, &asked, ChannelWhoStatus::Success);
    let waiters = waiting.answer(cx, |question| match question {
        Question::ChanWho { mud: at, channel, open, .. } if *at == mud && *channel == asked => {
            open.retain(|mud| *mud != from);
            open.is_empty().then(|| Ok(Reply::ChannelWho(result.clone())))
        }
        _ => None,
    });
    let reply = ChannelWhoReply {
        from_mud: Cow::Borrowed(&from),
        to_user: Cow::Borrowed(spelled(cx, muds, mud, or_empty(packet.header.to_user.as_ref()))),
        channel: Cow::Borrowed(&asked),
        users: names,
    };
    out.emit(cx, To::MudExcept(mud, &waiters), &Event::ChannelWhoReply(reply));
}

/// Handles the visible name of a user of another mud, from a reply or a broadcast.
pub(super) fn user_shown(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    mud: MudId,
    packet: &Packet<'_>,
) {
    let (Body::ChanUserReply { user, visname, gender } | Body::UcacheUpdate { user, visname, gender }) =
        &packet.body
    else {
        return;
    };
    if matches!(packet.body, Body::ChanUserReply { .. }) && question(cx, muds, mud, packet).is_none() {
        return;
    }
    let from = &*packet.header.from_mud;
    let shown = Shown { visname: visname.to_string(), gender: *gender };
    waiting.answer(cx, |question| match question {
        Question::ChanUser { mud: at, of, user: asked }
            if *at == mud && of == from && asked.eq_ignore_ascii_case(user) =>
        {
            Some(Ok(Reply::ChannelUser(shown_user(from, asked, &shown))))
        }
        _ => None,
    });
    let is_learned = muds[mud].ucache.learn(from, user, shown);
    cx.metrics.packets_ignored += u64::from(!is_learned);
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
    fn a_who_reply_that_is_too_long_is_cut_and_ends_with_a_count() {
        let row = |bytes: usize| WhoRow { visname: "Bob".into(), idle: 0, extra: "x".repeat(bytes).into() };
        for (count, bytes, kept) in [(999, 10, 999), (3_000, 10, 1_000), (100, 6_550, 10), (1, 70_000, 0)] {
            let users = who_users(&vec![row(bytes); count]);
            assert_eq!(users.len(), kept + usize::from(kept < count));
            let last = &users[users.len() - 1];
            let expected = format!("and {} more", count - kept);
            assert!(kept == count || (&*last.name, &*last.extra) == ("...", expected.as_str()), "{count}");
        }
    }

    #[test]
    fn filters_look_at_level_and_text() {
        let user =
            |extra: &'static str| who_user(&WhoRow { visname: "Bob".into(), idle: 0, extra: extra.into() });
        let filters = WhoFilters { min_level: Some(5), max_level: Some(9), texts: vec!["elf".to_owned()] };
        let taken = ["Level 5 - Elf", "Level 4 - Elf", "Level 10 - Elf", "Level 6 - Orc", "Elf"]
            .map(|extra| filters.takes(&user(extra)));
        assert_eq!(taken, [true, false, false, false, false]);
    }
}
