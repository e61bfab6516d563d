//! What Godwit can do, capability by capability, in one test binary.

mod cli;
mod dbfile;
mod need;
mod smtp_client;
