//! Calls as they encode, by argument name.

use subxt::{dynamic::Value, ext::scale_value::Composite};
use sungrid_primitives::{
    capacity::{Opening, Path, Shape},
    receipt::BatchSummary,
    suns::Resources,
    traits::{ProfileId, ProfileKind},
};

use crate::{
    Architecture, Attributes, Call, Constraints, EnergySource, JobSpec, Policy, TaskClass, Tier,
    Tiers,
};

fn number(n: impl Into<u128>) -> Value {
    Value::u128(n.into())
}

fn option(value: Option<Value>) -> Value {
    match value {
        Some(value) => Value::unnamed_variant("Some", [value]),
        None => unit_variant("None"),
    }
}

fn unit_variant(name: &str) -> Value {
    Value::unnamed_variant(name, [])
}

/// A profile as a storage key or an argument.
pub(super) fn profile(id: ProfileId) -> Value {
    let kind = match id.kind {
        ProfileKind::Cpu => "Cpu",
        ProfileKind::Gpu => "Gpu",
        ProfileKind::Storage => "Storage",
        ProfileKind::Network => "Network",
    };
    Value::named_composite([
        ("kind", unit_variant(kind)),
        ("version", number(id.version)),
    ])
}

fn resources(r: &Resources) -> Value {
    Value::named_composite([
        ("fuel_per_second", number(r.fuel_per_second)),
        ("memory", number(r.memory)),
        ("storage", number(r.storage)),
        ("bandwidth", number(r.bandwidth)),
        ("gpu_flops", number(r.gpu_flops)),
        ("gpu_memory", number(r.gpu_memory)),
        ("gpu_bandwidth", number(r.gpu_bandwidth)),
        ("addresses", number(r.addresses)),
    ])
}

fn architecture(architecture: &Architecture) -> Value {
    unit_variant(match architecture {
        Architecture::X86_64 => "X86_64",
        Architecture::Aarch64 => "Aarch64",
        Architecture::Riscv64 => "Riscv64",
        Architecture::Other => "Other",
    })
}

fn energy(source: &EnergySource) -> Value {
    unit_variant(match source {
        EnergySource::Unknown => "Unknown",
        EnergySource::Grid => "Grid",
        EnergySource::Solar => "Solar",
        EnergySource::Wind => "Wind",
        EnergySource::Hydro => "Hydro",
        EnergySource::Geothermal => "Geothermal",
        EnergySource::Biomass => "Biomass",
        EnergySource::Nuclear => "Nuclear",
        EnergySource::Fossil => "Fossil",
    })
}

fn class(class: &TaskClass) -> Value {
    unit_variant(match class {
        TaskClass::General => "General",
        TaskClass::Rendering => "Rendering",
        TaskClass::Science => "Science",
        TaskClass::Learning => "Learning",
        TaskClass::Media => "Media",
    })
}

fn tiers(tiers: &Tiers) -> Value {
    let tier = |tier: Tier| {
        unit_variant(match tier {
            Tier::Declared => "Declared",
            Tier::Attested => "Attested",
        })
    };
    Value::named_composite([
        ("jurisdiction", tier(tiers.jurisdiction)),
        ("region", tier(tiers.region)),
        ("architecture", tier(tiers.architecture)),
        ("energy", tier(tiers.energy)),
        ("carbon", tier(tiers.carbon)),
    ])
}

fn list<Item>(items: &[Item], item: impl Fn(&Item) -> Value) -> Value {
    Value::unnamed_composite(items.iter().map(item))
}

fn attributes(a: &Attributes) -> Value {
    Value::named_composite([
        ("jurisdiction", Value::from_bytes(a.jurisdiction)),
        ("region", Value::from_bytes(&a.region)),
        ("architecture", architecture(&a.architecture)),
        ("energy", energy(&a.energy)),
        ("carbon", number(a.carbon)),
        ("classes", list(&a.classes, class)),
    ])
}

fn constraints(c: &Constraints) -> Value {
    let max_carbon = match c.max_carbon {
        Some(most) => Value::unnamed_variant("Some", [number(most)]),
        None => unit_variant("None"),
    };
    Value::named_composite([
        (
            "jurisdictions",
            list(&c.jurisdictions, |code| Value::from_bytes(code)),
        ),
        (
            "regions",
            list(&c.regions, |region| Value::from_bytes(region)),
        ),
        ("architectures", list(&c.architectures, architecture)),
        ("energy", list(&c.energy, energy)),
        ("max_carbon", max_carbon),
        ("tiers", tiers(&c.tiers)),
        ("min_accepted_units", number(c.min_accepted_units)),
        (
            "distinct_jurisdictions",
            Value::bool(c.distinct_jurisdictions),
        ),
    ])
}

/// An order as an argument.
pub(super) fn spec(s: &JobSpec) -> Value {
    let policy = match s.policy {
        Policy::Optimistic => unit_variant("Optimistic"),
        Policy::Replicate(count) => Value::unnamed_variant("Replicate", [number(count)]),
        Policy::Adaptive => unit_variant("Adaptive"),
        Policy::Quorum(trust) => Value::unnamed_variant("Quorum", [number(trust)]),
    };
    let after = match s.after {
        Some(job) => Value::unnamed_variant("Some", [number(job)]),
        None => unit_variant("None"),
    };
    Value::named_composite([
        ("image", Value::from_bytes(s.image)),
        ("input", Value::from_bytes(s.input)),
        ("units", number(s.units)),
        ("batch_size", number(s.batch_size)),
        ("price", number(s.price)),
        ("fuel_limit", number(s.fuel_limit)),
        ("memory_limit", number(s.memory_limit)),
        ("policy", policy),
        ("profile", profile(s.profile)),
        ("environment", Value::from_bytes(s.environment)),
        ("deadline", number(s.deadline)),
        ("endpoint", Value::from_bytes(&s.endpoint)),
        ("constraints", constraints(&s.constraints)),
        ("after", after),
    ])
}

fn summary(summary: &BatchSummary) -> Value {
    Value::named_composite([
        ("root", Value::from_bytes(summary.root)),
        ("fuel", number(summary.fuel)),
        ("charge", number(summary.charge)),
    ])
}

fn opening(opening: &Opening) -> Value {
    let path = |path: &Path| list(path, |hash| Value::from_bytes(hash));
    Value::named_composite([
        ("start", list(&opening.start, |word| number(*word))),
        ("before", path(&opening.before)),
        ("after", path(&opening.after)),
    ])
}

/// The arguments of a call.
pub(super) fn arguments(call: &Call) -> Composite<()> {
    let account = |id: &crate::AccountId| Value::from_bytes(id);
    let fields: Vec<(&str, Value)> = match call {
        Call::PublishImage {
            manifest,
            class: number,
        } => {
            let known = TaskClass::ALL.get(usize::from(*number));
            vec![
                ("manifest", Value::from_bytes(manifest)),
                ("class", class(known.unwrap_or(&TaskClass::General))),
            ]
        }
        Call::RetireImage { manifest } => vec![("manifest", Value::from_bytes(manifest))],
        Call::SubmitJob(job) => vec![("spec", spec(job))],
        Call::RepeatJob {
            spec: order,
            every,
            times,
        } => vec![
            ("spec", spec(order)),
            ("every", number(*every)),
            ("times", number(*times)),
        ],
        Call::RaiseBid { job, price } => {
            vec![("job", number(*job)), ("price", number(*price))]
        }
        Call::CancelJob(job) | Call::CleanUp(job) | Call::Claim(job) | Call::ResumeJob(job) => {
            vec![("job", number(*job))]
        }
        Call::Commit {
            job,
            batch,
            digest,
            commitment,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("digest", Value::from_bytes(digest)),
            ("commitment", Value::from_bytes(commitment)),
        ],
        Call::Challenge { job, batch }
        | Call::Decline { job, batch }
        | Call::HandBack { job, batch }
        | Call::CallWitnesses { job, batch } => {
            vec![("job", number(*job)), ("batch", number(*batch))]
        }
        Call::Attest { job, batch, seal } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("seal", Value::from_bytes(seal)),
        ],
        Call::Testify {
            job,
            batch,
            found,
            salt,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("found", option(found.map(Value::from_bytes))),
            ("salt", Value::from_bytes(salt)),
        ],
        Call::Acknowledge { job, below } => {
            vec![("job", number(*job)), ("below", number(*below))]
        }
        Call::Rate {
            job,
            batch,
            operator,
            stars,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("operator", account(operator)),
            ("stars", number(*stars)),
        ],
        Call::Reveal { job, batch, reveal } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("summary", summary(&reveal.summary)),
            ("salt", Value::from_bytes(reveal.salt)),
            ("bundle", Value::from_bytes(reveal.bundle)),
        ],
        Call::PlantCanaries { seals } => {
            let seals = seals.iter().map(Value::from_bytes);
            vec![("seals", Value::unnamed_composite(seals))]
        }
        Call::ExposeCanary {
            job,
            batch,
            answer,
            salt,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("answer", summary(answer)),
            ("salt", Value::from_bytes(salt)),
        ],
        Call::Register(r) => vec![
            ("worker", account(&r.worker)),
            ("endpoint", Value::from_bytes(&r.endpoint)),
            ("attributes", attributes(&r.attributes)),
            ("environment", Value::from_bytes(r.environment)),
            ("profile", profile(r.profile)),
            ("resources", resources(&r.resources)),
            ("bond", number(r.bond)),
            ("proof", Value::from_bytes(r.proof)),
        ],
        Call::UpdateWorker {
            worker,
            endpoint,
            attributes: a,
        } => vec![
            ("worker", account(worker)),
            ("endpoint", Value::from_bytes(endpoint)),
            ("attributes", attributes(a)),
        ],
        Call::SetCapacity {
            worker,
            resources: r,
        } => vec![("worker", account(worker)), ("resources", resources(r))],
        Call::SetEnvironment {
            worker,
            environment,
        } => vec![
            ("worker", account(worker)),
            ("environment", Value::from_bytes(environment)),
        ],
        Call::BondMore { worker, amount } => {
            vec![("worker", account(worker)), ("amount", number(*amount))]
        }
        Call::RotateKey { worker, key, proof } => vec![
            ("worker", account(worker)),
            ("key", account(key)),
            ("proof", Value::from_bytes(proof)),
        ],
        Call::OfferWorker { worker, to, price } => vec![
            ("worker", account(worker)),
            ("to", account(to)),
            ("price", number(*price)),
        ],
        Call::AcceptWorker {
            worker,
            price,
            key,
            proof,
        } => vec![
            ("worker", account(worker)),
            ("price", number(*price)),
            ("key", account(key)),
            ("proof", Value::from_bytes(proof)),
        ],
        Call::Alive { block } => vec![("block", number(*block))],
        Call::ReportAbsence { worker, block } => {
            vec![("worker", account(worker)), ("block", number(*block))]
        }
        Call::StartProof => vec![],
        Call::CommitProof {
            seed,
            shape: Shape { lanes, segments },
            root,
        } => {
            let shape = [("lanes", number(*lanes)), ("segments", number(*segments))];
            vec![
                ("seed", Value::from_bytes(seed)),
                ("shape", Value::named_composite(shape)),
                ("root", Value::from_bytes(root)),
            ]
        }
        Call::OpenProof(openings) => vec![("openings", list(openings, opening))],
        Call::SettleProof(worker)
        | Call::Pause(worker)
        | Call::Resume(worker)
        | Call::RetractOffer(worker)
        | Call::Leave(worker)
        | Call::Withdraw(worker) => {
            vec![("worker", account(worker))]
        }
        Call::OpenPool { worker, commission } => vec![
            ("worker", account(worker)),
            ("commission", number(*commission)),
        ],
        Call::SetCommission { pool, commission } => {
            vec![("pool", number(*pool)), ("commission", number(*commission))]
        }
        Call::Delegate { pool, amount } | Call::Undelegate { pool, amount } => {
            vec![("pool", number(*pool)), ("amount", number(*amount))]
        }
        Call::WithdrawDelegation(pool) | Call::ClaimIncome(pool) | Call::ClosePool(pool) => {
            vec![("pool", number(*pool))]
        }
        Call::ClaimRewards => vec![],
        Call::ClaimRewardsFor(who) => vec![("account", account(who))],
        Call::Transfer { to, amount } => vec![
            ("dest", Value::unnamed_variant("Id", [account(to)])),
            ("value", number(*amount)),
        ],
    };
    Composite::Named(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use codec::Decode;
    use sp_core::{H256, bounded::BoundedVec};
    use subxt::{
        Metadata, OfflineClient, SubstrateConfig, config::substrate::SpecVersionForRange, dynamic,
    };
    use sungrid_primitives::{ISC, receipt::BatchSummary, suns::CPU_1, traits::CPU_1_ID};

    use super::*;
    use crate::{AccountId, Region, Registration, Reveal};

    /// Written from the runtime of this repository; a runtime test holds it against the code.
    const METADATA: &[u8] = include_bytes!("../../metadata.scale");

    fn calls() -> Vec<Call> {
        let (who, hash) = (AccountId::new([1; 32]), H256::repeat_byte(2));
        let attributes = Attributes {
            jurisdiction: *b"DE",
            region: Region::truncate_from(b"DE-SN".to_vec()),
            architecture: Architecture::Aarch64,
            energy: EnergySource::Biomass,
            carbon: 7,
            classes: BoundedVec::truncate_from(TaskClass::ALL.to_vec()),
        };
        let spec = JobSpec {
            image: hash,
            input: hash,
            units: 5,
            batch_size: 2,
            price: ISC,
            fuel_limit: 3,
            memory_limit: 4,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: hash,
            deadline: 9,
            endpoint: vec![1, 2, 3],
            after: Some(6),
            constraints: Constraints {
                jurisdictions: BoundedVec::truncate_from(vec![*b"DE", *b"FR"]),
                regions: BoundedVec::truncate_from(vec![attributes.region.clone()]),
                architectures: BoundedVec::truncate_from(vec![Architecture::Riscv64]),
                energy: BoundedVec::truncate_from(vec![EnergySource::Hydro, EnergySource::Wind]),
                max_carbon: Some(50),
                tiers: Tiers {
                    energy: Tier::Attested,
                    ..Tiers::default()
                },
                min_accepted_units: 1,
                distinct_jurisdictions: true,
            },
        };
        let registration = Registration {
            worker: who.clone(),
            endpoint: vec![4; 40],
            attributes: attributes.clone(),
            environment: hash,
            profile: CPU_1_ID,
            resources: CPU_1.contains,
            bond: 10 * ISC,
            proof: [5; 64],
        };
        let summary = BatchSummary {
            root: hash,
            fuel: u128::MAX,
            charge: 1,
        };
        let reveal = Reveal {
            summary,
            salt: [6; 32],
            bundle: hash,
        };
        vec![
            Call::PublishImage {
                manifest: hash,
                class: 4,
            },
            Call::RetireImage { manifest: hash },
            Call::SubmitJob(Box::new(JobSpec {
                policy: Policy::Optimistic,
                ..spec.clone()
            })),
            Call::SubmitJob(Box::new(JobSpec {
                policy: Policy::Adaptive,
                ..spec.clone()
            })),
            Call::SubmitJob(Box::new(JobSpec {
                policy: Policy::Quorum(1_000),
                ..spec.clone()
            })),
            Call::SubmitJob(Box::new(spec)),
            Call::CancelJob(1),
            Call::CleanUp(1),
            Call::Claim(1),
            Call::Commit {
                job: 1,
                batch: 2,
                digest: hash,
                commitment: hash,
            },
            Call::Challenge { job: 1, batch: 2 },
            Call::PlantCanaries {
                seals: vec![hash; 2],
            },
            Call::ExposeCanary {
                job: 1,
                batch: 2,
                answer: BatchSummary {
                    root: hash,
                    fuel: 3,
                    charge: 4,
                },
                salt: [5; 32],
            },
            Call::Decline { job: 1, batch: 2 },
            Call::HandBack { job: 1, batch: 2 },
            Call::CallWitnesses { job: 1, batch: 2 },
            Call::Attest {
                job: 1,
                batch: 2,
                seal: hash,
            },
            Call::Testify {
                job: 1,
                batch: 2,
                found: Some(hash),
                salt: [5; 32],
            },
            Call::Testify {
                job: 1,
                batch: 2,
                found: None,
                salt: [5; 32],
            },
            Call::ResumeJob(1),
            Call::Acknowledge { job: 1, below: 2 },
            Call::Rate {
                job: 1,
                batch: 2,
                operator: who.clone(),
                stars: 5,
            },
            Call::Reveal {
                job: 1,
                batch: 2,
                reveal,
            },
            Call::Register(Box::new(registration)),
            Call::UpdateWorker {
                worker: who.clone(),
                endpoint: vec![],
                attributes,
            },
            Call::SetCapacity {
                worker: who.clone(),
                resources: CPU_1.contains,
            },
            Call::SetEnvironment {
                worker: who.clone(),
                environment: hash,
            },
            Call::BondMore {
                worker: who.clone(),
                amount: ISC,
            },
            Call::RotateKey {
                worker: who.clone(),
                key: who.clone(),
                proof: [7; 64],
            },
            Call::OfferWorker {
                worker: who.clone(),
                to: who.clone(),
                price: ISC,
            },
            Call::RetractOffer(who.clone()),
            Call::AcceptWorker {
                worker: who.clone(),
                price: ISC,
                key: who.clone(),
                proof: [7; 64],
            },
            Call::Alive { block: 3 },
            Call::ReportAbsence {
                worker: who.clone(),
                block: 3,
            },
            Call::StartProof,
            Call::CommitProof {
                seed: hash,
                shape: Shape {
                    lanes: 8,
                    segments: 1 << 20,
                },
                root: hash,
            },
            Call::OpenProof(Box::new(BoundedVec::truncate_from(vec![
                Opening {
                    start: [u64::MAX; 8],
                    before: BoundedVec::truncate_from(vec![hash; 3]),
                    after: BoundedVec::truncate_from(vec![hash; 28]),
                };
                16
            ]))),
            Call::SettleProof(who.clone()),
            Call::Pause(who.clone()),
            Call::Resume(who.clone()),
            Call::Leave(who.clone()),
            Call::Withdraw(who.clone()),
            Call::OpenPool {
                worker: who.clone(),
                commission: 50_000_000,
            },
            Call::SetCommission {
                pool: 3,
                commission: 50_000_000,
            },
            Call::Delegate {
                pool: 3,
                amount: ISC,
            },
            Call::Undelegate {
                pool: 3,
                amount: ISC,
            },
            Call::WithdrawDelegation(3),
            Call::ClaimIncome(3),
            Call::ClosePool(3),
            Call::ClaimRewards,
            Call::ClaimRewardsFor(who.clone()),
            Call::Transfer {
                to: who,
                amount: ISC,
            },
        ]
    }

    #[test]
    fn every_call_encodes_for_the_runtime_of_this_repository() {
        let metadata = Metadata::decode(&mut &METADATA[..]).expect("metadata");
        let config = SubstrateConfig::builder()
            .set_metadata_for_spec_versions([(1, Arc::new(metadata))])
            .set_spec_version_for_block_ranges([SpecVersionForRange {
                block_range: 0..u64::MAX,
                spec_version: 1,
                transaction_version: 1,
            }])
            .build();
        let client = OfflineClient::new_with_config(config);
        let at = client.at_block(0u64).expect("a block");
        let Some(Call::SubmitJob(job)) = calls().into_iter().nth(2) else {
            panic!("the third call is a submission");
        };
        let question = dynamic::runtime_api_call::<_, ()>("MarketApi", "quote", vec![spec(&job)]);
        let bytes = at.runtime_apis().encode_args(question).expect("encodes");
        assert!(!bytes.is_empty());
        for call in calls() {
            let (pallet, name) = call.name();
            let payload = dynamic::tx(pallet, name, arguments(&call));
            let bytes = at
                .transactions()
                .call_data(&payload)
                .unwrap_or_else(|error| panic!("{pallet}.{name}: {error}"));
            // What was encoded reads back as the same call, to the last byte.
            let again = at.transactions().from_call_data_bytes(&bytes);
            let again = again.unwrap_or_else(|error| panic!("{pallet}.{name}: {error}"));
            assert_eq!((again.pallet_name(), again.call_name()), (pallet, name));
        }
    }
}
