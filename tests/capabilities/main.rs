//! What Godwit can do, capability by capability, in one test binary.

mod dbfile;
mod need;
mod smtp_client;
