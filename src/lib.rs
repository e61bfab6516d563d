//! Godwit: a mail transfer agent that a sendmail site can move to without changing a habit.
//!
//! The modules stand in reading order, and each uses only the rows above it
//! in this list (`ARCHITECTURE.md` has the table, `tests/tidy.rs` holds it).

// Row 0: the words that everything else is said in.
pub mod base;

// Row 1: languages, formats, protocol machines; no IO.
pub mod cf;
pub mod dbfile;
pub mod m4;
pub mod message;
pub mod sasl;
pub mod smtp;
pub mod world;

// Row 2: what is built on them, still without IO.
pub mod dsn;
pub mod mc;
pub mod rewrite;

// Row 3: what is looked up.
pub mod map;

// Row 4: the rules applied.
pub mod route;

// Row 5: sender and recipients.
pub mod check;
pub mod envelope;

// Row 6: what was answered 250 is here.
pub mod queue;

// Row 7: mail coming in, mail going out.
pub mod deliver;
pub mod receive;

// Row 8: the processes, and what is asked of them.
pub mod admin;
pub mod daemon;
pub mod report;

// Row 9: personalities, flags, output.
pub mod cli;

// Beside the rows: the real world behind the traits.
pub mod os;
