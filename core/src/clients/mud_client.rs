//! A client that is a mud and speaks Intermud-3: in which form it gets packets and events.

use super::way::Posted;
use crate::event::told::{ErrorContext, ErrorOccurred, ReplayComplete, Said, Targeted, Told};
use crate::i3::Value;
use crate::i3::packet::{Body, Header, Packet};
use crate::i3::serving::{Program, Unreadable};
use crate::saved;
use crate::time::UnixTime;
use bytes::Bytes;
use std::time::Duration;

/// A tell or a line that is older than this when it is delivered begins with the time at which it came.
pub const LATE_AFTER: Duration = Duration::from_secs(60);

/// What a mud's administrator is told when the gateway could not keep all.
const GAP: &str = "While the mud was away, tells or channel lines came that the gateway could not keep.";

/// The user in whose name the gateway tells that.
const GATEWAY_USER: &str = "i3-gateway";

/// A mud that speaks Intermud-3.
#[derive(Debug)]
pub(crate) struct MudClient {
    /// What it can read.
    pub(crate) program: Program,
    /// Its name.
    pub(crate) mud: String,
    /// The name by which it calls its router.
    pub(crate) router: String,
    /// The user who is told of what was lost.
    pub(crate) admin: Option<String>,
    /// The packet from the network that is being handled, as a frame for this mud.
    pub(crate) incoming: Option<Bytes>,
    /// Number of packets that were sent to it.
    pub(crate) sent: u64,
}

impl MudClient {
    /// Returns what a mud is sent of an event: the packet from the network that has caused it, or a packet that is made of
    /// it. `None`: nothing.
    pub(crate) fn event(&mut self, posted: &Posted<'_>, now: UnixTime) -> Option<Bytes> {
        let is_message = matches!(
            posted.kind.name,
            "tell_received"
                | "emoteto_received"
                | "beep_received"
                | "channel_message"
                | "channel_emote"
                | "channel_targeted_emote"
        );
        if is_message
            && !posted.is_replay
            && let Some(frame) = self.incoming.take()
        {
            self.sent += 1;
            return Some(frame);
        }
        let frame = self.program.frame(&self.packet_of(posted, now)?).ok()?;
        self.sent += 1;
        Some(frame)
    }

    fn packet_of<'p>(&'p self, posted: &Posted<'p>, now: UnixTime) -> Option<Packet<'p>> {
        let members = posted.members;
        let late = |text: &str| -> String {
            let is_late = posted.is_replay && posted.at + LATE_AFTER < now;
            if is_late { format!("[{}] {text}", posted.at.hours_and_minutes()) } else { text.to_owned() }
        };
        match posted.kind.name {
            name @ ("tell_received" | "emoteto_received" | "beep_received") => {
                let told: Told<'p> = saved::read(members)?;
                let header = Header {
                    from_mud: told.from_mud,
                    from_user: Some(told.from_user),
                    to_mud: Some(told.to_mud),
                    to_user: Some(told.to_user),
                    ..Header::broadcast("", None)
                };
                let (visname, message) = (told.visname, late(&told.message).into());
                let body = match name {
                    "tell_received" => Body::Tell { visname, message },
                    "emoteto_received" => Body::Emoteto { visname, message },
                    _ => Body::Beep { visname },
                };
                Some(Packet { header, body })
            }
            name @ ("channel_message" | "channel_emote") => {
                let Said { channel, from_mud, from_user, message, visname, .. } = saved::read(members)?;
                let header = Header { from_mud, from_user: Some(from_user), ..Header::broadcast("", None) };
                let message = late(&message).into();
                let body = match name {
                    "channel_message" => Body::ChannelMessage { channel, visname, message },
                    _ => Body::ChannelEmote { channel, visname, message },
                };
                Some(Packet { header, body })
            }
            "channel_targeted_emote" => {
                let said: Targeted<'p> = saved::read(members)?;
                let header = Header {
                    from_mud: said.from_mud,
                    from_user: Some(said.from_user),
                    ..Header::broadcast("", None)
                };
                let body = Body::ChannelTargetedEmote {
                    channel: said.channel,
                    target_mud: said.target_mud,
                    target_user: said.target_user,
                    message_others: late(&said.message).into(),
                    message_target: late(&said.message_target).into(),
                    visname: said.visname,
                    target_visname: said.target_visname,
                };
                Some(Packet { header, body })
            }
            "error_occurred" => {
                let error: ErrorOccurred<'p> = saved::read(members)?;
                if !matches!(error.context, ErrorContext::Queue) || posted.is_replay {
                    return None;
                }
                Some(self.error(&error.to_user, &error.error_code, &error.error_message, Value::Int(0)))
            }
            "replay_complete" => {
                let replay: ReplayComplete<'p> = saved::read(members)?;
                let admin = self.admin.as_deref().filter(|_| replay.gap)?;
                let header = Header::to_user(&self.router, Some(GATEWAY_USER), &self.mud, admin);
                Some(Packet {
                    header,
                    body: Body::Tell { visname: GATEWAY_USER.into(), message: GAP.into() },
                })
            }
            _ => None,
        }
    }

    /// Returns an error packet in the name of the mud's router.
    pub(crate) fn error(
        &self,
        to_user: &str,
        code: &str,
        message: &str,
        copy: Value<'static>,
    ) -> Packet<'static> {
        let to_user = Some(to_user.to_owned().into()).filter(|_| !to_user.is_empty());
        let header = Header {
            from_mud: self.router.clone().into(),
            to_mud: Some(self.mud.clone().into()),
            to_user,
            ..Header::broadcast("", None)
        };
        let body =
            Body::Error { code: code.to_owned().into(), message: message.to_owned().into(), packet: copy };
        Packet { header, body }
    }

    /// Returns an error packet as a frame.
    pub(crate) fn error_frame(
        &mut self,
        to_user: &str,
        code: &str,
        message: &str,
        copy: Value<'static>,
    ) -> Option<Bytes> {
        self.sent += 1;
        self.program.frame(&self.error(to_user, code, message, copy)).ok()
    }

    /// Returns a packet from the network as a frame for this mud. `router` is the name of the router in use, which the mud
    /// calls by another name.
    pub(crate) fn passed_on(&mut self, packet: &Packet<'_>, router: &str) -> Result<Bytes, Unreadable> {
        if packet.header.from_mud.eq_ignore_ascii_case(router) && *packet.header.from_mud != *self.router {
            let header = Header { from_mud: self.router.as_str().into(), ..packet.header.clone() };
            return self.program.frame(&Packet { header, body: packet.body.clone() });
        }
        self.program.frame(packet)
    }
}
