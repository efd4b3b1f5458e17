//! Credit: what lasts, what fades, what a fault costs.

use proptest::prelude::*;
use sungrid_primitives::traits::{CreditHistory, Income};

use crate::{Accounts, Credit, History, WorkerCredit, mock::*};

fn fault(operator: u64) {
    <Rewards as Income<u64>>::faulted(&(operator + 1_000), &operator);
}

#[test]
fn the_whole_life_lasts_and_the_average_fades() {
    scenario(|| {
        pay(2, None, 10, 1);
        next_round();
        pay(2, None, 32, 1);
        assert_eq!(
            Credit::<Test>::get(1_002),
            WorkerCredit {
                planck: 42,
                units: 8,
                // A window of ten rounds: nine tenths of the 10 are left.
                history: History { sum: 41, round: 1 },
                live: Some(1),
            }
        );
        assert_eq!(
            Accounts::<Test>::get(2).credit,
            History { sum: 41, round: 1 }
        );
        assert_eq!(Rewards::credit_of_worker(1_002), 4);
    });
}

#[test]
fn steady_work_is_its_own_average() {
    scenario(|| {
        for _ in 0..300 {
            pay(2, None, 1_000, 1);
            next_round();
        }
        // In the round after, one window's tenth of it has faded.
        let average = Rewards::credit_of_worker(1_002);
        assert!((890..=900).contains(&average), "{average}");
    });
}

#[test]
fn who_stops_working_is_forgotten() {
    scenario(|| {
        pay(2, None, 1 << 90, 1);
        let mut last = Rewards::credit_of_worker(1_002);
        for _ in 0..50 {
            next_round();
            let now = Rewards::credit_of_worker(1_002);
            assert!(now < last);
            last = now;
        }
        // Nine tenths to the power of 50 are 1/194.
        assert!(last < (1 << 90) / 1_900);
        for _ in 0..600 {
            next_round();
        }
        assert_eq!(Rewards::credit_of_worker(1_002), 0);
    });
}

#[test]
fn a_fault_costs_the_worker_a_third_and_the_operator_as_much() {
    scenario(|| {
        // GIVEN an operator with two workers
        pay(2, None, 900, 1);
        pay_worker(55, 2, None, 500, 1);
        // WHEN the first one is at fault
        fault(2);
        // THEN it keeps two thirds, and the operator the other worker's whole credit
        assert_eq!(Credit::<Test>::get(1_002).history.sum, 600);
        assert_eq!(Accounts::<Test>::get(2).credit.sum, 1_100);
        assert_eq!(Credit::<Test>::get(1_002).planck, 900, "what was is a fact");
        assert_eq!(<Rewards as CreditHistory<u64>>::credit_average(&2), 110);
        assert_eq!(Rewards::credit_of_operator(2), 110);
    });
}

#[test]
fn faults_in_a_row_cost_two_thirds_each_rounded_down() {
    scenario(|| {
        pay(2, None, 100, 1);
        for left in [66, 44, 29, 19] {
            fault(2);
            assert_eq!(Credit::<Test>::get(1_002).history.sum, left);
        }
        // A worker without history has nothing to lose, and its operator does not go below zero.
        Accounts::<Test>::mutate(2, |record| record.credit.sum = 1);
        fault(2);
        assert_eq!(Accounts::<Test>::get(2).credit.sum, 0);
        fault(77);
        assert_eq!(Credit::<Test>::get(1_077).history.sum, 0);
    });
}

proptest! {
    /// Looking, or being paid, more often changes nothing but the rounding of each step.
    #[test]
    fn it_does_not_matter_how_often_it_decays(
        sum in 0..1u128 << 100,
        steps in prop::collection::vec(0..5_000u32, 1..10),
        window in 2..10_000u32,
    ) {
        let total: u32 = steps.iter().sum();
        let at_once = History { sum, round: 0 }.at(total, window);
        let mut stepwise = History { sum, round: 0 };
        let mut round = 0;
        for step in &steps {
            round += step;
            stepwise.add(0, round, window);
        }
        // One planck for every step, and 18 decimals of every squaring.
        let tolerance = steps.len() as u128 + 1 + (sum >> 45);
        prop_assert!(stepwise.sum.abs_diff(at_once) <= tolerance);
    }

    #[test]
    fn it_never_grows_by_itself(
        sum in any::<u128>(),
        rounds in any::<u32>(),
        more in 0..1_000u32,
        window in 1..10_000u32,
    ) {
        let history = History { sum, round: 0 };
        let soon = history.at(rounds, window);
        prop_assert!(soon <= sum);
        // Powers by squaring are not monotonic to the last decimal.
        let later = history.at(rounds.saturating_add(more), window);
        prop_assert!(later <= soon.saturating_add(1 + (sum >> 45)));
        prop_assert!(history.average(rounds, window) <= soon);
    }
}
