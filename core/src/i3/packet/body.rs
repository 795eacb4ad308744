//! The packet types that go through a router, and the fields after their header.

use super::error::PacketError;
use super::field::{Elements, Field, Mapping};
use super::header::Text;
use super::lists::{ChannelEntry, MudEntry, RouterEntry, WhoRow};
use super::table::packets;
use crate::i3::lpc::Value;

/// Dead Souls' router takes no other number.
pub(super) const STARTUP_REQ_3_ELEMENTS: usize = 20;

packets! {
    /// What a packet says: one variant for each type.
    Body, KINDS, SECRETS;

    /// Mud to router: the login. 20 elements in all; Dead Souls' router takes no other number.
    "startup-req-3" => StartupReq3 {
        /// What the router gave at the last login; 0 the first time, negative from CoffeeMud.
        @secret password: i64,
        /// Ignored by deployed routers, which always send everything.
        old_mudlist_id: i64,
        /// The same.
        old_chanlist_id: i64,
        /// Where players connect.
        player_port: i64,
        /// Out-of-band over TCP; 0 without.
        imud_tcp_port: i64,
        /// Out-of-band over UDP; 0 without.
        imud_udp_port: i64,
        /// The mudlib and its version.
        mudlib: Text<'a>,
        /// What it is derived from.
        base_mudlib: Text<'a>,
        /// The driver and its version.
        driver: Text<'a>,
        /// `LPMud`, `Diku`, …
        mud_type: Text<'a>,
        /// Free text.
        open_status: Text<'a>,
        /// E-mail.
        admin_email: Text<'a>,
        /// Service to 1, a port or a version.
        services: Mapping<'a, Value<'a>>,
        /// A mapping or 0.
        other_data: Value<'a>,
    }
    /// Mud to router: the login of protocol 1. 18 elements in all: no e-mail address and no other data.
    "startup-req-1" => StartupReq1 {
        /// As in a startup-req-3, and so are all that follow.
        @secret password: i64,
        /// The same.
        old_mudlist_id: i64,
        /// The same.
        old_chanlist_id: i64,
        /// The same.
        player_port: i64,
        /// The same.
        imud_tcp_port: i64,
        /// The same.
        imud_udp_port: i64,
        /// The same.
        mudlib: Text<'a>,
        /// The same.
        base_mudlib: Text<'a>,
        /// The same.
        driver: Text<'a>,
        /// The same.
        mud_type: Text<'a>,
        /// The same.
        open_status: Text<'a>,
        /// The same.
        services: Mapping<'a, Value<'a>>,
    }
    /// Mud to router: the login of protocol 2, in the layout of protocol 1. One in the layout of protocol 3 is read as a
    /// startup-req-3, as Dead Souls' router does it.
    "startup-req-2" => StartupReq2 {
        /// As in a startup-req-3, and so are all that follow.
        @secret password: i64,
        /// The same.
        old_mudlist_id: i64,
        /// The same.
        old_chanlist_id: i64,
        /// The same.
        player_port: i64,
        /// The same.
        imud_tcp_port: i64,
        /// The same.
        imud_udp_port: i64,
        /// The same.
        mudlib: Text<'a>,
        /// The same.
        base_mudlib: Text<'a>,
        /// The same.
        driver: Text<'a>,
        /// The same.
        mud_type: Text<'a>,
        /// The same.
        open_status: Text<'a>,
        /// The same.
        services: Mapping<'a, Value<'a>>,
    }
    /// Router to mud: the login is accepted (also sent when the set of routers changes).
    "startup-reply" => StartupReply {
        /// The first is preferred. Dead Souls sends an empty list for two seconds after its start.
        routers: Vec<RouterEntry<'a>>,
        /// To be kept and sent next time. CoffeeMud always says -1.
        @secret password: i64,
    }
    /// Mud to router: goodbye. 7 elements in all; the answer is the end of the stream.
    "shutdown" => Shutdown {
        /// Seconds: 0 unknown, 1 back at once, above 604,800 the router forgets the mud.
        restart_delay: i64,
    }
    /// Router to mud: muds that are new, changed or (0) gone.
    "mudlist" => Mudlist {
        /// Random or counted; says nothing about the order.
        id: i64,
        /// By name.
        muds: Mapping<'a, Option<MudEntry<'a>>>,
    }
    /// Mud to router: send the channel list again. Not in the specification; Dead Souls honours it.
    "chanlist-req" => ChanlistReq {}
    /// The same under its other name.
    "chanlist-request" => ChanlistRequest {}
    /// Router to mud: channels. Dead Souls sends all of them each time; the specification says: what changed.
    "chanlist-reply" => ChanlistReply {
        /// As in a mudlist.
        id: i64,
        /// By name.
        channels: Mapping<'a, Option<ChannelEntry<'a>>>,
    }
    /// Mud to router: hear a channel, or no longer.
    "channel-listen" => ChannelListen {
        /// Its name.
        channel: Text<'a>,
        /// 1 or 0.
        on: i64,
    }
    /// Mud to router: make a channel.
    "channel-add" => ChannelAdd {
        /// Its name, at most 80 bytes.
        channel: Text<'a>,
        /// 0, 1 or 2.
        channel_type: i64,
    }
    /// Mud to router: remove a channel of ours.
    "channel-remove" => ChannelRemove {
        /// Its name.
        channel: Text<'a>,
    }
    /// Mud to router: who is banned from, or admitted to, a channel of ours.
    "channel-admin" => ChannelAdmin {
        /// Its name.
        channel: Text<'a>,
        /// Muds to put on the list.
        add: Vec<Text<'a>>,
        /// Muds to take off the list.
        remove: Vec<Text<'a>>,
    }
    /// A line on a channel.
    "channel-m" => ChannelMessage {
        /// Its name.
        channel: Text<'a>,
        /// The speaker, as shown; 0 from some muds means the originating user.
        visname: Text<'a>,
        /// What is said.
        message: Text<'a>,
    }
    /// An emote on a channel.
    "channel-e" => ChannelEmote {
        /// Its name.
        channel: Text<'a>,
        /// Who does it, as shown.
        visname: Text<'a>,
        /// With `$N` in place of the name; routers append ` (from name@mud)` where it is missing.
        message: Text<'a>,
    }
    /// An emote on a channel, aimed at somebody. 13 elements in all.
    "channel-t" => ChannelTargetedEmote {
        /// Its name.
        channel: Text<'a>,
        /// The mud of the one aimed at.
        target_mud: Text<'a>,
        /// The one aimed at.
        target_user: Text<'a>,
        /// What others read, with `$N` and `$O`.
        message_others: Text<'a>,
        /// What the one aimed at reads.
        message_target: Text<'a>,
        /// Who does it, as shown.
        visname: Text<'a>,
        /// The one aimed at, as shown.
        target_visname: Text<'a>,
    }
    /// Router to the host of a filtered channel: may this pass?
    "chan-filter-req" => ChanFilterReq {
        /// Its name.
        channel: Text<'a>,
        /// The packet in question.
        packet: Value<'a>,
    }
    /// The host's answer: the packet as it may pass.
    "chan-filter-reply" => ChanFilterReply {
        /// Its name.
        channel: Text<'a>,
        /// The packet.
        packet: Value<'a>,
    }
    /// Who on that mud hears a channel?
    "chan-who-req" => ChanWhoReq {
        /// Its name; lost on the way through a CoffeeMud router.
        channel: Text<'a>,
    }
    /// Who hears a channel.
    "chan-who-reply" => ChanWhoReply {
        /// Its name.
        channel: Text<'a>,
        /// Names as shown.
        users: Vec<Text<'a>>,
    }
    /// What is this user called?
    "chan-user-req" => ChanUserReq {
        /// In lower case.
        user: Text<'a>,
    }
    /// What a user is called.
    "chan-user-reply" => ChanUserReply {
        /// In lower case.
        user: Text<'a>,
        /// As shown.
        visname: Text<'a>,
        /// 0 male, 1 female, 2 neuter.
        gender: i64,
    }
    /// A private message.
    "tell" => Tell {
        /// The sender, as shown.
        visname: Text<'a>,
        /// What is said.
        message: Text<'a>,
    }
    /// A private emote.
    "emoteto" => Emoteto {
        /// The sender, as shown.
        visname: Text<'a>,
        /// With `$N` in place of the name.
        message: Text<'a>,
    }
    /// A nudge. Not in the specification.
    "beep" => Beep {
        /// The sender, as shown.
        visname: Text<'a>,
    }
    /// Who is on?
    "who-req" => WhoReq {}
    /// Who is on.
    "who-reply" => WhoReply {
        /// One row a user.
        users: Vec<WhoRow<'a>>,
    }
    /// Tell about a user.
    "finger-req" => FingerReq {
        /// In lower case from careful muds.
        user: Text<'a>,
    }
    /// About a user; what is not told is 0.
    "finger-reply" => FingerReply {
        /// As shown.
        visname: Text<'a>,
        /// May hold `$N`.
        title: Option<Text<'a>>,
        /// Out of the game.
        real_name: Option<Text<'a>>,
        /// E-mail.
        email: Option<Text<'a>>,
        /// Of the last login or logout, in any format.
        loginout_time: Option<Text<'a>>,
        /// Seconds; -1 when not on.
        idle: i64,
        /// Where from.
        ip_name: Option<Text<'a>>,
        /// A word or a number.
        level: Option<Text<'a>>,
        /// Anything, often several lines.
        extra: Option<Text<'a>>,
    }
    /// Where is this user? A broadcast, which also comes back to the sender.
    "locate-req" => LocateReq {
        /// In lower case.
        user: Text<'a>,
    }
    /// A user is here. Old muds leave out the last two.
    "locate-reply" => LocateReply {
        /// The mud.
        located_mud: Text<'a>,
        /// As shown.
        located_user: Text<'a>,
        /// Seconds.
        idle: i64,
        /// `link-dead`, `editing`, …
        status: Option<Text<'a>>,
    }
    /// Prove that you are on the network.
    "auth-mud-req" => AuthMudReq {}
    /// A key for one out-of-band session.
    "auth-mud-reply" => AuthMudReply {
        /// Valid once, for ten minutes.
        @secret key: i64,
    }
    /// Are you there? Not in the specification; CoffeeMud adds a field, which is passed over.
    "ping-req" => PingReq {}
    /// Yes.
    "ping-reply" => PingReply {
        /// Like an auth-mud-reply.
        @secret key: i64,
    }
    /// A user's name and gender have changed. A broadcast.
    "ucache-update" => UcacheUpdate {
        /// In lower case.
        user: Text<'a>,
        /// As shown.
        visname: Text<'a>,
        /// 0 male, 1 female, 2 neuter.
        gender: i64,
    }
    /// Something did not work.
    "error" => Error {
        /// `unk-dst`, `unk-user`, …: an open set.
        code: Text<'a>,
        /// For people.
        message: Text<'a>,
        /// The packet that caused it, or 0.
        packet: Value<'a>,
    }
    /// May I open an out-of-band connection to you?
    "oob-req" => OobReq {}
    /// Mud to router: who is on the list of a channel of ours? Samson's router only.
    "chan-adminlist" => ChanAdminlist {
        /// Its name.
        channel: Text<'a>,
    }
    /// Who is banned from, or admitted to, a channel. Samson's router only.
    "chan-adminlist-reply" => ChanAdminlistReply {
        /// Its name.
        channel: Text<'a>,
        /// The muds on the list.
        muds: Vec<Text<'a>>,
    }
    /// Router to mud: what became of a request about a channel. Samson's router only.
    "chan-ack" => ChanAck {
        /// For people.
        message: Text<'a>,
    }
    /// Router to mud: it goes down. Samson's router only.
    "router-shutdown" => RouterShutdown {
        /// Seconds until it is back.
        restart_delay: i64,
    }
    /// The one out-of-band packet that has a header: send me an article.
    "news-read-req" => NewsReadReq {
        /// Its name.
        newsgroup: Text<'a>,
        /// The number of the article.
        id: i64,
    }
}

impl Body<'_> {
    /// A field was missing at the end. CoffeeMud's finger-reply has no level: the last of its texts is the one about the
    /// user. Apart from the hot path, which it slowed (bench: "typed packet", channel-m).
    #[cold]
    #[inline(never)]
    pub(super) fn is_short(&mut self) {
        if let Body::FingerReply { level, extra, .. } = self {
            *extra = level.take();
        }
    }
}
