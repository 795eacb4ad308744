//! What a login says, and what the router's answer to it does: password, redirect.

use super::rig::{Rig, SECOND};
use crate::link::state::StateName;
use crate::link::step::LinkEvent;
use crate::machine::SaveTicket;
use crate::notice::Level;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn the_link_is_ready_once_the_password_is_durable_or_cannot_be() {
    for outcome in [Some(Ok(())), Some(Err("disk full".to_owned())), None] {
        let mut rig = Rig::new(&["a"], |_| {});
        rig.opened();
        rig.reply(true, &[]);
        assert_eq!(
            (rig.state(), rig.link.is_ready(), rig.saves.len()),
            (StateName::SavingPassword, false, 1)
        );
        let ticket = rig.saves[0];
        let other = SaveTicket(ticket.0 + 1);
        rig.step(|link, cx| link.saved(cx, other, &Ok(())));
        rig.wait(Duration::from_millis(9_999));
        assert!(!rig.link.is_ready());
        match &outcome {
            Some(outcome) => rig.step(|link, cx| link.saved(cx, ticket, outcome)),
            None => rig.wait(Duration::from_millis(1)),
        }
        assert_eq!((rig.link.is_ready(), &rig.events[..]), (true, &[LinkEvent::Ready][..]));
        let warnings = usize::from(outcome != Some(Ok(())));
        assert_eq!(rig.notices(Level::Error), warnings, "{outcome:?}");
        // A later startup-reply saves its password and changes nothing else.
        rig.reply(true, &[]);
        rig.reply(false, &[]);
        assert_eq!((rig.saves.len(), rig.events.len(), rig.link.is_ready()), (2, 1, true));
        rig.step(|link, cx| link.saved(cx, ticket, &Ok(())));
        assert_eq!(rig.events.len(), 1);
    }
}

#[test]
fn a_redirect_is_followed_when_that_is_allowed() {
    for allowed in [false, true] {
        for late in [false, true] {
            let mut rig = Rig::new(&["a", "b"], |settings| settings.follow_redirects = allowed);
            rig.opened();
            if late {
                rig.reply(false, &[("*a", "10.0.0.1 4000")]);
                assert!(rig.link.is_ready(), "a router that names itself is no redirect");
            }
            rig.reply(true, &[("*c", "10.0.0.3 8787"), ("*a", "10.0.0.1 4000")]);
            assert_eq!(rig.saves.len(), 1, "the password is saved in any case");
            if !allowed {
                assert_eq!(rig.state(), if late { StateName::Ready } else { StateName::SavingPassword });
                continue;
            }
            assert_eq!(rig.kinds(), ["startup-req-3", "shutdown"]);
            assert_eq!(rig.next_dial(), (2 * SECOND, "10.0.0.3".to_owned()));
            rig.opened();
            assert!(rig.sent[0].contains(r#","Alpha",0,"*c",0,"#), "{:?}", rig.sent);
            let conn = rig.link.conn().unwrap();
            rig.wait(2 * SECOND);
            rig.lost(conn);
            assert_eq!(rig.next_dial().1, "a", "the settings' list still holds");
            // It is not followed again within the hour.
            rig.opened();
            rig.reply(false, &[("*c", "10.0.0.3 8787")]);
            assert!(rig.link.is_ready());
            rig.live(Duration::from_secs(3600), 30 * SECOND);
            rig.reply(false, &[("*c", "10.0.0.3 8787")]);
            assert_eq!(rig.next_dial().1, "10.0.0.3");
        }
    }
}

#[test]
fn a_login_advertises_what_is_switched_on() {
    let mut rig = Rig::new(&["a"], |_| {});
    let services = [("tell", 1), ("who", 0), ("smtp", 25)];
    rig.reload(|_, mud| {
        let services = services.iter().map(|(name, value)| ((*name).to_owned(), *value));
        mud.services = Arc::new(services.collect());
    });
    rig.opened();
    assert!(rig.sent[0].contains(r#"(["smtp":25,"tell":1,])"#), "{:?}", rig.sent);
}
