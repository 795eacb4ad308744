//! Whether an identified client may call a method now: the rates and the permissions of its key, for every front door.

use super::method::{Access, Method};
use super::parts::Parts;
use crate::clients::rates::TooOften;
use crate::delivery::To;
use crate::event::Event;
use crate::event::told::RateLimitWarning;
use crate::fault::Fault;
use crate::machine::ConnId;
use crate::notice::{Level, Notice};

/// The name of the method for requests of unknown methods.
pub(crate) const UNKNOWN: &str = "unknown";

/// Counts a request of a client, and checks whether it may call the method now. `None`: there is no such method.
pub(crate) fn admit(
    parts: &mut Parts<'_>,
    conn: ConnId,
    method: Option<&'static Method>,
) -> Result<(), Fault> {
    let identity = parts.clients.get(conn).and_then(|session| session.identity.clone());
    let name = method.map_or(UNKNOWN, |method| method.name);
    if let (Some(identity), Some(limits)) = (&identity, &parts.cx.settings.api.rate_limits) {
        let (holder, own) = (identity.holder, identity.requests_per_minute);
        let admitted = parts.clients.rates.admit(holder, limits, own, name, parts.cx.now.mono);
        if let Err(refused) = admitted {
            return Err(too_often(parts, conn, &identity.mud_name, name, &refused));
        }
    }
    if let Some(method) = method
        && let Access::Permitted(permission) = method.access
        && !parts.clients.get(conn).is_some_and(|session| session.may(Some(permission)))
    {
        let text = format!("{} needs the permission {}", method.name, permission.name());
        return Err(Fault::permission(permission.name(), text));
    }
    Ok(())
}

/// Refuses a request that came too early. From time to time an event reports it, for games that ignore errors. The log
/// reports each limit that a key reaches once.
fn too_often(
    parts: &mut Parts<'_>,
    conn: ConnId,
    mud: &str,
    method: &'static str,
    refused: &TooOften,
) -> Fault {
    parts.cx.metrics.requests_limited += 1;
    if refused.is_first {
        let text = "a key has reached its rate limit: its game loses requests; this is reported once";
        let notice = Notice::new(Level::Warn, "api", text).with("mud", mud).with("method", method);
        parts.cx.notice(notice.with("setting", &refused.setting).with("per_minute", refused.per_minute));
    }
    if refused.is_news {
        let (per_minute, retry_after_ms) = (refused.per_minute, refused.retry_after_ms);
        let warning = RateLimitWarning { method, per_minute, retry_after_ms };
        let (cx, mut out) = parts.delivery();
        out.emit(cx, To::Session(conn), &Event::RateLimitWarning(warning));
    }
    Fault::too_often(refused.retry_after_ms, "Rate limit exceeded")
}
