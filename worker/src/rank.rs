//! Which job to work on: expected planck per second of this machine. [S5 X5]

use sungrid_chain_client::{Balance, Job};
use sungrid_primitives::suns::{LANE_FUEL_PER_SECOND, cost};

/// Blocks between a claim and the start of work plus those between the result and its seal: time in
/// which the claimed capacity earns nothing.
pub(crate) const IDLE_BLOCKS: u64 = 2;

/// What is known of a job beside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Experience {
    /// Fuel of its units so far, here.
    pub fuel: u128,
    /// Their charge, µSUNS·s.
    pub charge: u128,
    /// Units computed here.
    pub units: u64,
    /// Whether its image and inputs are here already.
    pub prepared: bool,
    /// Bytes of inputs that a batch of it needs and that are not here, as far as that is known.
    pub missing: Option<u64>,
}

/// Milliseconds until a batch has what it needs, at `fetch_rate` bytes per second: an image that is still to be fetched and
/// compiled costs about a block, inputs what their bytes take. Rounded up, so that something
/// that is missing never counts as nothing.
pub fn fetch_ms(seen: &Experience, fetch_rate: u64, block_ms: u64) -> u64 {
    let set_up = if seen.prepared { 0 } else { block_ms };
    let bytes = seen.missing.unwrap_or(0);
    let fetch = bytes.saturating_mul(1_000).div_ceil(fetch_rate.max(1));
    set_up.saturating_add(fetch)
}

/// Expected planck per million seconds from taking one batch of a job: the bid for the fuel that its units
/// are expected to burn, or for the bytes that they were seen to move if those are charged more, over the time that takes on one lane, the blocks that pass around it and what is to be fetched.
/// Rounded down.
pub fn score(
    job: &Job,
    seen: &Experience,
    lane_speed: u64,
    fetch_rate: u64,
    block_ms: u64,
) -> Balance {
    let units = u128::from(job.spec.batch_size.min(job.spec.units).max(1));
    // Without experience the limit is all there is to go by.
    let fuel = match seen.units {
        0 => u128::from(job.spec.fuel_limit),
        n => seen.fuel / u128::from(n),
    };
    let computing = fuel
        .saturating_mul(u128::from(job.rate))
        .saturating_mul(units)
        / u128::from(LANE_FUEL_PER_SECOND);
    // Of bytes only what was seen counts: an order's limit of them costs its requester nothing.
    let charged = seen.charge.checked_div(u128::from(seen.units));
    let charged = charged.unwrap_or(0).saturating_mul(units);
    let revenue = cost(computing.max(charged), job.price);
    let compute_us =
        fuel.saturating_mul(units).saturating_mul(1_000_000) / u128::from(lane_speed.max(1));
    let idle_ms = IDLE_BLOCKS
        .saturating_mul(block_ms)
        .saturating_add(fetch_ms(seen, fetch_rate, block_ms));
    let idle_us = u128::from(idle_ms) * 1_000;
    revenue.saturating_mul(1_000_000_000_000) / (compute_us + idle_us).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::H256;
    use sungrid_chain_client::{AccountId, Constraints, JobSpec, JobState, Policy};
    use sungrid_primitives::{ISC, suns::CPU_1, traits::CPU_1_ID};

    /// 20 Mbit/s.
    const RATE: u64 = 2_500_000;

    fn job(price: Balance, batch_size: u32, fuel_limit: u64) -> Job {
        let spec = JobSpec {
            image: H256::zero(),
            input: H256::zero(),
            units: 1_000,
            batch_size,
            price,
            fuel_limit,
            memory_limit: 1 << 20,
            traffic_limit: 1 << 20,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: H256::zero(),
            deadline: 1_000,
            endpoint: Vec::new(),
            constraints: Constraints::default(),
            after: None,
        };
        Job {
            class: Default::default(),
            batches: spec.batches(),
            cuts: Vec::new(),
            rate: spec.rate(&CPU_1).expect("a CPU job"),
            unit_charge: 0,
            price,
            spec,
            requester: AccountId::new([0; 32]),
            state: JobState::Open,
            next_batch: 0,
            window: Vec::new(),
            waiting: 0,
            in_flight: 0,
            settled: 0,
            failed: 0,
            fuel: 0,
            escrow: 0,
            paid: 0,
            deposit: 0,
            series: None,
            successors: Vec::new(),
        }
    }

    fn of(job: &Job, seen: &Experience) -> Balance {
        score(job, seen, 2_000_000_000, RATE, 3_000)
    }

    fn plain(job: &Job) -> Balance {
        of(job, &Experience::default())
    }

    #[test]
    fn a_better_bid_a_larger_batch_and_a_prepared_image_rank_higher() {
        let base = job(ISC, 4, 1_000_000_000);
        assert!(plain(&job(2 * ISC, 4, 1_000_000_000)) > plain(&base));
        assert!(plain(&job(ISC, 16, 1_000_000_000)) > plain(&base));
        let prepared = Experience {
            prepared: true,
            ..Default::default()
        };
        assert!(of(&base, &prepared) > plain(&base));
    }

    #[test]
    fn inputs_that_are_here_count_by_the_time_that_fetching_them_would_take() {
        let missing = |bytes| Experience {
            missing: Some(bytes),
            ..Experience::default()
        };
        let ms = |bytes| fetch_ms(&missing(bytes), RATE, 3_000);
        assert_eq!((ms(0), ms(1 << 10), ms(256 << 20)), (3_000, 3_001, 110_375));
        // Of a job whose image and shared inputs are here, those of its units still count.
        let prepared = |bytes| Experience {
            prepared: true,
            ..missing(bytes)
        };
        let ms = |bytes| fetch_ms(&prepared(bytes), RATE, 3_000);
        assert_eq!((ms(0), ms(256 << 20)), (0, 107_375));
        // Nothing known of the bytes: the block alone.
        assert_eq!(fetch_ms(&Experience::default(), RATE, 3_000), 3_000);

        // A bid that is a tenth lower is the better one if 256 MiB need not come for it, and not for the sake of a kilobyte.
        let (high, low) = (
            job(10 * ISC, 4, 100_000_000_000),
            job(9 * ISC, 4, 100_000_000_000),
        );
        assert!(of(&low, &missing(0)) > of(&high, &missing(256 << 20)));
        assert!(of(&low, &missing(0)) < of(&high, &missing(1 << 10)));
        assert!(of(&low, &prepared(0)) > of(&high, &prepared(256 << 20)));
    }

    #[test]
    fn experience_corrects_an_inflated_limit() {
        let modest = job(ISC, 4, 1_000_000_000);
        let boaster = job(ISC, 4, 100_000_000_000);
        assert!(plain(&boaster) > plain(&modest));
        let seen = Experience {
            fuel: 10_000_000,
            charge: 1_250,
            units: 10,
            prepared: true,
            missing: None,
        };
        assert!(of(&boaster, &seen) < plain(&modest));
        // A megabyte each is worth more than that little fuel, and no promise of one is worth anything.
        let moves = Experience {
            charge: 4_000_000,
            ..seen
        };
        assert!(of(&boaster, &moves) > 1_000 * of(&boaster, &seen));
        let mut promises = modest.clone();
        promises.spec.traffic_limit = u64::MAX;
        promises.unit_charge = promises.spec.unit_charge(&CPU_1).expect("a CPU job");
        assert_eq!(plain(&promises), plain(&modest));
    }

    #[test]
    fn extremes_neither_overflow_nor_divide_by_zero() {
        let wild = job(u128::MAX, u32::MAX, u64::MAX);
        let endless = Experience {
            missing: Some(u64::MAX),
            charge: u128::MAX,
            units: 1,
            ..Experience::default()
        };
        for seen in [endless, Experience::default()] {
            score(&wild, &seen, 0, 0, 0);
            score(&wild, &seen, u64::MAX, u64::MAX, u64::MAX);
        }
        score(&job(0, 0, 0), &Experience::default(), u64::MAX, 0, u64::MAX);
    }
}
