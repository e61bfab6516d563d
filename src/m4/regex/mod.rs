//! GNU basic regular expressions in Emacs's syntax, over bytes, as GNU m4
//! uses them: `* + ?` repeat, `\( \)` group, `\|` separates alternatives,
//! `\1` to `\9` are back-references, `\w \W \s \S \b \B \< \> \` \'` are what
//! they are in GNU programs; `^` and `$` match at lines; intervals and
//! `[:alpha:]` are not special.
//!
//! A match is the leftmost and of those the longest. Groups are what glibc
//! finds on the way to that end: the first alternative and the most
//! repetitions that still lead there.

mod back;
mod groups;
mod parse;
mod search;
#[cfg(test)]
mod tests;

pub(super) use parse::{Regex, compile};
pub(super) use search::{Captures, Fuel, OutOfFuel};
