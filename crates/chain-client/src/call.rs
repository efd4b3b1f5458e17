//! The transactions that clients send.

use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, environment::EnvironmentId, suns::Resources,
};

use crate::{AccountId, Attributes, Balance, BlockNumber, JobSpec, Registration, Reveal};

/// A call; `docs/protocol.md` states the rules of each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `images.publish`
    PublishImage {
        /// BLAKE3 of the manifest.
        manifest: ContentHash,
        /// Task class.
        class: u8,
    },
    /// `images.retire`
    RetireImage {
        /// BLAKE3 of the manifest.
        manifest: ContentHash,
    },
    /// `market.submit`
    SubmitJob(Box<JobSpec>),
    /// `market.repeat`
    RepeatJob {
        /// The order.
        spec: Box<JobSpec>,
        /// Blocks from a start to the next.
        every: BlockNumber,
        /// Number of starts.
        times: u32,
    },
    /// `market.raise`
    RaiseBid {
        /// The job.
        job: JobId,
        /// New bid, planck per SUNS·hour.
        price: Balance,
    },
    /// `market.cancel`
    CancelJob(JobId),
    /// `market.clean_up`
    CleanUp(JobId),
    /// `market.claim`
    Claim(JobId),
    /// `verification.commit`
    Commit {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// What the summary is compared by.
        digest: H256,
        /// Sealed summary.
        commitment: H256,
    },
    /// `verification.challenge`
    Challenge {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
    },
    /// `verification.reveal`
    Reveal {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// What is disclosed.
        reveal: Reveal,
    },
    /// `workers.register`
    Register(Box<Registration>),
    /// `workers.update`
    UpdateWorker {
        /// The worker key.
        worker: AccountId,
        /// New address.
        endpoint: Vec<u8>,
        /// New attributes.
        attributes: Attributes,
    },
    /// `workers.set_capacity`
    SetCapacity {
        /// The worker key.
        worker: AccountId,
        /// New figures.
        resources: Resources,
    },
    /// `workers.set_environment`
    SetEnvironment {
        /// The worker key.
        worker: AccountId,
        /// Where its results compare from now on.
        environment: EnvironmentId,
    },
    /// `workers.bond_more`
    BondMore {
        /// The worker key.
        worker: AccountId,
        /// Planck.
        amount: Balance,
    },
    /// `workers.rotate_key`
    RotateKey {
        /// The worker key that it has.
        worker: AccountId,
        /// The one that it gets.
        key: AccountId,
        /// The new key's signature over [`crate::registration_payload`].
        proof: [u8; 64],
    },
    /// `liveness.alive`
    Alive {
        /// Block of the draw that is answered.
        block: BlockNumber,
    },
    /// `liveness.report`
    ReportAbsence {
        /// The worker key.
        worker: AccountId,
        /// Block of the draw that was not answered.
        block: BlockNumber,
    },
    /// `workers.pause`
    Pause(AccountId),
    /// `workers.resume`
    Resume(AccountId),
    /// `workers.leave`
    Leave(AccountId),
    /// `workers.withdraw`
    Withdraw(AccountId),
    /// `rewards.claim_rewards`
    ClaimRewards,
    /// `rewards.claim_for`
    ClaimRewardsFor(AccountId),
    /// `balances.transfer_keep_alive`
    Transfer {
        /// Receiver.
        to: AccountId,
        /// Planck.
        amount: Balance,
    },
}

impl Call {
    /// Pallet and call, as the metadata names them.
    pub fn name(&self) -> (&'static str, &'static str) {
        match self {
            Self::PublishImage { .. } => ("Images", "publish"),
            Self::RetireImage { .. } => ("Images", "retire"),
            Self::SubmitJob(_) => ("Market", "submit"),
            Self::RepeatJob { .. } => ("Market", "repeat"),
            Self::RaiseBid { .. } => ("Market", "raise"),
            Self::CancelJob(_) => ("Market", "cancel"),
            Self::CleanUp(_) => ("Market", "clean_up"),
            Self::Claim(_) => ("Market", "claim"),
            Self::Commit { .. } => ("Verification", "commit"),
            Self::Challenge { .. } => ("Verification", "challenge"),
            Self::Reveal { .. } => ("Verification", "reveal"),
            Self::Register(_) => ("Workers", "register"),
            Self::UpdateWorker { .. } => ("Workers", "update"),
            Self::SetCapacity { .. } => ("Workers", "set_capacity"),
            Self::SetEnvironment { .. } => ("Workers", "set_environment"),
            Self::BondMore { .. } => ("Workers", "bond_more"),
            Self::RotateKey { .. } => ("Workers", "rotate_key"),
            Self::Alive { .. } => ("Liveness", "alive"),
            Self::ReportAbsence { .. } => ("Liveness", "report"),
            Self::Pause(_) => ("Workers", "pause"),
            Self::Resume(_) => ("Workers", "resume"),
            Self::Leave(_) => ("Workers", "leave"),
            Self::Withdraw(_) => ("Workers", "withdraw"),
            Self::ClaimRewards => ("Rewards", "claim_rewards"),
            Self::ClaimRewardsFor(_) => ("Rewards", "claim_for"),
            Self::Transfer { .. } => ("Balances", "transfer_keep_alive"),
        }
    }
}
