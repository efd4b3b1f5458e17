//! The chain's records as they decode, by field name.
//!
//! Nothing here depends on generated code: a field that a later runtime adds is skipped, one that it
//! removes is an error that names it.

use scale_decode::DecodeAsType;
use sp_core::H256;
use sungrid_primitives::{
    receipt::BatchSummary,
    suns::{Profile, Resources},
    traits::{ProfileId, ProfileKind},
};

use crate::{
    Architecture, Attributes, Batch, BatchResult, ClosedRound, Closing, Constraints, Credit,
    EnergySource, Image, Job, JobSpec, JobState, Outcome, Policy, Replica, ReplicaState, Round,
    Winner, Worker, WorkerState,
};

type Bytes32 = [u8; 32];

macro_rules! decodes {
    ($($item:item)*) => {
        $(
            #[derive(DecodeAsType)]
            $item
        )*
    };
}

decodes! {
    pub(super) enum WireKind { Cpu, Gpu, Storage, Network }
    pub(super) struct WireProfileId { kind: WireKind, version: u16 }
    pub(super) struct WireResources {
        fuel_per_second: u64,
        memory: u64,
        storage: u64,
        bandwidth: u64,
        gpu_flops: u64,
        gpu_memory: u64,
        gpu_bandwidth: u64,
    }
    pub(super) struct WireProfile { contains: WireResources }
    pub(super) enum WirePolicy { Optimistic, Replicate(u8), Adaptive, Quorum(u32) }
    pub(super) struct WireConstraints { jurisdictions: Vec<[u8; 2]>, min_accepted_units: u64 }
    pub(super) struct WireSpec {
        image: Bytes32,
        input: Bytes32,
        units: u32,
        batch_size: u32,
        price: u128,
        fuel_limit: u64,
        memory_limit: u64,
        policy: WirePolicy,
        profile: WireProfileId,
        environment: Bytes32,
        deadline: u32,
        endpoint: Vec<u8>,
        constraints: WireConstraints,
    }
    pub(super) enum WireClosing { Cancelled, Expired }
    pub(super) enum WireOutcome { Completed, Cancelled, Expired }
    pub(super) enum WireJobState { Open, Settling(WireClosing), Ended { outcome: WireOutcome, at: u32 } }
    pub(super) struct WireJob {
        requester: Bytes32,
        spec: WireSpec,
        state: WireJobState,
        batches: u32,
        rate: u64,
        unit_charge: u128,
        next_batch: u32,
        window: Vec<u32>,
        waiting: u32,
        in_flight: u32,
        settled: u32,
        failed: u32,
        fuel: u128,
        escrow: u128,
        paid: u128,
        deposit: u128,
    }
    pub(super) struct WireClaimant { worker: Bytes32, operator: Bytes32 }
    pub(super) struct WireBatch { assignments: Vec<WireClaimant> }
    pub(super) struct WireSummary { root: Bytes32, fuel: u128, charge: u128 }
    pub(super) enum WireReplicaState {
        Working { until: u32 },
        Committed { digest: Bytes32, commitment: Bytes32 },
        Revealed { bundle: Bytes32 },
        Withheld,
    }
    pub(super) struct WireReplica { assignment: WireClaimant, state: WireReplicaState }
    pub(super) enum WireStage {
        Sealing,
        Drawing,
        Revealing { until: u32, digest: Bytes32 },
        Standing,
    }
    pub(super) struct WireBallot { replicas: Vec<WireReplica>, stage: WireStage }
    pub(super) struct WireWinner { worker: Bytes32, bundle: Bytes32 }
    pub(super) struct WireResult { summary: WireSummary, winners: Vec<WireWinner> }
    pub(super) enum WireArchitecture { X86_64, Aarch64, Riscv64, Other }
    pub(super) enum WireEnergy {
        Unknown, Grid, Solar, Wind, Hydro, Geothermal, Biomass, Nuclear, Fossil,
    }
    pub(super) struct WireAttributes {
        jurisdiction: [u8; 2],
        region: Vec<u8>,
        architecture: WireArchitecture,
        energy: WireEnergy,
        carbon: u16,
    }
    pub(super) enum WireWorkerState { Active, Paused, Leaving { until: u32 } }
    pub(super) struct WireWorker {
        operator: Bytes32,
        endpoint: Vec<u8>,
        attributes: WireAttributes,
        environment: Bytes32,
        profile: WireProfileId,
        capacity: u64,
        committed: u64,
        bond: u128,
        state: WireWorkerState,
        faults: u32,
        missed: u32,
        accepted_units: u64,
    }
    pub(super) enum WireClass { General, Rendering, Science, Learning, Media }
    pub(super) struct WireImage { developer: Bytes32, class: WireClass, retired: bool, usage: u128 }
    pub(super) struct WireCredit { planck: u128, units: u64 }
    pub(super) struct WireRound { number: u32, ends: u32, payments: u128, fees: u128 }
    pub(super) struct WireClosedRound {
        round: u32,
        payments: u128,
        fees: u128,
        emission: u128,
        authors: u128,
        foundation: u128,
        developers: u128,
        workers: u128,
        carried: u128,
    }
    pub(super) struct WireBalances { free: u128, reserved: u128, frozen: u128 }
    pub(super) struct WireAccount { nonce: u32, data: WireBalances }
}

impl From<WireProfileId> for ProfileId {
    fn from(wire: WireProfileId) -> Self {
        let kind = match wire.kind {
            WireKind::Cpu => ProfileKind::Cpu,
            WireKind::Gpu => ProfileKind::Gpu,
            WireKind::Storage => ProfileKind::Storage,
            WireKind::Network => ProfileKind::Network,
        };
        Self {
            kind,
            version: wire.version,
        }
    }
}

impl From<WireProfile> for Profile {
    fn from(WireProfile { contains: wire }: WireProfile) -> Self {
        Self {
            contains: Resources {
                fuel_per_second: wire.fuel_per_second,
                memory: wire.memory,
                storage: wire.storage,
                bandwidth: wire.bandwidth,
                gpu_flops: wire.gpu_flops,
                gpu_memory: wire.gpu_memory,
                gpu_bandwidth: wire.gpu_bandwidth,
            },
        }
    }
}

impl From<WireSpec> for JobSpec {
    fn from(wire: WireSpec) -> Self {
        Self {
            image: H256(wire.image),
            input: H256(wire.input),
            units: wire.units,
            batch_size: wire.batch_size,
            price: wire.price,
            fuel_limit: wire.fuel_limit,
            memory_limit: wire.memory_limit,
            policy: match wire.policy {
                WirePolicy::Optimistic => Policy::Optimistic,
                WirePolicy::Replicate(count) => Policy::Replicate(count),
                WirePolicy::Adaptive => Policy::Adaptive,
                WirePolicy::Quorum(trust) => Policy::Quorum(trust),
            },
            profile: wire.profile.into(),
            environment: H256(wire.environment),
            deadline: wire.deadline,
            endpoint: wire.endpoint,
            constraints: Constraints {
                jurisdictions: wire.constraints.jurisdictions,
                min_accepted_units: wire.constraints.min_accepted_units,
            },
        }
    }
}

impl From<WireJob> for Job {
    fn from(wire: WireJob) -> Self {
        let state = match wire.state {
            WireJobState::Open => JobState::Open,
            WireJobState::Settling(WireClosing::Cancelled) => {
                JobState::Settling(Closing::Cancelled)
            }
            WireJobState::Settling(WireClosing::Expired) => JobState::Settling(Closing::Expired),
            WireJobState::Ended { outcome, at } => JobState::Ended {
                outcome: match outcome {
                    WireOutcome::Completed => Outcome::Completed,
                    WireOutcome::Cancelled => Outcome::Cancelled,
                    WireOutcome::Expired => Outcome::Expired,
                },
                at,
            },
        };
        Self {
            spec: wire.spec.into(),
            requester: wire.requester.into(),
            state,
            batches: wire.batches,
            rate: wire.rate,
            unit_charge: wire.unit_charge,
            next_batch: wire.next_batch,
            window: wire.window,
            waiting: wire.waiting,
            in_flight: wire.in_flight,
            settled: wire.settled,
            failed: wire.failed,
            fuel: wire.fuel,
            escrow: wire.escrow,
            paid: wire.paid,
            deposit: wire.deposit,
        }
    }
}

impl WireBatch {
    /// The market knows who ever got the batch, the ballot what became of those still in it.
    pub(super) fn with_ballot(self, ballot: Option<WireBallot>) -> Batch {
        let (replicas, stage) = ballot.map_or((Vec::new(), WireStage::Sealing), |ballot| {
            (ballot.replicas, ballot.stage)
        });
        let (revealing, reveal_until) = match stage {
            WireStage::Revealing { until, digest } => (Some(H256(digest)), Some(until)),
            WireStage::Sealing | WireStage::Drawing | WireStage::Standing => (None, None),
        };
        let state_of = |worker: &Bytes32| {
            let replica = replicas
                .iter()
                .find(|replica| replica.assignment.worker == *worker);
            match replica.map(|replica| &replica.state) {
                Some(WireReplicaState::Working { until }) => (ReplicaState::Assigned, Some(*until)),
                Some(WireReplicaState::Committed { digest, commitment }) => (
                    ReplicaState::Committed(H256(*commitment)),
                    reveal_until.filter(|_| revealing == Some(H256(*digest))),
                ),
                Some(WireReplicaState::Revealed { bundle }) => (
                    ReplicaState::Revealed {
                        bundle: H256(*bundle),
                    },
                    None,
                ),
                Some(WireReplicaState::Withheld) => (ReplicaState::Withheld, None),
                None => (ReplicaState::Out, None),
            }
        };
        let replica = |claimant: WireClaimant| {
            let (state, due) = state_of(&claimant.worker);
            Replica {
                worker: claimant.worker.into(),
                operator: claimant.operator.into(),
                state,
                due,
            }
        };
        Batch {
            replicas: self.assignments.into_iter().map(replica).collect(),
            revealing,
        }
    }
}

impl From<WireResult> for BatchResult {
    fn from(wire: WireResult) -> Self {
        let winner = |winner: WireWinner| Winner {
            worker: winner.worker.into(),
            bundle: H256(winner.bundle),
        };
        Self {
            summary: BatchSummary {
                root: H256(wire.summary.root),
                fuel: wire.summary.fuel,
                charge: wire.summary.charge,
            },
            winners: wire.winners.into_iter().map(winner).collect(),
        }
    }
}

impl From<WireWorker> for Worker {
    fn from(wire: WireWorker) -> Self {
        let attributes = wire.attributes;
        Self {
            operator: wire.operator.into(),
            endpoint: wire.endpoint,
            attributes: Attributes {
                jurisdiction: attributes.jurisdiction,
                region: String::from_utf8_lossy(&attributes.region).into_owned(),
                architecture: match attributes.architecture {
                    WireArchitecture::X86_64 => Architecture::X86_64,
                    WireArchitecture::Aarch64 => Architecture::Aarch64,
                    WireArchitecture::Riscv64 => Architecture::Riscv64,
                    WireArchitecture::Other => Architecture::Other,
                },
                energy: match attributes.energy {
                    WireEnergy::Unknown => EnergySource::Unknown,
                    WireEnergy::Grid => EnergySource::Grid,
                    WireEnergy::Solar => EnergySource::Solar,
                    WireEnergy::Wind => EnergySource::Wind,
                    WireEnergy::Hydro => EnergySource::Hydro,
                    WireEnergy::Geothermal => EnergySource::Geothermal,
                    WireEnergy::Biomass => EnergySource::Biomass,
                    WireEnergy::Nuclear => EnergySource::Nuclear,
                    WireEnergy::Fossil => EnergySource::Fossil,
                },
                carbon: attributes.carbon,
            },
            environment: H256(wire.environment),
            profile: wire.profile.into(),
            capacity: wire.capacity,
            committed: wire.committed,
            bond: wire.bond,
            state: match wire.state {
                WireWorkerState::Active => WorkerState::Active,
                WireWorkerState::Paused => WorkerState::Paused,
                WireWorkerState::Leaving { until } => WorkerState::Leaving { until },
            },
            faults: wire.faults,
            missed: wire.missed,
            accepted_units: wire.accepted_units,
        }
    }
}

impl From<WireImage> for Image {
    fn from(wire: WireImage) -> Self {
        Self {
            developer: wire.developer.into(),
            class: match wire.class {
                WireClass::General => 0,
                WireClass::Rendering => 1,
                WireClass::Science => 2,
                WireClass::Learning => 3,
                WireClass::Media => 4,
            },
            usable: !wire.retired,
            usage: wire.usage,
        }
    }
}

impl From<WireCredit> for Credit {
    fn from(wire: WireCredit) -> Self {
        Self {
            total: wire.planck,
            units: wire.units,
        }
    }
}

impl From<WireRound> for Round {
    fn from(wire: WireRound) -> Self {
        Self {
            number: wire.number,
            ends: wire.ends,
            payments: wire.payments,
            fees: wire.fees,
        }
    }
}

impl From<WireClosedRound> for ClosedRound {
    fn from(wire: WireClosedRound) -> Self {
        Self {
            round: wire.round,
            payments: wire.payments,
            fees: wire.fees,
            emission: wire.emission,
            authors: wire.authors,
            foundation: wire.foundation,
            developers: wire.developers,
            workers: wire.workers,
            carried: wire.carried,
        }
    }
}

impl From<WireAccount> for crate::Account {
    fn from(wire: WireAccount) -> Self {
        Self {
            free: wire.data.free,
            held: wire.data.reserved,
            frozen: wire.data.frozen,
            nonce: wire.nonce,
        }
    }
}
