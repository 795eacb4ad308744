//! The table of front doors.

use super::contract::Door;
use super::i3::I3Door;
use super::irc::IrcDoor;
use super::rpc::RpcDoor;
use crate::machine::Listener;

/// Returns each front door with its listeners.
pub(super) fn doors() -> Vec<(&'static [Listener], Box<dyn Door>)> {
    vec![
        (&[Listener::Http, Listener::Lines], Box::new(RpcDoor::default())),
        (&[Listener::Mud], Box::new(I3Door::default())),
        (&[Listener::Irc], Box::new(IrcDoor::default())),
    ]
}
