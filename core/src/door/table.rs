//! Which front doors there are.

use super::contract::Door;
use super::rpc::RpcDoor;
use crate::machine::Listener;

/// Each front door, with the listeners that lead to it.
pub(super) fn doors() -> Vec<(&'static [Listener], Box<dyn Door>)> {
    vec![(&[Listener::Http, Listener::Lines], Box::new(RpcDoor::default()))]
}
