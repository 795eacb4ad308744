//! The API as it is documented: docs/API.md, docs/openrpc.json and docs/asyncapi.json are made from the tables of the
//! core, are what their own specifications ask for, and are what every scenario really gets.

mod contract;
mod documents;
mod nodes;
mod page;
mod parameters;
mod rust_client;
mod scenarios;
