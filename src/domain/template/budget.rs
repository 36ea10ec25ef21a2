//! Budget of one rendering: the work that a template may cause, and the missing field.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Object, ValueKind},
};

/// Name under which filters find the budget. No identifier of a template can spell it.
pub(super) const NAME: &str = "%budget";

/// Work of one rendering, in units: an element that is visited, or [`UNIT_BYTES`] of text that a
/// filter reads or writes. Half a million units take some ten milliseconds.
const UNITS: u64 = 500_000;

/// Bytes of text that count as one unit of work.
const UNIT_BYTES: usize = 32;

/// Largest value that a filter may return, in bytes of text or in elements.
pub(super) const VALUE_MAX: usize = 256 * 1024;

/// Budget of successive renderings of templates that share their data.
#[derive(Debug, Default)]
pub(super) struct Budget {
    used: AtomicU64,
    /// Last name that was not found.
    missing: Mutex<Option<String>>,
}

impl Budget {
    /// Begins a rendering.
    pub(super) fn reset(&self) {
        self.used.store(0, Ordering::Relaxed);
        self.set_missing(None);
    }

    /// Charges `units` of work.
    ///
    /// # Errors
    /// `OutOfFuel` when the budget is used up.
    pub(super) fn charge(&self, units: u64) -> Result<(), Error> {
        let used = self.used.fetch_add(units, Ordering::Relaxed).saturating_add(units);
        if used > UNITS {
            Err(Error::new(ErrorKind::OutOfFuel, "the template takes too much work"))
        } else {
            Ok(())
        }
    }

    /// Records a name that was not found, for the error.
    pub(super) fn set_missing(&self, name: Option<String>) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// Returns the last name that was not found.
    pub(super) fn missing(&self) -> Option<String> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Value through which filters reach the budget.
#[derive(Debug)]
pub(super) struct BudgetHandle(pub(super) Arc<Budget>);

impl Object for BudgetHandle {}

/// Charges the budget of the rendering for a value that a filter reads or returns.
///
/// # Errors
/// When the value is too large, or the budget is used up.
pub(super) fn charge(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    let (size, units) = match value.kind() {
        ValueKind::String | ValueKind::Bytes => {
            let bytes = value.as_bytes().map_or(0, <[u8]>::len);
            (bytes, bytes / UNIT_BYTES + 1)
        }
        _ => {
            let elements = value.len().unwrap_or(0);
            (elements, elements + 1)
        }
    };
    if size > VALUE_MAX {
        return Err(Error::new(ErrorKind::InvalidOperation, "a value is too large for a message"));
    }
    // A trial rendering has no data and no budget.
    let Some(handle) = state.lookup(NAME) else { return Ok(()) };
    match handle.downcast_object_ref::<BudgetHandle>() {
        Some(BudgetHandle(budget)) => budget.charge(u64::try_from(units).unwrap_or(u64::MAX)),
        None => Ok(()),
    }
}
