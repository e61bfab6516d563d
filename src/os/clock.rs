//! The real clock, and chance.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Instant, SystemTime};

use crate::world::{Clock, Entropy};

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// Chance for choices among equals: the order of equal hosts, jitter.
///
/// The standard library seeds a hasher from the system's entropy; that is
/// enough where nobody gains by guessing. Keys and tokens are not made here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chance;

impl Entropy for Chance {
    fn random(&self) -> u64 {
        RandomState::new().build_hasher().finish()
    }
}
