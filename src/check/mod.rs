//! What is wrong or suspicious with a configuration, told before mail tells
//! it: the one place that `godwit check`, `compile`, `make` and a reload ask.
//!
//! Three levels: the `.mc` as it is written (`source`), the typed
//! configuration ([`configuration`]), and the files it names (`site`). Each
//! code is a row of one table ([`codes`]). A check that may be wrong is not
//! made: a false alarm is worse than a miss.
//!
//! Left out, because nothing here could be sure of it: rules that lose only
//! some addresses to an earlier one, loops over several rules, and whether a
//! certificate's signature is good.

pub mod codes;
mod config;
mod merge;
mod site;
mod source;

use crate::base::{Diagnostic, Origin};
use crate::cf::Config;
use crate::mc::Compiled;

pub use config::Own;
pub use merge::{beside, merged};
pub use site::Surroundings;
pub use source::Features;

/// What is wrong with a `.mc`, beyond what its compilation found, and the
/// features that it asks for. `name` is how the compilation named it.
pub fn source(name: &str, text: &[u8], compiled: &Compiled) -> (Vec<Diagnostic>, Features) {
    source::faults(name, text, compiled)
}

/// The places of the lines of a compiled configuration, each at the line of
/// the `.mc` that asked for it; what the library adds by itself belongs to the
/// `.mc` as a whole.
pub fn origins(name: &str, text: &[u8], compiled: &Compiled) -> Vec<Origin> {
    source::origins(name, text, compiled)
}

/// What is wrong with a typed configuration, beyond what reading it found.
/// `features` are those of the `.mc` it was made from, whose name is `name`.
pub fn configuration(
    config: &Config,
    own: Own<'_>,
    features: &Features,
    name: &str,
) -> Vec<Diagnostic> {
    let mut faults = config::faults(config, own);
    faults.extend(site::openings(config, features, name));
    faults
}

/// What is wrong with the maps of a configuration as they are defined, none
/// of their files looked at.
pub fn maps(config: &Config, now: &dyn crate::world::Clock) -> Vec<Diagnostic> {
    config::maps(config, now)
}

/// What is wrong with the files that a configuration names.
pub fn site(config: &Config, world: &Surroundings) -> Vec<Diagnostic> {
    site::faults(config, world)
}
