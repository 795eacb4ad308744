//! Reads the Rust sources of the workspace with a parser, for the tests that hold its structure.
//!
//! | file | what it gives |
//! |---|---|
//! | [`workspace`] | the packages, their targets and their direct dependencies, from `cargo metadata` |
//! | [`tree`] | the files of a package that are compiled without `cfg(test)`, parsed |
//! | [`mentions`] | every path, macro, method and import that one file names, with its line |
//! | [`purity`] | the mentions that the machines (core, router) must not have |
//! | [`resolve`] | the file that defines what a path names |
//! | [`graph`] | which file imports which, and the circles among them |
//! | [`layers`] | the table of layers in ARCHITECTURE.md, and the imports that go up in it |
//! | [`measures`] | the longest functions, and the functions that take a large struct as `&mut` |
//!
//! The parser sees syntax and not types. It does not see which impl a method call reaches.

pub mod graph;
pub mod layers;
pub mod measures;
pub mod mentions;
pub mod purity;
pub mod resolve;
mod tokens;
pub mod tree;
pub mod workspace;
