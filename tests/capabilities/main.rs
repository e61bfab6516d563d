//! What Godwit can do, capability by capability, in one test binary.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test fails by panicking.

mod cli;
mod dbfile;
mod deliver;
mod dsn;
mod journal;
mod m4;
mod mailq;
mod mailstats;
mod makemap;
mod maps;
mod need;
mod processes;
mod queue;
mod receive;
mod sim_disk;
mod smrsh;
mod smtp_client;
mod smtp_server;
