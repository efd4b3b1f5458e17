//! The runtime API for requesters, over the pallets as they are wired.

mod common;

use common::{genesis, patch};
use frame_support::assert_ok;
use pallet_market::{Constraints, JobSpecOf, Policy};
use sp_core::{H256, Pair, sr25519};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    constraints::Unmet,
    explain::{Rejected, Rejection},
    registration::registration_payload,
    suns::CPU_1,
    traits::{CPU_1_ID, Pricing},
};
use sungrid_runtime::{
    AccountId, Images, Market, Runtime, RuntimeOrigin, Suns, System, Workers,
    constants::currency::ISC, genesis_config_presets::ENVIRONMENTS,
};
use sungrid_runtime_api::runtime_decl_for_market_api::MarketApiV1;

const IMAGE: H256 = H256::repeat_byte(1);

fn signed(who: Sr25519Keyring) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.to_account_id())
}

fn register(operator: Sr25519Keyring, jurisdiction: [u8; 2]) -> AccountId {
    let key = sr25519::Pair::from_string(&format!("//{operator:?}//worker"), None).expect("a path");
    let account = operator.to_account_id();
    let payload = registration_payload(&System::block_hash(0), account.as_ref(), &key.public().0);
    let worker = AccountId::new(key.public().0);
    assert_ok!(Workers::register(
        signed(operator),
        worker.clone(),
        vec![1; 32].try_into().expect("short"),
        Attributes {
            jurisdiction,
            region: Default::default(),
            architecture: Architecture::X86_64,
            energy: EnergySource::Hydro,
            carbon: 0,
            classes: TaskClass::ALL.to_vec().try_into().expect("all there are"),
        },
        ENVIRONMENTS[0],
        CPU_1_ID,
        CPU_1.contains,
        100 * ISC,
        key.sign(&payload),
    ));
    worker
}

fn spec() -> JobSpecOf<Runtime> {
    JobSpecOf::<Runtime> {
        image: IMAGE,
        input: H256::repeat_byte(2),
        units: 4,
        batch_size: 2,
        price: Suns::floor(CPU_1_ID),
        fuel_limit: 1_000_000_000,
        memory_limit: 1 << 30,
        traffic_limit: 300_000,
        policy: Policy::Replicate(2),
        profile: CPU_1_ID,
        environment: ENVIRONMENTS[0],
        deadline: 100,
        endpoint: vec![1].try_into().expect("short"),
        after: None,
        constraints: Constraints {
            jurisdictions: vec![*b"DE"].try_into().expect("few"),
            ..Default::default()
        },
    }
}

#[test]
fn a_requester_learns_why_nobody_comes_and_what_it_would_cost() {
    genesis(patch("development")).execute_with(|| {
        assert_ok!(Images::publish(signed(Alice), IMAGE, Default::default()));
        // GIVEN a worker inside and one outside of the allowed jurisdictions
        register(Bob, *b"DE");
        let outside = register(Charlie, *b"CH");
        let quote = Runtime::quote(spec()).expect("priced");
        assert_eq!(quote.wait, None);
        assert_ok!(Market::submit(signed(Alice), spec()));

        // THEN the explanation names the constraint, and the quote is what was held
        let explanation = Runtime::explain(0).expect("the job exists");
        assert_eq!(
            explanation.survey.constraints,
            [Rejected {
                reason: Rejection::Constraint(Unmet::Jurisdiction),
                workers: 1,
                first: 1,
                alone: 1,
            }]
        );
        assert!(explanation.waits());
        assert_eq!((explanation.wanting, explanation.gap()), (2, 0));
        let job = Market::job(0).expect("it exists");
        assert_eq!((quote.escrow, quote.deposit), (job.escrow, job.deposit));
        // Nothing has settled, so the spot price is the bid: the floor. The escrow rounds up per batch.
        assert!(quote.at_spot <= quote.escrow && quote.escrow < quote.at_spot + 4);
        assert_eq!(Runtime::explain(1), None);

        // WHEN the jurisdiction is the other's, too
        let mut wider = spec();
        wider.constraints.jurisdictions = vec![*b"DE", *b"CH"].try_into().expect("few");
        assert_eq!(Runtime::quote(wider.clone()).expect("priced").wait, Some(0));
        assert_ok!(Market::submit(signed(Alice), wider));
        assert_ok!(Market::claim(RuntimeOrigin::signed(outside), 1));
        assert!(!Runtime::explain(1).expect("it exists").waits());
    });
}
