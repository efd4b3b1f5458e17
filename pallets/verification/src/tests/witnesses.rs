//! Outputs that a requester cannot fetch, and everyone who would profit from saying that they are there, or are not.

use frame_support::{
    assert_noop, assert_ok,
    traits::{
        BuildGenesisConfig,
        fungible::{Inspect, InspectHold},
    },
};
use pallet_market::{Error as MarketError, HoldReason, Policy};
use pallet_workers::Error as WorkersError;
use sp_core::{H256, Pair};
use sp_runtime::DispatchResult;
use sungrid_primitives::{registration::registration_payload, traits::Workers as _, witness};

use crate::{mock::*, *};

/// What whoever has the outputs makes of them.
pub(super) const THERE: Option<H256> = Some(H256::repeat_byte(77));

/// A job of one batch of which workers 1 and 2 found the result.
pub(super) fn settled() -> u32 {
    let job = one_batch(2, 2);
    for n in 1..=2 {
        commit(n, job, 0, &truth(0));
    }
    for n in 1..=2 {
        reveal(n, job, 0, &truth(0));
    }
    job
}

pub(super) fn call(job: u32) -> DispatchResult {
    Verification::call_witnesses(signed(requester()), job, 0)
}

/// The workers that are drawn for a call; none if it ended at once.
pub(super) fn panel(job: u32) -> Vec<u8> {
    let number = |key: &AccountId| {
        let mut all = 1..=WORKERS + 1;
        all.find(|n| worker(*n) == *key).expect("a worker")
    };
    let call = Verification::witnesses(job, 0);
    let drawn = call.iter().flat_map(|call| &call.witnesses);
    drawn.map(|w| number(&w.assignment.worker)).collect()
}

/// Calls witnesses and waits until they are drawn.
pub(super) fn called(job: u32) -> Vec<u8> {
    assert_ok!(call(job));
    wait(DRAW_DELAY);
    panel(job)
}

pub(super) fn attest(n: u8, job: u32, found: Option<H256>) {
    let seal = witness::seal(job, 0, worker(n).as_ref(), &found, &salt(n));
    assert_ok!(Verification::attest(signed(worker(n)), job, 0, seal));
}

pub(super) fn try_testify(n: u8, job: u32, found: Option<H256>) -> DispatchResult {
    Verification::testify(signed(worker(n)), job, 0, found, salt(n))
        .map(|_| ())
        .map_err(|refused| refused.error)
}

/// These witnesses seal these words, and open them once all have.
pub(super) fn say(job: u32, words: &[(u8, Option<H256>)]) {
    for (n, found) in words {
        attest(*n, job, *found);
    }
    while matches!(
        Verification::witnesses(job, 0).map(|call| call.stage),
        Some(CallStage::Sealing { .. })
    ) {
        next_block();
    }
    if Verification::witnesses(job, 0).is_some() {
        for (n, found) in words {
            assert_ok!(try_testify(*n, job, *found));
        }
    }
}

/// All of these say the same.
pub(super) fn same(panel: &[u8], found: Option<H256>) -> Vec<(u8, Option<H256>)> {
    panel.iter().map(|n| (*n, found)).collect()
}

pub(super) fn outputs(job: u32) -> Outputs {
    Results::<Test>::get(job, 0).expect("kept").outputs
}

pub(super) fn finding(job: u32) -> Option<Finding> {
    let found = |record: frame_system::EventRecord<RuntimeEvent, H256>| match record.event {
        RuntimeEvent::Verification(Event::Witnessed {
            job: of, finding, ..
        }) if of == job => Some(finding),
        _ => None,
    };
    System::events().into_iter().rev().find_map(found)
}

pub(super) fn held() -> u128 {
    Balances::balance_on_hold(&HoldReason::Challenge.into(), &requester())
}

pub(super) fn total(who: &AccountId) -> u128 {
    Balances::total_balance(who)
}

#[test]
fn who_withholds_pays_back_and_is_slashed_and_nobody_else_gains() {
    run(|| {
        trust(1, 5, 5);
        let before = total(&requester());
        let job = settled();
        assert_eq!(total(&requester()), before - BATCH_COST);
        let panel = called(job);
        assert_eq!(panel.len(), 7);
        assert_eq!(held(), CALL_BOND);
        assert_eq!(registered(1).in_flight, 1, "the bond answers");
        say(job, &same(&panel, None));
        // THEN the requester has back what it paid, for the witnesses, too
        assert_eq!(total(&requester()), before);
        assert_eq!(held(), 0);
        // AND both who have the outputs lost that in equal parts, and a tenth of the rest
        let damages = (BATCH_COST + 7 * WITNESS_FEE) / 2;
        let slash = (BOND - damages).div_ceil(10);
        for n in 1..=2 {
            assert_eq!(bond(n), BOND - damages - slash);
            assert_eq!((registered(n).faults, registered(n).in_flight), (1, 0));
            assert_eq!(trust_of(n), (0, if n == 1 { 4 } else { 0 }));
        }
        // AND nobody shares in the slash
        assert_eq!(total(&treasury()), FUNDS + 2 * slash);
        for n in &panel {
            assert_eq!(total(&operator(*n)), FUNDS + WITNESS_FEE);
        }
        assert_eq!(outputs(job), Outputs::Withheld);
        assert!(emitted(pallet_market::Event::<Test>::TurnedBack {
            job,
            batch: 0,
            returned: 2 * damages,
            owed: 0,
        }));
        assert_noop!(call(job), Error::<Test>::AlreadyWitnessed);
    });
}

#[test]
fn a_false_call_costs_its_requester_and_nobody_else() {
    run(|| {
        let job = settled();
        let before = total(&requester());
        let panel = called(job);
        say(job, &same(&panel, THERE));
        assert_eq!(total(&requester()), before - CALL_BOND);
        assert_eq!(held(), 0);
        assert_eq!(total(&treasury()), FUNDS + CHALLENGE_BOND);
        for n in panel {
            assert_eq!(total(&operator(n)), FUNDS + WITNESS_FEE);
        }
        for n in 1..=2 {
            assert_eq!((bond(n), registered(n).in_flight), (BOND, 0));
            assert_eq!(
                total(&operator(n)),
                FUNDS,
                "nothing to be had by being called"
            );
        }
        assert_eq!(outputs(job), Outputs::Fetched);
        assert_noop!(call(job), Error::<Test>::AlreadyWitnessed);
    });
}

#[test]
fn the_requester_learns_who_has_fetched_what_it_could_not() {
    run(|| {
        let job = settled();
        let panel = called(job);
        let mut words = same(&panel[..5], THERE);
        words.extend(same(&panel[5..], None));
        say(job, &words);
        let served: Vec<AccountId> = panel[..5].iter().map(|n| worker(*n)).collect();
        assert_eq!(
            Results::<Test>::get(job, 0).expect("kept").witnesses,
            served
        );
    });
}

#[test]
fn a_minority_that_colludes_with_the_requester_slashes_nobody() {
    run(|| {
        let job = settled();
        let panel = called(job);
        let mut words = same(&panel[..3], None);
        words.extend(same(&panel[3..], THERE));
        say(job, &words);
        assert_eq!(finding(job), Some(Finding::Fetched));
        assert_eq!((bond(1), bond(2)), (BOND, BOND));
        // They are not paid for it either.
        assert_eq!(total(&operator(panel[0])), FUNDS);
        assert_eq!(total(&operator(panel[3])), FUNDS + WITNESS_FEE);
    });
    // Nor does it if the honest stay away: more than half of those drawn have to say so.
    run(|| {
        let job = settled();
        let before = total(&requester());
        let panel = called(job);
        say(job, &same(&panel[..3], None));
        assert_eq!(finding(job), Some(Finding::Undecided));
        assert_eq!((bond(1), outputs(job)), (BOND, Outputs::Owed));
        assert_eq!(total(&requester()), before, "it may not have been wrong");
        for n in &panel {
            assert_eq!(total(&operator(*n)), FUNDS);
            assert_eq!(registered(*n).missed, u32::from(!panel[..3].contains(n)));
        }
    });
}

#[test]
fn what_a_majority_says_counts_though_others_stay_away() {
    run(|| {
        let job = settled();
        let panel = called(job);
        say(job, &same(&panel[..4], None));
        assert_eq!(finding(job), Some(Finding::Withheld));
        assert!(bond(1) < BOND && bond(2) < BOND);
        assert_eq!(total(&operator(panel[3])), FUNDS + WITNESS_FEE);
        assert_eq!(total(&operator(panel[4])), FUNDS);
    });
}

/// As the last testimony would: what those found who opened theirs, while others never do.
#[test]
fn a_deadline_that_slashes_is_weighed_as_the_testimony_that_would() {
    use sungrid_primitives::traits::Verifier;
    run(|| {
        let job = settled();
        let panel = called(job);
        for n in &panel {
            attest(*n, job, None);
        }
        for n in &panel[..4] {
            assert_ok!(try_testify(*n, job, None));
        }
        System::set_block_number(System::block_number() + REVEAL_BLOCKS + 1);
        let weight = <Verification as Verifier<AccountId>>::deadline(job, 0);
        assert_eq!(finding(job), Some(Finding::Withheld));
        assert!(bond(1) < BOND);
        assert!(weight.all_gte(<() as WeightInfo>::testify()), "{weight}");
    });
}

#[test]
fn after_no_decision_they_can_be_called_again() {
    run(|| {
        let job = settled();
        called(job);
        wait(WITNESS_BLOCKS + 1);
        assert_eq!(finding(job), Some(Finding::Undecided));
        assert_eq!((held(), registered(1).in_flight), (0, 0));
        let panel = called(job);
        say(job, &same(&panel, None));
        assert_eq!(finding(job), Some(Finding::Withheld));
    });
}

/// The genesis of a network whose witnesses have so many blocks.
fn window(blocks: u64) {
    let genesis = GenesisConfig::<Test> {
        witness_window: Some(blocks),
    };
    genesis.build();
}

#[test]
fn the_genesis_may_give_witnesses_less_time() {
    run(|| {
        window(2);
        let job = settled();
        called(job);
        wait(2);
        assert_eq!(finding(job), None);
        wait(1);
        assert_eq!(finding(job), Some(Finding::Undecided));
    });
}

#[test]
#[should_panic = "no longer than bonds answer for"]
fn the_genesis_cannot_let_them_take_longer_than_bonds_answer_for() {
    run(|| window(WITNESS_BLOCKS + 1));
}

#[test]
#[should_panic = "a block at least"]
fn the_genesis_cannot_leave_them_no_time() {
    run(|| window(0));
}

#[test]
fn who_has_not_fetched_cannot_say_that_it_has() {
    run(|| {
        let job = settled();
        let panel = called(job);
        // Each makes something up.
        let words: Vec<_> = panel
            .iter()
            .map(|n| (*n, Some(H256::repeat_byte(*n))))
            .collect();
        say(job, &words);
        assert_eq!(finding(job), Some(Finding::Undecided));
        assert!(panel.iter().all(|n| total(&operator(*n)) == FUNDS));
    });
}

#[test]
fn a_copied_seal_opens_for_nobody_else_and_pays_nothing() {
    run(|| {
        let job = settled();
        let panel = called(job);
        let (copied, copier) = (panel[0], panel[1]);
        attest(copied, job, THERE);
        let seal = witness::seal(job, 0, worker(copied).as_ref(), &THERE, &salt(copied));
        assert_ok!(Verification::attest(signed(worker(copier)), job, 0, seal));
        for n in &panel[2..] {
            attest(*n, job, THERE);
        }
        assert_ok!(try_testify(copied, job, THERE));
        // The word is known now; the seal is another's all the same.
        assert_noop!(
            Verification::testify(signed(worker(copier)), job, 0, THERE, salt(copied)),
            Error::<Test>::SealMismatch
        );
        for n in &panel[2..] {
            assert_ok!(try_testify(*n, job, THERE));
        }
        assert_eq!(finding(job), None, "the copier may still open");
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(finding(job), Some(Finding::Fetched));
        assert_eq!(total(&operator(copier)), FUNDS);
        assert_eq!(registered(copier).missed, 1);
        assert_eq!(total(&operator(copied)), FUNDS + WITNESS_FEE);
    });
}

#[test]
fn nobody_changes_its_word_when_it_has_seen_those_of_others() {
    run(|| {
        let job = settled();
        let panel = called(job);
        for n in &panel {
            attest(*n, job, THERE);
        }
        assert_ok!(try_testify(panel[0], job, THERE));
        assert_noop!(
            try_testify(panel[1], job, None),
            Error::<Test>::SealMismatch
        );
        assert_noop!(
            Verification::attest(signed(worker(panel[1])), job, 0, H256::zero()),
            Error::<Test>::AlreadyCommitted
        );
    });
}

#[test]
fn who_withholds_does_not_leave_before_the_slash() {
    run(|| {
        let job = settled();
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        wait(RETENTION - 1);
        let withdraw = || Workers::withdraw(signed(operator(1)), worker(1));
        assert_noop!(withdraw(), WorkersError::<Test>::Liable);
        // The last block for a call.
        let panel = called(job);
        assert_noop!(withdraw(), WorkersError::<Test>::WorkInFlight);
        wait(WITNESS_BLOCKS);
        for n in &panel {
            attest(*n, job, None);
        }
        wait(REVEAL_BLOCKS);
        assert_noop!(withdraw(), WorkersError::<Test>::WorkInFlight);
        for n in &panel {
            assert_ok!(try_testify(*n, job, None));
        }
        assert!(bond(1) < BOND);
        wait(3);
        assert_noop!(withdraw(), WorkersError::<Test>::Resting);
        wait(MAX_MISS_REST);
        assert_ok!(withdraw());
    });
    // Without a call it is free when nobody can call any more.
    run(|| {
        let job = settled();
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        wait(LIABILITY - 1);
        assert_noop!(call(job), Error::<Test>::CallTooLate);
        assert_noop!(
            Workers::withdraw(signed(operator(1)), worker(1)),
            WorkersError::<Test>::Liable
        );
        next_block();
        assert_ok!(Workers::withdraw(signed(operator(1)), worker(1)));
    });
}

#[test]
fn another_key_or_another_operator_does_not_answer_in_its_place() {
    run(|| {
        settled();
        let new = sp_core::sr25519::Pair::from_seed(&[99; 32]);
        let genesis = System::block_hash(0);
        let proof = |operator: &AccountId| {
            let key: AccountId = new.public().into();
            let payload = registration_payload(&genesis, operator.as_ref(), key.as_ref());
            new.sign(&payload)
        };
        let rotate = || {
            Workers::rotate_key(
                signed(operator(1)),
                worker(1),
                new.public().into(),
                proof(&operator(1)),
            )
        };
        assert_noop!(rotate(), WorkersError::<Test>::Liable);
        assert_ok!(Workers::offer(
            signed(operator(1)),
            worker(1),
            stranger(),
            0
        ));
        wait(10);
        assert_noop!(
            Workers::accept(
                signed(stranger()),
                worker(1),
                0,
                new.public().into(),
                proof(&stranger())
            ),
            WorkersError::<Test>::Liable
        );
        wait(LIABILITY - 10);
        assert_ok!(rotate());
    });
}

#[test]
fn a_lagging_agenda_frees_no_bond() {
    run(|| {
        let job = settled();
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        let panel = called(job);
        for n in &panel[..6] {
            attest(*n, job, None);
        }
        // No weight for hooks, for as long as the bond would answer.
        while System::block_number() < 2 * LIABILITY {
            next_block_with(frame_support::weights::Weight::zero());
        }
        assert_noop!(
            Verification::attest(signed(worker(panel[6])), job, 0, H256::zero()),
            Error::<Test>::CommitTooLate
        );
        assert_noop!(
            Workers::withdraw(signed(operator(1)), worker(1)),
            WorkersError::<Test>::WorkInFlight
        );
        next_block();
        for n in &panel[..6] {
            assert_ok!(try_testify(*n, job, None));
        }
        assert!(bond(1) < BOND);
    });
}

#[test]
fn records_stay_while_witnesses_are_at_it() {
    run(|| {
        let job = settled();
        wait(RETENTION - 1);
        let panel = called(job);
        assert_noop!(
            Market::clean_up(signed(stranger()), job),
            MarketError::<Test>::OutputsInQuestion
        );
        say(job, &same(&panel, None));
        assert_ok!(Market::clean_up(signed(stranger()), job));
        assert_eq!(Results::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_receipt_in_the_meantime_is_the_requester_s_word_against_itself() {
    run(|| {
        let job = settled();
        let before = total(&requester());
        let panel = called(job);
        assert_ok!(Verification::acknowledge(signed(requester()), job, 1));
        say(job, &same(&panel, None));
        assert_eq!(finding(job), Some(Finding::Fetched));
        assert!(
            Results::<Test>::get(job, 0)
                .expect("kept")
                .witnesses
                .is_empty()
        );
        assert_eq!((bond(1), bond(2)), (BOND, BOND));
        assert_eq!(total(&requester()), before - CALL_BOND);
    });
}

#[test]
fn whoever_paid_nothing_gets_nothing_back_but_its_costs() {
    // Jurors and challenger shared the slash of a liar; the requester paid nobody.
    run(|| {
        let job = submit_under(Policy::Optimistic, 1);
        claim(1, job);
        commit(1, job, 0, &lie(1));
        reveal(1, job, 0, &lie(1));
        assert_ok!(Verification::challenge(signed(stranger()), job, 0));
        let jurors = answer_summons(job, &[2, 3, 4, 5], 2);
        for n in &jurors {
            commit(*n, job, 0, &truth(0));
        }
        for n in &jurors {
            reveal(*n, job, 0, &truth(0));
        }
        let result = Results::<Test>::get(job, 0).expect("decided");
        assert_eq!((result.paid, result.winners.len()), (0, 2));
        let before = total(&requester());
        let panel = called(job);
        say(job, &same(&panel, None));
        assert_eq!(finding(job), Some(Finding::Withheld));
        assert_eq!(total(&requester()), before);
        let damages = 7 * WITNESS_FEE / 2;
        for n in jurors {
            assert_eq!(bond(n), BOND - damages - (BOND - damages).div_ceil(10));
        }
    });
    // Where the jury confirmed, the requester paid one of three.
    run(|| {
        let before = total(&requester());
        let job = submit_under(Policy::Optimistic, 1);
        claim(1, job);
        commit(1, job, 0, &truth(0));
        reveal(1, job, 0, &truth(0));
        assert_ok!(Verification::challenge(signed(stranger()), job, 0));
        let jurors = answer_summons(job, &[2, 3, 4, 5], 2);
        for n in &jurors {
            commit(*n, job, 0, &truth(0));
        }
        for n in &jurors {
            reveal(*n, job, 0, &truth(0));
        }
        let result = Results::<Test>::get(job, 0).expect("decided");
        assert_eq!((result.paid, result.winners.len()), (1, 3));
        let panel = called(job);
        say(job, &same(&panel, None));
        assert_eq!(total(&requester()), before, "to the planck, in three parts");
    });
}

#[test]
fn a_quorum_returns_what_its_requester_paid() {
    run(|| {
        let before = total(&requester());
        let job = submit_under(Policy::Quorum(4), 1);
        claim(1, job);
        commit(1, job, 0, &truth(0));
        let second = answer_summons(job, &[2, 3, 4, 5], 1)[0];
        commit(second, job, 0, &truth(0));
        for n in [1, second] {
            reveal(n, job, 0, &truth(0));
        }
        let result = Results::<Test>::get(job, 0).expect("decided");
        assert_eq!(result.winners.len(), 2);
        assert!(total(&requester()) < before);
        let panel = called(job);
        say(job, &same(&panel, None));
        assert_eq!(total(&requester()), before);
        assert_eq!(Workers::exposed(&worker(1)), bond(1).div_ceil(10));
    });
}
