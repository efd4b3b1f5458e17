//! What holds between any two steps.

use pallet_market::{JobState, Outcome as JobOutcome};
use sp_runtime::DispatchError;
use sungrid_runtime::{
    Auditors, Balances, Canaries, Capacity, Delegation, Images, Liveness, Market, Rewards, Runtime,
    RuntimeEvent, Suns, System, Validators, Verification, Workers,
};

use crate::finding::Finding;

/// The invariants of all our pallets, and that the tokens are those of all accounts.
pub(crate) fn check_state() -> Result<(), Finding> {
    for check in [
        Auditors::do_try_state,
        Canaries::do_try_state,
        Capacity::do_try_state,
        Delegation::do_try_state,
        Images::do_try_state,
        Liveness::do_try_state,
        Market::do_try_state,
        Rewards::do_try_state,
        Suns::do_try_state,
        Validators::do_try_state,
        Verification::do_try_state,
        Workers::do_try_state,
    ] {
        check().map_err(|broken| Finding::new(name_of(broken), "an invariant of a pallet"))?;
    }
    check_balances()
}

fn name_of(broken: DispatchError) -> String {
    match broken {
        DispatchError::Other(name) => name.into(),
        other => format!("{other:?}"),
    }
}

fn check_balances() -> Result<(), Finding> {
    let mut sum = 0;
    for (account, info) in frame_system::Account::<Runtime>::iter() {
        let (free, reserved) = (info.data.free, info.data.reserved);
        sum += free + reserved;
        let held: u128 = pallet_balances::Holds::<Runtime>::get(&account)
            .iter()
            .map(|hold| hold.amount)
            .sum();
        if held > reserved {
            return Err(Finding::new(
                "more is on hold than there is",
                format!("{account}: {held} of {reserved}"),
            ));
        }
    }
    let issuance = Balances::total_issuance();
    if sum != issuance {
        return Err(Finding::new(
            "the accounts' tokens are not all tokens",
            format!("{sum} of {issuance}"),
        ));
    }
    Ok(())
}

/// The block that has just ended: it was not too heavy, tokens came into being by emission alone, every ended job has paid or given back
/// its whole escrow, every round's parts add up, and no hook met what it thought impossible.
pub(crate) fn check_block(issued_before: u128) -> Result<(), Finding> {
    let mut emitted = 0;
    let mut new_session = false;
    for record in System::read_events_no_consensus() {
        match record.event {
            RuntimeEvent::Rewards(pallet_rewards::Event::RoundClosed { emission, .. }) => {
                emitted += emission;
            }
            RuntimeEvent::Market(pallet_market::Event::JobEnded {
                job,
                outcome,
                settled,
                failed,
                paid,
                released,
            }) => {
                let record = pallet_market::Jobs::<Runtime>::get(job)
                    .ok_or_else(|| Finding::new("a job ended and is gone", format!("job {job}")))?;
                if paid + released != record.escrow {
                    return Err(Finding::new(
                        "escrow is neither paid nor given back",
                        format!("job {job}: {paid} + {released} of {}", record.escrow),
                    ));
                }
                let all = settled + failed == record.total_batches();
                if !matches!(record.state, JobState::Ended { .. })
                    || outcome == JobOutcome::Completed && !all
                {
                    return Err(Finding::new(
                        "a job ended in another way",
                        format!("job {job}"),
                    ));
                }
            }
            RuntimeEvent::Session(pallet_session::Event::NewSession { .. }) => new_session = true,
            _ => {}
        }
    }
    // FRAME counts a change of session as a whole block, beside which the hooks are too much.
    let used = System::block_weight().total();
    let most = <Runtime as frame_system::Config>::BlockWeights::get().max_block;
    if used.any_gt(most) && !new_session {
        return Err(Finding::new("the block is too heavy", format!("{used:?}")));
    }
    let issuance = Balances::total_issuance();
    if issuance != issued_before + emitted {
        return Err(Finding::new(
            "tokens came from nowhere, or are gone",
            format!("{issued_before} + {emitted} became {issuance}"),
        ));
    }
    Ok(())
}
