//! Workers that missed a deadline, and whoever would stall others' work all the same.

use frame_support::{assert_noop, assert_ok};
use sungrid_primitives::traits::Workers as _;

use crate::{Error, Event, mock::*, rest::FADES_IN};

/// What a batch of one lane that takes so many blocks costs a machine of eight lanes if it was claimed in block `since`.
fn miss(worker: &str, blocks: u64, since: u64) -> u64 {
    crate::Workers::<Test>::mutate_extant(account(worker), |record| {
        record.claimed_at = record.claimed_at.max(since);
    });
    Workers::let_rest(&account(worker), SUNS / 8, blocks, Some(since));
    record(worker).arrears
}

#[test]
fn who_missed_a_deadline_takes_no_work_until_it_has_rested() {
    scenario(|| {
        register("olga", "w1");
        let (w1, now) = (account("w1"), System::block_number());
        assert_eq!(miss("w1", 1, now), MISS_REST);
        let until = now + MISS_REST;
        System::assert_last_event(
            Event::WorkerRests {
                worker: w1.clone(),
                operator: account("olga"),
                until,
            }
            .into(),
        );
        System::set_block_number(until - 1);
        assert!(!can_commit(&w1, 1));
        assert_noop!(Workers::commit(&w1, 1), ());
        // It may prove what it is worth, and answer when it is drawn.
        assert!(Workers::in_service(&w1).is_some());
        assert_ok!(Workers::commit(&w1, 0));
        Workers::release(&w1, 0);
        Workers::resolved(&w1);
        System::set_block_number(until);
        assert!(can_commit(&w1, 1));
        assert_ok!(Workers::commit(&w1, 1));
        Workers::release(&w1, 1);
        Workers::resolved(&w1);
        // Nobody rests for somebody who is not there.
        Workers::let_rest(&account("w9"), 1, 1, Some(0));
        assert_eq!(Workers::worker(account("w9")), None);
    });
}

#[test]
fn who_is_slashed_rests_as_long_as_who_misses_everything_however_soon_it_bonds_again() {
    scenario(|| {
        register("olga", "w1");
        let (w1, now) = (account("w1"), System::block_number());
        let slashed = Workers::slash(&w1, &[]).total;
        assert_ok!(Workers::bond_more(signed("olga"), w1.clone(), slashed));
        let until = now + MAX_MISS_REST;
        // Another fault, and something missed that it had in hand, neither shorten nor add to it.
        System::set_block_number(now + 1);
        Workers::slash(&w1, &[]);
        assert_eq!(miss("w1", 8, now), 1);
        assert_eq!(record("w1").rests_until, until + 1);
        assert_ok!(Workers::bond_more(signed("olga"), w1.clone(), slashed));
        System::set_block_number(until);
        assert!(!can_commit(&w1, 1));
        System::set_block_number(until + 1);
        assert!(can_commit(&w1, 1));
        // A fault is no outage: the block that was missed is all that is remembered, and counts twice.
        assert_eq!(miss("w1", 1, until + 1), 2 + MISS_REST);
    });
}

#[test]
fn what_was_forgotten_of_a_rest_stays_so_after_a_fault() {
    scenario(|| {
        register("olga", "w1");
        let now = System::block_number();
        assert_eq!(miss("w1", 1, now), MISS_REST);
        // Two blocks of five are forgotten.
        System::set_block_number(now + MISS_REST + 2 * u64::from(FADES_IN));
        Workers::slash(&account("w1"), &[]);
        assert_eq!(record("w1").arrears, MISS_REST - 2);
        // It does not fade while it rests, and withdraws nothing before all is forgotten.
        let rests_until = record("w1").rests_until;
        System::set_block_number(rests_until);
        let since = rests_until;
        assert_eq!(miss("w1", 1, since), 2 * (MISS_REST - 2) + MISS_REST);
    });
}

#[test]
fn one_outage_is_one_rest_for_as_long_as_the_machine_would_have_taken() {
    scenario(|| {
        register("olga", "w1");
        let now = System::block_number();
        // Eight lanes, each with sixteen blocks of work in hand.
        for lane in 1..=8 {
            assert_eq!(miss("w1", 16, now), MISS_REST + 2 * (lane - 1));
        }
        // It comes back; what it claimed before and was due later belongs to the same outage,
        System::set_block_number(record("w1").rests_until);
        let before = record("w1").arrears;
        assert_eq!(miss("w1", 16, now), before + 2);
        // and what it claims afterwards does not.
        let back = record("w1").rests_until;
        System::set_block_number(back);
        assert_eq!(miss("w1", 16, back), 2 * (before + 2) + MISS_REST);
    });
}

#[test]
fn who_stalls_again_and_again_rests_ever_longer() {
    scenario(|| {
        register("olga", "w1");
        let mut rests = vec![];
        for _ in 0..6 {
            let now = System::block_number();
            rests.push(miss("w1", 1, now));
            System::set_block_number(record("w1").rests_until);
        }
        assert_eq!(rests, [5, 15, 35, 75, MAX_MISS_REST, MAX_MISS_REST]);
    });
}

#[test]
fn a_rest_is_forgotten_in_time_and_whatever_was_delivered_changes_nothing() {
    let second_after = |blocks| {
        let mut rest = 0;
        scenario(|| {
            register("olga", "w1");
            miss("w1", 1, System::block_number());
            // Anybody can order work of himself.
            Workers::note_accepted(&account("w1"), 1_000, u128::MAX);
            let now = record("w1").rests_until + blocks;
            System::set_block_number(now);
            rest = miss("w1", 1, now);
        });
        rest
    };
    let fades = u64::from(FADES_IN);
    assert_eq!(second_after(0), 3 * MISS_REST);
    assert_eq!(second_after(fades - 1), 3 * MISS_REST);
    assert_eq!(second_after(fades), 3 * MISS_REST - 2);
    assert_eq!(second_after(fades * MISS_REST), MISS_REST);
    assert_eq!(second_after(u64::MAX / 2), MISS_REST);
}

/// Of its time a saboteur stalls at most so much, however long it waits in between: it holds something for as long as the least rest, and what
/// it loses is that rest and [`FADES_IN`] times as much until that is forgotten.
#[test]
fn however_long_a_saboteur_waits_it_stalls_a_seventeenth_of_the_time() {
    scenario(|| {
        register("olga", "w1");
        let fades = u64::from(FADES_IN);
        let mut best = 0.0f64;
        for wait in (0..=2 * fades * MISS_REST).step_by(25) {
            crate::Workers::<Test>::mutate_extant(account("w1"), |record| {
                (record.rests_until, record.arrears) = (0, 0);
            });
            let (mut stalled, begun) = (0, System::block_number());
            while System::block_number() < begun + 2_000 {
                System::reset_events();
                let since = System::block_number();
                System::set_block_number(since + MISS_REST);
                miss("w1", 1, since);
                System::set_block_number(record("w1").rests_until + wait);
                stalled += MISS_REST;
            }
            // What it gains once, before it has ever rested, is not counted.
            let (stalled, all) = (stalled - MISS_REST, System::block_number() - begun);
            assert!(stalled * (fades + 1) <= all, "{wait}: {stalled} of {all}");
            best = best.max(stalled as f64 / all as f64);
        }
        // That is what there is to be had.
        assert!(best > 0.05, "{best}");
    });
}

#[test]
fn a_bond_is_not_back_for_another_worker_before_the_rest_is_over() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        for _ in 0..5 {
            System::set_block_number(record("w1").rests_until.max(1));
            miss("w1", 1, System::block_number());
        }
        let until = record("w1").rests_until;
        assert!(until > System::block_number() + COOLDOWN);
        // A new key brings its rest along.
        assert_ok!(Workers::rotate_key(
            signed("olga"),
            w1,
            account("w2"),
            proof("w2", "olga")
        ));
        assert!(!can_commit(&account("w2"), 1));
        assert_ok!(Workers::leave(signed("olga"), account("w2")));
        let forgotten = until + u64::from(FADES_IN) * record("w2").arrears;
        for block in [until, forgotten - 1] {
            System::set_block_number(block);
            assert_noop!(
                Workers::withdraw(signed("olga"), account("w2")),
                Error::<Test>::Resting
            );
        }
        System::set_block_number(forgotten);
        assert_ok!(Workers::withdraw(signed("olga"), account("w2")));
    });
}

#[test]
fn who_gives_back_late_rests_for_what_it_held_and_that_adds_up() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        let give_back = || {
            // All eight lanes.
            Workers::let_rest(&w1, SUNS, 3, None);
            record("w1").arrears
        };
        assert_eq!(give_back(), 3);
        for times in 2..=5 {
            System::set_block_number(record("w1").rests_until);
            assert_ok!(Workers::commit(&w1, 1));
            assert_eq!(give_back(), 3 * times);
            Workers::release(&w1, 1);
            Workers::resolved(&w1);
        }
        System::set_block_number(record("w1").rests_until + u64::from(FADES_IN) * 15);
        assert_eq!(give_back(), 3);
    });
}

#[test]
fn nobody_washes_a_rest_off_by_another_registration() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        miss("w1", 1, System::block_number());
        let forgotten = record("w1").rests_until + u64::from(FADES_IN) * MISS_REST;
        assert_ok!(Workers::leave(signed("olga"), w1.clone()));
        while Workers::withdraw(signed("olga"), w1.clone()).is_err() {
            System::set_block_number(System::block_number() + 1);
        }
        register("olga", "w1");
        // It rests for no more than another one would that had waited as long with its key.
        let now = System::block_number();
        assert_eq!(now, forgotten);
        assert_eq!(miss("w1", 1, now), MISS_REST);
    });
}

#[test]
fn whoever_has_claimed_nothing_since_its_rest_misses_no_other_one() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, 1));
        assert_ok!(Workers::commit(&w1, 1));
        let rate = SUNS / 8;
        Workers::let_rest(&w1, rate, 16, Some(System::block_number()));
        let first = record("w1").arrears;
        // What it had sealed before is to be opened after the rest, and nobody is there.
        let opens = record("w1").rests_until + 1;
        System::set_block_number(opens + 1);
        Workers::let_rest(&w1, rate, 16, Some(opens));
        assert_eq!(record("w1").arrears, first + 2, "one outage");
        // Whoever was there to claim was there to open.
        let back = record("w1").rests_until;
        System::set_block_number(back);
        let before = record("w1").arrears;
        assert_ok!(Workers::commit(&w1, 1));
        assert_eq!(record("w1").claimed_at, back);
        Workers::let_rest(&w1, rate, 16, Some(back + 1));
        assert_eq!(record("w1").arrears, 2 * before + MISS_REST);
        for _ in 0..3 {
            Workers::release(&w1, 1);
            Workers::resolved(&w1);
        }
    });
}

#[test]
fn no_figure_overflows() {
    scenario(|| {
        register("olga", "w1");
        Workers::let_rest(&account("w1"), u64::MAX, u64::MAX, Some(u64::MAX));
        assert_eq!(record("w1").arrears, MAX_MISS_REST);
        System::set_block_number(u64::MAX);
        Workers::let_rest(&account("w1"), u64::MAX, u64::MAX, Some(0));
        assert_eq!(record("w1").rests_until, u64::MAX);
    });
}
