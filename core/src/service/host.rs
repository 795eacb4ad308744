//! Channels that this mud hosts: creating and removing them, and who may use them.

use super::call::Call;
use super::method::{Access, methods};
use crate::cx::Cx;
use crate::describe::datum::Datum;
use crate::describe::macros::params;
use crate::describe::shape::{Described, Shape};
use crate::describe::values::{List, Name, Parameter, Within, Wrong};
use crate::fault::Fault;
use crate::fault::reason::{NOT_SENT, QUEUE_FULL, ROUTER_DOWN, Reason, SERVICE_DISABLED, TOO_MANY_WAITING};
use crate::i3::packet::{Body, Header, Packet, Text};
use crate::link::pacer::{Origin, Priority};
use crate::muds::Muds;
use crate::settings::Permission;
use crate::waiting::{Becomes, Hosted, Question, Waiting};
use std::borrow::Cow;
use std::time::Duration;

/// The longest name of a new channel, in bytes. A Dead Souls router refuses longer ones.
const CHANNEL_BYTES_MAX: usize = 80;

/// Number of muds that one channel_admin may add or remove.
const ADMIN_MUDS_MAX: usize = 100;

/// How long a request waits for the router's verdict. Routers do not confirm success, but most send a new list.
pub const VERDICT_WITHIN: Duration = Duration::from_secs(3);

params! {
    /// The parameters of `channel_add`.
    pub(super) struct Add<'a> {
        /// the channel's name
        channel: NewName<'a>,
        /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered by this mud
        channel_type as "type": Within<0, 2> = 0,
        /// the local user
        from_user: Name<'a> = "Someone",
    }

    /// The parameters of `channel_remove`.
    pub(super) struct Remove<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// the local user
        from_user: Name<'a> = "Someone",
    }

    /// The parameters of `channel_admin`.
    pub(super) struct Admin<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// muds to put on the channel's list
        add: Option<List<MudName<'a>, ADMIN_MUDS_MAX>>,
        /// muds to take off the channel's list
        remove: Option<List<MudName<'a>, ADMIN_MUDS_MAX>>,
        /// the local user
        from_user: Name<'a> = "Someone",
    }
}

/// The name of a new channel.
#[derive(Clone, Debug)]
pub(super) struct NewName<'a>(Name<'a>);

impl Described for NewName<'_> {
    const SHAPE: Shape = Shape::Short(CHANNEL_BYTES_MAX);
}

impl<'a> Parameter<'a> for NewName<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let name = Name::read(value)?;
        if name.len() > CHANNEL_BYTES_MAX {
            return Err(Wrong::must(format!("has {} bytes, routers take {CHANNEL_BYTES_MAX}", name.len())));
        }
        Ok(NewName(name))
    }
}

/// The name of a mud on a channel's list.
#[derive(Clone, Debug)]
pub(super) struct MudName<'a>(Cow<'a, str>);

impl Described for MudName<'_> {
    const SHAPE: Shape = Shape::Filled;
}

impl<'a> Parameter<'a> for MudName<'a> {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        match value {
            Datum::Text(mud) if !mud.is_empty() && !mud.chars().any(char::is_control) => Ok(MudName(mud)),
            _ => Err(Wrong::must("must be the name of a mud")),
        }
    }
}

/// The reasons for which these methods may fail.
const HOST: &[&Reason] = &[&ROUTER_DOWN, &QUEUE_FULL, &SERVICE_DISABLED, &NOT_SENT, &TOO_MANY_WAITING];

methods! {
    /// Creates a channel of this mud. An error from the router becomes the error of the request.
    "channel_add" (Access::Permitted(Permission::Host)) Add<'_> => later [Hosted] HOST,
        |parts, call, args| add(&mut parts.cx, parts.muds, parts.waiting, call, args);
    /// Removes a channel of this mud.
    "channel_remove" (Access::Permitted(Permission::Host)) Remove<'_> => later [Hosted] HOST,
        |parts, call, args| remove(&mut parts.cx, parts.muds, parts.waiting, call, &args);
    /// Changes which muds are banned from, or admitted to, a channel of this mud. `add` or `remove` must name a mud.
    "channel_admin" (Access::Permitted(Permission::Host)) Admin<'_> => later [Hosted] HOST,
        |parts, call, args| admin(&mut parts.cx, parts.muds, parts.waiting, call, args);
}

fn add(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: Add<'_>,
) -> Result<Option<Hosted>, Fault> {
    let NewName(channel) = args.channel;
    let body = Body::ChannelAdd { channel: channel.0.clone(), channel_type: args.channel_type.0 };
    let becomes = Some(Becomes::Listed(args.channel_type.0));
    let asked = Asked { channel: &channel, from_user: &args.from_user, becomes };
    asked.send(cx, muds, waiting, call, body)
}

fn remove(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: &Remove<'_>,
) -> Result<Option<Hosted>, Fault> {
    let body = Body::ChannelRemove { channel: args.channel.0.clone() };
    let asked =
        Asked { channel: &args.channel, from_user: &args.from_user, becomes: Some(Becomes::Unlisted) };
    asked.send(cx, muds, waiting, call, body)
}

fn admin(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    waiting: &mut Waiting,
    call: &Call,
    args: Admin<'_>,
) -> Result<Option<Hosted>, Fault> {
    fn muds_of<'a>(list: Option<List<MudName<'a>, ADMIN_MUDS_MAX>>) -> Vec<Text<'a>> {
        list.into_iter().flat_map(|list| list.0).map(|MudName(mud)| mud).collect()
    }
    let (add, remove) = (muds_of(args.add), muds_of(args.remove));
    if add.is_empty() && remove.is_empty() {
        return Err(Fault::params("add or remove must name a mud"));
    }
    let body = Body::ChannelAdmin { channel: args.channel.0.clone(), add, remove };
    let asked = Asked { channel: &args.channel, from_user: &args.from_user, becomes: None };
    asked.send(cx, muds, waiting, call, body)
}

/// A request to the router about a channel of this mud.
struct Asked<'a> {
    channel: &'a str,
    from_user: &'a str,
    /// What becomes of the channel after success, for requests that change the list.
    becomes: Option<Becomes>,
}

impl Asked<'_> {
    /// Sends the request and waits for the router's verdict.
    fn send(
        &self,
        cx: &mut Cx<'_>,
        muds: &mut Muds,
        waiting: &mut Waiting,
        call: &Call,
        body: Body<'_>,
    ) -> Result<Option<Hosted>, Fault> {
        let caller = call.user_of(cx, "channel")?;
        let mud = caller.mud;
        waiting.may_wait(call.conn())?;
        let router = muds[mud].link.router().name.clone();
        let header = Header::to_mud(&caller.mud_name, Some(self.from_user), &router);
        let message_id = muds.message_id(cx, "channel_host", self.channel);
        let kind = body.kind().to_owned();
        let origin = Origin { message_id: Some(message_id.clone()), from_user: self.from_user.to_owned() };
        muds.send(cx, mud, Priority::Prompt, &Packet { header, body }, Some(origin))?;
        muds[mud].sent.remember(cx.now.mono, &kind, self.from_user, [self.channel, ""], &message_id);
        let channel = self.channel.to_owned();
        let question = Question::Verdict { mud, message_id, channel, becomes: self.becomes };
        waiting.wait(cx, call.asker, question, VERDICT_WITHIN);
        Ok(None)
    }
}
