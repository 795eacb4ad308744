//! A link against a scripted driver, in virtual time. Each file has one idea; the driver is in `rig`.

mod attempts;
mod frames;
mod leaving;
mod liveness;
mod login;
mod outage;
mod preferred;
mod reload;
mod rig;
mod shown;
