//! The macro processor: GNU m4 1.4.19, except its dynamic modules and its
//! frozen files, as a machine without IO.
//!
//! Bytes go in, bytes come out, and every output line knows where it came
//! from. Files, commands and temporary names are asked of a [`Host`]. The
//! machine reads its input as GNU m4's manual describes it: a stack of texts,
//! where the expansion of a macro is put back in front of what follows it.
//! The stack of macro calls is data, not native recursion, so that deep
//! nesting meets a [`Limits`] and never the end of the native stack.
//!
//! ```text
//! let mut m4 = M4::new(&mut host, Settings::default());
//! m4.define(b"name", b"value");
//! m4.process_file(b"cf.m4")?;
//! m4.process_bytes("sendmail.mc", text)?;
//! let output = m4.finish()?;
//! ```
//!
//! Left out: frozen files (`-F`, `-R`), and `changeword` and `syncoutput`,
//! which Debian's m4 lacks as well.
//!
//! departs: a NUL byte is a byte like any other, where GNU m4 loses it and
//! what follows it in a string; text is bytes in any locale, also for
//! regular expressions; deep recursion meets a limit, not the stack's end.

mod builtins;
mod call;
mod debug;
mod host;
mod input;
mod machine;
mod message;
mod number;
mod origin;
mod output;
mod record;
mod scan;
mod settings;
mod symbols;
mod syntax;
mod take;
#[cfg(test)]
mod tests;
mod trace;

pub use host::{Finished, Found, Host, HostError};
pub use machine::{M4, Stop};
pub use message::{Message, Weight};
pub use origin::LineOrigin;
pub use output::Output;
pub use record::{Defined, Record};
pub use settings::{DebugFlags, FatalWarnings, Limits, Settings};
