//! `format`: C's `printf`.

use super::super::call::Call;
use super::super::message::{Weight, text};
use super::super::{M4, Stop};

pub(super) fn format(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let _ = (call, out, Weight::Fault, text!(b""));
    m4.fault(b"format: not there yet".to_vec())
}
