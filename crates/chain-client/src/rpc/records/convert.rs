//! The chain's records in the client's types.

use sp_core::{ConstU32, H256, bounded::BoundedVec};
use sungrid_primitives::{
    delegation::Delegated,
    job::Cut,
    receipt::BatchSummary,
    suns::{Profile, Resources},
    traits::{ProfileId, ProfileKind},
};

use super::*;
use crate::{
    Architecture, Attestation, Attestations, Attribute, Attributes, Auditor, Balance, Batch,
    BatchResult, CallStage, ClosedRound, Closing, Constraints, Credit, EnergySource, Explanation,
    Image, Job, JobSpec, JobState, Listing, Outcome, Outputs, Policy, Quote, Region, Rejected,
    Rejection, Replica, ReplicaState, Round, Series, Survey, TaskClass, Testimony, Tier, Tiers,
    Trust, Unmet, Winner, Witness, WitnessCall, Worker, WorkerState,
};

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
                addresses: wire.addresses,
            },
        }
    }
}

/// What the chain bounds is within the bound.
fn list<Wire: Into<Item>, Item, const N: u32>(wire: Vec<Wire>) -> BoundedVec<Item, ConstU32<N>> {
    BoundedVec::truncate_from(wire.into_iter().map(Into::into).collect())
}

impl From<WireArchitecture> for Architecture {
    fn from(wire: WireArchitecture) -> Self {
        match wire {
            WireArchitecture::X86_64 => Self::X86_64,
            WireArchitecture::Aarch64 => Self::Aarch64,
            WireArchitecture::Riscv64 => Self::Riscv64,
            WireArchitecture::Other => Self::Other,
        }
    }
}

impl From<WireEnergy> for EnergySource {
    fn from(wire: WireEnergy) -> Self {
        match wire {
            WireEnergy::Unknown => Self::Unknown,
            WireEnergy::Grid => Self::Grid,
            WireEnergy::Solar => Self::Solar,
            WireEnergy::Wind => Self::Wind,
            WireEnergy::Hydro => Self::Hydro,
            WireEnergy::Geothermal => Self::Geothermal,
            WireEnergy::Biomass => Self::Biomass,
            WireEnergy::Nuclear => Self::Nuclear,
            WireEnergy::Fossil => Self::Fossil,
        }
    }
}

impl From<WireClass> for TaskClass {
    fn from(wire: WireClass) -> Self {
        match wire {
            WireClass::General => Self::General,
            WireClass::Rendering => Self::Rendering,
            WireClass::Science => Self::Science,
            WireClass::Learning => Self::Learning,
            WireClass::Media => Self::Media,
        }
    }
}

impl From<WireTier> for Tier {
    fn from(wire: WireTier) -> Self {
        match wire {
            WireTier::Declared => Self::Declared,
            WireTier::Attested => Self::Attested,
        }
    }
}

impl From<WireConstraints> for Constraints {
    fn from(wire: WireConstraints) -> Self {
        let WireTiers {
            jurisdiction,
            region,
            architecture,
            energy,
            carbon,
        } = wire.tiers;
        Self {
            jurisdictions: list(wire.jurisdictions),
            regions: list(
                wire.regions
                    .into_iter()
                    .map(BoundedVec::truncate_from)
                    .collect::<Vec<Region>>(),
            ),
            architectures: list(wire.architectures),
            energy: list(wire.energy),
            max_carbon: wire.max_carbon,
            tiers: Tiers {
                jurisdiction: jurisdiction.into(),
                region: region.into(),
                architecture: architecture.into(),
                energy: energy.into(),
                carbon: carbon.into(),
            },
            min_streak: wire.min_streak,
            distinct_jurisdictions: wire.distinct_jurisdictions,
        }
    }
}

impl From<WireAuditor> for Auditor {
    fn from(wire: WireAuditor) -> Self {
        Self {
            admission: wire.admission,
            bond: wire.bond,
            leaving: wire.leaving,
        }
    }
}

impl From<WireAttestations> for Attestations {
    fn from(wire: WireAttestations) -> Self {
        let said = |wire: Option<WireAttestation>| {
            wire.map(|wire| Attestation {
                auditor: wire.auditor.into(),
                admission: wire.admission,
                until: wire.until,
            })
        };
        Self {
            jurisdiction: said(wire.jurisdiction),
            region: said(wire.region),
            architecture: said(wire.architecture),
            energy: said(wire.energy),
            carbon: said(wire.carbon),
        }
    }
}

impl From<WireTrust> for Trust {
    fn from(WireTrust { streak, score }: WireTrust) -> Self {
        Self { streak, score }
    }
}

impl WireAttestations {
    /// Whether any of them may still count.
    pub(in crate::rpc) fn may_count_at(&self, now: u32) -> bool {
        [
            &self.jurisdiction,
            &self.region,
            &self.architecture,
            &self.energy,
            &self.carbon,
        ]
        .into_iter()
        .flatten()
        .any(|attestation| now < attestation.until)
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
            traffic_limit: wire.traffic_limit,
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
            constraints: wire.constraints.into(),
            after: wire.after,
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
                    WireOutcome::NoInput => Outcome::NoInput,
                },
                at,
            },
            WireJobState::Pending => JobState::Pending,
        };
        Self {
            spec: wire.spec.into(),
            class: wire.class.into(),
            requester: wire.requester.into(),
            state,
            batches: wire.batches,
            cuts: wire
                .cuts
                .into_iter()
                .map(|WireCut { batch, first }| Cut { batch, first })
                .collect(),
            rate: wire.rate,
            unit_charge: wire.unit_charge,
            price: wire.price,
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
            series: wire.series,
            successors: wire.successors,
        }
    }
}

impl From<WireSeries> for Series {
    fn from(wire: WireSeries) -> Self {
        Self {
            requester: wire.requester.into(),
            spec: wire.spec.into(),
            lasts: wire.lasts,
            every: wire.every,
            next: wire.next,
            left: wire.left,
            skipped: wire.skipped,
            deposit: wire.deposit,
            fee: wire.fee,
        }
    }
}

impl WireBatch {
    /// The market knows who ever got the batch, the ballot what became of those still in it.
    pub(in crate::rpc) fn with_ballot(self, ballot: Option<WireBallot>) -> Batch {
        let (replicas, stage) = ballot.map_or((Vec::new(), WireStage::Sealing), |ballot| {
            (ballot.replicas, ballot.stage)
        });
        let (revealing, reveal_until) = match stage {
            WireStage::Revealing { until, digest } => (Some(H256(digest)), Some(until)),
            WireStage::Sealing | WireStage::Drawing | WireStage::Standing { .. } => (None, None),
        };
        let standing = match stage {
            WireStage::Standing { until } => Some(until),
            WireStage::Sealing | WireStage::Drawing | WireStage::Revealing { .. } => None,
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
                Some(WireReplicaState::Withheld | WireReplicaState::Unopened) => {
                    (ReplicaState::Withheld, None)
                }
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
            standing,
        }
    }
}

impl From<WireResult> for BatchResult {
    fn from(wire: WireResult) -> Self {
        let winner = |winner: WireWinner| Winner {
            worker: winner.worker.into(),
            operator: winner.operator.into(),
            bundle: H256(winner.bundle),
        };
        Self {
            summary: BatchSummary {
                root: H256(wire.summary.root),
                fuel: wire.summary.fuel,
                charge: wire.summary.charge,
            },
            winners: wire.winners.into_iter().map(winner).collect(),
            at: wire.at,
            outputs: match wire.outputs {
                WireOutputs::Owed => Outputs::Owed,
                WireOutputs::Fetched => Outputs::Fetched,
                WireOutputs::Withheld => Outputs::Withheld,
            },
            witnesses: wire.witnesses.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<WireWitnessCall> for WitnessCall {
    fn from(wire: WireWitnessCall) -> Self {
        let witness = |witness: WireWitness| Witness {
            worker: witness.assignment.worker.into(),
            operator: witness.assignment.operator.into(),
            testimony: match witness.testimony {
                WireTestimony::Awaited => Testimony::Awaited,
                WireTestimony::Sealed(seal) => Testimony::Sealed(H256(seal)),
                WireTestimony::Opened(found) => Testimony::Opened(found.map(H256)),
            },
        };
        Self {
            stage: match wire.stage {
                WireCallStage::Drawing { at } => CallStage::Drawing { at },
                WireCallStage::Sealing { until } => CallStage::Sealing { until },
                WireCallStage::Opening { until } => CallStage::Opening { until },
            },
            seed: H256(wire.seed),
            witnesses: wire.witnesses.into_iter().map(witness).collect(),
        }
    }
}

impl From<WireWorker> for Worker {
    fn from(wire: WireWorker) -> Self {
        let parts = wire.unbonding.iter().map(|part| part.amount);
        let leaving = parts.fold(0, Balance::saturating_add);
        let attributes = wire.attributes;
        Self {
            operator: wire.operator.into(),
            endpoint: wire.endpoint,
            attributes: Attributes {
                jurisdiction: attributes.jurisdiction,
                region: BoundedVec::truncate_from(attributes.region),
                architecture: attributes.architecture.into(),
                energy: attributes.energy.into(),
                carbon: attributes.carbon,
                classes: list(attributes.classes),
            },
            // Not in the record: the auditors' pallet knows.
            tiers: Tiers::default(),
            environment: H256(wire.environment),
            profile: wire.profile.into(),
            capacity: wire.capacity,
            // Neither: the pallet of capacity proofs does.
            counted: wire.capacity,
            committed: wire.committed,
            bond: wire.bond.saturating_sub(leaving),
            leaving,
            delegated: Delegated {
                stake: wire.delegated.stake,
                shares: wire.delegated.shares,
                leaving: wire.delegated.leaving,
            }
            .staying(),
            state: match wire.state {
                WireWorkerState::Active => WorkerState::Active,
                WireWorkerState::Paused => WorkerState::Paused,
                WireWorkerState::Suspended => WorkerState::Suspended,
                WireWorkerState::Leaving { until } => WorkerState::Leaving { until },
            },
            faults: wire.faults,
            missed: wire.missed,
            rests_until: wire.rests_until,
            declined: wire.declined,
            handed_back: wire.handed_back,
            accepted_units: wire.accepted_units,
            delivered: wire.delivered,
            // Neither: the verifier knows.
            trust: Trust::default(),
        }
    }
}

impl From<WireUnmet> for Unmet {
    fn from(wire: WireUnmet) -> Self {
        match wire {
            WireUnmet::Class => Self::Class,
            WireUnmet::Jurisdiction => Self::Jurisdiction,
            WireUnmet::Region => Self::Region,
            WireUnmet::Architecture => Self::Architecture,
            WireUnmet::Energy => Self::Energy,
            WireUnmet::Carbon => Self::Carbon,
            WireUnmet::Tier(attribute) => Self::Tier(match attribute {
                WireAttribute::Jurisdiction => Attribute::Jurisdiction,
                WireAttribute::Region => Attribute::Region,
                WireAttribute::Architecture => Attribute::Architecture,
                WireAttribute::Energy => Attribute::Energy,
                WireAttribute::Carbon => Attribute::Carbon,
            }),
            WireUnmet::Streak => Self::Streak,
        }
    }
}

impl From<WireSurvey> for Survey {
    fn from(wire: WireSurvey) -> Self {
        let rejected = |rejected: WireRejected| Rejected {
            reason: match rejected.reason {
                WireRejection::Unavailable => Rejection::Unavailable,
                WireRejection::Environment => Rejection::Environment,
                WireRejection::Profile => Rejection::Profile,
                WireRejection::Constraint(unmet) => Rejection::Constraint(unmet.into()),
                WireRejection::TooSmall => Rejection::TooSmall,
                WireRejection::Unproven => Rejection::Unproven,
                WireRejection::Busy => Rejection::Busy,
                WireRejection::Late => Rejection::Late,
                WireRejection::Paused => Rejection::Paused,
                WireRejection::Resting => Rejection::Resting,
                WireRejection::SameOperator => Rejection::SameOperator,
                WireRejection::SameJurisdiction => Rejection::SameJurisdiction,
                WireRejection::NotDrawn => Rejection::NotDrawn,
            },
            workers: rejected.workers,
            first: rejected.first,
            alone: rejected.alone,
        };
        Self {
            workers: wire.workers,
            truncated: wire.truncated,
            constraints: wire.constraints.into_iter().map(rejected).collect(),
            suitable: wire.suitable,
            busy: wire.busy,
            operators: wire.operators,
            free_operators: wire.free_operators,
        }
    }
}

impl From<WireExplanation> for Explanation {
    fn from(wire: WireExplanation) -> Self {
        Self {
            wanting: wire.wanting,
            needed: wire.needed,
            replicas: wire.replicas,
            survey: wire.survey.into(),
            bid: wire.bid,
            floor: wire.floor,
            spot: wire.spot,
        }
    }
}

impl From<WireQuote> for Quote {
    fn from(wire: WireQuote) -> Self {
        Self {
            escrow: wire.escrow,
            deposit: wire.deposit,
            results: wire.results,
            expected: wire.expected,
            at_spot: wire.at_spot,
            spot: wire.spot,
            least_blocks: wire.least_blocks,
            wait: wire.wait,
            settled: wire.settled,
            ahead: wire.ahead,
            replicas: wire.replicas,
            survey: wire.survey.into(),
        }
    }
}

impl From<WireImage> for Image {
    fn from(wire: WireImage) -> Self {
        Self {
            developer: wire.developer.into(),
            class: TaskClass::from(wire.class) as u8,
            usable: !wire.retired,
            usage: wire.usage,
            listing: wire.listing.map(|listing| Listing {
                listed: listing.listed,
                reason: H256(listing.reason),
            }),
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
            granted: wire.granted,
            maintenance: wire.maintenance,
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

#[cfg(test)]
mod tests {
    use codec::{Decode, Encode};
    use subxt::Metadata;

    use super::*;

    const METADATA: &[u8] = include_bytes!("../../../metadata.scale");

    /// Reads an answer of the runtime of this repository as the client does.
    fn read<V: DecodeAsType>(method: &str, answer: impl Encode) -> V {
        let metadata = Metadata::decode(&mut &METADATA[..]).expect("metadata");
        let api = metadata.runtime_api_trait_by_name("MarketApi");
        let method = api.and_then(|api| api.method_by_name(method));
        let output = method.expect("the runtime has it").output_ty();
        let bytes = answer.encode();
        let rest = &mut &bytes[..];
        let value = V::decode_as_type(rest, output, metadata.types()).expect("decodes");
        assert!(rest.is_empty());
        value
    }

    #[test]
    fn answers_about_the_market_arrive_as_they_were_given() {
        use Rejection::*;
        let mut survey = Survey::default();
        let all = [
            Unavailable,
            Environment,
            Profile,
            Constraint(Unmet::Class),
            Constraint(Unmet::Jurisdiction),
            Constraint(Unmet::Region),
            Constraint(Unmet::Architecture),
            Constraint(Unmet::Energy),
            Constraint(Unmet::Carbon),
            Constraint(Unmet::Tier(Attribute::Jurisdiction)),
            Constraint(Unmet::Tier(Attribute::Region)),
            Constraint(Unmet::Tier(Attribute::Architecture)),
            Constraint(Unmet::Tier(Attribute::Energy)),
            Constraint(Unmet::Tier(Attribute::Carbon)),
            Constraint(Unmet::Streak),
            TooSmall,
            Unproven,
            Late,
            Paused,
            Resting,
            SameOperator,
            SameJurisdiction,
            NotDrawn,
        ];
        survey.count(&all);
        survey.count(&[Busy]);
        let explanation = Explanation {
            wanting: 1,
            needed: 5,
            replicas: 2,
            survey: survey.clone(),
            bid: 3,
            floor: 4,
            spot: u128::MAX,
        };
        let read_back: Option<WireExplanation> = read("explain", Some(&explanation));
        assert_eq!(read_back.map(Into::into), Some(explanation));
        let quote = Quote {
            escrow: u128::MAX,
            deposit: 1,
            results: 4,
            expected: 5,
            at_spot: 2,
            spot: 3,
            least_blocks: 7,
            wait: Some(u64::MAX),
            settled: Some(8),
            ahead: 6,
            replicas: 3,
            survey,
        };
        let read_back: Option<WireQuote> = read("quote", Some(&quote));
        assert_eq!(read_back.map(Into::into), Some(quote));
        let none: Option<WireQuote> = read("quote", None::<Quote>);
        assert!(none.is_none());
    }
}
