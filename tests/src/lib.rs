//! What the tests across the rooms share: [`world`] runs machines against each other in virtual time, [`scenario`] reads
//! and plays the text files in `scenarios/`, [`wire`] decodes what is sent, by itself and not with the code under test.

pub mod scenario;
pub mod wire;
pub mod world;
