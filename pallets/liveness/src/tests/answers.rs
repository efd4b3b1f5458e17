//! Who is drawn, and when an answer counts.

use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};
use sp_runtime::DispatchError;
use sungrid_primitives::suns::CPU_1;

use crate::{Call, DRAWS, Draws, Error, Event, mock::*};

fn feeless(worker: &str, block: u64) -> bool {
    let call = RuntimeCall::Liveness(Call::alive { block });
    call.is_feeless(&signed(worker))
}

#[test]
fn a_drawn_worker_answers_once_per_round_for_nothing() {
    scenario(|| {
        // GIVEN the only worker there is: always drawn, from the round after it joined
        register("w1");
        run_to(ROUND - 1);
        assert_eq!(Liveness::summons(account("w1")), None);
        assert_noop!(answer("w1", ROUND - 1), Error::<Test>::NotDrawn);
        run_to(ROUND);
        assert_eq!(Liveness::summons(account("w1")), Some(ROUND));
        assert!(feeless("w1", ROUND));
        assert_ok!(answer("w1", ROUND));
        System::assert_last_event(
            Event::Answered {
                worker: account("w1"),
                block: ROUND,
            }
            .into(),
        );
        assert_eq!(Answers::get(), [(account("w1"), account("olga"))]);
        // THEN the rest of the round asks nothing of it, and no second answer counts
        run_to(2 * ROUND - 1);
        assert_eq!(Liveness::summons(account("w1")), None);
        assert!(!feeless("w1", 2 * ROUND - 1));
        for block in [ROUND, 2 * ROUND - 1] {
            assert!(answer("w1", block).is_err());
        }
        assert_noop!(answer("w1", 2 * ROUND - 1), Error::<Test>::NotDrawn);
        run_to(2 * ROUND);
        assert_ok!(answer("w1", 2 * ROUND));
        assert_eq!(Answers::get().len(), 2);
    });
}

#[test]
fn an_answer_has_its_window() {
    scenario(|| {
        register("w1");
        run_to(ROUND + WINDOW);
        // The next block is too late for the draw of block `ROUND`: a later one is named.
        assert_eq!(Liveness::summons(account("w1")), Some(ROUND + WINDOW));
        assert_noop!(answer("w1", ROUND + WINDOW + 1), Error::<Test>::NotDrawn);
        assert!(feeless("w1", ROUND));
        run_to(ROUND + WINDOW + 1);
        assert!(!feeless("w1", ROUND));
        assert_noop!(answer("w1", ROUND), Error::<Test>::AnswerTooLate);
        assert_ok!(answer("w1", ROUND + 1));
    });
}

#[test]
fn only_active_and_bonded_workers_answer() {
    scenario(|| {
        register("w1");
        run_to(ROUND);
        assert_noop!(answer("nobody", ROUND), Error::<Test>::NotInLottery);
        assert_noop!(answer("olga", ROUND), Error::<Test>::NotInLottery);
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            assert_noop!(Liveness::alive(origin, ROUND), DispatchError::BadOrigin);
        }
        assert_ok!(Workers::pause(signed("w1"), account("w1")));
        assert_noop!(answer("w1", ROUND), Error::<Test>::NotInLottery);
        assert!(!feeless("w1", ROUND));
        // A slashed worker earns nothing for being there.
        register("w2");
        run_to(2 * ROUND);
        <Workers as sungrid_primitives::traits::Workers<_>>::slash(&account("w2"), &[]);
        assert_noop!(answer("w2", 2 * ROUND), Error::<Test>::NotInLottery);
    });
}

#[test]
fn pausing_and_resuming_makes_no_second_answer_in_a_round() {
    scenario(|| {
        register("w1");
        run_to(ROUND);
        assert_ok!(answer("w1", ROUND));
        for _ in 0..3 {
            assert_ok!(Workers::pause(signed("w1"), account("w1")));
            assert_ok!(Workers::resume(signed("w1"), account("w1")));
            run_to(System::block_number() + 1);
            assert_noop!(
                answer("w1", System::block_number()),
                Error::<Test>::NotDrawn
            );
        }
        // Neither does another key.
        let block = System::block_number();
        assert_ok!(Workers::rotate_key(
            signed("olga"),
            account("w1"),
            account("w2"),
            proof("w2", "olga")
        ));
        assert_noop!(answer("w2", block), Error::<Test>::NotDrawn);
        assert_eq!(Answers::get().len(), 1);
        run_to(2 * ROUND);
        assert_ok!(answer("w2", 2 * ROUND));
    });
}

#[test]
fn the_parts_of_a_split_machine_earn_no_equal_shares() {
    scenario(|| {
        register("w1");
        assert_ok!(Workers::set_capacity(
            signed("olga"),
            account("w1"),
            sungrid_primitives::suns::Resources {
                memory: CPU_1.contains.memory - 1,
                ..CPU_1.contains
            }
        ));
        assert!(record("w1").capacity < SUNS);
        run_to(ROUND);
        assert_ok!(answer("w1", ROUND));
        assert!(Answers::get().is_empty());
    });
}

#[test]
fn a_block_draws_a_few_of_many_and_costs_the_same() {
    scenario(|| {
        let names: Vec<String> = (0..60).map(|n| format!("w{n}")).collect();
        for name in &names {
            register(name);
        }
        run_to(ROUND);
        let drawn = names
            .iter()
            .filter(|name| answer(name, ROUND).is_ok())
            .count();
        assert!((1..=DRAWS as usize).contains(&drawn), "{drawn}");
        // One seed per block, however many workers; those a round old are gone.
        run_to(5 * ROUND);
        assert_eq!(Draws::<Test>::iter().count(), ROUND as usize);
    });
}

#[test]
fn nobody_is_drawn_where_nobody_is() {
    scenario(|| {
        run_to(ROUND);
        assert_eq!(Draws::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_block_without_randomness_falls_back_on_its_parent() {
    scenario(|| {
        register("w1");
        run_to(ROUND);
        assert_eq!(
            Draws::<Test>::get(ROUND).map(|draw| draw.seed),
            Some(seed(ROUND))
        );
        NoRandomness::set(&true);
        run_to(ROUND + 1);
        assert_eq!(
            Draws::<Test>::get(ROUND + 1).map(|draw| draw.seed),
            Some(System::parent_hash())
        );
    });
}
