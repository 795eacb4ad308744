//! Replies of other muds to questions of local clients.

use super::ask::{shown_user, subscribers};
use super::page::{self, USERS_BYTES_MAX};
use super::text::{or_empty, spelled};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::{ChannelWhoReply, FingerReply, Located, UserInfo, WhoReply, WhoUser};
use crate::fault::Fault;
use crate::fault::reason::BACKLOG_FULL;
use crate::i3::packet::{Body, Header, Packet, WhoRow};
use crate::ids::MudId;
use crate::muds::{Asked, Muds};
use crate::network::remote_subscribers::USERS_MAX;
use crate::network::{NAME_BYTES_MAX, Shown};
use crate::waiting::{ChannelWhoStatus, Members, Question, Reply, Waiting, WhoAnswer, WhoFilters};
use std::borrow::Cow;

/// Number of different results that one answer of a mud may become.
const DIFFERENT_MAX: usize = 32;

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

/// Splits "Level 12 - the Bold" or "Level 12" into the level and the rest.
fn split_level(text: &str) -> Option<(i64, &str)> {
    let rest = text.strip_prefix("Level ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (level, rest) = rest.split_at(digits);
    let extra = if rest.is_empty() { rest } else { rest.strip_prefix(" - ")? };
    Some((level.parse().ok()?, extra))
}

/// A reply, in the form of an event.
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
                let (users, is_cut, _) = page::take(users.iter().map(who_user), USERS_BYTES_MAX);
                Answer::Who(WhoReply { from_mud, to_mud, to_user, users, more: is_cut.then_some(true) })
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

    /// Whether this reply answers a waiting request.
    fn answers(&self, mud: MudId, question: &Question) -> bool {
        let is_for = |at: MudId, asker: &str, to_user: &str| at == mud && asker.eq_ignore_ascii_case(to_user);
        match (self, question) {
            (Answer::Who(reply), Question::Who { mud: at, of, asker, .. }) => {
                is_for(*at, asker, &reply.to_user) && *of == reply.from_mud
            }
            (Answer::Finger(reply), Question::Finger { mud: at, of, asker }) => {
                is_for(*at, asker, &reply.to_user) && *of == reply.from_mud
            }
            (Answer::Locate(reply), Question::Locate { mud: at, asker }) => {
                is_for(*at, asker, &reply.to_user)
            }
            _ => false,
        }
    }

    /// Returns the result for requests with these filters.
    fn result(&self, filters: &WhoFilters) -> Option<Reply> {
        match self {
            Answer::Who(reply) => Reply::shared(&who_answer(reply, filters)),
            Answer::Finger(reply) => Reply::shared(reply),
            Answer::Locate(reply) => Reply::shared(reply),
        }
    }
}

fn who_answer(reply: &WhoReply<'_>, filters: &WhoFilters) -> WhoAnswer {
    let wanted = reply.users.iter().filter(|user| filters.takes(user));
    let users: Vec<WhoUser<'static>> =
        wanted.map(|user| WhoUser { name: owned(&user.name), extra: owned(&user.extra), ..*user }).collect();
    let names = users.iter().map(|user| user.name.to_string()).collect();
    WhoAnswer {
        from_mud: reply.from_mud.to_string(),
        to_mud: reply.to_mud.to_string(),
        to_user: reply.to_user.to_string(),
        members: vec![Members { mud: reply.from_mud.to_string(), users: names }],
        users,
        more: reply.more,
    }
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

/// Returns the outcome of a waiting request, if this reply answers it. Questions with the same filters share their result.
/// There is room for some different ones.
fn reply_to(
    answer: &Answer,
    mud: MudId,
    question: &Question,
    same: &mut Vec<(WhoFilters, Reply)>,
) -> Option<Result<Reply, Fault>> {
    if !answer.answers(mud, question) {
        return None;
    }
    let none = WhoFilters::default();
    let filters = if let Question::Who { filters, .. } = question { filters } else { &none };
    if let Some((_, reply)) = same.iter().find(|(known, _)| known == filters) {
        return Some(Ok(reply.clone()));
    }
    if same.len() >= DIFFERENT_MAX {
        let text = "too many requests wait for different parts of this answer";
        return Some(Err(Fault::gateway(&BACKLOG_FULL, text)));
    }
    let reply = answer.result(filters)?;
    same.push((filters.clone(), reply.clone()));
    Some(Ok(reply))
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
    let mut same = Vec::new();
    let waiters = waiting.answer(cx, |question| reply_to(&answer, mud, question, &mut same));
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
    let names = users.iter().filter(|name| name.len() <= NAME_BYTES_MAX).take(USERS_MAX);
    let (names, is_cut, _) = page::take(names.map(ToString::to_string), USERS_BYTES_MAX);
    let is_cut = is_cut || users.len() > USERS_MAX;
    muds[mud].elsewhere.answered(cx.now.mono, &asked, &from, names.clone());
    let result = subscribers(cx, muds, out.clients, mud, &asked, ChannelWhoStatus::Success);
    let result = Reply::shared(&result);
    let waiters = waiting.answer(cx, |question| match question {
        Question::ChanWho { mud: at, channel, open, .. } if *at == mud && *channel == asked => {
            open.retain(|mud| *mud != from);
            result.clone().filter(|_| open.is_empty()).map(Ok)
        }
        _ => None,
    });
    let reply = ChannelWhoReply {
        from_mud: Cow::Borrowed(&from),
        to_user: Cow::Borrowed(spelled(cx, muds, mud, or_empty(packet.header.to_user.as_ref()))),
        channel: Cow::Borrowed(&asked),
        users: names,
        more: is_cut.then_some(true),
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
    fn filters_look_at_level_and_text() {
        let user =
            |extra: &'static str| who_user(&WhoRow { visname: "Bob".into(), idle: 0, extra: extra.into() });
        let filters = WhoFilters { min_level: Some(5), max_level: Some(9), texts: vec!["elf".to_owned()] };
        let taken = ["Level 5 - Elf", "Level 4 - Elf", "Level 10 - Elf", "Level 6 - Orc", "Elf"]
            .map(|extra| filters.takes(&user(extra)));
        assert_eq!(taken, [true, false, false, false, false]);
    }
}
