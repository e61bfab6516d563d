//! Bytes that nobody can guess.

use crate::world::Entropy;

/// The kernel's random bytes: for nonces, salts and tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelEntropy;

impl Entropy for KernelEntropy {
    fn random(&self) -> u64 {
        let random = getrandom::u64();
        assert!(random.is_ok(), "the kernel always has random bytes");
        random.unwrap_or_default()
    }
}
