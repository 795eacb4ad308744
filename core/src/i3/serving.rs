//! What a router does with muds: it reads their logins and packets without knowing all types, tells them of each other, and
//! knows what the programs that are in use cannot read. The crate `i3-router` and the front door for muds use it.

mod incoming;
mod program;
mod startup;

pub use incoming::{HEADER_ELEMENTS, Incoming, IncomingHeader, ROUTER_KINDS, as_text, framed, from_router};
pub use program::{
    C_FRAME_BYTES_MAX, COFFEEMUD_FRAME_BYTES_MAX, Family, LPC_FRAME_BYTES_MAX, Program, Unreadable, shortened,
};
pub use startup::{
    MudInfo, NEW_PROTOCOL, OLD_STARTUP_ELEMENTS, new_password, password_of, protocol_of, router_list,
};
