//! Names and sizes of jobs, batches and units (protocol section 6).

use core::ops::Range;

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
