//! What Godwit can do, capability by capability, in one test binary.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test fails by panicking.

mod audit;
mod auth;
mod auth_out;
mod auth_reference;
mod cf;
mod check;
mod cli;
mod configurations;
mod conformance;
mod crash;
mod dbfile;
mod deliver;
mod delivery;
mod dialogue;
mod dsn;
mod explain;
mod journal;
mod m4;
mod mail;
mod mailq;
mod mailstats;
mod make;
mod makemap;
mod map_reference;
mod maps;
mod mc;
mod need;
mod ordinary;
mod processes;
mod queue;
mod queue_desk;
mod queue_exchange;
mod receive;
mod rewrite;
mod run;
mod sim_disk;
mod sink;
mod site;
mod smrsh;
mod smtp_client;
mod smtp_server;
mod tables;
mod tour;
