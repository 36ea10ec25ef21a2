//! Offsets of the assigned partitions: which records are in progress, and what may be committed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Topic and partition.
pub(super) type Partition = (Arc<str>, i32);

/// Record that was taken, for [`Offsets::finish`].
#[derive(Debug, Clone)]
pub(super) struct Taken {
    partition: Partition,
    offset: i64,
    assignment: u64,
}

/// Progress in all assigned partitions.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    partitions: HashMap<Partition, Progress>,
    assignments: u64,
    changes: u64,
}

/// Progress in one partition, from its assignment to its revocation.
#[derive(Debug)]
struct Progress {
    /// Number of the assignment. A record of an earlier one does not count in this one.
    assignment: u64,
    pending: BTreeSet<i64>,
    /// Offset after the latest record taken.
    next: i64,
    /// Offset committed last; at first that of the first record.
    committed: i64,
}

impl Offsets {
    /// Records that a record is taken.
    pub(super) fn take(&mut self, topic: &Arc<str>, partition: i32, offset: i64) -> Taken {
        let partition = (Arc::clone(topic), partition);
        let assignments = &mut self.assignments;
        let progress = self.partitions.entry(partition.clone()).or_insert_with(|| {
            *assignments += 1;
            Progress {
                assignment: *assignments,
                pending: BTreeSet::new(),
                next: offset,
                committed: offset,
            }
        });
        progress.pending.insert(offset);
        progress.next = progress.next.max(offset + 1);
        Taken { partition, offset, assignment: progress.assignment }
    }

    /// Records that a record is finished.
    pub(super) fn finish(&mut self, taken: &Taken) {
        let progress = self.partitions.get_mut(&taken.partition);
        if let Some(progress) = progress.filter(|progress| progress.assignment == taken.assignment)
        {
            progress.pending.remove(&taken.offset);
        }
    }

    /// Forgets a partition that now belongs to another member of the group.
    pub(super) fn revoke(&mut self, topic: &str, partition: i32) {
        self.partitions.remove(&(Arc::from(topic), partition));
        self.changes += 1;
    }

    /// Records that partitions are assigned.
    pub(super) fn assign(&mut self) {
        self.changes += 1;
    }

    /// Forgets a partition if `offset` is before the latest record taken. Offsets do not go back
    /// during an assignment, so the topic may have been deleted and created again.
    pub(super) fn start_over(&mut self, topic: &Arc<str>, partition: i32, offset: i64) {
        let progress = self.partitions.get(&(Arc::clone(topic), partition));
        if progress.is_some_and(|progress| offset < progress.next) {
            self.revoke(topic, partition);
        }
    }

    /// Returns the number of changes of the partitions. While it is the same, so are the topics.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns the number of records in progress.
    pub(super) fn in_progress(&self) -> usize {
        self.partitions.values().map(|progress| progress.pending.len()).sum()
    }

    /// Returns the first unfinished offset of each partition of which a record was taken.
    pub(super) fn first_unfinished(&self) -> HashMap<(String, i32), i64> {
        let first =
            |progress: &Progress| progress.pending.first().copied().unwrap_or(progress.next);
        self.partitions
            .iter()
            .map(|((topic, partition), progress)| {
                ((topic.to_string(), *partition), first(progress))
            })
            .collect()
    }

    /// Returns the offsets to commit: before each one all records are finished.
    pub(super) fn committable(&self) -> Vec<(Partition, i64)> {
        let advanced = |progress: &Progress| {
            let offset = progress.pending.first().copied().unwrap_or(progress.next);
            (offset > progress.committed).then_some(offset)
        };
        self.partitions
            .iter()
            .filter_map(|(partition, progress)| Some((partition.clone(), advanced(progress)?)))
            .collect()
    }

    /// Records what was committed.
    pub(super) fn committed(&mut self, offsets: &[(Partition, i64)]) {
        for (partition, offset) in offsets {
            if let Some(progress) = self.partitions.get_mut(partition) {
                progress.committed = progress.committed.max(*offset);
            }
        }
    }
}

/// Locks the offsets, for a moment without an await.
pub(super) fn lock(offsets: &Mutex<Offsets>) -> MutexGuard<'_, Offsets> {
    offsets.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic() -> Arc<str> {
        Arc::from("booking.created")
    }

    fn committable(offsets: &Offsets) -> Vec<i64> {
        offsets.committable().into_iter().map(|(_, offset)| offset).collect()
    }

    #[test]
    fn commit_stays_before_the_first_record_in_progress() {
        let mut offsets = Offsets::default();
        let taken: Vec<Taken> = (5..9).map(|at| offsets.take(&topic(), 0, at)).collect();
        assert!(committable(&offsets).is_empty());
        offsets.finish(&taken[1]);
        assert!(committable(&offsets).is_empty(), "5 is in progress");
        offsets.finish(&taken[0]);
        assert_eq!(committable(&offsets), [7]);
        offsets.committed(&offsets.committable());
        assert!(committable(&offsets).is_empty(), "7 is committed");
        offsets.finish(&taken[3]);
        offsets.finish(&taken[2]);
        assert_eq!((committable(&offsets), offsets.in_progress()), (vec![9], 0));
    }

    #[test]
    fn record_of_an_earlier_assignment_does_not_count() {
        let mut offsets = Offsets::default();
        let early = offsets.take(&topic(), 0, 5);
        offsets.revoke("booking.created", 0);
        offsets.finish(&early);
        assert!(committable(&offsets).is_empty());
        let again = offsets.take(&topic(), 0, 5);
        offsets.finish(&early);
        assert!(committable(&offsets).is_empty(), "the later delivery is in progress");
        offsets.finish(&again);
        assert_eq!(committable(&offsets), [6]);
    }

    #[test]
    fn offset_that_goes_back_begins_a_new_assignment() {
        let mut offsets = Offsets::default();
        let early: Vec<Taken> = (0..3).map(|at| offsets.take(&topic(), 0, at)).collect();
        let before = offsets.changes();
        offsets.start_over(&topic(), 0, 3);
        offsets.start_over(&topic(), 1, 0);
        assert_eq!(offsets.changes(), before, "3 follows, and nothing was taken of partition 1");
        offsets.start_over(&topic(), 0, 0);
        assert_ne!(offsets.changes(), before);
        let again = offsets.take(&topic(), 0, 0);
        for taken in &early {
            offsets.finish(taken);
        }
        assert!(committable(&offsets).is_empty(), "the record of the new topic is in progress");
        offsets.finish(&again);
        assert_eq!(committable(&offsets), [1]);
    }

    proptest! {
        /// Whatever the order in which records finish, no commit passes one in progress, and the
        /// last commit is after all of them.
        #[test]
        fn commits_never_pass_a_record_in_progress(
            order in Just((0..40_i64).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut offsets = Offsets::default();
            let taken: Vec<Taken> = (0..40).map(|at| offsets.take(&topic(), 3, at)).collect();
            let mut finished = BTreeSet::new();
            for at in order {
                offsets.finish(&taken[usize::try_from(at).expect("small")]);
                finished.insert(at);
                for (_, offset) in offsets.committable() {
                    prop_assert!((0..offset).all(|at| finished.contains(&at)));
                }
                offsets.committed(&offsets.committable());
            }
            prop_assert_eq!(offsets.partitions[&(topic(), 3)].committed, 40);
        }
    }
}
