//! Worker keys without a planck of their own: what is free for them, and what an attacker with many of them gains.

mod common;

use common::{Chain, signed, signed_by};
use frame_support::{
    assert_ok,
    dispatch::{DispatchClass, GetDispatchInfo},
};
use pallet_market::{Constraints, JobSpec, Policy};
use sp_core::{H256, Pair, sr25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    registration::registration_payload,
    suns::{CPU_1, Resources},
    traits::{CPU_1_ID, Liveness as _},
};
use sungrid_runtime::{
    AccountId, Balances, Executive, Images, Liveness, Market, Nonce, Rewards, Runtime, RuntimeCall,
    RuntimeOrigin, System, UncheckedExtrinsic, Workers,
    constants::{currency::ISC, time::ROUND_BLOCKS},
    genesis_config_presets::ENVIRONMENTS,
};

/// Workers of the attacker's. Each bonds the least there is: that buys the most of them.
const WORKERS: u32 = 60;
/// The least bond.
const BOND: u128 = 10 * ISC;

struct Machine {
    key: sr25519::Pair,
    nonce: Nonce,
}

fn attributes() -> Attributes {
    Attributes {
        jurisdiction: *b"DE",
        region: Default::default(),
        architecture: Architecture::X86_64,
        energy: EnergySource::Grid,
        carbon: 300,
        classes: vec![TaskClass::General].try_into().expect("one"),
    }
}

impl Machine {
    /// Bonded by Bob for a tenth of a SUNS.
    fn bonded(n: u32) -> Self {
        let key = sr25519::Pair::from_string(&format!("//machine//{n}"), None).expect("a path");
        let operator = Bob.to_account_id();
        let genesis = System::block_hash(0);
        let payload = registration_payload(&genesis, operator.as_ref(), &key.public().0);
        let one = CPU_1.contains;
        assert_ok!(Workers::register(
            RuntimeOrigin::signed(operator),
            key.public().into(),
            vec![1].try_into().expect("short"),
            attributes(),
            ENVIRONMENTS[0],
            CPU_1_ID,
            Resources {
                fuel_per_second: one.fuel_per_second / 10,
                ..one
            },
            BOND,
            key.sign(&payload),
        ));
        Self { key, nonce: 0 }
    }

    fn account(&self) -> AccountId {
        self.key.public().into()
    }

    fn sign(&self, call: impl Into<RuntimeCall>) -> UncheckedExtrinsic {
        signed_by(&self.key, self.nonce, call.into())
    }

    /// The call that costs the block most and that nothing but the rate limits.
    fn update(&self) -> UncheckedExtrinsic {
        self.sign(pallet_workers::Call::update {
            worker: self.account(),
            endpoint: vec![0; 256].try_into().expect("256 bytes"),
            attributes: attributes(),
        })
    }
}

#[test]
fn a_machine_without_a_planck_answers_the_lottery_and_is_counted() {
    Chain::start("development").run(|chain| {
        // GIVEN the only worker there is, in the round after it joined
        chain.block(Vec::new);
        let machine = Machine::bonded(0);
        while System::block_number() < ROUND_BLOCKS {
            chain.block(Vec::new);
        }
        assert_eq!(Liveness::summons(machine.account()), Some(ROUND_BLOCKS));
        // WHEN it answers, for nothing
        let alive = pallet_liveness::Call::alive {
            block: ROUND_BLOCKS,
        };
        chain.block(|| vec![machine.sign(alive)]);
        // THEN it shares in the maintenance reward of the round
        assert_eq!(Balances::free_balance(machine.account()), 0);
        assert_eq!(Rewards::live_workers(), 1);
        // AND when it is away in the next, anybody may report it, and gains more than the fee
        let drawn = 2 * ROUND_BLOCKS;
        while System::block_number() < drawn + 10 {
            chain.block(Vec::new);
        }
        assert_eq!(Rewards::live_workers(), 0);
        let before = Balances::free_balance(Alice.to_account_id());
        let report = pallet_liveness::Call::report {
            worker: machine.account(),
            block: drawn,
        };
        chain.block(|| vec![signed(Alice, 0, report.into())]);
        let gained = Balances::free_balance(Alice.to_account_id()) - before;
        assert!(gained > ISC / 20, "a report gains {gained} planck");
        let record = Workers::worker(machine.account()).expect("registered");
        assert_eq!(record.state, pallet_workers::WorkerState::Paused);
        assert_eq!(record.bond, BOND - ISC / 5);
    });
}

#[test]
fn a_machine_without_a_planck_declines_what_it_cannot_get() {
    Chain::start("development").run(|chain| {
        chain.block(Vec::new);
        // GIVEN a machine of one lane
        let mut machine = Machine::bonded(0);
        let operator = || RuntimeOrigin::signed(Bob.to_account_id());
        let lane = Resources {
            fuel_per_second: CPU_1.contains.fuel_per_second / 8,
            ..CPU_1.contains
        };
        assert_ok!(Workers::bond_more(operator(), machine.account(), BOND));
        assert_ok!(Workers::set_capacity(operator(), machine.account(), lane));
        let requester = || RuntimeOrigin::signed(Alice.to_account_id());
        let image = H256::repeat_byte(2);
        assert_ok!(Images::publish(requester(), image, TaskClass::General));
        assert_ok!(Market::submit(
            requester(),
            JobSpec {
                image,
                input: H256::repeat_byte(3),
                units: 1,
                batch_size: 1,
                price: ISC,
                fuel_limit: 1_000_000_000,
                memory_limit: 1 << 20,
                traffic_limit: 300_000,
                policy: Policy::Replicate(2),
                profile: CPU_1_ID,
                environment: ENVIRONMENTS[0],
                deadline: System::block_number() + 100,
                endpoint: vec![1].try_into().expect("short"),
                after: None,
                constraints: Constraints::default(),
            }
        ));
        // WHEN it claims and declines, for nothing
        let claim = machine.sign(pallet_market::Call::claim { job: 0 });
        chain.block(|| vec![claim]);
        let before = Workers::feeless_calls_left(machine.account());
        machine.nonce += 1;
        let decline = machine.sign(pallet_verification::Call::decline { job: 0, batch: 0 });
        chain.block(|| vec![decline]);
        // THEN its claim has paid for both
        assert_eq!(Balances::free_balance(machine.account()), 0);
        assert!(Workers::feeless_calls_left(machine.account()) >= before);
        let record = Workers::worker(machine.account()).expect("registered");
        assert_eq!((record.declined, record.missed), (1, 0));
        assert!(!Market::claimable(0, machine.account()));
    });
}

#[test]
fn many_bonded_workers_do_not_fill_a_block() {
    Chain::start("development").run(|chain| {
        // GIVEN an attacker whose workers could make far more free calls at once than a block has room for
        chain.block(Vec::new);
        let mut attackers: Vec<_> = (0..WORKERS).map(Machine::bonded).collect();
        let left = |attacker: &Machine| Workers::feeless_calls_left(attacker.account());
        assert_eq!(left(&attackers[0]), 40);
        let budget = <Runtime as pallet_workers::Config>::FeelessBudget::get().ref_time();
        let info = attackers[0].update().get_dispatch_info();
        let blocks = <Runtime as frame_system::Config>::BlockWeights::get();
        let base = blocks.get(info.class).base_extrinsic;
        let weight = (info.total_weight() + base).ref_time();
        assert!(u64::from(WORKERS) * 40 > 2 * budget / weight);

        // WHEN all of them send what they can into one block
        chain.open();
        let mut sent = 0;
        for attacker in &mut attackers {
            loop {
                match Executive::apply_extrinsic(attacker.update()) {
                    Ok(outcome) => outcome.expect("a free call succeeds"),
                    Err(refused) => {
                        let full = InvalidTransaction::ExhaustsResources;
                        assert_eq!(refused, TransactionValidityError::Invalid(full));
                        break;
                    }
                }
                attacker.nonce += 1;
                sent += 1;
            }
        }

        // THEN the block took the budget of free calls and no more, to the picosecond: what a fee would take is not in it,
        let used = pallet_workers::FeelessUsed::<Runtime>::get().ref_time;
        let taken = System::block_weight();
        assert_eq!(used, taken.get(DispatchClass::Normal).ref_time());
        assert!(
            used <= budget && used + weight > budget,
            "{used} of {budget}"
        );
        assert!(sent > budget / weight);
        assert!(
            attackers
                .iter()
                .all(|a| Balances::free_balance(a.account()) == 0)
        );
        // AND those who pay find the other half of it.
        let mut nonce = 0;
        let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
            dest: Bob.to_account_id().into(),
            value: ISC,
        });
        while Executive::apply_extrinsic(signed(Alice, nonce, transfer.clone()))
            .is_ok_and(|outcome| outcome.is_ok())
        {
            nonce += 1;
        }
        assert!(nonce > 400, "only {nonce} transfers fit beside the attack");
        chain.close();
    });
}
