//! Whole blocks through the executive, as a node would run them: fees, authors, equivocations.

mod common;

use common::{Chain, signed};
use frame_support::traits::{
    KeyOwnerProofSystem,
    fungible::{Inspect, Mutate},
    tokens::Preservation,
};
use sp_consensus_babe::{
    AuthorityId, EquivocationProof, Slot,
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
};
use sp_core::Pair;
use sp_keyring::{
    Ed25519Keyring,
    Sr25519Keyring::{self, Alice, AliceStash, Bob, BobStash, Charlie},
};
use sp_runtime::{
    Digest, DigestItem, DispatchError,
    traits::Header as _,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};
use sungrid_primitives::traits::{Income, Payment};
use sungrid_runtime::{
    Babe, Balances, Block, Executive, Header, Rewards, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeOrigin, Session, SessionKeys, System, Validators,
    configs::{TreasuryAccount, rewards::NODE_REWARD_CAP},
    constants::{
        allocation::ISSUANCE,
        currency::{ISC, MILLI_ISC},
        time::EPOCH_DURATION_IN_SLOTS,
    },
    genesis_config_presets::ENDOWMENT,
};

fn transfer(amount: u128) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: Bob.to_account_id().into(),
        value: amount,
    })
}

fn balance(key: Sr25519Keyring) -> u128 {
    Balances::balance(&key.to_account_id())
}

#[test]
fn a_fee_goes_into_the_pot() {
    Chain::start("development").run(|chain| {
        let pot = Balances::balance(&Rewards::account_id());

        chain.block(|| vec![signed(Alice, 0, transfer(5 * ISC))]);

        assert_eq!(balance(Bob), ENDOWMENT + 5 * ISC);
        let fee = ENDOWMENT - 5 * ISC - balance(Alice);
        assert!(
            fee > 0 && fee < 10 * MILLI_ISC,
            "a transfer costs {fee} planck"
        );
        assert_eq!(Balances::balance(&Rewards::account_id()), pot + fee);
        assert_eq!(Balances::total_issuance(), ISSUANCE);
    });
}

/// Each event is a read and two writes, and each payment an account's. A fee that is taken and partly given back costs another
/// of both.
#[test]
fn a_transfer_takes_its_fee_in_one_piece() {
    Chain::start("development").run(|chain| {
        chain.open();
        let before = System::event_count() as usize;
        Executive::apply_extrinsic(signed(Alice, 0, transfer(ISC)))
            .expect("the transaction is valid")
            .expect("the transaction succeeds");
        let events: Vec<_> = System::events().drain(before..).map(|e| e.event).collect();
        let [alice, bob] = [Alice, Bob].map(|key| key.to_account_id());
        let fee = ENDOWMENT - ISC - Balances::balance(&alice);
        let expected: [RuntimeEvent; 4] = [
            pallet_balances::Event::Withdraw {
                who: alice.clone(),
                amount: fee,
            }
            .into(),
            pallet_balances::Event::Transfer {
                from: alice.clone(),
                to: bob,
                amount: ISC,
            }
            .into(),
            pallet_balances::Event::Deposit {
                who: Rewards::account_id(),
                amount: fee,
            }
            .into(),
            pallet_transaction_payment::Event::TransactionFeePaid {
                who: alice,
                actual_fee: fee,
                tip: 0,
            }
            .into(),
        ];
        // The last says that the transaction succeeded, and its weight.
        assert_eq!(events[..events.len() - 1], expected);
        chain.close();
    });
}

#[test]
fn a_round_pays_its_author_and_the_treasury() {
    Chain::start("development").run(|chain| {
        chain.block(|| vec![signed(Alice, 0, transfer(5 * ISC))]);
        let fee = ENDOWMENT - 5 * ISC - balance(Alice);
        let treasury = Balances::balance(&TreasuryAccount::get());
        let issued = Balances::total_issuance();

        for _ in 0..51 {
            chain.block(Vec::new);
        }

        // Nobody was paid for work, so nothing was minted; author and treasury share the fee with
        // workers and developers, whose shares wait for the next round.
        assert_eq!(Balances::total_issuance(), issued);
        assert!(Balances::balance(&TreasuryAccount::get()) >= treasury + fee / 10);
        chain.block(|| {
            vec![signed(
                AliceStash,
                0,
                RuntimeCall::Rewards(pallet_rewards::Call::claim_rewards {}),
            )]
        });
        let claimed = System::events()
            .into_iter()
            .find_map(|record| match record.event {
                RuntimeEvent::Rewards(pallet_rewards::Event::RewardsClaimed { amount, .. }) => {
                    Some(amount)
                }
                _ => None,
            });
        assert_eq!(
            claimed,
            Some(fee / 10),
            "the only author takes the authors' tenth"
        );
    });
}

/// Runs 49 blocks and makes the 50th, in which the first round is split, with a state that `author` has
/// changed; then lets another node import it.
fn import_a_split_by(author: impl FnOnce()) {
    Chain::start("development").run(|chain| {
        chain.block(|| vec![signed(Alice, 0, transfer(5 * ISC))]);
        for _ in 0..48 {
            chain.block(Vec::new);
        }
        let round = || pallet_rewards::Current::<Runtime>::get().number;
        assert_eq!(round(), 0);
        // Not FRAME's transaction, which keeps its depth in the state.
        sp_io::storage::start_transaction();
        chain.open();
        assert_eq!(round(), 1);
        author();
        let header = sungrid_runtime::Executive::finalize_block();
        sp_io::storage::rollback_transaction();
        let extrinsics = vec![chain.inherent()];
        let block = Block { header, extrinsics };
        sungrid_runtime::Executive::execute_block(block.into());
        assert_eq!(round(), 1);
    });
}

#[test]
fn a_block_with_the_protocol_s_split_is_imported() {
    import_a_split_by(|| {});
}

#[test]
#[should_panic(expected = "Storage root must match")]
fn a_block_with_another_split_is_refused() {
    import_a_split_by(|| {
        // One planck of the treasury's share for the author.
        Balances::transfer(
            &TreasuryAccount::get(),
            &AliceStash.to_account_id(),
            1,
            Preservation::Preserve,
        )
        .expect("the treasury has just been paid");
    });
}

/// Pays `operator` for work of its only worker, as the market does.
fn work(operator: Sr25519Keyring, amount: u128) {
    let account = operator.to_account_id();
    Balances::transfer(
        &Alice.to_account_id(),
        &Rewards::account_id(),
        amount,
        Preservation::Preserve,
    )
    .expect("Alice is rich");
    <Rewards as Income<_>>::paid(Payment {
        worker: account.clone(),
        operator: account,
        developer: None,
        amount,
        charge: 1,
        units: 1,
    });
}

#[test]
fn who_works_and_bonds_makes_blocks() {
    Chain::start("development").run(|chain| {
        chain.block(Vec::new);
        // GIVEN Charlie, whose machine earned a thousand ISC, with keys and a bond, and seats for one
        let charlie = Charlie.to_account_id();
        let reserve = Balances::balance(&Rewards::node_reserve());
        work(Charlie, 1_000 * ISC);
        pallet_session::NextKeys::<Runtime>::insert(
            &charlie,
            SessionKeys {
                grandpa: Ed25519Keyring::Charlie.public().into(),
                babe: Charlie.public().into(),
            },
        );
        let origin = || RuntimeOrigin::signed(charlie.clone());
        Validators::bond(origin(), 10_000 * ISC).expect("Charlie is rich");
        Validators::stand(origin(), None).expect("there is room");
        assert_eq!(Validators::elected(), vec![AliceStash.to_account_id()]);
        let seats = pallet_validators::Seats { least: 1, most: 1 };
        Validators::set_seats(RuntimeOrigin::root(), seats).expect("sound");
        // WHEN two sessions have passed
        for _ in 0..2 * EPOCH_DURATION_IN_SLOTS {
            chain.block(Vec::new);
        }
        // THEN Charlie makes the blocks
        assert_eq!(Session::validators(), vec![charlie.clone()]);
        // and the round of its work issued one ISC, and by credit 80 % of 14.27 out of the node reserve.
        assert_eq!(Balances::total_issuance(), ISSUANCE + ISC);
        assert_eq!(
            reserve - Balances::balance(&Rewards::node_reserve()),
            11_416 * MILLI_ISC + NODE_REWARD_CAP
        );
        assert!(Rewards::pending(charlie) > 611 * ISC);
    });
}

#[test]
fn who_cannot_pay_is_refused_before_the_block() {
    Chain::start("development").run(|chain| {
        chain.open();
        let beggar = signed(Sr25519Keyring::One, 0, transfer(ISC));
        assert_eq!(
            sungrid_runtime::Executive::apply_extrinsic(beggar),
            Err(TransactionValidityError::Invalid(
                InvalidTransaction::Payment
            ))
        );
        chain.close();
    });
}

/// A header of Bob's for `slot`, sealed; `salt` makes it one of several.
fn sealed_by_bob(authority: u32, slot: Slot, salt: u8) -> Header {
    let pre = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: authority,
        slot,
    });
    let mut header = Header::new(
        1,
        sp_core::H256::repeat_byte(salt),
        Default::default(),
        Default::default(),
        Digest {
            logs: vec![DigestItem::babe_pre_digest(pre)],
        },
    );
    let seal = Bob.pair().sign(header.hash().as_ref());
    header.digest_mut().push(DigestItem::babe_seal(seal.into()));
    header
}

#[test]
fn an_author_of_two_blocks_in_one_slot_pays_and_goes() {
    Chain::start("local_testnet").run(|chain| {
        // GIVEN two different headers of Bob's for one slot
        chain.block(Vec::new);
        let bob: AuthorityId = Bob.public().into();
        let slot = Babe::current_slot();
        let authority = Babe::authorities()
            .iter()
            .position(|(id, _)| *id == bob)
            .expect("Bob is an authority") as u32;
        let proof = EquivocationProof {
            offender: bob.clone(),
            slot,
            first_header: sealed_by_bob(authority, slot, 1),
            second_header: sealed_by_bob(authority, slot, 2),
        };
        let owner = sungrid_runtime::Historical::prove((sp_consensus_babe::KEY_TYPE, bob))
            .expect("the genesis session is known");
        let treasury = Balances::balance(&TreasuryAccount::get());

        // WHEN they are reported
        let report = || {
            Babe::report_equivocation_unsigned(
                RuntimeOrigin::none(),
                Box::new(proof.clone()),
                owner.clone(),
            )
        };
        report().expect("the proof is good");

        // THEN Bob is slashed: one of two validators, so the whole bond
        let total = || Balances::total_balance(&BobStash.to_account_id());
        assert_eq!(total(), ENDOWMENT - 10_000 * ISC);
        assert_eq!(balance(BobStash), total(), "nothing is held any more");
        assert_eq!(
            Balances::balance(&TreasuryAccount::get()),
            treasury + 10_000 * ISC
        );
        assert_eq!(Balances::total_issuance(), ISSUANCE);
        // and out after the next session,
        assert_eq!(Validators::eligible(), vec![AliceStash.to_account_id()]);
        for _ in 0..2 * EPOCH_DURATION_IN_SLOTS {
            chain.block(Vec::new);
        }
        assert_eq!(Session::validators(), vec![AliceStash.to_account_id()]);
        // and the same proof does not punish twice.
        assert!(report().is_err());
        assert_eq!(total(), ENDOWMENT - 10_000 * ISC);
    });
}

#[test]
fn an_innocent_validator_cannot_be_framed() {
    Chain::start("local_testnet").run(|chain| {
        chain.block(Vec::new);
        let bob: AuthorityId = Bob.public().into();
        let slot = Babe::current_slot();
        // One header twice proves nothing.
        let header = sealed_by_bob(1, slot, 1);
        let proof = EquivocationProof {
            offender: bob.clone(),
            slot,
            first_header: header.clone(),
            second_header: header,
        };
        let owner = sungrid_runtime::Historical::prove((sp_consensus_babe::KEY_TYPE, bob))
            .expect("the genesis session is known");

        let outcome =
            Babe::report_equivocation_unsigned(RuntimeOrigin::none(), Box::new(proof), owner);

        assert!(matches!(
            outcome.map_err(|refused| refused.error),
            Err(DispatchError::Module(_))
        ));
        assert_eq!(
            Balances::total_balance(&BobStash.to_account_id()),
            ENDOWMENT
        );
        assert_eq!(pallet_validators::Barred::<Runtime>::count(), 0);
    });
}
