//! One side of TLS as rules want it for single peers: each kind is made once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::world::TlsFeatures;

/// Kinds kept at once; rules that name more begin anew.
const VARIANTS_MAX: usize = 64;

/// What was made for features that are not the usual ones.
pub(super) struct Variants<T> {
    made: Mutex<HashMap<TlsFeatures, Arc<T>>>,
}

impl<T> Default for Variants<T> {
    fn default() -> Self {
        Self {
            made: Mutex::default(),
        }
    }
}

impl<T> Variants<T> {
    /// The one for these features, made now if there is none.
    pub(super) fn get(&self, features: &TlsFeatures, make: impl FnOnce() -> T) -> Arc<T> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(features) {
            return Arc::clone(known);
        }
        let new = Arc::new(make());
        if made.len() >= VARIANTS_MAX {
            made.clear();
        }
        made.insert(features.clone(), Arc::clone(&new));
        new
    }
}
