//! Counts the bytes of the store before they are written, so that the bounds hold at all times, and remembers what was
//! used last, so that the oldest goes first.

use std::{
    collections::{HashMap, HashSet},
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
    /// Counter of the last use; 0: not used since the start.
    used: u64,
    /// Whose share of the store it takes, if anybody's.
    group: Option<u64>,
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
    Group { needed: u64, used: u64 },
}

/// What a blob's room is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// `None` when it is known only after the copy.
    pub(crate) hash: Option<Hash>,
    pub(crate) size: u64,
    /// Bytes that are still to be written.
    pub(crate) missing: u64,
    pub(crate) group: Option<u64>,
}

/// What the store may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) all: u64,
    /// The content of one group.
    pub(crate) group: u64,
    pub(crate) disk: Option<Disk>,
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

    /// Whether any of it was stored, or is being written.
    pub(crate) fn knows(&self, hash: &Hash) -> bool {
        self.lock().entries.contains_key(hash)
    }

    /// Notes that content is used.
    pub(crate) fn touch(&self, hash: &Hash) {
        let mut state = self.lock();
        state.epoch += 1;
        let now = state.epoch;
        if let Some(entry) = state.entries.get_mut(hash) {
            entry.used = now;
        }
    }

    /// All but the longest unused content, of which so many bytes can go; of a group, if one is named. What `spare` names
    /// stays in any case.
    pub(crate) fn all_but_oldest(
        &self,
        bytes: u64,
        group: Option<u64>,
        spare: &HashSet<Hash>,
    ) -> HashSet<Hash> {
        let state = self.lock();
        let mut oldest: Vec<(u64, Hash, u64)> = state
            .entries
            .iter()
            .filter(|(hash, entry)| {
                (group.is_none() || entry.group == group) && !spare.contains(*hash)
            })
            .map(|(hash, entry)| (entry.used, *hash, entry.charged))
            .collect();
        oldest.sort_unstable();
        let mut keep: HashSet<Hash> = state.entries.keys().copied().collect();
        let mut freed: u64 = 0;
        for (_, hash, charged) in oldest {
            if freed >= bytes {
                break;
            }
            freed = freed.saturating_add(charged);
            keep.remove(&hash);
        }
        keep
    }

    /// Sets room aside for a blob.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        claim: Claim,
        bounds: &Bounds,
    ) -> Result<Reservation, Refusal> {
        let Claim {
            hash,
            size,
            missing,
            group,
        } = claim;
        let (limit, disk) = (bounds.all, bounds.disk);
        let charge = footprint(size);
        let mut state = self.lock();
        let known = hash.and_then(|hash| state.entries.get(&hash).copied());
        let before = known.map_or(0, |entry| entry.charged);
        let growth = charge.saturating_sub(before);
        let in_group = |entry: &&Entry| group.is_some() && entry.group == group;
        // What another group brought stays its share, and what is here costs nobody anything.
        let is_free = known.is_none_or(|entry| entry.group.is_none() || entry.group == group);
        let joins = is_free && growth > 0;
        // Before all else: what goes beyond a group's share takes nobody else's room. No group takes more than all do.
        if joins && group.is_some() && state.used.saturating_add(growth) > bounds.group {
            let used = state.entries.values().filter(in_group);
            let used = used.fold(0, |sum: u64, entry| sum.saturating_add(entry.charged));
            if used.saturating_add(growth) > bounds.group {
                return Err(Refusal::Group {
                    needed: growth,
                    used,
                });
            }
        }
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
                used: epoch,
                group,
            });
            if joins && entry.group.is_none() {
                entry.group = group;
            }
            entry.charged = entry.charged.max(charge);
            entry.users += 1;
            entry.epoch = epoch;
            entry.used = epoch;
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
                        used: 0,
                        group: None,
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
            } else if let Some(entry) = entries.get_mut(&hash) {
                (entry.used, entry.group) = (old.used, old.group);
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
            used: epoch,
            group: None,
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

    impl Ledger {
        fn room(
            self: &Arc<Self>,
            hash: Option<Hash>,
            size: u64,
            missing: u64,
            all: u64,
            disk: Option<Disk>,
        ) -> Result<Reservation, Refusal> {
            let group = u64::MAX;
            self.reserve(
                Claim {
                    hash,
                    size,
                    missing,
                    group: None,
                },
                &Bounds { all, group, disk },
            )
        }
    }

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
            .room(Some(hash(1)), 100, 100, limit, None)
            .expect("fits");
        let refused = ledger
            .room(Some(hash(2)), 0, 0, limit, None)
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
                .room(Some(hash(2)), 100, 100, limit, None)
                .expect("room again"),
        );
        assert_eq!(ledger.used(), limit);
    }

    #[test]
    fn a_false_size_is_forgotten_and_the_true_one_stays() {
        let ledger = Arc::new(Ledger::default());
        kept(
            ledger
                .room(Some(hash(1)), 10, 10, u64::MAX, None)
                .expect("fits"),
        );
        drop(
            ledger
                .room(Some(hash(1)), 1 << 40, 10, u64::MAX, None)
                .expect("fits"),
        );
        assert_eq!(ledger.used(), footprint(10));
    }

    #[test]
    fn the_same_blob_is_charged_once() {
        let ledger = Arc::new(Ledger::default());
        let a = ledger
            .room(Some(hash(1)), 10, 10, u64::MAX, None)
            .expect("fits");
        let b = ledger
            .room(Some(hash(1)), 10, 10, u64::MAX, None)
            .expect("fits");
        assert_eq!(ledger.used(), footprint(10));
        drop(a);
        assert_eq!(ledger.used(), footprint(10), "still written by the other");
        kept(b);
        let copy = ledger.room(None, 10, 10, u64::MAX, None).expect("fits");
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
            .room(Some(hash(1)), 100, 100, u64::MAX, disk)
            .expect("fits");
        let refused = ledger.room(Some(hash(2)), 51, 51, u64::MAX, disk);
        assert!(matches!(refused, Err(Refusal::Disk { .. })), "{refused:?}");
        kept(
            ledger
                .room(Some(hash(2)), 50, 50, u64::MAX, disk)
                .expect("fits exactly"),
        );
        kept(first);
        // A resumed transfer needs room only for what is missing.
        kept(
            ledger
                .room(Some(hash(3)), 1 << 30, 100, u64::MAX, disk)
                .expect("mostly here"),
        );
    }

    #[test]
    fn reconcile_keeps_what_the_listing_could_not_see() {
        let ledger = Arc::new(Ledger::default());
        kept(
            ledger
                .room(Some(hash(1)), 10, 10, u64::MAX, None)
                .expect("fits"),
        );
        kept(
            ledger
                .room(Some(hash(2)), 20, 20, u64::MAX, None)
                .expect("fits"),
        );
        let writing = ledger
            .room(Some(hash(3)), 30, 30, u64::MAX, None)
            .expect("fits");
        let mark = ledger.mark();
        kept(
            ledger
                .room(Some(hash(4)), 40, 40, u64::MAX, None)
                .expect("fits"),
        );
        ledger.reconcile(mark, [(hash(2), 20)]);
        assert_eq!(ledger.used(), footprint(20) + footprint(30) + footprint(40));
        drop(writing);
        assert_eq!(ledger.used(), footprint(20) + footprint(40));
    }

    #[test]
    fn a_group_has_its_share_and_what_others_brought_is_not_its() {
        let ledger = Arc::new(Ledger::default());
        let share = 2 * footprint(100);
        let bounds = Bounds {
            all: u64::MAX,
            group: share,
            disk: None,
        };
        let reserve = |n, group| {
            let claim = Claim {
                hash: Some(hash(n)),
                size: 100,
                missing: 100,
                group,
            };
            ledger.reserve(claim, &bounds)
        };
        kept(reserve(1, None).expect("nobody's"));
        kept(reserve(2, Some(7)).expect("fits"));
        kept(reserve(3, Some(7)).expect("fits"));
        let refused = reserve(4, Some(7)).expect_err("more than its share");
        let needed = footprint(100);
        assert_eq!(
            refused,
            Refusal::Group {
                needed,
                used: share
            }
        );
        kept(reserve(1, Some(7)).expect("is there already"));
        kept(reserve(5, Some(8)).expect("another group"));
        // A listing of the store keeps who brought what.
        let mark = ledger.mark();
        ledger.reconcile(mark, [1, 2, 3, 5].map(|n| (hash(n), 100)));
        reserve(4, Some(7)).expect_err("more than its share");
        // The store lists what is being asked for as soon as anybody looks for it.
        let mark = ledger.mark();
        ledger.reconcile(mark, [(hash(2), 100), (hash(3), 100), (hash(4), 0)]);
        reserve(4, Some(7)).expect_err("more than its share all the same");
    }

    #[test]
    fn the_longest_unused_goes_first_and_no_more_than_is_needed() {
        let ledger = Arc::new(Ledger::default());
        for n in 1..=4 {
            kept(
                ledger
                    .room(Some(hash(n)), 100, 100, u64::MAX, None)
                    .expect("fits"),
            );
        }
        ledger.touch(&hash(1));
        let kept_of = |bytes, group, spare: &[Hash]| {
            let spare = spare.iter().copied().collect();
            let keep = ledger.all_but_oldest(bytes, group, &spare);
            (1..=4)
                .filter(|n| keep.contains(&hash(*n)))
                .collect::<Vec<u8>>()
        };
        assert_eq!(kept_of(1, None, &[]), [1, 3, 4]);
        assert_eq!(kept_of(footprint(100) + 1, None, &[]), [1, 4]);
        assert_eq!(kept_of(1, None, &[hash(2)]), [1, 2, 4]);
        assert_eq!(kept_of(u64::MAX, None, &[]), [0; 0]);
        assert_eq!(kept_of(u64::MAX, Some(9), &[]), [1, 2, 3, 4]);
    }
}
