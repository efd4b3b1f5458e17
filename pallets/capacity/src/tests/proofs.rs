//! The way of an honest proof, and each error on it.

use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};
use sp_core::H256;
use sp_runtime::DispatchError;
use sungrid_primitives::{
    capacity::{Openings, Run, STEP_FUEL, STEPS, Shape},
    suns::{CPU_1, GPU_1},
    traits::{GPU_1_ID, Workers as _},
};

use crate::{Allowance, Call, Error, Event, Proofs, Runs, mock::*};

fn feeless(worker: &str, call: Call<Test>) -> bool {
    RuntimeCall::Capacity(call).is_feeless(&signed(worker))
}

#[test]
fn what_is_declared_counts_as_far_as_it_is_proven() {
    scenario(|| {
        // GIVEN a worker that declares a SUNS
        register("w1");
        assert_eq!(record("w1").capacity, 1_000_000);
        // THEN no more than the allowance counts
        assert_eq!(counted("w1"), ALLOWANCE);
        assert!(Workers::commit(&account("w1"), ALLOWANCE + 1).is_err());
        // WHEN it proves what it can, every call for nothing
        assert!(feeless("w1", Call::start {}));
        assert_ok!(Capacity::start(signed("w1")));
        System::assert_last_event(
            Event::RunStarted {
                worker: account("w1"),
            }
            .into(),
        );
        assert_eq!(standing("w1").run, Some(Run::Running { at: 1 }));
        pass(MAX_RUN / BLOCK_MS);
        let work = Work::of(seed_of("w1", 1), SHAPE, |_, _| false);
        assert!(feeless(
            "w1",
            Call::commit {
                seed: work.seed,
                shape: SHAPE,
                root: work.root()
            }
        ));
        assert_ok!(work.commit("w1"));
        // 128 segments in 18 s, of 8 Gfuel/s: rounded down twice.
        let fuel = 128 * u64::from(STEPS) * STEP_FUEL * 1_000 / MAX_RUN;
        let shown = fuel * 1_000_000 / CPU_1.contains.fuel_per_second;
        assert!(shown > ALLOWANCE);
        System::assert_last_event(
            Event::RunCommitted {
                worker: account("w1"),
                shape: SHAPE,
                capacity: shown,
                draw_at: 7 + DRAW_DELAY,
            }
            .into(),
        );
        pass(DRAW_DELAY);
        let openings = work.openings(&draw("w1").expect("drawn"));
        assert!(feeless(
            "w1",
            Call::open {
                openings: openings.clone()
            }
        ));
        assert_ok!(Capacity::open(signed("w1"), openings));
        // THEN that counts, for as long as it is fresh
        let until = 7 + VALIDITY;
        System::assert_last_event(
            Event::CapacityProven {
                worker: account("w1"),
                capacity: shown,
                until,
            }
            .into(),
        );
        assert_eq!(counted("w1"), shown);
        assert_ok!(Workers::commit(&account("w1"), shown).map_err(|()| "no room"));
        Workers::release(&account("w1"), shown);
        Workers::resolved(&account("w1"));
        assert_eq!(record("w1").in_flight, 0);
        // Nobody checks it by surprise here.
        let mut proof = Proofs::<Test>::get(account("w1")).expect("proven");
        System::set_block_number(until);
        proof.until = until;
        Proofs::<Test>::insert(account("w1"), proof);
        assert_eq!(counted("w1"), shown);
        System::set_block_number(until + 1);
        crate::Beacons::<Test>::drain().for_each(drop);
        assert_eq!(counted("w1"), ALLOWANCE);
        assert_eq!(standing("w1").proven, None);
    });
}

#[test]
fn what_comes_later_counts_for_less() {
    scenario(|| {
        register("w1");
        register("w2");
        for worker in ["w1", "w2"] {
            assert_ok!(Capacity::start(signed(worker)));
        }
        pass(MAX_RUN / BLOCK_MS - 1);
        let works = ["w1", "w2"].map(|worker| Work::of(seed_of(worker, 1), SHAPE, |_, _| false));
        assert_ok!(works[0].commit("w1"));
        pass(1);
        assert_ok!(works[1].commit("w2"));
        pass(DRAW_DELAY);
        assert_ok!(open("w1", &works[0]));
        assert_ok!(open("w2", &works[1]));
        let shown = [15_000, 18_000].map(|millis| {
            SHAPE.fuel_per_second(millis) * 1_000_000 / CPU_1.contains.fuel_per_second
        });
        assert!(shown[0] > shown[1]);
        assert_eq!(["w1", "w2"].map(counted), shown);
    });
}

#[test]
fn a_machine_without_a_proof_loses_what_is_in_use_to_nobody() {
    scenario(|| {
        register("w1");
        let proven = prove("w1");
        assert_ok!(Workers::commit(&account("w1"), proven).map_err(|()| "no room"));
        Allowance::<Test>::put(0);
        Proofs::<Test>::remove(account("w1"));
        crate::ProverAt::<Test>::remove(0);
        crate::ProverCount::<Test>::put(0);
        // What it has taken stays; it gets nothing new.
        let view = Workers::view(&account("w1")).expect("registered");
        assert_eq!((view.capacity, view.free), (0, 0));
        assert_eq!(record("w1").committed, proven);
        Workers::release(&account("w1"), proven);
        Workers::resolved(&account("w1"));
    });
}

#[test]
fn a_start_has_its_errors() {
    scenario(|| {
        assert_noop!(Capacity::start(signed("w1")), Error::<Test>::NotInService);
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            assert_noop!(Capacity::start(origin), DispatchError::BadOrigin);
        }
        register("w1");
        assert_noop!(Capacity::start(signed("olga")), Error::<Test>::NotInService);
        assert_ok!(Workers::pause(signed("w1"), account("w1")));
        assert_noop!(Capacity::start(signed("w1")), Error::<Test>::NotInService);
        assert!(!feeless("w1", Call::start {}));
        assert_ok!(Workers::resume(signed("w1"), account("w1")));
        // An accelerator can show nothing here, so that only what nobody needs to prove counts: no reward for being live on no machine.
        register_as("g1", GPU_1_ID, GPU_1);
        assert_eq!(record("g1").capacity, 1_000_000);
        assert_eq!(counted("g1"), Allowance::<Test>::get());
        assert!(counted("g1") < 1_000_000);
        Allowance::<Test>::put(0);
        assert_eq!(counted("g1"), 0);
        Allowance::<Test>::put(2_000_000);
        assert_eq!(counted("g1"), 1_000_000);
        assert_noop!(Capacity::start(signed("g1")), Error::<Test>::NothingToProve);
        // One that is not committed to ends with the next, some time later.
        assert_ok!(Capacity::start(signed("w1")));
        pass(RUN_EVERY - 1);
        assert!(!standing("w1").startable);
        assert_noop!(Capacity::start(signed("w1")), Error::<Test>::TooSoon);
        assert!(!feeless("w1", Call::start {}));
        pass(1);
        assert!(standing("w1").startable);
        assert_ok!(Capacity::start(signed("w1")));
        pass(MIN_RUN / BLOCK_MS);
        let work = Work::of(seed_of("w1", 1 + RUN_EVERY), SHAPE, |_, _| false);
        assert_ok!(work.commit("w1"));
        pass(RUN_EVERY);
        assert_noop!(Capacity::start(signed("w1")), Error::<Test>::Undecided);
        assert!(!standing("w1").startable);
    });
}

#[test]
fn a_commitment_has_its_errors() {
    scenario(|| {
        register("w1");
        let commit =
            |seed, shape| Capacity::commit(signed("w1"), seed, shape, H256::repeat_byte(1));
        assert_noop!(commit(H256::zero(), SHAPE), Error::<Test>::NotRunning);
        assert_ok!(Capacity::start(signed("w1")));
        // In the block itself nobody can know its hash; anybody knows what it is not.
        let none = sungrid_primitives::capacity::seed(&H256::zero(), account("w1").as_ref());
        assert_noop!(commit(none, SHAPE), Error::<Test>::WrongSeed);
        pass(MIN_RUN / BLOCK_MS - 1);
        let seed = seed_of("w1", 1);
        assert_noop!(commit(seed_of("w1", 0), SHAPE), Error::<Test>::WrongSeed);
        assert_noop!(commit(seed_of("w2", 1), SHAPE), Error::<Test>::WrongSeed);
        assert_noop!(commit(seed, SHAPE), Error::<Test>::RunTooShort);
        let call = Call::commit {
            seed,
            shape: SHAPE,
            root: H256::zero(),
        };
        assert!(!feeless("w1", call));
        pass(1);
        for (lanes, segments) in [(0, 64), (2, 0), (2, 65), (1 << 14, 1 << 15)] {
            let shape = Shape { lanes, segments };
            assert_noop!(commit(seed, shape), Error::<Test>::BadShape);
        }
        // Many slow lanes are no machine for work that has deadlines.
        assert_ok!(Workers::pause(signed("w1"), account("w1")));
        assert_noop!(commit(seed, SHAPE), Error::<Test>::NotInService);
        assert_ok!(Workers::resume(signed("w1"), account("w1")));
        pass(MAX_RUN / BLOCK_MS - 2);
        assert_ok!(Capacity::check_commit(&account("w1"), &seed, &SHAPE).map(drop));
        pass(1);
        assert_noop!(commit(seed, SHAPE), Error::<Test>::RunTooLong);
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            assert_noop!(
                Capacity::commit(origin, seed, SHAPE, H256::zero()),
                DispatchError::BadOrigin
            );
        }
    });
}

#[test]
fn many_slow_lanes_are_no_machine_for_work_that_has_deadlines() {
    scenario(|| {
        TwiceAsFast::set(&true);
        register("w1");
        assert_ok!(Capacity::start(signed("w1")));
        pass(MAX_RUN / BLOCK_MS);
        let seed = seed_of("w1", 1);
        let slow = Shape {
            lanes: 1 << 20,
            ..SHAPE
        };
        assert_noop!(
            Capacity::commit(signed("w1"), seed, slow, H256::repeat_byte(1)),
            Error::<Test>::LaneTooSlow
        );
    });
}

#[test]
fn an_opening_has_its_errors() {
    scenario(|| {
        register("w1");
        let none = Openings::new();
        assert_noop!(
            Capacity::open(signed("w1"), none.clone()),
            Error::<Test>::NothingToOpen
        );
        let work = compute("w1", SHAPE, |_, _| false);
        assert_ok!(work.commit("w1"));
        pass(DRAW_DELAY - 1);
        assert_eq!(draw("w1"), None);
        assert_noop!(
            Capacity::open(signed("w1"), none.clone()),
            Error::<Test>::NotDrawn
        );
        pass(1);
        let right = work.openings(&draw("w1").expect("drawn"));
        let mut fewer = right.clone();
        fewer.pop();
        let mut swapped = right.clone().into_inner();
        let other = swapped
            .iter()
            .position(|o| *o != right[0])
            .expect("another");
        swapped.swap(0, other);
        let swapped = Openings::truncate_from(swapped);
        let mut wrong = right.clone();
        wrong[3].start[0] ^= 1;
        let mut long = right.clone();
        let _ = long[5].after.try_push(H256::zero());
        for openings in [none, fewer, swapped, wrong, long] {
            let call = Call::open {
                openings: openings.clone(),
            };
            assert!(!feeless("w1", call));
            assert_noop!(
                Capacity::open(signed("w1"), openings),
                Error::<Test>::DoesNotHold
            );
        }
        // Paused or not.
        assert_ok!(Workers::pause(signed("olga"), account("w1")));
        pass(OPEN_WINDOW);
        assert_ok!(Capacity::open(signed("w1"), right.clone()));
        assert_noop!(
            Capacity::open(signed("w1"), right),
            Error::<Test>::NothingToOpen
        );
        assert_noop!(
            Capacity::settle(signed("nora"), account("w1")),
            Error::<Test>::NothingToSettle
        );
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            assert_noop!(
                Capacity::open(origin.clone(), Openings::new()),
                DispatchError::BadOrigin
            );
            assert_noop!(
                Capacity::settle(origin, account("w1")),
                DispatchError::BadOrigin
            );
        }
    });
}

#[test]
fn the_last_proof_counts_be_it_less_or_more() {
    scenario(|| {
        register("w1");
        let first = prove("w1");
        pass(RUN_EVERY);
        // The same work, five blocks instead of six.
        assert_ok!(Capacity::start(signed("w1")));
        let at = System::block_number();
        pass(MAX_RUN / BLOCK_MS - 1);
        let work = Work::of(seed_of("w1", at), SHAPE, |_, _| false);
        assert_ok!(work.commit("w1"));
        pass(DRAW_DELAY);
        assert_ok!(open("w1", &work));
        assert!(counted("w1") > first);
        pass(RUN_EVERY);
        assert_eq!(prove("w1"), first);
        assert_eq!(counted("w1"), first);
        assert_eq!(Proofs::<Test>::iter().count(), 1);
    });
}

#[test]
fn governance_says_what_counts_unproven() {
    scenario(|| {
        register("w1");
        assert_noop!(
            Capacity::set_allowance(signed("olga"), 5),
            DispatchError::BadOrigin
        );
        assert_ok!(Capacity::set_allowance(RuntimeOrigin::root(), 600_000));
        System::assert_last_event(Event::AllowanceSet { allowance: 600_000 }.into());
        assert_eq!(counted("w1"), 600_000);
        assert_ok!(Capacity::set_allowance(RuntimeOrigin::root(), u64::MAX));
        assert_eq!(counted("w1"), 1_000_000);
        assert_ok!(Capacity::set_allowance(RuntimeOrigin::root(), 0));
        assert_eq!(counted("w1"), 0);
    });
}

#[test]
fn a_proof_falls_with_its_key() {
    scenario(|| {
        for worker in ["w1", "w2", "w3"] {
            register(worker);
        }
        let proven = prove("w1");
        prove("w2");
        prove("w3");
        assert_ok!(Workers::rotate_key(
            signed("olga"),
            account("w1"),
            account("w4"),
            proof("w4", "olga")
        ));
        assert_eq!(counted("w4"), ALLOWANCE);
        assert!(!Runs::<Test>::contains_key(account("w1")));
        assert!(!Proofs::<Test>::contains_key(account("w1")));
        // It proves at once: nothing of it has begun too short a time ago.
        assert_eq!(prove("w4"), proven);
        assert_ok!(Workers::leave(signed("olga"), account("w2")));
        pass(COOLDOWN);
        assert_ok!(Workers::withdraw(signed("olga"), account("w2")));
        assert_eq!(Proofs::<Test>::iter().count(), 2);
        assert_eq!(counted("w3"), proven);
    });
}
