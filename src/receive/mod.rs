//! Mail coming in: SMTP sessions and local submission, up to the moment a
//! message is ours.
//!
//! A [`Service`] is one listener's view of a site. [`Service::serve`] drives
//! the SMTP machine over any stream: it asks the site's rules, gathers the
//! message into the spool, repairs its header, and answers 250 only after the
//! spool has made it durable. What it has accepted it hands to an [`Intake`];
//! how mail is delivered is nobody's business here.
//!
//! An idle session holds no buffer: input is read into the stack of whoever
//! polls, and what must be kept is freed when it is used up.

mod accept;
mod auth;
mod client;
mod collect;
mod header;
mod notes;
mod pipe;
mod questions;
mod service;
mod session;
mod socket;
mod submit;
mod tls;
mod transaction;
mod vrfy;
mod wire;
mod xclient;

pub use auth::{Authenticator, Exchange, Said, Security};
pub use client::{Connection, Counts, Origin};
pub use service::{Daemon, Intake, Service, ServiceParts};

pub use submit::{Complaint, Submission, Submitted, Submitter};
