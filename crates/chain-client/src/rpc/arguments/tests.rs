use std::sync::Arc;

use codec::Decode;
use sp_core::{H256, bounded::BoundedVec};
use subxt::{
    Metadata, OfflineClient, SubstrateConfig, config::substrate::SpecVersionForRange, dynamic,
};
use sungrid_primitives::{
    ISC,
    capacity::{Opening, Shape},
    merkle::UnitLeaf,
    receipt::BatchSummary,
    suns::CPU_1,
    traits::CPU_1_ID,
};

use super::*;
use crate::{
    AccountId, Architecture, Attributes, Constraints, EnergySource, JobSpec, PerAttribute, Policy,
    Region, Registration, Reveal, Statement, TaskClass, Tier, Tiers,
};

/// Written from the runtime of this repository; a runtime test holds it against the code.
const METADATA: &[u8] = include_bytes!("../../../metadata.scale");

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
        traffic_limit: 10,
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
            min_streak: 1,
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
    let attest = |statement| Call::AttestAttribute {
        worker: who.clone(),
        statement,
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
            units: 3,
            digest: hash,
            commitment: hash,
        },
        Call::Challenge { job: 1, batch: 2 },
        Call::PlantCanaries {
            seals: vec![hash; 2],
        },
        Call::UprootCanaries { seals: vec![hash] },
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
        Call::ExposeCutCanary {
            job: 1,
            batch: 2,
            leaves: vec![UnitLeaf {
                unit: 3,
                output: hash,
                fuel: 4,
                peak_memory: 5,
                bytes_in: 6,
                bytes_out: 7,
                exit: 8,
            }],
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
        Call::Unbond {
            worker: who.clone(),
            amount: ISC,
        },
        Call::WithdrawUnbonded(who.clone()),
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
        Call::ForgetTrust(who.clone()),
        Call::ForgetRating(who.clone()),
        Call::BondAuditor,
        attest(Statement::Jurisdiction(*b"DE")),
        attest(Statement::Region(Region::truncate_from(b"DE-SN".to_vec()))),
        attest(Statement::Architecture(Architecture::Riscv64)),
        attest(Statement::Energy(EnergySource::Wind)),
        attest(Statement::Carbon(12)),
        Call::RetractAttestation {
            worker: who.clone(),
            attributes: PerAttribute {
                energy: true,
                ..PerAttribute::default()
            },
        },
        Call::ResignAuditor,
        Call::WithdrawAuditor,
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
