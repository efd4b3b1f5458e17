//! Numbers: dense, and never about another's draw.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, MemberCount, mock::*};

#[test]
fn the_last_moves_into_a_gap() {
    scenario(|| {
        for name in ["w0", "w1", "w2", "w3"] {
            register(name);
        }
        assert_eq!([index("w0"), index("w3")], [0, 3]);
        assert_ok!(Workers::pause(signed("w1"), account("w1")));
        assert_eq!(member("w1"), None);
        assert_eq!([index("w0"), index("w3"), index("w2")], [0, 1, 2]);
        assert_ok!(Workers::leave(signed("olga"), account("w2")));
        assert_eq!([index("w0"), index("w3")], [0, 1]);
        assert_eq!(MemberCount::<Test>::get(), 2);
        // Leaving when paused, or pausing for good when paused, takes nobody else's number.
        assert_ok!(Workers::pause(signed("olga"), account("w1")));
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        assert_eq!(MemberCount::<Test>::get(), 2);
        for name in ["w0", "w3"] {
            assert_ok!(Workers::leave(signed("olga"), account(name)));
        }
        assert_eq!(MemberCount::<Test>::get(), 0);
    });
}

#[test]
fn a_moved_worker_does_not_answer_for_another_s_draws() {
    scenario(|| {
        register("w0");
        register("w1");
        run_to(ROUND);
        // GIVEN that w0 is drawn; WHEN it pauses and w1 gets its number
        assert_eq!(Liveness::summons(account("w0")), Some(ROUND));
        assert_ok!(Workers::pause(signed("w0"), account("w0")));
        assert_eq!(index("w1"), 0);
        // THEN w1 neither earns by that draw nor is punished for it
        assert_noop!(answer("w1", ROUND), Error::<Test>::NotDrawn);
        run_to(ROUND + WINDOW + 1);
        assert_noop!(report("rita", "w1", ROUND), Error::<Test>::NotAbsent);
        // and goes on from the next block: it is the only one left, so it is drawn.
        assert_ok!(answer("w1", ROUND + 1));
    });
}

#[test]
fn a_draw_out_of_an_earlier_fleet_finds_nobody_who_came_or_moved_since() {
    use sungrid_primitives::traits::Fleet;
    let at = |number, block| <Liveness as Fleet<_, _>>::at(number, block);
    scenario(|| {
        run_to(5);
        for name in ["w0", "w1", "w2", "w3"] {
            register(name);
        }
        let earlier: Vec<_> = (0..4).map(|number| at(number, 5)).collect();
        let all = ["w0", "w1", "w2", "w3"].map(|name| Some(account(name)));
        assert_eq!(earlier, all);
        run_to(6);
        // WHEN one pauses and resumes, its gap is filled by the last, and it is the last
        assert_ok!(Workers::pause(signed("w1"), account("w1")));
        assert_ok!(Workers::resume(signed("w1"), account("w1")));
        assert_eq!([index("w3"), index("w1")], [1, 3]);
        // THEN both numbers are nobody's in that fleet, and those of others stay theirs.
        let later: Vec<_> = (0..5).map(|number| at(number, 5)).collect();
        let [w0, _, w2, _] = all;
        assert_eq!(later, [w0, None, w2, None, None]);
        assert_eq!(at(1, 6), Some(account("w3")));
    });
}

#[test]
fn moving_does_not_forget_an_answer() {
    scenario(|| {
        register("w0");
        register("w1");
        run_to(ROUND);
        let mut block = ROUND;
        while answer("w1", block).is_err() {
            block += 1;
            run_to(block);
        }
        assert_ok!(Workers::pause(signed("w0"), account("w0")));
        run_to(block + 1);
        assert_noop!(answer("w1", block + 1), Error::<Test>::NotDrawn);
        assert_eq!(Answers::get().len(), 1);
    });
}
