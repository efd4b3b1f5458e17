//! Events, decoded by pallet and name.

use scale_decode::{DecodeAsFields, DecodeAsType};
use sp_core::H256;
use subxt::{SubstrateConfig, events};

use super::records::WireClosedRound;
use crate::{ChainError, Event};

macro_rules! fields {
    ($($name:ident { $($field:ident: $ty:ty),* })*) => {
        $(
            #[derive(DecodeAsType)]
            struct $name { $($field: $ty),* }
        )*
    };
}

fields! {
    Submitted { job: u32, requester: [u8; 32] }
    OfBatch { job: u32, batch: u32 }
    OfWorker { job: u32, batch: u32, worker: [u8; 32] }
    Opened { series: u32 }
    Settled { job: u32, batch: u32, paid: u128 }
    OfJob { job: u32 }
    Published { image: [u8; 32] }
    Registered { worker: [u8; 32] }
    Slashed { worker: [u8; 32], amount: u128 }
    Claimed { account: [u8; 32], amount: u128 }
    OfPool { pool: u32 }
    Withdrawn { amount: u128 }
    Income { delegator: [u8; 32], amount: u128 }
}

fn read<E: DecodeAsFields>(event: &events::Event<'_, SubstrateConfig>) -> Result<E, ChainError> {
    event
        .decode_fields_unchecked_as::<E>()
        .map_err(|error| ChainError::Decode {
            what: format!("event {}.{}", event.pallet_name(), event.event_name()),
            reason: error.to_string(),
        })
}

/// The event in our terms.
pub(super) fn decode(event: &events::Event<'_, SubstrateConfig>) -> Result<Event, ChainError> {
    let (pallet, name) = (event.pallet_name(), event.event_name());
    Ok(match (pallet, name) {
        ("Images", "ImagePublished") => {
            let e: Published = read(event)?;
            Event::ImagePublished {
                manifest: H256(e.image),
            }
        }
        ("Market", "JobSubmitted") => {
            let e: Submitted = read(event)?;
            Event::JobSubmitted {
                job: e.job,
                requester: e.requester.into(),
            }
        }
        ("Market", "SeriesOpened") => {
            let e: Opened = read(event)?;
            Event::SeriesOpened { series: e.series }
        }
        ("Market", "BatchClaimed") => {
            let e: OfWorker = read(event)?;
            Event::Claimed {
                job: e.job,
                batch: e.batch,
                worker: e.worker.into(),
            }
        }
        ("Market", "BatchSettled") => {
            let e: Settled = read(event)?;
            Event::BatchSettled {
                job: e.job,
                batch: e.batch,
                paid: e.paid,
            }
        }
        ("Market", "BatchFailed") => {
            let e: OfBatch = read(event)?;
            Event::BatchFailed {
                job: e.job,
                batch: e.batch,
            }
        }
        ("Market", "JobEnded") => {
            let e: OfJob = read(event)?;
            Event::JobEnded { job: e.job }
        }
        ("Verification", "Committed") => {
            let e: OfWorker = read(event)?;
            Event::Committed {
                job: e.job,
                batch: e.batch,
                worker: e.worker.into(),
            }
        }
        ("Verification", "RevealOpened") => {
            let e: OfBatch = read(event)?;
            Event::RevealOpened {
                job: e.job,
                batch: e.batch,
            }
        }
        ("Verification", "Revealed") => {
            let e: OfWorker = read(event)?;
            Event::Revealed {
                job: e.job,
                batch: e.batch,
                worker: e.worker.into(),
            }
        }
        ("Verification", "Missed") => {
            let e: OfWorker = read(event)?;
            Event::WorkerMissed {
                worker: e.worker.into(),
            }
        }
        ("Workers", "WorkerRegistered") => {
            let e: Registered = read(event)?;
            Event::WorkerRegistered {
                worker: e.worker.into(),
            }
        }
        ("Workers", "WorkerSlashed") => {
            let e: Slashed = read(event)?;
            Event::WorkerSlashed {
                worker: e.worker.into(),
                amount: e.amount,
            }
        }
        ("Rewards", "RewardsClaimed") => {
            let e: Claimed = read(event)?;
            Event::RewardsPaid {
                account: e.account.into(),
                amount: e.amount,
            }
        }
        ("Delegation", "PoolOpened") => {
            let e: OfPool = read(event)?;
            Event::PoolOpened { pool: e.pool }
        }
        ("Delegation", "DelegationWithdrawn") => {
            let e: Withdrawn = read(event)?;
            Event::DelegationWithdrawn { amount: e.amount }
        }
        ("Delegation", "IncomeClaimed") => {
            let e: Income = read(event)?;
            Event::IncomePaid {
                account: e.delegator.into(),
                amount: e.amount,
            }
        }
        ("Rewards", "RoundClosed") => {
            let e: WireClosedRound = read(event)?;
            Event::RoundClosed(e.into())
        }
        _ => Event::Other {
            pallet: pallet.into(),
            name: name.into(),
        },
    })
}
