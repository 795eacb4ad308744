//! The PostgreSQL engine against a real server.

#![cfg(all(unix, feature = "postgres"))]

#[path = "shared/history.rs"]
mod history;
#[path = "postgres/leases.rs"]
mod leases;
#[path = "postgres/lines.rs"]
mod lines;
#[path = "postgres/log.rs"]
mod log;
#[path = "postgres/node.rs"]
mod node;
#[path = "postgres/outages.rs"]
mod outages;
#[path = "shared/postgres.rs"]
mod postgres;
#[path = "postgres/proxy.rs"]
mod proxy;
#[path = "postgres/saves.rs"]
mod saves;
#[path = "postgres/schema.rs"]
mod schema;
