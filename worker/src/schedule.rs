//! Choosing work: which of the open jobs this machine takes, and how much of each. [N3 N7 C10]
//!
//! | policy | takes |
//! |---|---|
//! | [`FirstCome`] | the oldest job |
//! | [`Greedy`] | what pays most per second by the job's record, and by its own units once some were computed here |
//! | [`Learned`] | what is expected to pay most per second, energy deducted, by what images were seen to need; nothing that would be late |
//!
//! A policy is asked when there is room, and told how each batch went. It decides nothing that the chain decides, and none
//! can take a job that does not suit: those are left out before it is asked. When work may be taken at all, and on how
//! many lanes, is a matter of [`energy`], whatever the policy.

pub mod energy;
mod experience;
mod learned;
mod regression;
pub mod settings;

pub use learned::Learned;

use serde::{Deserialize, Serialize};
use sungrid_chain_client::{Balance, Job};
use sungrid_primitives::{ContentHash, JobId};

use crate::rank::{self, Experience};

/// How a worker chooses among jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// [`FirstCome`].
    FirstCome,
    /// [`Greedy`].
    #[default]
    Greedy,
    /// [`Learned`].
    Learned,
}

/// An open job that suits this worker.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Which job.
    pub id: JobId,
    /// Its record.
    pub job: &'a Job,
    /// What its units cost here so far, and what of its image and inputs is here.
    pub seen: Experience,
    /// Bytes that one of its units gets, once they are known.
    pub input: Option<u64>,
    /// Batches of it that may be claimed.
    pub open: usize,
}

/// The machine at the moment of a choice.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Units that run at the same time.
    pub lanes: usize,
    /// Fuel per second of one lane, as measured.
    pub lane_speed: u64,
    /// Bytes per second at which inputs are fetched.
    pub fetch_rate: u64,
    /// Milliseconds between blocks.
    pub block_ms: u64,
    /// Batches that it would take now.
    pub room: usize,
    /// Capacity that the chain would let it claim now, µSUNS; none: without bounds.
    pub free: Option<u64>,
    /// Batches claimed and not computed yet.
    pub hand: Vec<Load>,
    /// What a busy lane draws more than an idle one, W.
    pub lane_watts: u32,
    /// What a kWh costs, planck.
    pub kwh_price: Balance,
}

/// A batch in hand.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Its image.
    pub image: ContentHash,
    /// Its units.
    pub units: u64,
    /// Most fuel of each.
    pub fuel_limit: u64,
    /// Bytes that each gets, where they are known.
    pub input: Option<u64>,
}

/// A job to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which one.
    pub job: JobId,
    /// Batches of it at most.
    pub batches: usize,
}

/// Units of one batch that were computed here.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Image of the job.
    pub image: ContentHash,
    /// Most fuel of a unit.
    pub fuel_limit: u64,
    /// Charge rate at the job's limits, µSUNS.
    pub rate: u64,
    /// Bytes that a unit got, where they are known.
    pub input: Option<u64>,
    /// How many.
    pub units: u64,
    /// Fuel of all of them.
    pub fuel: u128,
    /// Charge of all of them, µSUNS·s.
    pub charge: u128,
    /// Seconds that they kept a lane busy, all together; none if they stood still in between.
    pub seconds: Option<f64>,
    /// Fuel per second of a lane, as measured.
    pub lane_speed: u64,
}

/// Chooses among jobs.
pub trait Scheduler: Send + Sync {
    /// The jobs worth taking now, best first; what is not worth it, or would be late, is left out.
    fn choose(&mut self, offers: &[Offer<'_>], machine: &Machine) -> Vec<Choice>;

    /// Units were computed.
    fn learn(&mut self, _: &Done) {}

    /// A batch of an image was decided: accepted and paid, or for nothing.
    fn ended(&mut self, _: ContentHash, _paid: bool) {}

    /// Writes down what was learned, if it is time, or in any case `now`.
    fn keep(&mut self, _now: bool) {}
}

fn sorted(mut ranked: Vec<(u128, Choice)>) -> Vec<Choice> {
    // The older of equals first, so that jobs are finished.
    ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.job.cmp(&b.1.job)));
    ranked.into_iter().map(|(_, choice)| choice).collect()
}

/// Takes the oldest job.
#[derive(Clone, Copy, Debug, Default)]
pub struct FirstCome;

impl Scheduler for FirstCome {
    fn choose(&mut self, offers: &[Offer<'_>], _: &Machine) -> Vec<Choice> {
        let choice = |offer: &Offer<'_>| Choice {
            job: offer.id,
            batches: usize::MAX,
        };
        sorted(offers.iter().map(|offer| (0, choice(offer))).collect())
    }
}

/// Takes what pays most per second, see [`rank::score`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Greedy;

impl Scheduler for Greedy {
    fn choose(&mut self, offers: &[Offer<'_>], machine: &Machine) -> Vec<Choice> {
        let ranked = offers.iter().map(|offer| {
            let score = rank::score(
                offer.job,
                &offer.seen,
                machine.lane_speed,
                machine.fetch_rate,
                machine.block_ms,
            );
            let choice = Choice {
                job: offer.id,
                batches: usize::MAX,
            };
            (score, choice)
        });
        sorted(ranked.collect())
    }
}

#[cfg(test)]
mod tests;
