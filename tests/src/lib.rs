//! What the tests across the rooms share: [`world`] runs machines against each other in virtual time, [`scenario`] reads
//! and plays the text files in `scenarios/`, [`wire`] decodes what is sent, by itself and not with the code under test,
//! [`cluster`] runs several gateways on one engine, [`published`] knows the types of its fields, [`vectors`] reads the captured frames, [`hostile`] holds a gateway under siege, [`sim`] plays whole networks at random,
//! [`source`] parses the Rust sources of the workspace and says what they name and import.

pub mod cluster;
pub mod home_settings;
pub mod hostile;
pub mod published;
pub mod scenario;
pub mod sim;
pub mod source;
pub mod vectors;
pub mod wire;
pub mod world;
