//! Monotonic time, for rates and time limits: the wall clock may be set back.

/// Milliseconds since the start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(pub i64);
