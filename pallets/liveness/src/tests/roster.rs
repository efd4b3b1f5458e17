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
