//! Counts the bytes of the store before they are written, so that the bound holds at all times.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use iroh_blobs::Hash;

/// Charged per blob beside its bytes: its row, its tag and file system slack. Without it a million
/// empty blobs would cost nothing.
const PER_BLOB: u64 = 512;
/// Bytes of one hash pair, and of the group of chunks it covers.
const PAIR: u64 = 64;
const GROUP: u64 = 16 * 1024;

/// Bytes a blob of `size` takes: data, hash tree and bookkeeping. Rounded up.
pub(crate) fn footprint(size: u64) -> u64 {
    let pairs = size.div_ceil(GROUP).saturating_sub(1);
    size.saturating_add(pairs.saturating_mul(PAIR))
        .saturating_add(PER_BLOB)
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    charged: u64,
    /// Reservations that are still being written.
    users: u32,
    /// Counter of the last change, to tell entries newer than a listing of the store.
    epoch: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Hash, Entry>,
    used: u64,
    /// Bytes promised to the disk but perhaps not written yet.
    pending: u64,
    epoch: u64,
}

/// What the store holds, by hash.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
}

/// Free bytes of the disk and those that must stay free.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disk {
    pub(crate) available: u64,
    pub(crate) reserve: u64,
}

/// Why a reservation was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full { needed: u64, used: u64 },
    Disk { needed: u64, available: u64 },
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state consistent, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes in use, reservations included.
    pub(crate) fn used(&self) -> u64 {
        self.lock().used
    }

    /// Sets room aside for a blob of `size`, of which `missing` bytes are still to be written.
    /// `hash` is `None` when it is known only after the copy.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        hash: Option<Hash>,
        size: u64,
        missing: u64,
        limit: u64,
        disk: Option<Disk>,
    ) -> Result<Reservation, Refusal> {
        let charge = footprint(size);
        let mut state = self.lock();
        let known = hash.and_then(|hash| state.entries.get(&hash).copied());
        let before = known.map_or(0, |entry| entry.charged);
        let growth = charge.saturating_sub(before);
        if state.used.saturating_add(growth) > limit {
            return Err(Refusal::Full {
                needed: growth,
                used: state.used,
            });
        }
        let pending = footprint(missing);
        if let Some(disk) = disk {
            let room = disk
                .available
                .saturating_sub(disk.reserve)
                .saturating_sub(state.pending);
            if pending > room {
                return Err(Refusal::Disk {
                    needed: pending,
                    available: disk.available,
                });
            }
        }
        state.used += growth;
        state.pending += pending;
        state.epoch += 1;
        if let Some(hash) = hash {
            let epoch = state.epoch;
            let entry = state.entries.entry(hash).or_insert(Entry {
                charged: 0,
                users: 0,
                epoch,
            });
            entry.charged = entry.charged.max(charge);
            entry.users += 1;
            entry.epoch = epoch;
        }
        drop(state);
        Ok(Reservation {
            ledger: self.clone(),
            hash,
            before,
            charge,
            pending,
            keep: false,
        })
    }

    /// Marks a point in time; see [`Self::reconcile`].
    pub(crate) fn mark(&self) -> u64 {
        let mut state = self.lock();
        state.epoch += 1;
        state.epoch
    }

    /// Replaces the entries by what the store listed. What changed after `mark` stays, because the
    /// listing may not have seen it.
    pub(crate) fn reconcile(&self, mark: u64, listed: impl IntoIterator<Item = (Hash, u64)>) {
        let mut state = self.lock();
        let mut entries: HashMap<Hash, Entry> = listed
            .into_iter()
            .map(|(hash, size)| {
                (
                    hash,
                    Entry {
                        charged: footprint(size),
                        users: 0,
                        epoch: mark,
                    },
                )
            })
            .collect();
        for (hash, old) in state.entries.drain() {
            if old.users > 0 || old.epoch > mark {
                let entry = entries.entry(hash).or_insert(old);
                *entry = Entry {
                    charged: entry.charged.max(old.charged),
                    ..old
                };
            }
        }
        state.used = entries
            .values()
            .fold(0, |sum: u64, entry| sum.saturating_add(entry.charged));
        state.entries = entries;
    }
}

/// Room set aside for one blob while it is written. Dropped without [`Reservation::keep`] it is given
/// back.
#[derive(Debug)]
pub(crate) struct Reservation {
    ledger: Arc<Ledger>,
    hash: Option<Hash>,
    /// What the entry was charged before.
    before: u64,
    charge: u64,
    pending: u64,
    keep: bool,
}

impl Reservation {
    /// The blob, or a verified part of it, is in the store: its room stays taken.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    /// The blob turned out to be `hash` with `size` bytes.
    pub(crate) fn settle(mut self, hash: Hash, size: u64) {
        let charge = footprint(size);
        let mut state = self.ledger.lock();
        state.epoch += 1;
        let epoch = state.epoch;
        let entry = state.entries.entry(hash).or_insert(Entry {
            charged: 0,
            users: 0,
            epoch,
        });
        let growth = charge.saturating_sub(entry.charged);
        entry.charged = entry.charged.max(charge);
        entry.epoch = epoch;
        state.used = state
            .used
            .saturating_sub(self.charge)
            .saturating_add(growth);
        drop(state);
        self.charge = 0;
        self.keep = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.ledger.lock();
        state.pending = state.pending.saturating_sub(self.pending);
        let Some(hash) = self.hash else {
            if !self.keep {
                state.used = state.used.saturating_sub(self.charge);
            }
            return;
        };
        let Some(entry) = state.entries.get_mut(&hash) else {
            return;
        };
        entry.users = entry.users.saturating_sub(1);
        if self.keep || entry.users > 0 {
            return;
        }
        let freed = entry.charged.saturating_sub(self.before);
        entry.charged = entry.charged.min(self.before);
        if entry.charged == 0 {
            state.entries.remove(&hash);
        }
        state.used = state.used.saturating_sub(freed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(mut reservation: Reservation) {
        reservation.keep();
    }

    fn hash(n: u8) -> Hash {
        Hash::from_bytes([n; 32])
    }

    #[test]
    fn footprint_counts_tree_and_row() {
        assert_eq!(footprint(0), PER_BLOB);
        assert_eq!(footprint(GROUP), GROUP + PER_BLOB);
        assert_eq!(footprint(GROUP + 1), GROUP + 1 + PAIR + PER_BLOB);
        assert_eq!(footprint(u64::MAX), u64::MAX, "no overflow");
    }

    #[test]
    fn a_dropped_reservation_gives_its_room_back() {
        let ledger = Arc::new(Ledger::default());
        let limit = footprint(100);
        let first = ledger
            .reserve(Some(hash(1)), 100, 100, limit, None)
            .expect("fits");
        let refused = ledger
            .reserve(Some(hash(2)), 0, 0, limit, None)
            .expect_err("no room");
        assert_eq!(
            refused,
            Refusal::Full {
                needed: PER_BLOB,
                used: limit
            }
        );
        drop(first);
        assert_eq!(ledger.used(), 0);
        kept(
            ledger
                .reserve(Some(hash(2)), 100, 100, limit, None)
                .expect("room again"),
        );
        assert_eq!(ledger.used(), limit);
    }

    #[test]
    fn a_false_size_is_forgotten_and_the_true_one_stays() {
        let ledger = Arc::new(Ledger::default());
        kept(
            ledger
                .reserve(Some(hash(1)), 10, 10, u64::MAX, None)
                .expect("fits"),
        );
        drop(
            ledger
                .reserve(Some(hash(1)), 1 << 40, 10, u64::MAX, None)
                .expect("fits"),
        );
        assert_eq!(ledger.used(), footprint(10));
    }

    #[test]
    fn the_same_blob_is_charged_once() {
        let ledger = Arc::new(Ledger::default());
        let a = ledger
            .reserve(Some(hash(1)), 10, 10, u64::MAX, None)
            .expect("fits");
        let b = ledger
            .reserve(Some(hash(1)), 10, 10, u64::MAX, None)
            .expect("fits");
        assert_eq!(ledger.used(), footprint(10));
        drop(a);
        assert_eq!(ledger.used(), footprint(10), "still written by the other");
        kept(b);
        let copy = ledger.reserve(None, 10, 10, u64::MAX, None).expect("fits");
        assert_eq!(ledger.used(), 2 * footprint(10));
        copy.settle(hash(1), 10);
        assert_eq!(ledger.used(), footprint(10));
    }

    #[test]
    fn promises_to_the_disk_count_until_they_are_written() {
        let ledger = Arc::new(Ledger::default());
        let disk = Some(Disk {
            available: footprint(100) + footprint(50) + 7,
            reserve: 7,
        });
        let first = ledger
            .reserve(Some(hash(1)), 100, 100, u64::MAX, disk)
            .expect("fits");
        let refused = ledger.reserve(Some(hash(2)), 51, 51, u64::MAX, disk);
        assert!(matches!(refused, Err(Refusal::Disk { .. })), "{refused:?}");
        kept(
            ledger
                .reserve(Some(hash(2)), 50, 50, u64::MAX, disk)
                .expect("fits exactly"),
        );
        kept(first);
        // A resumed transfer needs room only for what is missing.
        kept(
            ledger
                .reserve(Some(hash(3)), 1 << 30, 100, u64::MAX, disk)
                .expect("mostly here"),
        );
    }

    #[test]
    fn reconcile_keeps_what_the_listing_could_not_see() {
        let ledger = Arc::new(Ledger::default());
        kept(
            ledger
                .reserve(Some(hash(1)), 10, 10, u64::MAX, None)
                .expect("fits"),
        );
        kept(
            ledger
                .reserve(Some(hash(2)), 20, 20, u64::MAX, None)
                .expect("fits"),
        );
        let writing = ledger
            .reserve(Some(hash(3)), 30, 30, u64::MAX, None)
            .expect("fits");
        let mark = ledger.mark();
        kept(
            ledger
                .reserve(Some(hash(4)), 40, 40, u64::MAX, None)
                .expect("fits"),
        );
        ledger.reconcile(mark, [(hash(2), 20)]);
        assert_eq!(ledger.used(), footprint(20) + footprint(30) + footprint(40));
        drop(writing);
        assert_eq!(ledger.used(), footprint(20) + footprint(40));
    }
}
