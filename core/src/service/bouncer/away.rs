//! What happens while a mud that speaks Intermud-3 is away.

use crate::cx::Cx;
use crate::i3::packet::WhoRow;
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::notice::{Level, Notice};
use crate::service::parts::Parts;
use crate::time::Instant;
use crate::wake::Wake;

/// Sets the timer for the end of the stay, at the start of the gateway.
pub(crate) fn begin(cx: &mut Cx<'_>, muds: &Muds, mud: MudId) {
    match stays_until(cx, muds, mud) {
        Some(at) => cx.timers.set(Wake::Away(mud), at),
        None => cx.timers.clear(Wake::Away(mud)),
    }
}

/// Returns until when the gateway stays logged in for a mud that is away.
pub(in crate::service) fn stays_until(cx: &Cx<'_>, muds: &Muds, mud: MudId) -> Option<Instant> {
    let set = cx.settings.mud(mud).i3.as_ref()?;
    muds[mud].home.away_since.filter(|_| !muds[mud].home.is_off()).map(|since| since + set.stay)
}

/// Handles the end of a connection that may have been a mud's.
pub(crate) fn left(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId, conn: ConnId) {
    if muds[mud].home.left(conn, cx.now.mono) {
        begin(cx, muds, mud);
        let notice = Notice::new(Level::Info, "api", "mud left").with("mud", &cx.settings.mud(mud).name);
        let seconds = cx.settings.mud(mud).i3.as_ref().map_or(0, |set| set.stay.as_secs());
        cx.notice(notice.with("stays_logged_in_for_seconds", seconds));
    }
}

/// Logs a mud off that has been away for too long.
pub(crate) fn is_over(parts: &mut Parts<'_>, mud: MudId) {
    let Parts { cx, muds, clients, .. } = parts;
    let others = clients.of_mud(mud).any(|(_, session)| session.is_game());
    // A mud that was never here is not missed by those who use its name without it.
    if clients.elsewhere.has_mud(mud) || !muds[mud].home.is_known() && others {
        muds[mud].home.away_since = Some(cx.now.mono);
    }
    if stays_until(cx, muds, mud).is_none_or(|at| at > cx.now.mono) || muds[mud].link.is_stopped() {
        return begin(cx, muds, mud);
    }
    let seconds = cx.settings.mud(mud).i3.as_ref().map_or(0, |set| set.stay.as_secs());
    let why = format!("the mud has been away for {seconds} s");
    let name = cx.settings.mud(mud).name.clone();
    cx.notice(Notice::new(Level::Info, "link", "logging off: the mud is away").with("mud", &name));
    let change = muds[mud].home.logged_off(&name);
    // What was asked before the mud was known has no entry.
    cx.save(Some(change).filter(|change| change.value.is_some()));
    muds.rest(cx, mud, &why);
}

/// Handles the end of a mud's session at another node.
pub(in crate::service) fn left_elsewhere(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId) {
    if muds[mud].home.conn().is_none() {
        muds[mud].home.away_since = Some(cx.now.mono);
        begin(cx, muds, mud);
    }
}

/// Handles that a mud has logged in at another node, or that another node has logged it off because it was away.
pub(in crate::service) fn login_elsewhere(parts: &mut Parts<'_>, mud: MudId, value: &[u8]) {
    let Parts { cx, muds, .. } = parts;
    let home = &mut muds[mud].home;
    let before = home.info().cloned();
    if !home.restore(value) {
        let notice = Notice::new(Level::Warn, "store", "a login of a mud at another node cannot be read");
        return cx.notice(notice.with("mud", &cx.settings.mud(mud).name));
    }
    let (info, is_off) = (home.info().cloned(), home.is_off());
    home.away_since = None;
    begin(cx, muds, mud);
    if is_off {
        return muds.rest(cx, mud, "the mud is away");
    }
    let is_news = match (&before, &info) {
        (Some(before), Some(info)) => !before.is_like(info),
        (before, info) => before.is_some() != info.is_some(),
    };
    muds[mud].link.announce(info);
    muds.wake(cx, mud);
    if is_news && muds[mud].link.conn().is_some() {
        muds.reconnect(cx, mud);
    }
}

/// Applies changed settings: a mud that may log in here now, or that no longer may.
pub(crate) fn reloaded(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId) {
    let is_set = cx.settings.mud(mud).i3.is_some();
    let home = &mut muds[mud].home;
    if is_set && home.conn().is_none() && home.away_since.is_none() {
        home.away_since = Some(cx.now.mono);
    }
    if !is_set {
        muds[mud].home.away_since = None;
        muds[mud].link.announce(None);
        muds.wake(cx, mud);
    }
    begin(cx, muds, mud);
}

/// Returns the rows of the last who-reply of a mud that is away, if the settings allow it to be given for another answer.
pub(in crate::service) fn who_rows(cx: &Cx<'_>, muds: &Muds, mud: MudId) -> Option<Vec<WhoRow<'static>>> {
    let set = cx.settings.mud(mud).i3.as_ref()?;
    let home = &muds[mud].home;
    (set.away_who && home.conn().is_none()).then(|| home.last_who.clone())
}
