//! How rounds fill, end, emit and carry over.

use frame_support::traits::Hooks;
use sungrid_primitives::traits::Income;

use crate::{
    Carried, CarriedOver, Current, CurrentRound, Event, LastRound, OpenRound, Owed, RoundLength,
    Rounds, Share, mock::*,
};

fn pot() -> u128 {
    Balances::free_balance(Rewards::account_id())
}

fn treasury() -> u128 {
    Balances::free_balance(TREASURY) - EXISTENTIAL_DEPOSIT
}

fn issuance() -> u128 {
    pallet_balances::TotalIssuance::<Test>::get()
}

#[test]
fn the_genesis_makes_the_pot_exist() {
    scenario(|| {
        assert_eq!(pot(), EXISTENTIAL_DEPOSIT);
        assert_eq!(<Rewards as Income<u64>>::pot(), Rewards::account_id());
        assert_eq!(
            Current::<Test>::get(),
            CurrentRound {
                ends: ROUND,
                ..Default::default()
            }
        );
        assert_eq!(Rewards::current_round(), Current::<Test>::get());
    });
}

#[test]
fn a_pot_that_the_genesis_already_endows_is_left_alone() {
    let mut genesis = genesis();
    genesis
        .balances
        .balances
        .push((Rewards::account_id(), EXISTENTIAL_DEPOSIT));
    with_genesis(genesis).execute_with(|| {
        assert_eq!(issuance(), FUNDS + 2 * EXISTENTIAL_DEPOSIT);
        assert_eq!(pot(), EXISTENTIAL_DEPOSIT);
    });
}

#[test]
fn the_genesis_may_shorten_rounds() {
    let mut short = genesis();
    short.rewards.round_length = Some(2);
    with_genesis(short).execute_with(|| {
        assert_eq!(RoundLength::<Test>::get(), Some(2));
        next_block(None);
        assert_eq!(Current::<Test>::get().number, 1);
        next_block(None);
        assert_eq!(Current::<Test>::get().number, 1);
        next_block(None);
        assert_eq!(Current::<Test>::get().number, 2);
    });
}

#[test]
#[should_panic(expected = "at least one block")]
fn a_round_without_blocks_is_no_genesis() {
    let mut none = genesis();
    none.rewards.round_length = Some(0);
    with_genesis(none);
}

#[test]
fn a_round_is_split_ten_ten_twenty_sixty() {
    scenario(|| {
        // GIVEN payments of 10 000 and a fee of 200, an author, a developer and an operator
        next_block(Some(1));
        pay(2, Some(3), 10_000, 70);
        fee(200);
        let before = issuance();
        // WHEN the round ends
        next_round();
        // THEN 8 % of the payments, not of the fee, are minted, and 11 000 are split
        assert_eq!(issuance(), before + 800);
        System::assert_last_event(
            Event::RoundClosed {
                round: 0,
                payments: 10_000,
                fees: 200,
                emission: 800,
                authors: 1_100,
                foundation: 1_100,
                developers: 2_200,
                workers: 6_600,
                granted: 0,
                maintenance: 0,
                carried: 0,
            }
            .into(),
        );
        assert_eq!(treasury(), 1_100);
        assert_eq!(
            Rewards::round(0),
            Some(OpenRound {
                authors: Share {
                    left: 1_100,
                    points: 1
                },
                developers: Share {
                    left: 2_200,
                    points: 70
                },
                workers: Share {
                    left: 6_600,
                    points: 10_000
                },
                nodes: Share { left: 0, points: 1 },
            })
        );
        assert_eq!([1, 3, 2].map(Rewards::pending), [1_100, 2_200, 6_600]);
        assert_eq!(Owed::<Test>::get(), 9_900);
        assert_eq!(pot(), 9_900 + EXISTENTIAL_DEPOSIT);
        assert_eq!(LastRound::<Test>::get().map(|last| last.round), Some(0));
    });
}

#[test]
fn the_author_of_the_last_block_counts_in_the_round_that_it_ends() {
    scenario(|| {
        for _ in 2..=ROUND {
            next_block(Some(1));
        }
        assert_eq!(Current::<Test>::get().number, 1);
        assert_eq!(
            Rounds::<Test>::get(0).map(|round| round.authors.points),
            Some(4)
        );
        assert_eq!(Current::<Test>::get().points.authors, 0);
    });
}

#[test]
fn emission_is_capped() {
    scenario(|| {
        let before = issuance();
        // 8 % would be 80 million.
        pay(2, Some(3), 1_000_000_000, 1);
        next_round();
        assert_eq!(issuance(), before + EMISSION_CAP);
        assert_eq!(
            LastRound::<Test>::get().map(|last| last.emission),
            Some(EMISSION_CAP)
        );
    });
}

#[test]
fn fees_alone_mint_nothing() {
    scenario(|| {
        let before = issuance();
        fee(1_000_000);
        next_round();
        assert_eq!(issuance(), before);
    });
}

#[test]
fn a_share_without_receiver_waits_for_one() {
    scenario(|| {
        // GIVEN a round of fees only: nobody but the treasury has a claim
        fee(1_000);
        next_round();
        assert_eq!(
            CarriedOver::<Test>::get(),
            Carried {
                authors: 100,
                foundation: 0,
                developers: 200,
                workers: 600
            }
        );
        assert_eq!(Rounds::<Test>::get(0), None);
        assert_eq!(LastRound::<Test>::get().map(|last| last.carried), Some(900));
        assert_eq!(Owed::<Test>::get(), 900);

        // WHEN an operator works in the next round, on an image without developer
        pay(2, None, 100, 1);
        next_round();
        // THEN it has this round's share and the one that was carried; the others wait on
        assert_eq!(Rewards::pending(2), 600 + 64);
        assert_eq!(
            CarriedOver::<Test>::get(),
            Carried {
                authors: 100 + 10,
                foundation: 0,
                developers: 200 + 21,
                workers: 0
            }
        );
        // The event shows this round's split, whoever gets it when.
        let last = LastRound::<Test>::get().expect("a round has ended");
        assert_eq!(
            (
                last.authors,
                last.foundation,
                last.developers,
                last.workers,
                last.carried
            ),
            (10, 13, 21, 64, 331)
        );
    });
}

#[test]
fn an_empty_round_changes_nothing() {
    scenario(|| {
        let before = issuance();
        next_round();
        next_round();
        assert_eq!(
            (issuance(), pot(), Owed::<Test>::get()),
            (before, EXISTENTIAL_DEPOSIT, 0)
        );
        assert_eq!(Rounds::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_treasury_that_cannot_be_paid_is_paid_later() {
    let mut genesis = genesis();
    genesis
        .balances
        .balances
        .retain(|(who, _)| *who != TREASURY);
    with_genesis(genesis).execute_with(|| {
        // A tenth of 50 does not create the account.
        fee(50);
        next_round();
        assert_eq!(CarriedOver::<Test>::get().foundation, 5);
        Rewards::do_try_state().expect("invariants hold");
        fee(50);
        next_round();
        assert_eq!(CarriedOver::<Test>::get().foundation, 0);
        assert_eq!(Balances::free_balance(TREASURY), 10);
        Rewards::do_try_state().expect("invariants hold");
    });
}

#[test]
fn a_fee_costs_no_write_of_the_round_and_the_next_block_notes_it() {
    scenario(|| {
        pay(2, Some(3), 1_000, 10);
        let noted = Current::<Test>::get();
        fee(400);
        fee(50);
        assert_eq!(Current::<Test>::get(), noted);
        next_block(None);
        let round = Current::<Test>::get();
        assert_eq!((round.payments, round.fees), (1_000, 450));
        next_block(None);
        assert_eq!(Current::<Test>::get(), round);
        Rewards::do_try_state().expect("invariants hold");
    });
}

#[test]
fn a_gift_to_the_pot_is_income_of_the_round() {
    use frame_support::traits::{fungible::Mutate, tokens::Preservation};
    scenario(|| {
        fee(400);
        Balances::transfer(&PAYER, &Rewards::account_id(), 600, Preservation::Preserve)
            .expect("the payer is rich");
        next_round();
        assert_eq!(LastRound::<Test>::get().map(|last| last.fees), Some(1_000));
        assert_eq!(treasury(), 100);
    });
}

#[test]
fn rounds_end_on_time_or_at_the_next_chance() {
    scenario(|| {
        fee(1_000);
        // A chain that skips the block of the end, as after an upgrade that shortens rounds, ends late.
        System::set_block_number(3 * ROUND);
        Rewards::on_initialize(3 * ROUND);
        assert_eq!(Current::<Test>::get().number, 1);
        assert_eq!(Current::<Test>::get().ends, 4 * ROUND);
    });
}

#[test]
fn payments_of_nothing_earn_nothing() {
    scenario(|| {
        pay(2, Some(3), 0, 0);
        next_round();
        assert_eq!(Rounds::<Test>::get(0), None);
        assert_eq!(still_to_claim(), 0);
    });
}

#[test]
#[should_panic(expected = "PotShort")]
fn a_payment_that_never_came_is_a_bug() {
    new_test_ext().execute_with(|| {
        <Rewards as Income<u64>>::paid(sungrid_primitives::traits::Payment {
            worker: 1,
            operator: 2,
            developer: None,
            amount: 1_000,
            charge: 1,
            units: 1,
        });
        next_round();
    });
}
