//! Sessions are told when the link of their mud becomes ready, or is no longer ready, on whichever node it runs.

use super::parts::Parts;
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::{LinkChanged, LinkStatus};
use crate::ids::MudId;
use crate::wake::Wake;

/// Tells the sessions of a mud whether its link is ready, if they have not been told.
pub(super) fn tell(parts: &mut Parts<'_>, mud: MudId) {
    let Some(is_ready) = parts.muds.news_of_readiness(mud) else { return };
    let Parts { cx, muds, clients, journal, .. } = parts;
    let one = &muds[mud];
    // What a mud that logs in here has sent meanwhile waits at its front door.
    if let Some(conn) = one.home.conn().filter(|_| is_ready) {
        cx.timers.set(Wake::Client(conn), cx.now.mono);
    }
    let router = one.link.router().name.clone();
    let mut out = Delivery { clients, journal };
    if is_ready {
        let changed = LinkChanged {
            message: "Gateway reconnected to I3 router",
            status: LinkStatus::Connected,
            router: &router,
            reason: "logged in",
        };
        out.emit(cx, To::Readers(mud), &Event::GatewayReconnected(changed));
    } else {
        let changed = LinkChanged {
            message: "Gateway disconnected from I3 router",
            status: LinkStatus::Disconnected,
            router: &router,
            reason: one.link.last_error().unwrap_or("on request"),
        };
        out.emit(cx, To::Readers(mud), &Event::GatewayDisconnected(changed));
    }
}
