//! The packet types that go through a router, and the fields after their header.

use super::error::PacketError;
use super::field::{Elements, Field, Mapping};
use super::header::Text;
use super::lists::{ChannelEntry, MudEntry, RouterEntry, WhoRow};
use super::table::packets;
use crate::i3::lpc::Value;

/// The number of elements of a startup-req-3. Dead Souls' router accepts no other number.
pub(super) const STARTUP_REQ_3_ELEMENTS: usize = 20;

packets! {
    /// The contents of a packet: one variant for each type.
    Body, KINDS, SECRETS;

    /// Mud to router: the login. 20 elements in all; Dead Souls' router accepts no other number.
    "startup-req-3" => StartupReq3 {
        /// The password from the last startup-reply; 0 the first time, negative for CoffeeMud.
        @secret password: i64,
        /// The version of the mud's mudlist. Deployed routers ignore it and send everything.
        old_mudlist_id: i64,
        /// The version of the mud's channel list. Deployed routers ignore it and send everything.
        old_chanlist_id: i64,
        /// The port for players.
        player_port: i64,
        /// The out-of-band TCP port; 0 if there is none.
        imud_tcp_port: i64,
        /// The out-of-band UDP port; 0 if there is none.
        imud_udp_port: i64,
        /// The mudlib and its version.
        mudlib: Text<'a>,
        /// The mudlib that it is derived from.
        base_mudlib: Text<'a>,
        /// The driver and its version.
        driver: Text<'a>,
        /// The type of mud: `LPMud`, `Diku`, …
        mud_type: Text<'a>,
        /// Free text about whether the mud is open.
        open_status: Text<'a>,
        /// The e-mail address of the administrator.
        admin_email: Text<'a>,
        /// The services that it offers. Each value is 1, a port or a version.
        services: Mapping<'a, Value<'a>>,
        /// A mapping or 0.
        other_data: Value<'a>,
    }
    /// Mud to router: the login of protocol 1. 18 elements in all: no e-mail address and no other data.
    "startup-req-1" => StartupReq1 {
        /// The fields are those of a startup-req-3.
        @secret password: i64,
        /// The version of the mud's mudlist.
        old_mudlist_id: i64,
        /// The version of the mud's channel list.
        old_chanlist_id: i64,
        /// The port for players.
        player_port: i64,
        /// The out-of-band TCP port.
        imud_tcp_port: i64,
        /// The out-of-band UDP port.
        imud_udp_port: i64,
        /// The mudlib and its version.
        mudlib: Text<'a>,
        /// The mudlib that it is derived from.
        base_mudlib: Text<'a>,
        /// The driver and its version.
        driver: Text<'a>,
        /// The type of mud.
        mud_type: Text<'a>,
        /// Free text about whether the mud is open.
        open_status: Text<'a>,
        /// The services that it offers.
        services: Mapping<'a, Value<'a>>,
    }
    /// Mud to router: the login of protocol 2, in the layout of protocol 1. In the layout of protocol 3 it is read as a
    /// startup-req-3, as Dead Souls' router does.
    "startup-req-2" => StartupReq2 {
        /// The fields are those of a startup-req-3.
        @secret password: i64,
        /// The version of the mud's mudlist.
        old_mudlist_id: i64,
        /// The version of the mud's channel list.
        old_chanlist_id: i64,
        /// The port for players.
        player_port: i64,
        /// The out-of-band TCP port.
        imud_tcp_port: i64,
        /// The out-of-band UDP port.
        imud_udp_port: i64,
        /// The mudlib and its version.
        mudlib: Text<'a>,
        /// The mudlib that it is derived from.
        base_mudlib: Text<'a>,
        /// The driver and its version.
        driver: Text<'a>,
        /// The type of mud.
        mud_type: Text<'a>,
        /// Free text about whether the mud is open.
        open_status: Text<'a>,
        /// The services that it offers.
        services: Mapping<'a, Value<'a>>,
    }
    /// Router to mud: the login is accepted. Also sent when the set of routers changes.
    "startup-reply" => StartupReply {
        /// The routers; the first is preferred. Dead Souls sends an empty list in the first two seconds after its
        /// start.
        routers: Vec<RouterEntry<'a>>,
        /// The password, which the mud keeps for its next login. CoffeeMud always sends -1.
        @secret password: i64,
    }
    /// Mud to router: the mud logs off. 7 elements in all. The router answers by closing the connection.
    "shutdown" => Shutdown {
        /// Seconds until it is back: 0 unknown, 1 at once. Above 604,800 the router forgets the mud.
        restart_delay: i64,
    }
    /// Router to mud: muds that are new or changed, and (as 0) removed muds.
    "mudlist" => Mudlist {
        /// A random or counted number. It does not show the order of packets.
        id: i64,
        /// The muds by name.
        muds: Mapping<'a, Option<MudEntry<'a>>>,
    }
    /// Mud to router: send the channel list again. Not in the specification; Dead Souls supports it.
    "chanlist-req" => ChanlistReq {}
    /// Another name of `chanlist-req`.
    "chanlist-request" => ChanlistRequest {}
    /// Router to mud: channels. Dead Souls sends all of them each time; by the specification, only changes are sent.
    "chanlist-reply" => ChanlistReply {
        /// A random or counted number, as in a mudlist.
        id: i64,
        /// The channels by name.
        channels: Mapping<'a, Option<ChannelEntry<'a>>>,
    }
    /// Mud to router: start or stop listening to a channel.
    "channel-listen" => ChannelListen {
        /// The channel's name.
        channel: Text<'a>,
        /// 1 to start, 0 to stop.
        on: i64,
    }
    /// Mud to router: create a channel.
    "channel-add" => ChannelAdd {
        /// The channel's name, at most 80 bytes.
        channel: Text<'a>,
        /// The type: 0, 1 or 2.
        channel_type: i64,
    }
    /// Mud to router: remove a channel that the mud hosts.
    "channel-remove" => ChannelRemove {
        /// The channel's name.
        channel: Text<'a>,
    }
    /// Mud to router: change which muds are banned from, or admitted to, a channel that the mud hosts.
    "channel-admin" => ChannelAdmin {
        /// The channel's name.
        channel: Text<'a>,
        /// Muds to put on the list.
        add: Vec<Text<'a>>,
        /// Muds to take off the list.
        remove: Vec<Text<'a>>,
    }
    /// A message on a channel.
    "channel-m" => ChannelMessage {
        /// The channel's name.
        channel: Text<'a>,
        /// The speaker's visible name. Some muds send 0, which means the user in the header.
        visname: Text<'a>,
        /// The text.
        message: Text<'a>,
    }
    /// An emote on a channel.
    "channel-e" => ChannelEmote {
        /// The channel's name.
        channel: Text<'a>,
        /// The user's visible name.
        visname: Text<'a>,
        /// The text, with `$N` for the name. Routers append ` (from name@mud)` to a text without it.
        message: Text<'a>,
    }
    /// An emote on a channel, aimed at a user. 13 elements in all.
    "channel-t" => ChannelTargetedEmote {
        /// The channel's name.
        channel: Text<'a>,
        /// The target's mud.
        target_mud: Text<'a>,
        /// The target's user name.
        target_user: Text<'a>,
        /// The text for others, with `$N` and `$O` for the names.
        message_others: Text<'a>,
        /// The text for the target.
        message_target: Text<'a>,
        /// The user's visible name.
        visname: Text<'a>,
        /// The target's visible name.
        target_visname: Text<'a>,
    }
    /// Router to the host of a filtered channel: may this message pass?
    "chan-filter-req" => ChanFilterReq {
        /// The channel's name.
        channel: Text<'a>,
        /// The packet with the message.
        packet: Value<'a>,
    }
    /// The host's answer: the packet that may pass.
    "chan-filter-reply" => ChanFilterReply {
        /// The channel's name.
        channel: Text<'a>,
        /// The packet.
        packet: Value<'a>,
    }
    /// A question: who subscribes to a channel on that mud?
    "chan-who-req" => ChanWhoReq {
        /// The channel's name. A CoffeeMud router loses it.
        channel: Text<'a>,
    }
    /// The subscribers of a channel.
    "chan-who-reply" => ChanWhoReply {
        /// The channel's name.
        channel: Text<'a>,
        /// Visible names.
        users: Vec<Text<'a>>,
    }
    /// A question: what is the visible name of this user?
    "chan-user-req" => ChanUserReq {
        /// The user's name in lower case.
        user: Text<'a>,
    }
    /// The visible name of a user.
    "chan-user-reply" => ChanUserReply {
        /// The user's name in lower case.
        user: Text<'a>,
        /// The visible name.
        visname: Text<'a>,
        /// 0: male; 1: female; 2: neuter.
        gender: i64,
    }
    /// A private message.
    "tell" => Tell {
        /// The sender's visible name.
        visname: Text<'a>,
        /// The text.
        message: Text<'a>,
    }
    /// A private emote.
    "emoteto" => Emoteto {
        /// The sender's visible name.
        visname: Text<'a>,
        /// The text, with `$N` for the name.
        message: Text<'a>,
    }
    /// A call for a user's attention. Not in the specification.
    "beep" => Beep {
        /// The sender's visible name.
        visname: Text<'a>,
    }
    /// A question: who is online?
    "who-req" => WhoReq {}
    /// The users who are online.
    "who-reply" => WhoReply {
        /// One row for each user.
        users: Vec<WhoRow<'a>>,
    }
    /// A question about a user.
    "finger-req" => FingerReq {
        /// The user's name; careful muds send it in lower case.
        user: Text<'a>,
    }
    /// A description of a user. A field without a value is 0.
    "finger-reply" => FingerReply {
        /// The visible name.
        visname: Text<'a>,
        /// The title, which may hold `$N`.
        title: Option<Text<'a>>,
        /// The real name.
        real_name: Option<Text<'a>>,
        /// The e-mail address.
        email: Option<Text<'a>>,
        /// The time of the last login or logout, in any format.
        loginout_time: Option<Text<'a>>,
        /// Seconds of idleness; -1 when offline.
        idle: i64,
        /// The address from which the user is connected.
        ip_name: Option<Text<'a>>,
        /// The level, as a text or a number.
        level: Option<Text<'a>>,
        /// Any other text, often several lines.
        extra: Option<Text<'a>>,
    }
    /// A question to all muds: where is this user? The router sends it back to the sender too.
    "locate-req" => LocateReq {
        /// The user's name in lower case.
        user: Text<'a>,
    }
    /// The user is on this mud. Old muds omit the last two fields.
    "locate-reply" => LocateReply {
        /// The mud.
        located_mud: Text<'a>,
        /// The visible name.
        located_user: Text<'a>,
        /// Seconds of idleness.
        idle: i64,
        /// The state: `link-dead`, `editing`, …
        status: Option<Text<'a>>,
    }
    /// A request to prove that the mud is on the network.
    "auth-mud-req" => AuthMudReq {}
    /// A key for one out-of-band session.
    "auth-mud-reply" => AuthMudReply {
        /// The key. It is valid once, for ten minutes.
        @secret key: i64,
    }
    /// A question whether the mud is there. Not in the specification. CoffeeMud adds a field, which is skipped.
    "ping-req" => PingReq {}
    /// The answer to a ping-req.
    "ping-reply" => PingReply {
        /// A key, as in an auth-mud-reply.
        @secret key: i64,
    }
    /// A broadcast: a user's visible name or gender has changed.
    "ucache-update" => UcacheUpdate {
        /// The user's name in lower case.
        user: Text<'a>,
        /// The visible name.
        visname: Text<'a>,
        /// 0: male; 1: female; 2: neuter.
        gender: i64,
    }
    /// An error.
    "error" => Error {
        /// The code: `unk-dst`, `unk-user`, …; peers may invent others.
        code: Text<'a>,
        /// A text for people.
        message: Text<'a>,
        /// The packet that caused it, or 0.
        packet: Value<'a>,
    }
    /// A request for an out-of-band connection.
    "oob-req" => OobReq {}
    /// Mud to router: which muds are on the list of a hosted channel? Samson's router only.
    "chan-adminlist" => ChanAdminlist {
        /// The channel's name.
        channel: Text<'a>,
    }
    /// The muds that are banned from, or admitted to, a channel. Samson's router only.
    "chan-adminlist-reply" => ChanAdminlistReply {
        /// The channel's name.
        channel: Text<'a>,
        /// The muds on the list.
        muds: Vec<Text<'a>>,
    }
    /// Router to mud: the outcome of a request about a channel. Samson's router only.
    "chan-ack" => ChanAck {
        /// A text for people.
        message: Text<'a>,
    }
    /// Router to mud: the router shuts down. Samson's router only.
    "router-shutdown" => RouterShutdown {
        /// Seconds until it is back.
        restart_delay: i64,
    }
    /// A request for an article: the only out-of-band packet with a header.
    "news-read-req" => NewsReadReq {
        /// The newsgroup's name.
        newsgroup: Text<'a>,
        /// The number of the article.
        id: i64,
    }
}

impl Body<'_> {
    /// Handles a packet that ends before this field. CoffeeMud's finger-reply has no level: the last of its texts is
    /// `extra`. It is a function of its own because it slowed the hot path (bench: "typed packet", channel-m).
    #[cold]
    #[inline(never)]
    pub(super) fn is_short(&mut self) {
        if let Body::FingerReply { level, extra, .. } = self {
            *extra = level.take();
        }
    }
}
