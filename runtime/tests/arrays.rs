//! What a job of 2^20 units weighs.

use codec::MaxEncodedLen;
use frame_support::{
    dispatch::{DispatchClass, GetDispatchInfo},
    weights::Weight,
};
use pallet_market::{BatchRecordOf, Call, JobRecordOf, MAX_ASSIGNMENTS, WINDOW, WeightInfo as _};
use pallet_verification::WeightInfo as _;
use sungrid_primitives::job::{MAX_BATCH_UNITS, MAX_UNITS, batch_count};
use sungrid_runtime::{Runtime, RuntimeCall};

type BlockWeights = <Runtime as frame_system::Config>::BlockWeights;

/// Weight that transactions of a block may take together.
fn block() -> Weight {
    let normal = BlockWeights::get();
    let normal = normal.get(DispatchClass::Normal);
    normal.max_total.expect("bounded")
}

fn weight(call: impl Into<RuntimeCall>) -> Weight {
    let base = BlockWeights::get()
        .get(DispatchClass::Normal)
        .base_extrinsic;
    call.into()
        .get_dispatch_info()
        .call_weight
        .saturating_add(base)
}

/// Blocks of 3 s that two replicas of every batch take, if nothing else is in them: feeless calls get half of what
/// transactions may take.
#[test]
fn two_replicas_of_a_million_units_fit_into_fifty_half_blocks() {
    // What calls were charged beyond what they did comes back.
    type Spent = <Runtime as pallet_verification::Config>::WeightInfo;
    let base = weight(Call::<Runtime>::claim { job: 0 }).saturating_sub(
        <Runtime as pallet_market::Config>::WeightInfo::claim(WINDOW, MAX_ASSIGNMENTS, 1, 1),
    );
    let replica = base
        .saturating_mul(3)
        .saturating_add(<Runtime as pallet_market::Config>::WeightInfo::claim(
            1, 0, 0, 0,
        ))
        .saturating_add(Spent::commit_few())
        // The second of two brings the verdict.
        .saturating_add(Spent::reveal_open().saturating_add(Spent::reveal_few(2, 2)) / 2);
    let batches = u64::from(batch_count(MAX_UNITS, MAX_BATCH_UNITS));
    let all = replica.saturating_mul(2 * batches);
    let share = block() / 2;
    let blocks = all.ref_time().div_ceil(share.ref_time());
    assert!(all.proof_size() / blocks <= share.proof_size());
    // Beside a half for everybody else.
    assert!(blocks <= 50, "{blocks} blocks");
}

/// The weights of these have no parameter for a job's size: this is what they must fit in.
#[test]
fn what_is_done_once_for_a_job_fits_many_times_into_a_block() {
    for call in [
        Call::<Runtime>::cancel { job: 0 },
        Call::<Runtime>::raise { job: 0, price: 0 },
        Call::<Runtime>::clean_up { job: 0 },
    ] {
        assert!(weight(call).saturating_mul(10).all_lte(block()));
    }
}

#[test]
fn the_records_of_a_job_do_not_grow_with_it() {
    // With its most constraints, and sixteen cuts.
    assert!(JobRecordOf::<Runtime>::max_encoded_len() < 1_200);
    assert!(BatchRecordOf::<Runtime>::max_encoded_len() < 1_200);
}
