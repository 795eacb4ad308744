//! Muds that speak Intermud-3 themselves and log in at the gateway: what a router does for them.
//!
//! `login` decides who may log in, `outgoing` handles the packets of such a mud, `incoming` those for it, `lists` tells it of
//! muds and channels, `away` what happens while it is not here, and `beside` which of its users it does not know.

mod away;
mod beside;
mod incoming;
mod lists;
mod login;
mod outgoing;

pub(crate) use away::{begin, is_over, left, reloaded};
pub(super) use away::{left_elsewhere, login_elsewhere, stays_until, who_rows};
pub(super) use incoming::{done, take};
pub(super) use lists::{channels_changed, muds_changed};
pub(super) use login::admit_again;
pub(crate) use login::{LoginRefused, log_in};
pub(crate) use outgoing::{Taken, packet, refuse};
