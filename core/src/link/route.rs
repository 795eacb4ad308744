//! Which router a link uses: the one of the settings' list whose turn it is, or one that a router has pointed to.
//!
//! The list itself is borrowed from the settings. What is kept here is the place in it.

use crate::i3::packet::RouterEntry;
use crate::settings::{LinkSettings, RouterSettings};
use crate::time::Instant;
use std::time::Duration;

/// The link follows to the same router once in this time: routers point at each other, and at addresses that are long
/// gone.
const REDIRECT_ONCE_IN: Duration = Duration::from_secs(3600);

/// How many routers that the link followed to are remembered for that time. While so many are, it follows to no
/// further one.
const REDIRECTS_MAX: usize = 16;

/// The longest name of a router that the link follows to, in bytes.
const ROUTER_NAME_BYTES_MAX: usize = 128;

/// The longest name of a host, in bytes: that of the domain name system.
const HOST_BYTES_MAX: usize = 253;

/// After each return to the preferred router that did not last, it must be reachable for twice as long, up to so many
/// doublings.
const RETURN_DOUBLINGS_MAX: u32 = 4;

/// The router of the next attempt.
#[derive(Debug)]
enum Next {
    /// At this place of the list.
    Listed(usize),
    /// That a router has pointed to.
    Redirected(RouterSettings),
}

/// The router in use and the next one. The list that its methods take is that of the settings, which has at least one
/// router.
#[derive(Debug)]
pub(super) struct Route {
    /// In use, or tried last. It is the only router that is copied: the session goes on there when new settings no
    /// longer list it, and a router that was pointed to is in no settings.
    current: RouterSettings,
    /// The place of the current router in the list; `None` when it is not in it.
    place: Option<usize>,
    next: Next,
    /// Where the link was pointed to, and when.
    redirects: Vec<(RouterSettings, Instant)>,
    /// How often the link has returned to the preferred router since a session there last lasted.
    returns: u32,
}

impl Route {
    /// At the first router of the list.
    pub(super) fn new(list: &[RouterSettings]) -> Self {
        Route {
            current: list[0].clone(),
            place: Some(0),
            next: Next::Listed(0),
            redirects: Vec::new(),
            returns: 0,
        }
    }

    /// New settings hold. The current router stays the current one, at whatever place of the list it is now; the next
    /// attempt is for the first. Returns whether the list has changed and the current router is not in it.
    pub(super) fn reload(&mut self, before: &[RouterSettings], list: &[RouterSettings]) -> bool {
        if before == list {
            return false;
        }
        self.next = Next::Listed(0);
        self.place = list.iter().position(|router| *router == self.current);
        self.place.is_none()
    }

    /// The router in use, or tried last.
    pub(super) fn current(&self) -> &RouterSettings {
        &self.current
    }

    /// The router of the next attempt.
    pub(super) fn next<'a>(&'a self, list: &'a [RouterSettings]) -> &'a RouterSettings {
        match &self.next {
            Next::Listed(at) => &list[*at],
            Next::Redirected(router) => router,
        }
    }

    /// Whether a router of the list is in use that is not the preferred one.
    fn is_fallback(&self) -> bool {
        self.place.is_some_and(|at| at > 0)
    }

    /// The next attempt begins.
    pub(super) fn advance(&mut self, list: &[RouterSettings]) {
        self.current = self.next(list).clone();
        self.place = match self.next {
            Next::Listed(at) => Some(at),
            Next::Redirected(_) => None,
        };
    }

    /// The next attempt is for the preferred router, the first of the list.
    pub(super) fn prefer(&mut self) {
        self.next = Next::Listed(0);
    }

    /// The next attempt is for the router at this place of the list.
    pub(super) fn turn_to(&mut self, place: usize) {
        self.next = Next::Listed(place);
    }

    /// The next attempt is for the router that follows the current one in the list.
    pub(super) fn skip(&mut self, list: &[RouterSettings]) {
        self.next = Next::Listed(self.place.map_or(0, |at| (at + 1) % list.len()));
    }

    /// How long the preferred router must have been reachable before the link returns to it; `None` when the link does
    /// not return, or is there.
    pub(super) fn return_after(&self, settings: &LinkSettings) -> Option<Duration> {
        let after = settings.return_after.filter(|_| self.is_fallback())?;
        Some(after.saturating_mul(1 << self.returns.min(RETURN_DOUBLINGS_MAX)))
    }

    /// The preferred router has been reachable for long enough: the next attempt is for it.
    pub(super) fn return_to_preferred(&mut self) {
        self.returns = self.returns.saturating_add(1);
        self.prefer();
    }

    /// A session at the current router has lasted. At the preferred one, its returns are forgotten.
    pub(super) fn lasted(&mut self) {
        if self.place == Some(0) {
            self.returns = 0;
        }
    }

    /// The current router points to others. Makes the first of them the next attempt, if it is another router, its
    /// address makes sense, and the link did not follow to it within the hour. Returns whether it did. An address that
    /// differs under the same name is no redirect: a router rarely knows its own address.
    pub(super) fn follow(&mut self, now: Instant, routers: &[RouterEntry<'_>]) -> bool {
        let Some(router) = routers.first().and_then(|first| self.pointed_to(first)) else { return false };
        self.redirects.retain(|(_, at)| now.since(*at) < REDIRECT_ONCE_IN);
        let followed = self.redirects.iter().any(|(known, _)| *known == router);
        if followed || self.redirects.len() >= REDIRECTS_MAX {
            return false;
        }
        self.redirects.push((router.clone(), now));
        self.next = Next::Redirected(router);
        true
    }

    fn pointed_to(&self, entry: &RouterEntry<'_>) -> Option<RouterSettings> {
        let (host, port) = entry.address.split_once(' ')?;
        let port = port.trim().parse().ok().filter(|port| *port != 0)?;
        if entry.name.len() > ROUTER_NAME_BYTES_MAX || host.len() > HOST_BYTES_MAX {
            return None;
        }
        let names_another =
            entry.name.starts_with('*') && !entry.name.eq_ignore_ascii_case(&self.current.name);
        let router = RouterSettings {
            name: entry.name.to_string(),
            host: host.to_owned(),
            port,
            charset: self.current.charset,
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
            route.advance(&[]);
        }
        followed
    }

    #[test]
    fn the_list_is_walked_round_and_a_redirect_leads_back_to_its_head() {
        let list = [router("*a"), router("*b")];
        let mut route = Route::new(&list);
        for (name, place) in [("*a", 0), ("*b", 1), ("*a", 0)] {
            assert_eq!((route.current().name.as_str(), route.place), (name, Some(place)));
            assert_eq!(route.is_fallback(), place > 0);
            route.skip(&list);
            route.advance(&list);
        }
        assert!(follow(&mut route, minutes(0), "*c", "10.0.0.3 8787"));
        assert_eq!((route.current().name.as_str(), route.current().port), ("*c", 8787));
        assert!(!route.is_fallback() && route.place.is_none());
        route.skip(&list);
        route.advance(&list);
        assert_eq!(route.current().name, "*a");
    }

    #[test]
    fn with_another_list_the_current_router_stays_and_the_next_one_is_the_first() {
        let [a, b, c] = ["*a", "*b", "*c"].map(router);
        let list = [a.clone(), b.clone()];
        let mut route = Route::new(&list);
        route.skip(&list);
        assert!(!route.reload(&list, &list), "nothing has changed");
        assert_eq!(route.next(&list), &b);
        let turned = [b.clone(), a.clone()];
        assert!(!route.reload(&list, &turned));
        assert_eq!((route.current(), route.place, route.next(&turned)), (&a, Some(1), &b));
        // A router with another port is another router.
        let moved = [c, RouterSettings { port: 1, ..a.clone() }];
        assert!(route.reload(&turned, &moved));
        assert_eq!((route.current(), route.place), (&a, None));
        route.skip(&moved);
        assert_eq!(route.next(&moved).name, "*c");
        assert!(!route.reload(&moved, &list), "it is listed again");
        assert_eq!(route.place, Some(0));
    }

    #[test]
    fn a_return_that_does_not_last_makes_the_next_one_wait_for_twice_as_long() {
        let list = [router("*a"), router("*b")];
        let settings =
            LinkSettings { return_after: Some(Duration::from_secs(100)), ..LinkSettings::default() };
        let mut route = Route::new(&list);
        assert_eq!(route.return_after(&settings), None, "it is there");
        let mut seconds = |lasted: bool| {
            route.skip(&list);
            route.advance(&list);
            let after = route.return_after(&settings).unwrap();
            route.return_to_preferred();
            route.advance(&list);
            if lasted {
                route.lasted();
            }
            after.as_secs()
        };
        assert_eq!([(); 7].map(|()| seconds(false)), [100, 200, 400, 800, 1600, 1600, 1600]);
        assert_eq!([true, false, false].map(seconds), [1600, 100, 200]);
        route.skip(&list);
        route.advance(&list);
        assert_eq!(route.return_after(&LinkSettings { return_after: None, ..settings }), None);
    }

    #[test]
    fn only_a_real_other_router_is_followed_to_and_once_an_hour() {
        let mut route = Route::new(&[router("*a")]);
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
        let mut route = Route::new(&[router("*a")]);
        let names: Vec<String> = (0..40).map(|n| format!("*r{n}")).collect();
        let mut followed = 0;
        for name in &names {
            let entry = RouterEntry { name: name.as_str().into(), address: "10.0.0.2 1".into() };
            followed += usize::from(route.follow(minutes(0), &[entry]));
        }
        assert_eq!((followed, route.redirects.len()), (REDIRECTS_MAX, REDIRECTS_MAX));
    }
}
