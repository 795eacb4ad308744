//! Applies a mud's bans to packets.

use super::all::Muds;
use crate::cx::Cx;
use crate::fault::Fault;
use crate::i3::packet::{Body, Packet};
use crate::ids::MudId;
use crate::moderation::{Seen, Way};

/// Returns the channel of a user's packet, if it has one.
fn channel_of<'p>(body: &'p Body<'_>) -> Option<&'p str> {
    match body {
        Body::ChannelMessage { channel, .. }
        | Body::ChannelEmote { channel, .. }
        | Body::ChannelTargetedEmote { channel, .. }
        | Body::ChanWhoReq { channel }
        | Body::ChanWhoReply { channel, .. } => Some(channel),
        _ => None,
    }
}

impl Muds {
    /// Whether a ban stops a packet of another mud. Packets of the router, and the mud's own packets that come back,
    /// always pass.
    pub(crate) fn keeps_out(&mut self, cx: &mut Cx<'_>, mud: MudId, packet: &Packet<'_>) -> bool {
        let one = &mut self[mud];
        if one.bans.is_empty() {
            return false;
        }
        let from = &packet.header.from_mud;
        if from.eq_ignore_ascii_case(&one.link.router().name) || *from == cx.settings.mud(mud).name {
            return false;
        }
        let user = packet.header.from_user.as_deref().unwrap_or_default();
        let seen = Seen::new(Way::In, packet.body.kind(), channel_of(&packet.body)).with(user, from);
        let stopped = one.bans.stop(&seen, cx.steady).is_some();
        cx.metrics.packets_banned_in += u64::from(stopped);
        stopped
    }

    /// Checks whether a packet may go out: neither its sender nor its target may be banned. An error packet always
    /// passes, because it is an answer.
    pub(super) fn check_outgoing(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        packet: &Packet<'_>,
    ) -> Result<(), Fault> {
        let one = &mut self[mud];
        if one.bans.is_empty() || matches!(packet.body, Body::Error { .. }) {
            return Ok(());
        }
        let header = &packet.header;
        let mut seen = Seen::new(Way::Out, packet.body.kind(), channel_of(&packet.body));
        if let Some(user) = header.from_user.as_deref() {
            seen = seen.with(user, &header.from_mud);
        }
        let to_mud = header.to_mud.as_deref().filter(|to| !to.eq_ignore_ascii_case(&one.link.router().name));
        let to_user = match &packet.body {
            Body::FingerReq { user } | Body::ChanUserReq { user } => Some(&**user),
            _ => header.to_user.as_deref(),
        };
        if let Some(to_mud) = to_mud {
            seen = seen.with(to_user.unwrap_or_default(), to_mud);
        }
        let Some((id, ban)) = one.bans.stop(&seen, cx.steady) else { return Ok(()) };
        cx.metrics.packets_banned_out += 1;
        let why = if ban.reason.is_empty() { String::new() } else { format!(": {}", ban.reason) };
        Err(Fault::banned(id, format!("{} is banned here{why}", ban.pattern)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::testing::Bench;
    use crate::i3::packet::Header;
    use crate::machine::Saved;
    use crate::moderation::{Ban, Direction};

    #[test]
    fn a_ban_stops_matching_packets_both_ways_but_not_the_router_or_errors() {
        let mut bench = Bench::default();
        let (mut muds, _) = Muds::new(&bench.settings, &Saved::default(), &mut bench.rng, bench.now);
        muds[MudId::OWN].bans.add(Ban {
            pattern: "*@*".to_owned(),
            channel: None,
            packet_type: None,
            direction: Direction::Both,
            reason: "spam".to_owned(),
            by: String::new(),
            created: 0,
            expires: None,
            ends: None,
        });
        fn tell(from: &'static str, to: &'static str) -> Packet<'static> {
            let header = Header::to_user(from, Some("bob"), to, "ann");
            Packet { header, body: Body::Tell { visname: "Bob".into(), message: "hi".into() } }
        }
        let mut cx = bench.cx();
        assert!(muds.keeps_out(&mut cx, MudId::OWN, &tell("Sage", "Alpha")));
        assert!(!muds.keeps_out(&mut cx, MudId::OWN, &tell("*net", "Alpha")));
        assert!(!muds.keeps_out(&mut cx, MudId::OWN, &tell("Alpha", "Alpha")));
        let refused = muds.check_outgoing(&mut cx, MudId::OWN, &tell("Alpha", "Sage")).unwrap_err();
        assert_eq!(refused.message, "*@* is banned here: spam");
        let body =
            Body::Error { code: "unk-user".into(), message: "".into(), packet: crate::i3::Value::Int(0) };
        let error = Packet { header: Header::to_mud("Alpha", None, "Sage"), body };
        assert!(muds.check_outgoing(&mut cx, MudId::OWN, &error).is_ok());
        assert_eq!((bench.metrics.packets_banned_in, bench.metrics.packets_banned_out), (1, 1));
    }
}
