//! The words of the field as types: what every other module speaks of.
//!
//! Nothing here does IO, reads a clock or knows a configuration.

pub mod counted;
pub mod diagnostic;
pub mod id;
pub mod interval;
pub mod limits;
pub mod logline;
pub mod maillog;
pub mod nearest;
pub mod network;
pub mod origin;
pub mod place;
pub mod regex;
pub mod reply;
pub mod status;

pub use counted::Counted;
pub use diagnostic::{Diagnostic, Severity};
pub use id::QueueId;
pub use nearest::nearest;
pub use network::Network;
pub use origin::Origin;
pub use place::{Place, is_full_path};
pub use reply::Reply;
pub use status::{Enhanced, Sysexit};
