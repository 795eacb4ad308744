//! Descriptions of what local programs send and get: a type for the parameters of each method, one for each result, one
//! for each event. Reading, bounds, error texts and the documents follow from these types.
//!
//! [`shape`] is the description as data, [`datum`] a value that a front door has read, [`values`] the types of single
//! parameters with their bounds, and [`macros`] makes structs whose description, reader and writer agree by
//! construction. Nothing here knows an encoding.

pub mod datum;
pub(crate) mod macros;
pub mod shape;
pub mod values;
