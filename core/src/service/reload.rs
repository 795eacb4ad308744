//! Applies new settings to a running gateway. Settings that need no disconnection apply at once; notices name the
//! others.

use super::{access, bouncer, channel, trace};
use crate::clients::{Clients, Goodbye};
use crate::cx::Cx;
use crate::ids::MudId;
use crate::link::Applied;
use crate::machine::ConnId;
use crate::moderation::UserRates;
use crate::muds::Muds;
use crate::notice::{Level, Notice};
use crate::settings::{KeySettings, MudSettings, Settings};

/// The outcome of merging old and new settings.
#[derive(Debug)]
pub(crate) struct Merged {
    /// The settings from now on.
    pub(crate) settings: Settings,
    /// The muds' settings before.
    pub(crate) before: Vec<MudSettings>,
    /// Muds were added or removed. This needs a restart.
    pub(crate) other_muds: bool,
}

/// Merges new settings for the existing muds. To add or remove a mud the gateway must be restarted.
pub(crate) fn merge(old: Settings, new: Settings) -> Merged {
    let other_muds = new.muds.iter().map(|mud| &mud.name).ne(old.muds.iter().map(|mud| &mud.name));
    let mut given = new.muds;
    let before = old.muds;
    let take = |old: &MudSettings| {
        let place = given.iter().position(|new| new.name == old.name);
        place.map_or_else(|| old.clone(), |place| given.swap_remove(place))
    };
    let muds = before.iter().map(take).collect();
    Merged { settings: Settings { muds, link: new.link, api: new.api, node: old.node }, before, other_muds }
}

/// Applies the changed settings.
///
/// Keys, permissions, addresses, limits, time-outs, pacing and channels change at once. What the login reports of a mud
/// changes at the next login to a router. The set of muds changes only at a restart. Notices report the latter two.
pub(crate) fn applied(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    clients: &mut Clients,
    before: &[MudSettings],
    other_muds: bool,
) {
    if other_muds {
        let text = "muds were added or removed: this takes effect at the next restart";
        cx.notice(Notice::new(Level::Warn, "gateway", text));
    }
    clients.rates.reset();
    clients.user_rates = UserRates::default();
    for (mud, before) in muds.ids().zip(before) {
        mud_changed(cx, muds, clients, mud, before);
    }
    for conn in clients.conns() {
        admit_again(cx, clients, conn);
        access::identify_again(cx, clients, conn);
    }
    clients.forget_tracers();
    trace::tracers_changed(muds, clients);
    cx.notice(Notice::new(Level::Info, "gateway", "new settings applied"));
}

/// Reports the keys that are new, and those that went away, by their names.
pub(crate) fn tell_changed_keys(cx: &mut Cx<'_>, before: &[KeySettings]) {
    let after = cx.settings.api.keys.as_deref().unwrap_or_default();
    let missing_in =
        |others: &[KeySettings], key: &KeySettings| others.iter().all(|other| other.digest != key.digest);
    let told = |what: &'static str, key: &KeySettings| {
        Notice::new(Level::Info, "gateway", what).with("key", &key.name).with("mud", &key.mud_name)
    };
    let gone = before.iter().filter(|key| missing_in(after, key)).map(|key| told("a key was removed", key));
    let new = after.iter().filter(|key| missing_in(before, key)).map(|key| told("a key was added", key));
    let notices: Vec<Notice> = gone.chain(new).collect();
    notices.into_iter().for_each(|notice| cx.notice(notice));
}

fn mud_changed(cx: &mut Cx<'_>, muds: &mut Muds, clients: &Clients, mud: MudId, before: &MudSettings) {
    if muds.reload(cx, mud, before) == Applied::AtTheNextLogin {
        let text = "changed routers or login data take effect at the next login (method reconnect)";
        cx.notice(Notice::new(Level::Warn, "gateway", text).with("mud", &before.name));
    }
    bouncer::reloaded(cx, muds, mud);
    channel::retune(cx, muds, clients, mud, &before.channels);
    muds.pump(cx, mud);
}

/// Disconnects a client whose address may no longer connect.
fn admit_again(cx: &mut Cx<'_>, clients: &mut Clients, conn: ConnId) {
    if !cx.settings.api.addresses.allow(clients.addresses.of(conn)) {
        cx.metrics.connections_forbidden += 1;
        clients.dismiss(conn, Goodbye::Policy, "this address is not allowed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::testing::Bench;

    #[test]
    fn a_reload_keeps_the_set_of_muds() {
        let old = Bench::default().settings;
        let mut new = Bench::default().settings;
        new.muds.reverse();
        new.muds[0].driver = "other".to_owned();
        new.muds[1].name = "Gamma".to_owned();
        let Merged { settings, before, other_muds } = merge(old, new);
        let known: Vec<_> =
            settings.muds.iter().map(|mud| (mud.name.as_str(), mud.driver.as_str())).collect();
        assert_eq!(known, [("Alpha", "driver"), ("Beta", "other")]);
        assert!(other_muds && before.len() == 2);
    }
}
