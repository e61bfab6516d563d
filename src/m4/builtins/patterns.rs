//! `regexp` and `patsubst`.

use super::super::call::Call;
use super::super::{M4, Stop};

pub(super) fn regexp(m4: &mut M4<'_>, _: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    m4.fault(b"regexp: not there yet".to_vec())
}

pub(super) fn patsubst(m4: &mut M4<'_>, _: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    m4.fault(b"patsubst: not there yet".to_vec())
}
