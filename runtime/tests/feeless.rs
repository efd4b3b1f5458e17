//! An attacker with many bonded workers, and whether their free calls take blocks away from others.

mod common;

use codec::Encode;
use common::{Chain, signed};
use frame_support::{dispatch::GetDispatchInfo, traits::Get};
use pallet_workers::{Allowance, WorkerRecord, WorkerState};
use sp_core::{Pair, sr25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::{
    MultiSignature,
    generic::Era,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    traits::{CPU_1_ID, Roster},
};
use sungrid_runtime::{
    AccountId, Balances, Executive, Liveness, Nonce, Runtime, RuntimeCall, SignedPayload, System,
    TxExtension, UncheckedExtrinsic, Workers, constants::currency::ISC,
};

/// Workers of the attacker's. Each bonds the least there is: that buys the most of them.
const WORKERS: u32 = 60;

struct Attacker {
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

impl Attacker {
    fn account(&self) -> AccountId {
        self.key.public().into()
    }

    /// The call that costs the block most and that nothing but the rate limits.
    fn update(&self) -> UncheckedExtrinsic {
        let call = RuntimeCall::Workers(pallet_workers::Call::update {
            worker: self.account(),
            endpoint: vec![0; 256].try_into().expect("256 bytes"),
            attributes: attributes(),
        });
        let extension: TxExtension = (
            frame_system::AuthorizeCall::new(),
            frame_system::CheckNonZeroSender::new(),
            frame_system::CheckSpecVersion::new(),
            frame_system::CheckTxVersion::new(),
            frame_system::CheckGenesis::new(),
            frame_system::CheckEra::from(Era::Immortal),
            frame_system::CheckNonce::from(self.nonce),
            frame_system::CheckWeight::new(),
            pallet_transaction_payment::ChargeTransactionPayment::from(0).into(),
            frame_metadata_hash_extension::CheckMetadataHash::new(false),
            frame_system::WeightReclaim::new(),
        );
        let payload =
            SignedPayload::new(call.clone(), extension.clone()).expect("the extensions apply");
        let signature = payload.using_encoded(|bytes| self.key.sign(bytes));
        UncheckedExtrinsic::new_signed(
            call,
            self.account().into(),
            MultiSignature::Sr25519(signature),
            extension,
        )
    }
}

/// A bonded worker without a planck of its own.
fn bonded(n: u32) -> Attacker {
    let key = sr25519::Pair::from_string(&format!("//attacker//{n}"), None).expect("a path");
    let worker = Attacker { key, nonce: 0 };
    let record = WorkerRecord {
        operator: Bob.to_account_id(),
        endpoint: Default::default(),
        attributes: attributes(),
        environment: Default::default(),
        profile: CPU_1_ID,
        capacity: 1,
        committed: 0,
        in_flight: 0,
        bond: 10 * ISC,
        state: WorkerState::Active,
        faults: 0,
        missed: 0,
        accepted_units: 0,
        delivered: 0,
        allowance: Allowance::default(),
    };
    pallet_workers::Workers::<Runtime>::insert(worker.account(), record);
    System::inc_sufficients(&worker.account());
    Liveness::joined(&worker.account());
    worker
}

#[test]
fn many_bonded_workers_do_not_fill_a_block() {
    Chain::start("development").run(|chain| {
        // GIVEN an attacker whose workers could make far more free calls at once than a block has room for
        chain.block(Vec::new);
        let mut attackers: Vec<_> = (0..WORKERS).map(bonded).collect();
        let left = |attacker: &Attacker| Workers::feeless_calls_left(attacker.account());
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

        // THEN the block took no more than the budget of free calls,
        assert_eq!(sent, budget / weight);
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
