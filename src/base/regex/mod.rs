//! Regular expressions over bytes as C libraries have them: GNU basic ones
//! in Emacs's syntax, as GNU m4 uses them, and POSIX extended and basic ones
//! with the GNU library's additions, as map class `regex` uses them.
//!
//! In Emacs's syntax `* + ?` repeat, `\( \)` group, `\|` separates
//! alternatives; `^` and `$` match at lines; intervals and `[:alpha:]` are
//! not special. In all, `\1` to `\9` are back-references, and `\w \W \s
//! \S \b \B \< \> \` \'` are what they are in GNU programs.
//!
//! A match is the leftmost and of those the longest. Groups are what glibc
//! finds on the way to that end: the first alternative and the most
//! repetitions that still lead there. Time is bounded by pattern times text,
//! but for back-references, and by [`Fuel`] in any case.

mod back;
mod groups;
mod parse;
mod posix;
mod search;
#[cfg(test)]
mod tests;

pub use parse::{Regex, compile};
pub use posix::{Posix, compile_posix};
pub use search::{Captures, Fuel, OutOfFuel};
