//! SMTP and LMTP as machines: bytes or answers in, actions out.
//!
//! Nothing here opens a socket, reads a clock or knows a configuration. The
//! server half reads commands and gives actions and replies; the client half
//! (and LMTP) gives commands and reads replies. Sockets, rules and queues
//! stand above, in `receive` and `deliver`.

pub mod client;
pub mod command;
pub mod parameter;
pub mod proxy;
pub mod server;
pub mod sts;
pub mod xclient;
pub mod xtext;

pub use parameter::{BodyType, DeliverBy, MailParameters, Notify, RcptParameters, Ret};
