//! Several nodes on one PostgreSQL database, as processes: what they promise together, whatever becomes of a node, of the database, or of the
//! way between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../support/cluster.rs"]
mod cluster;
mod administrator;
#[path = "../process/node.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod node;
mod failover;
mod faults;
mod limits;
mod outages;
mod programs;
mod proxy;
mod rate;
mod server;
mod side_by_side;
mod storm;
mod tls;
mod world;
