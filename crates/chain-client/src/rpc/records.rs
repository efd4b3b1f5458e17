//! The chain's records as they decode, by field name.
//!
//! Nothing here depends on generated code: a field that a later runtime adds is skipped, one that it
//! removes is an error that names it.

mod convert;

use scale_decode::DecodeAsType;

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
        addresses: u64,
    }
    pub(super) struct WireProfile { contains: WireResources }
    pub(super) enum WirePolicy { Optimistic, Replicate(u8), Adaptive, Quorum(u32) }
    pub(super) enum WireTier { Declared, Attested }
    pub(super) struct WireTiers {
        jurisdiction: WireTier,
        region: WireTier,
        architecture: WireTier,
        energy: WireTier,
        carbon: WireTier,
    }
    pub(super) struct WireConstraints {
        jurisdictions: Vec<[u8; 2]>,
        regions: Vec<Vec<u8>>,
        architectures: Vec<WireArchitecture>,
        energy: Vec<WireEnergy>,
        max_carbon: Option<u16>,
        tiers: WireTiers,
        min_streak: u32,
        distinct_jurisdictions: bool,
    }
    pub(super) struct WireAuditor { admission: u32, bond: u128, leaving: Option<u32> }
    pub(super) struct WireAttestation { auditor: Bytes32, admission: u32, until: u32 }
    pub(super) struct WireAttestations {
        jurisdiction: Option<WireAttestation>,
        region: Option<WireAttestation>,
        architecture: Option<WireAttestation>,
        energy: Option<WireAttestation>,
        carbon: Option<WireAttestation>,
    }

    pub(super) struct WireSpec {
        image: Bytes32,
        input: Bytes32,
        units: u32,
        batch_size: u32,
        price: u128,
        fuel_limit: u64,
        memory_limit: u64,
        traffic_limit: u64,
        policy: WirePolicy,
        profile: WireProfileId,
        environment: Bytes32,
        deadline: u32,
        endpoint: Vec<u8>,
        constraints: WireConstraints,
        after: Option<u32>,
    }
    pub(super) enum WireClosing { Cancelled, Expired }
    pub(super) enum WireOutcome { Completed, Cancelled, Expired, NoInput }
    pub(super) enum WireJobState {
        Open,
        Settling(WireClosing),
        Ended { outcome: WireOutcome, at: u32 },
        Pending,
    }
    pub(super) struct WireCut { batch: u32, first: u32 }
    pub(super) struct WireJob {
        requester: Bytes32,
        spec: WireSpec,
        class: WireClass,
        state: WireJobState,
        batches: u32,
        cuts: Vec<WireCut>,
        rate: u64,
        unit_charge: u128,
        price: u128,
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
        series: Option<u32>,
        successors: Vec<u32>,
    }
    pub(super) struct WireSeries {
        requester: Bytes32,
        spec: WireSpec,
        lasts: u32,
        every: u32,
        next: u32,
        left: u32,
        skipped: u32,
        deposit: u128,
        fee: u128,
    }
    pub(super) struct WireClaimant { worker: Bytes32, operator: Bytes32 }
    pub(super) struct WireBatch { assignments: Vec<WireClaimant> }
    pub(super) struct WireSummary { root: Bytes32, fuel: u128, charge: u128 }
    pub(super) enum WireReplicaState {
        Working { until: u32 },
        Committed { digest: Bytes32, commitment: Bytes32 },
        Revealed { bundle: Bytes32 },
        Withheld,
        Unopened,
    }
    pub(super) struct WireReplica { assignment: WireClaimant, state: WireReplicaState }
    pub(super) enum WireStage {
        Sealing,
        Drawing,
        Revealing { until: u32, digest: Bytes32 },
        Standing { until: u32 },
    }
    pub(super) struct WireBallot { replicas: Vec<WireReplica>, stage: WireStage }
    pub(super) struct WireWinner { worker: Bytes32, operator: Bytes32, bundle: Bytes32 }
    pub(super) enum WireOutputs { Owed, Fetched, Withheld }
    pub(super) struct WireResult {
        summary: WireSummary,
        winners: Vec<WireWinner>,
        at: u32,
        outputs: WireOutputs,
        witnesses: Vec<Bytes32>,
    }
    pub(super) enum WireCallStage {
        Drawing { at: u32 },
        Sealing { until: u32 },
        Opening { until: u32 },
    }
    pub(super) enum WireTestimony { Awaited, Sealed(Bytes32), Opened(Option<Bytes32>) }
    pub(super) struct WireWitness { assignment: WireClaimant, testimony: WireTestimony }
    pub(super) struct WireWitnessCall {
        stage: WireCallStage,
        seed: Bytes32,
        witnesses: Vec<WireWitness>,
    }
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
        classes: Vec<WireClass>,
    }
    pub(super) struct WireUnbonding { amount: u128 }
    pub(super) struct WireDelegated { stake: u128, shares: u128, leaving: u128 }
    pub(super) enum WireWorkerState { Active, Paused, Suspended, Leaving { until: u32 } }
    pub(super) struct WireWorker {
        operator: Bytes32,
        endpoint: Vec<u8>,
        attributes: WireAttributes,
        environment: Bytes32,
        profile: WireProfileId,
        capacity: u64,
        committed: u64,
        rests_until: u32,
        bond: u128,
        unbonding: Vec<WireUnbonding>,
        delegated: WireDelegated,
        state: WireWorkerState,
        faults: u32,
        missed: u32,
        declined: u32,
        handed_back: u32,
        accepted_units: u64,
        delivered: u128,
    }
    pub(super) enum WireRejection {
        Unavailable, Environment, Profile, Constraint(WireUnmet), TooSmall, Unproven, Busy,
        Late, Paused, Resting, SameOperator, SameJurisdiction, NotDrawn,
    }
    pub(super) enum WireUnmet {
        Class, Jurisdiction, Region, Architecture, Energy, Carbon, Tier(WireAttribute), Streak,
    }
    pub(super) enum WireAttribute { Jurisdiction, Region, Architecture, Energy, Carbon }
    pub(super) struct WireTrust { streak: u32, score: u32 }
    pub(super) struct WireRejected { reason: WireRejection, workers: u32, first: u32, alone: u32 }
    pub(super) struct WireSurvey {
        workers: u32,
        truncated: bool,
        constraints: Vec<WireRejected>,
        suitable: u32,
        busy: u32,
        operators: u32,
        free_operators: u32,
    }
    pub(super) struct WireExplanation {
        wanting: u32,
        needed: u32,
        replicas: u32,
        survey: WireSurvey,
        bid: u128,
        floor: u128,
        spot: u128,
    }
    pub(super) struct WireQuote {
        escrow: u128,
        deposit: u128,
        results: u64,
        expected: u128,
        at_spot: u128,
        spot: u128,
        least_blocks: u64,
        wait: Option<u64>,
        settled: Option<u64>,
        ahead: u64,
        replicas: u32,
        survey: WireSurvey,
    }
    pub(super) enum WireClass { General, Rendering, Science, Learning, Media }
    pub(super) struct WireListing { listed: bool, reason: Bytes32 }
    pub(super) struct WireImage {
        developer: Bytes32,
        class: WireClass,
        retired: bool,
        usage: u128,
        listing: Option<WireListing>,
    }
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
        granted: u128,
        maintenance: u128,
        carried: u128,
    }
    pub(super) struct WireBalances { free: u128, reserved: u128, frozen: u128 }
    pub(super) struct WireAccount { nonce: u32, data: WireBalances }
}
