//! The market's rules, in the order of `docs/protocol.md`.

use std::collections::{BTreeMap, BTreeSet};

use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, ISC, JobId,
    environment::EnvironmentId,
    job::{Cut, MAX_BATCH_UNITS, MAX_CUTS, MAX_ENDPOINT_BYTES, MAX_UNITS},
    receipt::{self, BatchSummary, commitment},
    registration::registration_payload,
    suns::{CPU_1, cost, spot::Spot},
    traits::CPU_1_ID,
};

use super::FUNDS;
use crate::{
    Account, AccountId, Attestation, Attestations, Auditor, Balance, Batch, BatchResult,
    BlockNumber, Call, CallStage, ChainParams, Closing, Credit, Declines, DispatchFailure, Event,
    Image, Job, JobSpec, JobState, Outcome, Outputs, PerAttribute, Policy, PoolId, Proven, Rating,
    Registration, Replica, ReplicaState, Reveal, Run, Series, Shape, Statement, SubmitError,
    TaskClass, Testimony, Tier, Tiers, Trust, Unbonding, Winner, Witness, WitnessCall, Worker,
    WorkerState, keys,
};

/// Price floor of `Cpu/1`, planck per SUNS·hour.
pub const FLOOR: Balance = ISC / 100;
const MAX_WINDOW: usize = 32;
const MAX_ASSIGNMENTS: usize = 12;
const MAX_REPLICAS: usize = 5;
const MAX_SUCCESSORS: usize = 8;
const MAX_GATHERED: u32 = 256;
const SMALLEST_PART: u32 = 8;
const COMMIT_SLACK: BlockNumber = 40;
const REVEAL_WINDOW: BlockNumber = 40;
const CHALLENGE_WINDOW: BlockNumber = 20;
const COOLDOWN: BlockNumber = 100;
/// For which a worker rests after a deadline that it missed: here always as long.
const MISS_REST: BlockNumber = 100;
const ANSWER_WINDOW: BlockNumber = 10;
const IMAGE_DEPOSIT: Balance = ISC;
/// The treasury.
const TREASURY: AccountId = AccountId::new([0; 32]);

/// A batch in flight with what only the chain knows.
#[derive(Clone, Debug)]
pub struct BatchRecord {
    pub(super) view: Batch,
    wanted: usize,
    /// Results of the job's policy that must agree.
    quorum: usize,
    digests: BTreeMap<AccountId, H256>,
    revealed: BTreeMap<AccountId, (BatchSummary, ContentHash)>,
}

/// An operator that could not get a job's input.
#[derive(Clone, Debug)]
pub struct Decliner {
    operator: AccountId,
    rests_until: BlockNumber,
    counts_until: BlockNumber,
}

/// Everything the chain keeps.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it; tests edit them directly")]
pub struct State {
    pub genesis: H256,
    pub number: BlockNumber,
    pub params: ChainParams,
    pub environment: EnvironmentId,
    pub next_job: JobId,
    pub jobs: BTreeMap<JobId, Job>,
    pub series: BTreeMap<JobId, Series>,
    pub batches: BTreeMap<(JobId, BatchIndex), BatchRecord>,
    pub results: BTreeMap<(JobId, BatchIndex), BatchResult>,
    pub raised_prices: BTreeMap<(JobId, BatchIndex), Balance>,
    pub workers: BTreeMap<AccountId, Worker>,
    pub unbonding: BTreeMap<AccountId, Vec<Unbonding>>,
    /// Admitted auditors: this chain has no governance.
    pub auditors: BTreeMap<AccountId, Auditor>,
    pub attested: BTreeMap<AccountId, Attestations>,
    pub pools: BTreeMap<PoolId, PoolRecord>,
    pub images: BTreeMap<ContentHash, Image>,
    pub accounts: BTreeMap<AccountId, Account>,
    pub decliners: BTreeMap<JobId, Vec<Decliner>>,
    /// Batches whose replicas are of drawn workers: this chain draws nobody by itself.
    pub drawn: BTreeSet<(JobId, BatchIndex)>,
    pub received: BTreeMap<JobId, BatchIndex>,
    pub witness_calls: BTreeMap<(JobId, BatchIndex), WitnessCall>,
    pub ratings: BTreeMap<AccountId, Rating>,
    pub rated: BTreeSet<(JobId, AccountId)>,
    pub keepers: BTreeSet<AccountId>,
    pub canaries: BTreeMap<(AccountId, H256), JobId>,
    pub checked: BTreeSet<(JobId, BatchIndex)>,
    pub rewards: BTreeMap<AccountId, Balance>,
    pub credit: BTreeMap<AccountId, Credit>,
    pub paid: Balance,
    /// Draws that workers have to answer: the chain draws nobody by itself.
    pub summons: BTreeMap<AccountId, BlockNumber>,
    /// What counts of a worker's capacity without a proof, µSUNS: everything, unless a test says otherwise.
    pub allowance: u64,
    pub runs: BTreeMap<AccountId, Run<BlockNumber>>,
    /// Blocks in which workers may start runs again.
    pub next_runs: BTreeMap<AccountId, BlockNumber>,
    pub proofs: BTreeMap<AccountId, Proven<BlockNumber>>,
    pub spot: Spot,
    pub spot_since: BlockNumber,
    pub events: Vec<Event>,
}

mod auditors;
mod availability;
mod canaries;
mod capacity;
mod explain;
mod orders;
mod pools;
mod series;
mod settlement;
mod witnesses;
mod workers;

use pools::PoolRecord;

type Dispatched = Result<(), SubmitError>;

fn fail<T>(pallet: &str, error: &str, advice: &str) -> Result<T, SubmitError> {
    Err(SubmitError::Dispatch(DispatchFailure {
        pallet: pallet.into(),
        error: error.into(),
        advice: crate::advice::advice(pallet, error)
            .unwrap_or(advice)
            .into(),
    }))
}

impl State {
    pub(super) fn new(genesis: H256, environment: EnvironmentId, funded: &[AccountId]) -> Self {
        let account = Account {
            free: FUNDS,
            ..Default::default()
        };
        Self {
            genesis,
            number: 0,
            params: ChainParams {
                block_ms: 3_000,
                min_bond: 100 * ISC,
                bond_per_suns: 10 * ISC,
                round_blocks: 50,
                job_deposit: ISC / 10,
                batch_deposit: ISC / 1_000,
                max_job_blocks: 1_000_000,
                max_batch_seconds: 86_400,
                retention: 1_000,
                liability: 1_300,
            },
            environment,
            next_job: 0,
            jobs: BTreeMap::new(),
            series: BTreeMap::new(),
            batches: BTreeMap::new(),
            results: BTreeMap::new(),
            raised_prices: BTreeMap::new(),
            workers: BTreeMap::new(),
            unbonding: BTreeMap::new(),
            auditors: BTreeMap::new(),
            attested: BTreeMap::new(),
            pools: BTreeMap::new(),
            images: BTreeMap::new(),
            accounts: funded.iter().map(|id| (id.clone(), account)).collect(),
            decliners: BTreeMap::new(),
            drawn: BTreeSet::new(),
            received: BTreeMap::new(),
            witness_calls: BTreeMap::new(),
            ratings: BTreeMap::new(),
            rated: BTreeSet::new(),
            keepers: BTreeSet::new(),
            canaries: BTreeMap::new(),
            checked: BTreeSet::new(),
            rewards: BTreeMap::new(),
            credit: BTreeMap::new(),
            paid: 0,
            summons: BTreeMap::new(),
            allowance: u64::MAX,
            runs: BTreeMap::new(),
            next_runs: BTreeMap::new(),
            proofs: BTreeMap::new(),
            spot: Spot::new(FLOOR),
            spot_since: 0,
            events: Vec::new(),
        }
    }

    /// Planck of everybody together, in whatever form: no call may change it but the faucet of a test.
    pub fn issuance(&self) -> Balance {
        let accounts: Balance = self.accounts.values().map(|a| a.free + a.held).sum();
        let positions = self.pools.values().flat_map(|pool| pool.positions.values());
        let income: Balance = positions.map(|position| position.income).sum();
        accounts + income + self.rewards.values().sum::<Balance>()
    }

    pub(super) fn begin_block(&mut self) {
        self.number += 1;
        self.events.clear();
        self.expire_jobs();
        self.open_pending();
        self.start_series();
        self.pass_deadlines();
        self.draw_proofs();
        self.follow_calls();
    }

    fn hold(&mut self, who: &AccountId, amount: Balance) -> Dispatched {
        let account = self.accounts.entry(who.clone()).or_default();
        let Some(free) = account.free.checked_sub(amount) else {
            return fail("Token", "FundsUnavailable", "");
        };
        account.free = free;
        account.held += amount;
        Ok(())
    }

    fn release(&mut self, who: &AccountId, amount: Balance) {
        let account = self.accounts.entry(who.clone()).or_default();
        let amount = amount.min(account.held);
        account.held -= amount;
        account.free += amount;
    }

    pub(super) fn dispatch(&mut self, who: &AccountId, call: Call) -> Dispatched {
        let (pallet, name) = call.name();
        // Worker calls are free, but only when they succeed.
        let feeless = matches!(
            call,
            Call::Claim(_)
                | Call::Commit { .. }
                | Call::Decline { .. }
                | Call::HandBack { .. }
                | Call::Reveal { .. }
                | Call::Attest { .. }
                | Call::Testify { .. }
                | Call::Alive { .. }
                | Call::StartProof
                | Call::CommitProof { .. }
                | Call::OpenProof(_)
        );
        let result = self.route(who, call);
        self.count_capacity();
        let broke = self
            .accounts
            .get(who)
            .is_none_or(|account| account.free == 0);
        match result {
            Err(SubmitError::Dispatch(_)) if feeless && broke => Err(SubmitError::CannotPay {
                signer: who.to_string(),
                call: format!("{pallet}.{name}"),
            }),
            Ok(()) if !feeless && broke && !self.workers.contains_key(who) => {
                Err(SubmitError::CannotPay {
                    signer: who.to_string(),
                    call: format!("{pallet}.{name}"),
                })
            }
            result => result,
        }
    }

    fn route(&mut self, who: &AccountId, call: Call) -> Dispatched {
        match call {
            Call::PublishImage { manifest, class } => self.publish(who, manifest, class),
            Call::RetireImage { manifest } => self.retire(who, &manifest),
            Call::SubmitJob(spec) => self.submit_job(who, *spec, None),
            Call::RepeatJob { spec, every, times } => self.repeat(who, *spec, every, times),
            Call::RaiseBid { job, price } => self.raise(who, job, price),
            Call::CancelJob(job) => self.cancel(who, job),
            Call::CleanUp(job) => self.clean_up(who, job),
            Call::Claim(job) => self.claim(who, job),
            Call::Commit {
                job,
                batch,
                units,
                digest,
                commitment,
            } => self.commit(who, (job, batch), units, digest, commitment),
            Call::Challenge { .. } => {
                fail("Verification", "NotStanding", "this chain draws no juries")
            }
            Call::Decline { job, batch } => self.decline(who, job, batch),
            Call::HandBack { job, batch } => self.hand_back(who, job, batch),
            Call::ResumeJob(job) => self.resume_job(who, job),
            Call::Acknowledge { job, below } => self.acknowledge(who, job, below),
            Call::CallWitnesses { job, batch } => self.call_witnesses(who, job, batch),
            Call::Attest { job, batch, seal } => self.attest(who, job, batch, seal),
            Call::Testify {
                job,
                batch,
                found,
                salt,
            } => self.testify(who, job, batch, found, &salt),
            Call::Rate {
                job,
                batch,
                operator,
                stars,
            } => self.rate(who, job, batch, operator, stars),
            Call::ForgetTrust(_) => fail(
                "Verification",
                "NothingToForget",
                "on this chain nobody is trusted",
            ),
            Call::ForgetRating(operator) => self.forget_rating(&operator),
            Call::PlantCanaries { seals } => self.plant(who, seals),
            Call::UprootCanaries { seals } => self.uproot(who, &seals),
            Call::ExposeCanary {
                job,
                batch,
                answer,
                salt,
            } => self.expose(who, job, batch, &answer, &salt),
            Call::ExposeCutCanary {
                job,
                batch,
                leaves,
                salt,
            } => self.expose_parts(who, job, batch, &leaves, &salt),
            Call::Reveal { job, batch, reveal } => self.reveal(who, job, batch, reveal),
            Call::Register(registration) => self.register(who, *registration),
            Call::UpdateWorker {
                worker,
                endpoint,
                attributes,
            } => {
                let record = self.own_worker(who, &worker)?;
                record.endpoint = endpoint;
                record.attributes = attributes;
                Ok(())
            }
            Call::SetCapacity { worker, resources } => {
                let params = self.params;
                let record = self.own_worker(who, &worker)?;
                let capacity = CPU_1.capacity(&resources);
                if capacity < record.committed {
                    return fail(
                        "Workers",
                        "CapacityInUse",
                        "wait until the work in hand is done",
                    );
                }
                if record.backing() < params.bond_for(capacity) {
                    return fail("Workers", "BondTooLow", "bond more first");
                }
                record.capacity = capacity;
                Ok(())
            }
            Call::SetEnvironment {
                worker,
                environment,
            } => {
                self.own_worker(who, &worker)?.environment = environment;
                Ok(())
            }
            Call::BondMore { worker, amount } => {
                self.hold(who, amount)?;
                self.own_worker(who, &worker)?.bond += amount;
                Ok(())
            }
            Call::Unbond { worker, amount } => self.unbond(who, &worker, amount),
            Call::WithdrawUnbonded(worker) => self.withdraw_unbonded(who, &worker),
            Call::RotateKey { worker, key, proof } => self.rotate_key(who, &worker, key, proof),
            Call::OfferWorker { .. } | Call::RetractOffer(_) | Call::AcceptWorker { .. } => fail(
                "Workers",
                "NoOffer",
                "on this chain no worker changes hands",
            ),
            Call::Alive { block } => self.answer(who, block),
            Call::ReportAbsence { worker, block } => self.report(&worker, block),
            Call::StartProof => self.start_proof(who),
            Call::CommitProof { seed, shape, root } => self.commit_proof(who, seed, shape, root),
            Call::OpenProof(openings) => self.open_proof(who, &openings),
            Call::SettleProof(worker) => self.settle_proof(who, &worker),
            Call::BondAuditor => self.bond_auditor(who),
            Call::AttestAttribute { worker, statement } => {
                self.attest_attribute(who, worker, &statement)
            }
            Call::RetractAttestation { worker, attributes } => {
                self.retract_attestation(who, &worker, attributes)
            }
            Call::ResignAuditor => self.resign_auditor(who),
            Call::WithdrawAuditor => self.withdraw_auditor(who),
            Call::Pause(worker) => {
                let record = self.own_worker(who, &worker)?;
                record.state = if record.operator == *who {
                    WorkerState::Suspended
                } else {
                    WorkerState::Paused
                };
                Ok(())
            }
            Call::Resume(worker) => {
                let record = self.own_worker(who, &worker)?;
                if record.state == WorkerState::Suspended && record.operator != *who {
                    return fail("Workers", "Suspended", "only the operator can resume it");
                }
                record.state = WorkerState::Active;
                Ok(())
            }
            Call::Leave(worker) => {
                let until = self.number + COOLDOWN;
                self.own_worker(who, &worker)?.state = WorkerState::Leaving { until };
                Ok(())
            }
            Call::Withdraw(worker) => self.withdraw(who, &worker),
            Call::OpenPool { worker, commission } => self.open_pool(who, worker, commission),
            Call::SetCommission { pool, commission } => self.set_commission(who, pool, commission),
            Call::Delegate { pool, amount } => self.delegate(who, pool, amount),
            Call::Undelegate { pool, amount } => self.undelegate(who, pool, amount),
            Call::WithdrawDelegation(pool) => self.withdraw_delegation(who, pool),
            Call::ClaimIncome(pool) => self.claim_income(who, pool),
            Call::ClosePool(_) => fail("Delegation", "InUse", "this chain keeps its pools"),
            Call::ClaimRewards => {
                self.pay_rewards(who);
                Ok(())
            }
            Call::ClaimRewardsFor(account) => {
                self.pay_rewards(&account);
                Ok(())
            }
            Call::Transfer { to, amount } => {
                let from = self.accounts.entry(who.clone()).or_default();
                let Some(free) = from.free.checked_sub(amount) else {
                    return fail("Token", "FundsUnavailable", "");
                };
                from.free = free;
                self.accounts.entry(to).or_default().free += amount;
                Ok(())
            }
        }
    }

    fn publish(&mut self, who: &AccountId, manifest: ContentHash, class: u8) -> Dispatched {
        if self.images.contains_key(&manifest) {
            return fail(
                "Images",
                "AlreadyPublished",
                "this image is published already",
            );
        }
        self.hold(who, IMAGE_DEPOSIT)?;
        let image = Image {
            developer: who.clone(),
            class,
            usable: true,
            usage: 0,
            listing: None,
        };
        self.images.insert(manifest, image);
        self.events.push(Event::ImagePublished { manifest });
        Ok(())
    }

    fn retire(&mut self, who: &AccountId, manifest: &ContentHash) -> Dispatched {
        match self.images.get_mut(manifest) {
            Some(image) if image.developer == *who && image.usable => image.usable = false,
            _ => {
                return fail(
                    "Images",
                    "NotDeveloper",
                    "only the developer can retire an image",
                );
            }
        }
        self.release(who, IMAGE_DEPOSIT);
        Ok(())
    }

    // Market.

    fn claim(&mut self, who: &AccountId, id: JobId) -> Dispatched {
        let Some(worker) = self.workers.get(who).cloned() else {
            return fail("Workers", "UnknownWorker", "register first");
        };
        let Some(job) = self.jobs.get_mut(&id) else {
            return fail("Market", "UnknownJob", "");
        };
        let rate = job.rate;
        let fits = explain::rejections(
            &self.params,
            self.number,
            &job.spec,
            job.class,
            rate,
            &worker,
        )
        .is_empty();
        if !fits || !job.wants_work() {
            return fail(
                "Market",
                "NotEligible",
                "this worker cannot take this job now",
            );
        }
        let decliners = self.decliners.get(&id).map_or(&[][..], Vec::as_slice);
        if availability::rests(decliners, &worker.operator, self.number) {
            return fail("Market", "InputMissing", "");
        }
        let paused = availability::is_paused(decliners, self.number);
        while job.state == JobState::Open
            && job.window.len() < MAX_WINDOW
            && job.next_batch < job.spec.batches()
        {
            job.window.push(job.next_batch);
            job.next_batch += 1;
        }
        let distinct = job.spec.constraints.distinct_jurisdictions;
        let place = |worker: &AccountId| {
            self.workers
                .get(worker)
                .map(|other| other.attributes.jurisdiction)
        };
        let free_of_operator = |batch: &&BatchIndex| {
            self.batches.get(&(id, **batch)).is_none_or(|record| {
                record.view.replicas.iter().all(|r| {
                    r.operator != worker.operator
                        && !(distinct && place(&r.worker) == Some(worker.attributes.jurisdiction))
                })
            })
        };
        let delivered = |batch: &&BatchIndex| {
            let record = self.batches.get(&(id, **batch));
            record.is_some_and(|record| !record.digests.is_empty())
        };
        let candidates: Vec<BatchIndex> = job
            .window
            .iter()
            .filter(free_of_operator)
            .filter(|batch| !paused || delivered(batch))
            .copied()
            .collect();
        if candidates.is_empty() && paused {
            return fail("Market", "InputMissing", "");
        }
        if candidates.is_empty() {
            return fail(
                "Market",
                "NothingToClaim",
                "every open batch has this operator already",
            );
        }
        let draw = sp_crypto_hashing::blake2_64(&codec::Encode::encode(&(self.number, id, who)));
        let batch = candidates[(u64::from_le_bytes(draw) % candidates.len() as u64) as usize];
        // Nobody has a record here: what new workers need.
        let quorum = job.spec.policy.paid_results() as usize;
        if job.price != job.spec.price {
            self.raised_prices.insert((id, batch), job.price);
        }
        let record = self.batches.entry((id, batch)).or_insert_with(|| {
            job.in_flight += 1;
            BatchRecord {
                view: Batch {
                    replicas: Vec::new(),
                    revealing: None,
                    standing: None,
                },
                wanted: quorum,
                quorum,
                digests: BTreeMap::new(),
                revealed: BTreeMap::new(),
            }
        });
        let blocks =
            (2_000 * u128::from(job.batch_seconds())).div_ceil(u128::from(self.params.block_ms));
        let blocks = BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX);
        record.view.replicas.push(Replica {
            worker: who.clone(),
            operator: worker.operator,
            state: ReplicaState::Assigned,
            due: Some(
                self.number
                    .saturating_add(COMMIT_SLACK)
                    .saturating_add(blocks),
            ),
        });
        let live = record
            .view
            .replicas
            .iter()
            .filter(|r| r.state != ReplicaState::Out)
            .count();
        if live >= record.wanted {
            job.window.retain(|other| *other != batch);
        }
        if let Some(worker) = self.workers.get_mut(who) {
            worker.committed += rate;
        }
        self.events.push(Event::Claimed {
            job: id,
            batch,
            worker: who.clone(),
        });
        Ok(())
    }
}
