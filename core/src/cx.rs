//! The context that every part borrows while an input is handled.

use crate::effects::Effects;
use crate::machine::{Change, SaveTicket};
use crate::metrics::Metrics;
use crate::notice::Notice;
use crate::settings::Settings;
use crate::steady;
use crate::time::{Now, Steady};
use crate::timers::Timers;
use crate::wake::Wake;

/// Time, settings, and the places where a part reports what must be done. It holds no state of any part.
#[derive(Debug)]
pub(crate) struct Cx<'a> {
    /// The time of the input that is being handled. The monotonic time never goes back.
    pub(crate) now: Now,
    /// The current time on the clock by which the age of kept entries is measured.
    pub(crate) steady: Steady,
    pub(crate) settings: &'a Settings,
    pub(crate) fx: &'a mut Effects,
    pub(crate) timers: &'a mut Timers<Wake>,
    pub(crate) metrics: &'a mut Metrics,
    pub(crate) rng: &'a mut fastrand::Rng,
}

impl Cx<'_> {
    /// Saves changes, if there are any.
    pub(crate) fn save(&mut self, changes: impl IntoIterator<Item = Change>) -> Option<SaveTicket> {
        let mut changes = changes.into_iter().peekable();
        changes.peek()?;
        Some(self.fx.save(self.now.mono, changes))
    }

    /// Returns the change that saves the clock by which the age of kept entries is measured.
    pub(crate) fn clock_change(&self) -> Change {
        steady::change(self.steady, self.now.unix)
    }

    /// Sends a notice to the operator.
    pub(crate) fn notice(&mut self, notice: Notice) {
        self.fx.notice(notice);
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A context, for unit tests of the parts.

    use super::*;
    use crate::i3::Charset;
    use crate::settings::{ApiSettings, LinkSettings, MudSettings, NodeSettings, RouterSettings};
    use std::collections::BTreeMap;
    use std::time::Duration;

    /// A node with this name, whose start has the name after `boot `.
    pub(crate) fn node(name: &str) -> NodeSettings {
        let boot = format!("boot {name}");
        let lease = Duration::from_secs(15);
        NodeSettings { name: name.to_owned(), boot, lease, keeps_without_database: false }
    }

    /// All that a [`Cx`] lends.
    #[derive(Debug)]
    pub(crate) struct Bench {
        pub(crate) now: Now,
        pub(crate) settings: Settings,
        pub(crate) fx: Effects,
        pub(crate) timers: Timers<Wake>,
        pub(crate) metrics: Metrics,
        pub(crate) rng: fastrand::Rng,
    }

    impl Default for Bench {
        /// Creates settings with the muds Alpha and Beta, whose routers are both named `*net`.
        fn default() -> Self {
            let mud = |name: &str| MudSettings {
                name: name.to_owned(),
                player_port: 4000,
                admin_email: String::new(),
                mudlib: "lib".to_owned(),
                base_mudlib: "lib".to_owned(),
                driver: "driver".to_owned(),
                mud_type: "LP".to_owned(),
                open_status: "open".to_owned(),
                services: ["tell", "emoteto", "channel", "who", "finger", "locate", "beep", "ucache"]
                    .map(|service| (service.to_owned(), 1))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>()
                    .into(),
                routers: vec![RouterSettings {
                    name: "*net".to_owned(),
                    host: "127.0.0.1".to_owned(),
                    port: 1,
                    charset: Charset::Utf8,
                }],
                router_password: 0,
                channels: Vec::new(),
                i3: None,
            };
            let (link, api) = (LinkSettings::default(), ApiSettings::default());
            Bench {
                now: Now::default(),
                settings: Settings { muds: vec![mud("Alpha"), mud("Beta")], link, api, node: None },
                fx: Effects::default(),
                timers: Timers::default(),
                metrics: Metrics::default(),
                rng: fastrand::Rng::with_seed(1),
            }
        }
    }

    impl Bench {
        pub(crate) fn cx(&mut self) -> Cx<'_> {
            Cx {
                now: self.now,
                steady: Steady::from_micros(self.now.mono.micros()),
                settings: &self.settings,
                fx: &mut self.fx,
                timers: &mut self.timers,
                metrics: &mut self.metrics,
                rng: &mut self.rng,
            }
        }
    }
}
