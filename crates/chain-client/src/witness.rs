//! Witnesses, as clients see them.

use serde::Serialize;
use sp_core::H256;

use crate::{AccountId, BlockNumber};

/// Whether the outputs of an accepted batch are to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outputs {
    /// Nobody who counts has said anything else.
    #[default]
    Owed,
    /// Witnesses have fetched them, and serve them.
    Fetched,
    /// Witnesses could not: what the requester paid is back.
    Withheld,
}

/// What a call for witnesses waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStage {
    /// For the draw.
    Drawing {
        /// The block in which they are drawn.
        at: BlockNumber,
    },
    /// For what they find, sealed.
    Sealing {
        /// The last block for it.
        until: BlockNumber,
    },
    /// For them to open their seals.
    Opening {
        /// The last block for it.
        until: BlockNumber,
    },
}

/// What has been heard of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Testimony {
    /// Nothing yet.
    Awaited,
    /// It sealed what it found.
    Sealed(H256),
    /// It opened the seal: `None` if nobody serves the outputs.
    Opened(Option<H256>),
}

/// A worker that was drawn to fetch outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// The worker key.
    pub worker: AccountId,
    /// Its operator.
    pub operator: AccountId,
    /// What has been heard of it.
    pub testimony: Testimony,
}

/// An open call for witnesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WitnessCall {
    /// What it waits for.
    pub stage: CallStage,
    /// What keys the hashes that witnesses show.
    pub seed: H256,
    /// Who was drawn.
    pub witnesses: Vec<Witness>,
}

impl WitnessCall {
    /// What has been heard of a worker, if it was drawn.
    pub fn testimony(&self, worker: &AccountId) -> Option<Testimony> {
        let mut witnesses = self.witnesses.iter();
        witnesses
            .find(|witness| witness.worker == *worker)
            .map(|witness| witness.testimony)
    }
}
