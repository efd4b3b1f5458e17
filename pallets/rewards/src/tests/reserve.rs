//! The node reserve: what it gives to whom, and that nobody mines it.

use frame_support::traits::Hooks;
use proptest::prelude::*;
use sp_runtime::Permill;
use sungrid_primitives::traits::Liveness;

use crate::{
    Accounts, LastRound, Owed, RoundSummary, Rounds,
    mock::*,
    rounds::{AUTHORS_PERCENT, DEVELOPERS_PERCENT, FOUNDATION_PERCENT, WORKERS_PERCENT},
};

fn last() -> RoundSummary {
    LastRound::<Test>::get().expect("a round has ended")
}

fn issuance() -> u128 {
    pallet_balances::TotalIssuance::<Test>::get()
}

/// Shows a worker's sign of life.
fn live(worker: u64, operator: u64) {
    <Rewards as Liveness<u64>>::note_live(&worker, &operator);
}

#[test]
fn credit_gets_what_the_emission_leaves_of_the_cap() {
    scenario(|| {
        // GIVEN payments of 50 million: 8 % are 4 million, of which the emission takes its million
        fill_reserve(1 << 40);
        pay(2, Some(3), 30_000_000, 1);
        pay(4, Some(3), 20_000_000, 1);
        let before = issuance();
        // WHEN the round ends
        next_round();
        // THEN the reserve grants the other three, moved and not minted, by credit
        assert_eq!((last().emission, last().granted), (EMISSION_CAP, 3_000_000));
        assert_eq!(issuance(), before + EMISSION_CAP);
        // Two live workers, each up to the cap per worker.
        assert_eq!(last().maintenance, 2 * NODE_REWARD_CAP);
        assert_eq!(reserve(), (1 << 40) - 3_000_000 - 2 * NODE_REWARD_CAP);
        // 60 % of the pot of 51 million, and the grant: three fifths and two fifths of it
        assert_eq!(
            [2, 4].map(Rewards::pending),
            [
                (30_600_000 + 3_000_000) * 3 / 5 + NODE_REWARD_CAP,
                (30_600_000 + 3_000_000) * 2 / 5 + NODE_REWARD_CAP,
            ]
        );
    });
}

#[test]
fn credit_gets_at_most_eighty_percent_of_the_round() {
    scenario(|| {
        fill_reserve(1 << 40);
        pay(2, None, 1_000_000_000, 1);
        next_round();
        assert_eq!(last().granted, RESERVE_PER_ROUND / 5 * 4);
    });
}

#[test]
fn live_workers_share_twenty_percent_equally() {
    scenario(|| {
        // GIVEN ten workers of three operators, none of which has work
        fill_reserve(1 << 40);
        for worker in 0..10 {
            live(worker, [1, 2, 2, 2, 3][worker as usize % 5]);
        }
        assert_eq!(<Rewards as Liveness<u64>>::live_workers(), 10);
        // WHEN the round ends
        next_round();
        // THEN each worker has a tenth of the fifth, and nothing was granted by credit
        let each = RESERVE_PER_ROUND / 5 / 10;
        assert_eq!(
            [1, 2, 3].map(Rewards::pending),
            [2 * each, 6 * each, 2 * each]
        );
        assert_eq!((last().granted, last().maintenance), (0, 10 * each));
        assert_eq!(Owed::<Test>::get(), 10 * each);
        assert_eq!(<Rewards as Liveness<u64>>::live_workers(), 0);
        assert!(<Rewards as Liveness<u64>>::is_live(&3, 0));
        assert!(!<Rewards as Liveness<u64>>::is_live(&3, 1));
    });
}

#[test]
fn what_does_not_divide_stays_in_the_reserve() {
    scenario(|| {
        fill_reserve(1 << 40);
        (0..7).for_each(|worker| live(worker, worker));
        next_round();
        assert_eq!(last().maintenance, RESERVE_PER_ROUND / 5 / 7 * 7);
        assert_eq!(reserve(), (1 << 40) - last().maintenance);
    });
}

#[test]
fn a_worker_counts_once_however_often_it_shows_up() {
    scenario(|| {
        fill_reserve(1 << 40);
        live(9, 1);
        live(9, 1);
        // Not even by changing its operator.
        live(9, 2);
        next_round();
        assert_eq!([1, 2].map(Rewards::pending), [NODE_REWARD_CAP, 0]);
        // A new round is a new chance.
        live(9, 2);
        next_round();
        assert_eq!(Rewards::pending(2), NODE_REWARD_CAP);
    });
}

#[test]
fn sybils_earn_a_cap_each_and_together_a_fifth() {
    // However many workers an operator registers, each earns at most the cap, which the runtime ties to
    // the interest on its bond; all together at most a fifth of the round.
    for (workers, expected) in [
        (1, NODE_REWARD_CAP),
        (2, 2 * NODE_REWARD_CAP),
        (3, 1_999_998),
        (1_000, RESERVE_PER_ROUND / 5),
    ] {
        scenario(|| {
            fill_reserve(1 << 40);
            (0..workers).for_each(|worker| live(worker, 1));
            next_round();
            assert_eq!(Rewards::pending(1), expected);
        });
    }
}

#[test]
fn an_empty_reserve_gives_nothing_and_a_poor_one_all_it_has() {
    scenario(|| {
        pay(2, None, 1_000_000_000, 1);
        next_round();
        assert_eq!((last().granted, last().maintenance), (0, 0));

        fill_reserve(1_000);
        pay(2, None, 1_000_000_000, 1);
        live(9, 1);
        live(8, 1);
        next_round();
        // 9, 8 and 2's own worker are live: 200 among three.
        assert_eq!((last().granted, last().maintenance), (800, 198));
        assert_eq!(reserve(), 2);
        assert_eq!(
            Balances::free_balance(Rewards::node_reserve()),
            EXISTENTIAL_DEPOSIT + 2,
            "the reserve itself lives on"
        );
    });
}

#[test]
fn after_its_rounds_the_reserve_rests() {
    scenario(|| {
        fill_reserve(1 << 40);
        while crate::Current::<Test>::get().number < RESERVE_ROUNDS - 1 {
            next_round();
        }
        live(9, 1);
        next_round();
        assert_eq!(last().maintenance, NODE_REWARD_CAP);
        live(9, 1);
        pay(2, None, 1_000_000_000, 1);
        next_round();
        assert_eq!((last().granted, last().maintenance), (0, 0));
        assert_eq!(last().emission, EMISSION_CAP, "the emission goes on");
    });
}

#[test]
fn rounds_in_which_nobody_lives_cost_nothing() {
    scenario(|| {
        fill_reserve(1 << 40);
        fee(1_000);
        next_round();
        assert_eq!(reserve(), 1 << 40);
    });
}

#[test]
fn a_point_that_is_worth_nothing_is_in_nobody_s_way() {
    scenario(|| {
        live(9, 1);
        next_round();
        assert_eq!(Rewards::pending(1), 0);
        live(9, 1);
        assert_eq!(Rounds::<Test>::get(0), None, "folded away");
        assert_eq!(Accounts::<Test>::get(1).node.round, 1);
    });
}

/// One party is requester, author, developer and operator, and has the only worker.
fn washed(payments: u128) -> u128 {
    next_block(Some(1));
    pay(1, Some(1), payments, 5);
    next_round();
    // Being live is paid without any job as well: not a fruit of washing.
    Rewards::pending(1) - last().maintenance
}

#[test]
fn washing_one_s_own_jobs_loses() {
    // Without a reserve 8 % are minted and a tenth of all goes to the treasury,
    scenario(|| assert_eq!(washed(1_000_000), 972_000));
    // with one, what the emission's cap leaves of the 8 % comes from there, undivided.
    scenario(|| {
        fill_reserve(1 << 60);
        let payments = 100_000_000;
        let back = washed(payments);
        assert_eq!(back, (payments + EMISSION_CAP) / 10 * 9 + 7_000_000);
        assert!(back * 100 < payments * 98);
    });
}

proptest! {
    #[test]
    fn washing_loses_at_any_size(payments in 1_000..1u128 << 90, filled in any::<bool>()) {
        scenario(|| {
            if filled {
                fill_reserve(1 << 60);
            }
            let back = washed(payments);
            assert!(back <= payments / 100 * 98 + 98, "{back} of {payments} come back");
        });
    }
}

#[test]
fn the_shares_are_the_protocol_s() {
    assert_eq!(
        [
            AUTHORS_PERCENT,
            FOUNDATION_PERCENT,
            DEVELOPERS_PERCENT,
            WORKERS_PERCENT
        ],
        [10, 10, 20, 60]
    );
    Rewards::integrity_test();
}

#[test]
#[should_panic(expected = "washing one's own jobs pays")]
fn a_runtime_whose_issuance_pays_washing_cannot_be_built() {
    EmissionRate::set(Permill::from_percent(10));
    Rewards::integrity_test();
}
