//! A request on its way to a service.

use crate::clients::Identified;
use crate::colour::TextStyle;
use crate::cx::Cx;
use crate::fault::{Fault, reason};
use crate::machine::ConnId;
use crate::waiting::Asker;
use std::cell::Cell;

/// A request: its caller, and how the caller wants to be answered.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) asker: Asker,
    /// `None` until a key was accepted.
    pub(crate) identity: Option<Identified>,
    /// How texts are written for the client.
    pub(crate) reads: TextStyle,
    /// False for a notification, which is never answered.
    pub(crate) wants_answer: bool,
    /// The work that the request has caused so far, besides its answer.
    pub(crate) work: Cell<usize>,
}

impl Call {
    /// Notes work: about one for each byte that was looked at or written.
    pub(crate) fn worked(&self, bytes: usize) {
        self.work.set(self.work.get().saturating_add(bytes));
    }

    /// The connection that the request came over.
    pub(crate) fn conn(&self) -> ConnId {
        self.asker.conn
    }

    /// Returns the caller, which must be identified.
    pub(crate) fn caller(&self) -> Result<&Identified, Fault> {
        let fault = || Fault::not_authenticated("Not authenticated. Please authenticate first.");
        self.identity.as_ref().ok_or_else(fault)
    }

    /// Returns the caller, whose mud must have a router link here: only its sessions can speak on the network.
    pub(crate) fn speaker(&self) -> Result<&Identified, Fault> {
        let caller = self.caller()?;
        if caller.may_speak {
            return Ok(caller);
        }
        let text =
            format!("this gateway has no router link for {}: it may read but not speak", caller.mud_name);
        Err(Fault::permission("a router link for the key's mud", text))
    }

    /// Returns a caller that may speak, if the service that it uses is switched on.
    pub(crate) fn user_of(&self, cx: &Cx<'_>, service: &str) -> Result<&Identified, Fault> {
        let speaker = self.speaker()?;
        if cx.settings.mud(speaker.mud).offers(service) {
            return Ok(speaker);
        }
        Err(Fault::gateway(&reason::SERVICE_DISABLED, format!("the service {service} is switched off here")))
    }
}
