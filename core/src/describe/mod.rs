//! Descriptions of what clients send and receive: one type for the parameters of each method, one for each result, one
//! for each event. Parsing, bounds, error texts and the documents follow from these types.
//!
//! [`shape`] holds descriptions as data, [`datum`] holds parsed values, and [`values`] has the types of single
//! parameters with their bounds. `macros` generates structs whose description, reader and writer agree by
//! construction. Nothing here depends on an encoding.

pub mod cut;
pub mod datum;
pub(crate) mod macros;
pub mod shape;
pub mod values;
