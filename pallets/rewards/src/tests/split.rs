//! The arithmetic of a pot and of a share.

use proptest::prelude::*;

use crate::{Share, rounds::split};

#[test]
fn the_split_is_ten_ten_twenty_sixty() {
    let parts = split(1_000);
    assert_eq!(
        (
            parts.authors,
            parts.foundation,
            parts.developers,
            parts.workers
        ),
        (100, 100, 200, 600)
    );
    // 19 planck: 1, 3 and 11 rounded down, and 4 are left.
    let parts = split(19);
    assert_eq!(
        (
            parts.authors,
            parts.foundation,
            parts.developers,
            parts.workers
        ),
        (1, 4, 3, 11)
    );
    let parts = split(1);
    assert_eq!(
        (
            parts.authors,
            parts.foundation,
            parts.developers,
            parts.workers
        ),
        (0, 1, 0, 0)
    );
}

#[test]
fn an_empty_share_gives_nothing() {
    let mut share = Share::default();
    assert_eq!(share.take(0), 0);
    assert_eq!(share.take(5), 0);
}

#[test]
fn the_largest_share_divides_without_overflow() {
    let mut share = Share {
        left: u128::MAX,
        points: u128::MAX,
    };
    assert_eq!(share.take(u128::MAX - 1), u128::MAX - 1);
    assert_eq!(share.take(1), 1);
    assert_eq!(share, Share::default());
}

proptest! {
    #[test]
    fn a_split_adds_up_and_is_exact_to_rounding(pot in any::<u128>()) {
        let parts = split(pot);
        prop_assert_eq!(parts.authors, pot / 100 * 10 + pot % 100 * 10 / 100);
        prop_assert_eq!(parts.developers, pot / 100 * 20 + pot % 100 * 20 / 100);
        prop_assert_eq!(parts.workers, pot / 100 * 60 + pot % 100 * 60 / 100);
        let proportional = parts.authors + parts.developers + parts.workers;
        prop_assert_eq!(parts.foundation, pot - proportional);
        // The treasury gains at most what three divisions leave.
        prop_assert!(parts.foundation - parts.authors <= 3);
    }

    #[test]
    fn whoever_comes_in_whatever_order_all_is_taken_and_nobody_is_cheated(
        left in 0..1u128 << 100,
        points in prop::collection::vec(1..1u128 << 90, 1..12),
    ) {
        let total: u128 = points.iter().sum();
        let mut share = Share { left, points: total };
        let mut taken = 0;
        for mine in &points {
            let part = share.take(*mine);
            // Rounding moves at most one planck per claim before, and one of its own.
            let fair = sp_runtime::helpers_128bit::multiply_by_rational_with_rounding(
                left, *mine, total, sp_runtime::Rounding::Down,
            ).expect("at most `left`");
            prop_assert!(part.abs_diff(fair) <= points.len() as u128);
            taken += part;
        }
        prop_assert_eq!(taken, left);
        prop_assert_eq!(share, Share::default());
    }
}
