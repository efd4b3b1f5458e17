//! Names and sizes of jobs, batches and units (protocol section 6).

use core::ops::Range;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::suns;

/// A job, numbered by the chain in order of submission.
pub type JobId = u32;
/// A batch within its job, from 0.
pub type BatchIndex = u32;
/// A unit within its job, from 0.
pub type UnitIndex = u32;

/// The most units in one job.
pub const MAX_UNITS: u32 = 1 << 20;
/// The most units in one batch.
pub const MAX_BATCH_UNITS: u32 = 1 << 10;
/// Most cuts of a job's batches by workers whose machines were needed. Fewer, and in a long job for machines that are often in
/// use what was finished goes unpaid; more, and a job leaves as many more records behind than it was ordered with.
pub const MAX_CUTS: u32 = 16;
/// Bytes of an encoded peer address (endpoint id and direct addresses).
pub const MAX_ENDPOINT_BYTES: u32 = 256;

/// Number of batches of a job: the last one may be short. Zero if `batch_size` is zero.
pub const fn batch_count(units: u32, batch_size: u32) -> u32 {
    if batch_size == 0 {
        0
    } else {
        units.div_ceil(batch_size)
    }
}

/// First unit and number of units of a batch; `None` if the job has no such batch.
pub const fn batch_range(
    units: u32,
    batch_size: u32,
    batch: BatchIndex,
) -> Option<(UnitIndex, u32)> {
    if batch >= batch_count(units, batch_size) {
        return None;
    }
    // No overflow: batch < ceil(units / batch_size), so the product is below `units`.
    let first = batch * batch_size;
    let rest = units - first;
    Some((first, if rest < batch_size { rest } else { batch_size }))
}

/// A batch that was cut because its worker's machine was needed: it ends before unit `first`, and the units from there to
/// its former end are a batch of their own. The `n`-th cut of a job, from 0, makes the batch numbered `n` after those of the order.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cut {
    /// What was cut: a batch of the order, or what an earlier cut made.
    pub batch: BatchIndex,
    /// The first unit that is not in it any more.
    pub first: UnitIndex,
}

/// How the units of a job make batches now.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Units of the job.
    pub units: u32,
    /// Units of a batch of the order; the last may be short.
    pub batch_size: u32,
    /// The cuts so far, in order.
    pub cuts: &'a [Cut],
}

impl<'a> Layout<'a> {
    /// Batches of the order: what cuts make is numbered from here.
    pub const fn ordered(&self) -> u32 {
        batch_count(self.units, self.batch_size)
    }

    /// The cut that made a batch; `None` for one of the order, and for one that there is not.
    fn made_by(&self, batch: BatchIndex) -> Option<&Cut> {
        let at = batch.checked_sub(self.ordered())?;
        self.cuts.get(at as usize)
    }

    /// The batch of the order that a batch is a part of, itself if it is one; `None` if there is no such batch.
    pub fn origin(&self, batch: BatchIndex) -> Option<BatchIndex> {
        if batch < self.ordered() {
            return Some(batch);
        }
        self.made_by(batch)?.first.checked_div(self.batch_size)
    }

    /// First unit and number of units of a batch; `None` if the job has no such batch.
    pub fn range(&self, batch: BatchIndex) -> Option<(UnitIndex, u32)> {
        let origin = self.origin(batch)?;
        let (start, count) = batch_range(self.units, self.batch_size, origin)?;
        let first = self.made_by(batch).map_or(start, |cut| cut.first);
        let cut = self.cuts.iter().find(|cut| cut.batch == batch);
        let end = cut.map_or(start + count, |cut| cut.first.min(start + count));
        Some((first, end.checked_sub(first)?))
    }

    /// Whether a batch is not all that was ordered as one.
    pub fn is_part(&self, batch: BatchIndex) -> bool {
        batch >= self.ordered() || self.cuts.iter().any(|cut| cut.batch == batch)
    }

    /// Planck that a charge of a batch costs at a price in planck per SUNS·hour: rounded up. What a cut made is rounded down, so that
    /// all parts together cost no more than the whole, which is what an escrow holds.
    pub fn cost(&self, batch: BatchIndex, charge: u128, price: u128) -> u128 {
        if batch < self.ordered() {
            suns::cost(charge, price)
        } else {
            suns::cost_of_part(charge, price)
        }
    }

    /// The batches that cuts made out of those of the order in `origins`.
    pub fn made_of(self, origins: Range<BatchIndex>) -> impl Iterator<Item = BatchIndex> + use<'a> {
        let (from, size) = (self.ordered(), self.batch_size);
        let cuts = (from..).zip(self.cuts);
        cuts.filter(move |(_, cut)| {
            let origin = cut.first.checked_div(size);
            origin.is_some_and(|origin| origins.contains(&origin))
        })
        .map(|(batch, _)| batch)
    }

    /// The batch that a unit belongs to; `None` if the job has no such unit.
    pub fn batch_of(&self, unit: UnitIndex) -> Option<BatchIndex> {
        let origin = unit
            .checked_div(self.batch_size)
            .filter(|_| unit < self.units)?;
        let parts = self.made_of(origin..origin.saturating_add(1));
        core::iter::once(origin)
            .chain(parts)
            .find(|batch| matches!(self.range(*batch), Some((first, count)) if unit >= first && unit - first < count))
    }
}

/// Units of a job whose outputs a unit of the next job gets: as many for each, in order. `None` if they do not divide
/// evenly, or there is no such unit.
pub fn gathered(before: u32, units: u32, unit: UnitIndex) -> Option<Range<UnitIndex>> {
    let each = before
        .checked_div(units)
        .filter(|each| each.checked_mul(units) == Some(before) && unit < units)?;
    // No overflow: `unit < units` and `each × units` is a number of units.
    Some(unit * each..(unit + 1) * each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_a_job_is_gathered_once() {
        for (before, units) in [(12, 12), (12, 4), (12, 1), (MAX_UNITS, 1 << 12)] {
            let mut next = 0;
            for unit in 0..units {
                let range = gathered(before, units, unit).expect("even");
                assert_eq!(range.start, next);
                next = range.end;
            }
            assert_eq!(next, before);
            assert_eq!(gathered(before, units, units), None);
        }
        for (before, units) in [(12, 5), (5, 12), (5, 0)] {
            assert_eq!(gathered(before, units, 0), None);
        }
        assert_eq!(
            gathered(u32::MAX, u32::MAX, u32::MAX - 1).map(|range| range.len()),
            Some(1)
        );
    }

    #[test]
    fn what_cuts_make_covers_every_unit_once() {
        // Batches of 4, the last one of 2. The second is cut at unit 6, and what that made at unit 7.
        let cuts = [(1, 6), (4, 7), (0, 1), (3, 13)].map(|(batch, first)| Cut { batch, first });
        let layout = Layout {
            units: 14,
            batch_size: 4,
            cuts: &cuts,
        };
        assert_eq!(layout.ordered(), 4);
        let all: [_; 8] = core::array::from_fn(|batch| layout.range(batch as u32));
        let expected = [
            (0, 1),
            (4, 2),
            (8, 4),
            (12, 1),
            (6, 1),
            (7, 1),
            (1, 3),
            (13, 1),
        ];
        assert_eq!(all, expected.map(Some));
        assert_eq!(layout.range(8), None);
        for unit in 0..14 {
            let batch = layout.batch_of(unit).expect("every unit has a batch");
            let (first, count) = layout.range(batch).expect("there is such a batch");
            assert!((first..first + count).contains(&unit), "{unit} in {batch}");
        }
        assert_eq!(layout.batch_of(14), None);
        let origins: [_; 9] = core::array::from_fn(|batch| layout.origin(batch as u32));
        let expected = [0, 1, 2, 3, 1, 1, 0, 3].map(Some);
        assert_eq!((&origins[..8], origins[8]), (&expected[..], None));
        assert!(layout.is_part(1) && layout.is_part(4) && !layout.is_part(2));
        assert!(layout.made_of(1..2).eq([4, 5]));
        // What no chain says is no batch, and nothing panics.
        for first in [0, 3, 99, u32::MAX] {
            let cuts = [Cut { batch: 1, first }];
            let layout = Layout {
                cuts: &cuts,
                ..layout
            };
            assert!((0..6).all(|batch| layout.range(batch).is_none_or(|(_, n)| n <= 4)));
        }
        let none = Layout {
            batch_size: 0,
            ..layout
        };
        assert_eq!((none.range(0), none.batch_of(0)), (None, None));
    }

    #[test]
    fn batches_cover_every_unit_once() {
        for (units, size) in [
            (1, 1),
            (64, 4),
            (65, 4),
            (3, 1024),
            (MAX_UNITS, MAX_BATCH_UNITS),
        ] {
            let mut next = 0;
            for batch in 0..batch_count(units, size) {
                let (first, count) = batch_range(units, size, batch).expect("batch exists");
                assert_eq!(first, next);
                assert!(count > 0 && count <= size);
                next += count;
            }
            assert_eq!(next, units);
            assert_eq!(batch_range(units, size, batch_count(units, size)), None);
        }
        assert_eq!(batch_range(5, 0, 0), None);
        assert_eq!(batch_range(u32::MAX, u32::MAX, 1), None);
    }
}
