//! Traces of macro calls, as `traceon` and the debug flags ask for them.

use super::call::{Call, Frame};
use super::settings::DebugFlags;
use super::symbols::NameId;
use super::{M4, Stop};

impl M4<'_> {
    /// Whether calls of this macro are shown.
    pub(super) fn is_traced(&self, name: NameId) -> bool {
        self.settings.debug.has(DebugFlags::ALL) || self.symbols.is_traced(name)
    }

    /// Shows a call before its arguments are collected.
    pub(super) fn trace_before(&mut self, _frame: &Frame) -> Result<(), Stop> {
        Ok(())
    }

    /// Shows a call with its arguments.
    pub(super) fn trace_call(&mut self, _frame: &Frame, _call: &Call<'_>) -> Result<(), Stop> {
        Ok(())
    }

    /// Shows what a call gave.
    pub(super) fn trace_expansion(
        &mut self,
        _frame: &Frame,
        _call: &Call<'_>,
        _expansion: &[u8],
    ) -> Result<(), Stop> {
        Ok(())
    }
}
