//! Threads of the long-lived actors.

use actix::Arbiter;

/// Threads of the long-lived actors. Persistence waits for the disk on one of its own, the pipeline
/// renders on another, and so do live feeds; the others mostly wait, and share one.
///
/// On few processors these threads would mostly wake each other: handing an event from one to the
/// next costs more than rendering it. There, all but the feeds share one.
pub(super) struct Threads {
    arbiters: Vec<Arbiter>,
}

/// Number of processors up to which actors share a thread.
const FEW_PROCESSORS: usize = 3;

impl Threads {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let count = if processors <= FEW_PROCESSORS { 2 } else { 4 };
        Self { arbiters: (0..count).map(|_| Arbiter::new()).collect() }
    }

    fn at(&self, index: usize) -> &Arbiter {
        // There are at least two.
        &self.arbiters[index % self.arbiters.len()]
    }

    pub(super) fn core(&self) -> &Arbiter {
        self.at(0)
    }

    pub(super) fn feeds(&self) -> &Arbiter {
        self.at(1)
    }

    pub(super) fn commits(&self) -> &Arbiter {
        self.at(2)
    }

    /// Returns the thread of the pipeline. With two threads it is that of the core, because
    /// rendering leads to commits.
    pub(super) fn rendering(&self) -> &Arbiter {
        if self.arbiters.len() > 2 { self.at(3) } else { self.core() }
    }

    pub(super) fn all(self) -> Vec<Arbiter> {
        self.arbiters
    }
}
