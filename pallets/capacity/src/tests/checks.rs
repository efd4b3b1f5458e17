//! Spot checks.

use frame_support::assert_ok;
use sp_core::H256;

use crate::{Beacons, Event, Proofs, ProverCount, mock::*};

fn checked(worker: &str) -> bool {
    System::events().iter().any(|record| {
        matches!(&record.event, RuntimeEvent::Capacity(Event::CheckDrawn { worker: drawn, .. }) if *drawn == account(worker))
    })
}

/// Has the draw of this block be about a worker's proof.
fn draw_check(worker: &str) {
    let index = Proofs::<Test>::get(account(worker)).expect("a proof").index;
    let number = |beacon: &H256| Capacity::drawn_number(beacon, CHECK_SPAN);
    let beacon = (0..)
        .map(H256::from_low_u64_be)
        .find(|beacon| number(beacon) == index);
    Capacity::check_somebody(System::block_number(), &beacon.expect("one in fifty"));
}

/// Makes blocks until a worker is checked.
fn until_checked(worker: &str) {
    for _ in 0..VALIDITY {
        if checked(worker) {
            return;
        }
        pass(1);
    }
    panic!("{worker} is never checked");
}

#[test]
fn who_is_checked_and_is_not_there_loses_what_it_had_proven() {
    scenario(|| {
        register("w1");
        let proven = prove("w1");
        System::reset_events();
        until_checked("w1");
        let now = System::block_number();
        let until = standing("w1").proven.expect("still").until;
        assert!(until <= now + CHECK_WINDOW);
        run_to(until);
        assert_eq!(counted("w1"), proven);
        pass(1);
        assert_eq!(counted("w1"), ALLOWANCE);
        // It was late, and told no lie.
        assert_eq!(record("w1").bond, WORKER_BOND);
        assert_eq!(record("w1").faults, 0);
        // Whoever is found in the list after that is taken off it.
        pass(20 * u64::from(CHECK_SPAN));
        assert_eq!(ProverCount::<Test>::get(), 0);
        // And may come back.
        assert_eq!(prove("w1"), proven);
        assert_eq!(counted("w1"), proven);
    });
}

#[test]
fn who_is_checked_and_proves_anew_goes_on() {
    scenario(|| {
        register("w1");
        let proven = prove("w1");
        System::reset_events();
        until_checked("w1");
        pass(RUN_EVERY);
        assert!(standing("w1").startable);
        assert_eq!(prove("w1"), proven);
        let until = standing("w1").proven.expect("proven").until;
        assert_eq!(until, System::block_number() - DRAW_DELAY + VALIDITY);
    });
}

/// Who has rented a machine for a run keeps it in hand until it is checked.
#[test]
fn a_run_that_began_before_a_check_does_not_answer_it() {
    // Opened while the proof still counts, or when it does no more.
    for late in [0, CHECK_WINDOW] {
        scenario(|| {
            OpenWindow::set(&(2 * CHECK_WINDOW));
            register("w1");
            let proven = prove("w1");
            pass(RUN_EVERY);
            let work = compute("w1", SHAPE, |_, _| false);
            assert_ok!(work.commit("w1"));
            // GIVEN a check, drawn since.
            let now = System::block_number();
            draw_check("w1");
            let until = standing("w1").proven.expect("still").until;
            assert_eq!(until, now + CHECK_WINDOW);
            pass(DRAW_DELAY + late);
            if late > 0 {
                // Being found when it is over does not end the check either.
                draw_check("w1");
            }
            assert_ok!(open("w1", &work));
            // THEN what was committed to before is good until then, and not a block longer.
            assert_eq!(counted("w1"), if late > 0 { ALLOWANCE } else { proven });
            run_to(until.max(System::block_number()));
            pass(1);
            assert_eq!(counted("w1"), ALLOWANCE);
            // What it computes from now on is.
            assert_eq!(prove("w1"), proven);
            let committed_at = System::block_number() - DRAW_DELAY;
            let proof = standing("w1").proven.expect("proven anew");
            assert_eq!(proof.until, committed_at + VALIDITY);
        });
    }
}

#[test]
fn a_commitment_counts_from_its_own_block_however_late_it_is_opened() {
    scenario(|| {
        register("w1");
        let work = compute("w1", SHAPE, |_, _| false);
        assert_ok!(work.commit("w1"));
        let at = System::block_number();
        pass(DRAW_DELAY + OPEN_WINDOW);
        assert_ok!(open("w1", &work));
        assert_eq!(standing("w1").proven.expect("proven").until, at + VALIDITY);
    });
}

#[test]
fn a_check_never_makes_a_proof_last_longer() {
    scenario(|| {
        register("w1");
        prove("w1");
        System::reset_events();
        until_checked("w1");
        let mut until = standing("w1").proven.expect("still").until;
        for _ in 0..CHECK_WINDOW {
            pass(1);
            let Some(proven) = standing("w1").proven else {
                break;
            };
            assert!(proven.until <= until);
            until = proven.until;
        }
    });
}

#[test]
fn few_are_checked_seldom_and_many_cost_a_block_no_more() {
    scenario(|| {
        for n in 0..6 {
            register(&format!("w{n}"));
            Capacity::note_proof(&account(&format!("w{n}")), 100, 1, 1_000_000);
        }
        System::reset_events();
        pass(1_000);
        let drawn = System::events()
            .iter()
            .filter(|record| {
                matches!(
                    record.event,
                    RuntimeEvent::Capacity(Event::CheckDrawn { .. })
                )
            })
            .count();
        // Six of fifty numbers: less than one block in eight; proofs end after the first check of each.
        assert!((6..=200).contains(&drawn), "{drawn}");
        // One beacon per block, and only as long as somebody may wait for it.
        assert_eq!(Beacons::<Test>::iter().count() as u64, OPEN_WINDOW + 1);
    });
}

#[test]
fn a_block_without_randomness_falls_back_on_its_parent() {
    scenario(|| {
        pass(3);
        let beacon = Beacons::<Test>::get(System::block_number());
        NoRandomness::set(&true);
        pass(1);
        assert_ne!(Beacons::<Test>::get(System::block_number()), beacon);
        assert!(Beacons::<Test>::get(System::block_number()).is_some());
        // The rest of the chain goes on.
        register("w1");
        assert_ok!(Capacity::start(signed("w1")));
    });
}
