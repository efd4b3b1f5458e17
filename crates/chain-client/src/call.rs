//! The transactions that clients send.

use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId,
    capacity::{Openings, Shape},
    environment::EnvironmentId,
    merkle::UnitLeaf,
    receipt::BatchSummary,
    suns::Resources,
};

use crate::{
    AccountId, Attributes, Balance, BlockNumber, JobSpec, PerAttribute, PoolId, Registration,
    Reveal, Statement,
};

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
        /// Of how many of its units, from the first on: fewer than all hand the rest back.
        units: u32,
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
    /// `verification.decline`
    Decline {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
    },
    /// `verification.hand_back`
    HandBack {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
    },
    /// `verification.resume`
    ResumeJob(JobId),
    /// `verification.acknowledge`
    Acknowledge {
        /// The job.
        job: JobId,
        /// The first batch whose outputs are not confirmed.
        below: BatchIndex,
    },
    /// `verification.call_witnesses`
    CallWitnesses {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
    },
    /// `verification.attest`
    Attest {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// What was found, sealed.
        seal: H256,
    },
    /// `verification.testify`
    Testify {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// What was sealed.
        found: Option<H256>,
        /// What it was sealed with.
        salt: [u8; 32],
    },
    /// `verification.rate`
    Rate {
        /// The job.
        job: JobId,
        /// A batch that the operator served.
        batch: BatchIndex,
        /// Whose service it was.
        operator: AccountId,
        /// 1 to 5.
        stars: u8,
    },
    /// `verification.forget_trust`
    ForgetTrust(AccountId),
    /// `verification.forget_rating`
    ForgetRating(AccountId),
    /// `canaries.plant`
    PlantCanaries {
        /// One [`canary`](sungrid_primitives::receipt::canary) for each answer.
        seals: Vec<H256>,
    },
    /// `canaries.uproot`
    UprootCanaries {
        /// As they were planted.
        seals: Vec<H256>,
    },
    /// `canaries.expose`
    ExposeCanary {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// What is right.
        answer: BatchSummary,
        /// What it was sealed with.
        salt: [u8; 32],
    },
    /// `canaries.expose_parts`
    ExposeCutCanary {
        /// The job.
        job: JobId,
        /// The batch as it was ordered.
        batch: BatchIndex,
        /// Of all its units, in order.
        leaves: Vec<UnitLeaf>,
        /// What the answer was sealed with.
        salt: [u8; 32],
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
    /// `workers.unbond`
    Unbond {
        /// The worker key.
        worker: AccountId,
        /// Planck.
        amount: Balance,
    },
    /// `workers.withdraw_unbonded`
    WithdrawUnbonded(AccountId),
    /// `workers.rotate_key`
    RotateKey {
        /// The worker key that it has.
        worker: AccountId,
        /// The one that it gets.
        key: AccountId,
        /// The new key's signature over [`crate::registration_payload`].
        proof: [u8; 64],
    },
    /// `workers.offer`
    OfferWorker {
        /// The worker key.
        worker: AccountId,
        /// Who may accept.
        to: AccountId,
        /// What it pays then, planck.
        price: Balance,
    },
    /// `workers.retract_offer`
    RetractOffer(AccountId),
    /// `workers.accept`
    AcceptWorker {
        /// The worker key that it has.
        worker: AccountId,
        /// The price, as offered, planck.
        price: Balance,
        /// The key that it gets.
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
    /// `capacity.start`
    StartProof,
    /// `capacity.commit`
    CommitProof {
        /// What was computed from.
        seed: H256,
        /// How much.
        shape: Shape,
        /// Merkle root of the states at the ends of segments.
        root: H256,
    },
    /// `capacity.open`
    OpenProof(Box<Openings>),
    /// `capacity.settle`
    SettleProof(AccountId),
    /// `auditors.bond`
    BondAuditor,
    /// `auditors.attest`
    AttestAttribute {
        /// The worker key.
        worker: AccountId,
        /// The attribute and its value, as the operator declares it.
        statement: Statement,
    },
    /// `auditors.retract`
    RetractAttestation {
        /// The worker key.
        worker: AccountId,
        /// Which attributes.
        attributes: PerAttribute<bool>,
    },
    /// `auditors.resign`
    ResignAuditor,
    /// `auditors.withdraw`
    WithdrawAuditor,
    /// `workers.pause`
    Pause(AccountId),
    /// `workers.resume`
    Resume(AccountId),
    /// `workers.leave`
    Leave(AccountId),
    /// `workers.withdraw`
    Withdraw(AccountId),
    /// `delegation.open`
    OpenPool {
        /// The worker key.
        worker: AccountId,
        /// The operator's commission, billionths.
        commission: u32,
    },
    /// `delegation.set_commission`
    SetCommission {
        /// The pool.
        pool: PoolId,
        /// The operator's commission, billionths.
        commission: u32,
    },
    /// `delegation.delegate`
    Delegate {
        /// The pool.
        pool: PoolId,
        /// Planck.
        amount: Balance,
    },
    /// `delegation.undelegate`
    Undelegate {
        /// The pool.
        pool: PoolId,
        /// Planck; all of it, if the delegation is worth less.
        amount: Balance,
    },
    /// `delegation.withdraw`
    WithdrawDelegation(PoolId),
    /// `delegation.claim`
    ClaimIncome(PoolId),
    /// `delegation.close`
    ClosePool(PoolId),
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
            Self::Decline { .. } => ("Verification", "decline"),
            Self::HandBack { .. } => ("Verification", "hand_back"),
            Self::ResumeJob(_) => ("Verification", "resume"),
            Self::Acknowledge { .. } => ("Verification", "acknowledge"),
            Self::CallWitnesses { .. } => ("Verification", "call_witnesses"),
            Self::Attest { .. } => ("Verification", "attest"),
            Self::Testify { .. } => ("Verification", "testify"),
            Self::Rate { .. } => ("Verification", "rate"),
            Self::Reveal { .. } => ("Verification", "reveal"),
            Self::ForgetTrust(_) => ("Verification", "forget_trust"),
            Self::ForgetRating(_) => ("Verification", "forget_rating"),
            Self::PlantCanaries { .. } => ("Canaries", "plant"),
            Self::UprootCanaries { .. } => ("Canaries", "uproot"),
            Self::ExposeCanary { .. } => ("Canaries", "expose"),
            Self::ExposeCutCanary { .. } => ("Canaries", "expose_parts"),
            Self::Register(_) => ("Workers", "register"),
            Self::UpdateWorker { .. } => ("Workers", "update"),
            Self::SetCapacity { .. } => ("Workers", "set_capacity"),
            Self::SetEnvironment { .. } => ("Workers", "set_environment"),
            Self::BondMore { .. } => ("Workers", "bond_more"),
            Self::Unbond { .. } => ("Workers", "unbond"),
            Self::WithdrawUnbonded(_) => ("Workers", "withdraw_unbonded"),
            Self::RotateKey { .. } => ("Workers", "rotate_key"),
            Self::OfferWorker { .. } => ("Workers", "offer"),
            Self::RetractOffer(_) => ("Workers", "retract_offer"),
            Self::AcceptWorker { .. } => ("Workers", "accept"),
            Self::Alive { .. } => ("Liveness", "alive"),
            Self::ReportAbsence { .. } => ("Liveness", "report"),
            Self::StartProof => ("Capacity", "start"),
            Self::CommitProof { .. } => ("Capacity", "commit"),
            Self::OpenProof(_) => ("Capacity", "open"),
            Self::SettleProof(_) => ("Capacity", "settle"),
            Self::BondAuditor => ("Auditors", "bond"),
            Self::AttestAttribute { .. } => ("Auditors", "attest"),
            Self::RetractAttestation { .. } => ("Auditors", "retract"),
            Self::ResignAuditor => ("Auditors", "resign"),
            Self::WithdrawAuditor => ("Auditors", "withdraw"),
            Self::Pause(_) => ("Workers", "pause"),
            Self::Resume(_) => ("Workers", "resume"),
            Self::Leave(_) => ("Workers", "leave"),
            Self::Withdraw(_) => ("Workers", "withdraw"),
            Self::OpenPool { .. } => ("Delegation", "open"),
            Self::SetCommission { .. } => ("Delegation", "set_commission"),
            Self::Delegate { .. } => ("Delegation", "delegate"),
            Self::Undelegate { .. } => ("Delegation", "undelegate"),
            Self::WithdrawDelegation(_) => ("Delegation", "withdraw"),
            Self::ClaimIncome(_) => ("Delegation", "claim"),
            Self::ClosePool(_) => ("Delegation", "close"),
            Self::ClaimRewards => ("Rewards", "claim_rewards"),
            Self::ClaimRewardsFor(_) => ("Rewards", "claim_for"),
            Self::Transfer { .. } => ("Balances", "transfer_keep_alive"),
        }
    }
}
