//! Which router a link uses: the settings' list in its order, and beside it a router that the one in use points to.

use crate::i3::packet::RouterEntry;
use crate::settings::RouterSettings;
use crate::time::Instant;
use std::time::Duration;

/// A router that was pointed to is followed to once in this time: routers point at each other, and at addresses long gone.
const REDIRECT_ONCE_IN: Duration = Duration::from_secs(3600);

/// Routers that were followed to and are remembered for that time; when so many are, no further one is followed to.
const REDIRECTS_MAX: usize = 16;

/// A router of the list, or one that was pointed to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    Listed(usize),
    Redirected(RouterSettings),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Route {
    list: Vec<RouterSettings>,
    current: Choice,
    next: Choice,
    /// Where the link was pointed to, and when.
    redirects: Vec<(RouterSettings, Instant)>,
}

impl Route {
    pub(super) fn new(list: Vec<RouterSettings>) -> Self {
        Route { list, current: Choice::Listed(0), next: Choice::Listed(0), redirects: Vec::new() }
    }

    /// Another list. The router in use stays the one in use, wherever it stands now. Says whether it is in the list no more.
    pub(super) fn set_list(&mut self, list: Vec<RouterSettings>) -> bool {
        if self.list == list {
            return false;
        }
        let current = self.current().clone();
        self.list = list;
        self.next = Choice::Listed(0);
        let place = self.list.iter().position(|router| *router == current);
        self.current = place.map_or(Choice::Redirected(current), Choice::Listed);
        place.is_none()
    }

    fn get<'a>(&'a self, choice: &'a Choice) -> &'a RouterSettings {
        match choice {
            Choice::Listed(at) => &self.list[*at],
            Choice::Redirected(router) => router,
        }
    }

    /// In use, or tried last.
    pub(super) fn current(&self) -> &RouterSettings {
        self.get(&self.current)
    }

    /// That the next attempt is for.
    pub(super) fn next(&self) -> &RouterSettings {
        self.get(&self.next)
    }

    /// The first of the list.
    pub(super) fn preferred(&self) -> &RouterSettings {
        &self.list[0]
    }

    /// Whether one of the list is in use that is not the preferred one.
    pub(super) fn is_fallback(&self) -> bool {
        matches!(self.current, Choice::Listed(at) if at > 0)
    }

    /// Whether the first of the list is in use.
    pub(super) fn is_preferred(&self) -> bool {
        self.current == Choice::Listed(0)
    }

    /// The next attempt begins.
    pub(super) fn advance(&mut self) {
        self.current = self.next.clone();
    }

    /// The next attempt is for the preferred router.
    pub(super) fn prefer(&mut self) {
        self.next = Choice::Listed(0);
    }

    /// The next attempt is for the router that comes after the current one in the list.
    pub(super) fn skip(&mut self) {
        self.next = match self.current {
            Choice::Listed(at) => Choice::Listed((at + 1) % self.list.len()),
            Choice::Redirected(_) => Choice::Listed(0),
        };
    }

    /// The router in use points to others: takes the first as the next attempt, if it is another one, makes sense, and was not followed to
    /// within the hour. Addresses that differ under the same name are no reason: a router rarely knows its own.
    pub(super) fn follow(&mut self, now: Instant, routers: &[RouterEntry<'_>]) -> bool {
        let Some(router) = routers.first().and_then(|first| self.pointed_to(first)) else { return false };
        self.redirects.retain(|(_, at)| now.since(*at) < REDIRECT_ONCE_IN);
        let followed = self.redirects.iter().any(|(known, _)| *known == router);
        if followed || self.redirects.len() >= REDIRECTS_MAX {
            return false;
        }
        self.redirects.push((router.clone(), now));
        self.next = Choice::Redirected(router);
        true
    }

    fn pointed_to(&self, entry: &RouterEntry<'_>) -> Option<RouterSettings> {
        let current = self.current();
        let (host, port) = entry.address.split_once(' ')?;
        let port = port.trim().parse().ok().filter(|port| *port != 0)?;
        let names_another = entry.name.starts_with('*') && !entry.name.eq_ignore_ascii_case(&current.name);
        let router = RouterSettings {
            name: entry.name.to_string(),
            host: host.to_owned(),
            port,
            charset: current.charset,
        };
        (names_another && !host.is_empty()).then_some(router)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Charset;

    fn router(name: &str) -> RouterSettings {
        RouterSettings {
            name: name.to_owned(),
            host: "10.0.0.1".to_owned(),
            port: 8080,
            charset: Charset::Utf8,
        }
    }

    fn minutes(minutes: u64) -> Instant {
        Instant::from_micros(minutes * 60_000_000)
    }

    fn follow(route: &mut Route, at: Instant, name: &'static str, address: &'static str) -> bool {
        let followed = route.follow(at, &[RouterEntry { name: name.into(), address: address.into() }]);
        if followed {
            route.advance();
        }
        followed
    }

    #[test]
    fn the_list_is_walked_round_and_a_redirect_leads_back_to_its_head() {
        let mut route = Route::new(vec![router("*a"), router("*b")]);
        for (name, preferred, fallback) in [("*a", true, false), ("*b", false, true), ("*a", true, false)] {
            assert_eq!(
                (route.current().name.as_str(), route.is_preferred(), route.is_fallback()),
                (name, preferred, fallback)
            );
            route.skip();
            route.advance();
        }
        assert!(follow(&mut route, minutes(0), "*c", "10.0.0.3 8787"));
        assert_eq!((route.current().name.as_str(), route.current().port), ("*c", 8787));
        assert!(!route.is_fallback() && !route.is_preferred());
        route.skip();
        route.advance();
        assert_eq!(route.current().name, "*a");
    }

    #[test]
    fn only_a_real_other_router_is_followed_to_and_once_an_hour() {
        let mut route = Route::new(vec![router("*a")]);
        assert!(!route.follow(minutes(0), &[]));
        for (name, address) in [
            ("*a", "10.9.9.9 8080"),
            ("*A", "10.9.9.9 8080"),
            ("b", "10.9.9.9 8080"),
            ("*b", "10.9.9.9"),
            ("*b", " 8080"),
            ("*b", "10.9.9.9 0"),
            ("*b", "10.9.9.9 65536"),
            ("*b", "10.9.9.9 x"),
        ] {
            assert!(!follow(&mut route, minutes(0), name, address), "{name} {address}");
        }
        assert!(follow(&mut route, minutes(0), "*b", "10.9.9.9 8080"));
        // They point at each other.
        assert!(follow(&mut route, minutes(1), "*a", "10.0.0.1 8080"));
        assert!(!follow(&mut route, minutes(2), "*b", "10.9.9.9 8080"));
        assert!(!follow(&mut route, minutes(59), "*b", "10.9.9.9 8080"));
        assert!(follow(&mut route, minutes(60), "*b", "10.9.9.9 8080"));
    }

    #[test]
    fn what_is_remembered_has_an_end_and_beyond_it_nobody_is_followed() {
        let mut route = Route::new(vec![router("*a")]);
        let names: Vec<String> = (0..40).map(|n| format!("*r{n}")).collect();
        let mut followed = 0;
        for name in &names {
            let entry = RouterEntry { name: name.as_str().into(), address: "10.0.0.2 1".into() };
            followed += usize::from(route.follow(minutes(0), &[entry]));
        }
        assert_eq!((followed, route.redirects.len()), (REDIRECTS_MAX, REDIRECTS_MAX));
    }
}
