//! What is made from the documents of the API.

#[rustfmt::skip]
pub mod events;
#[rustfmt::skip]
pub mod methods;
#[rustfmt::skip]
pub mod requests;
