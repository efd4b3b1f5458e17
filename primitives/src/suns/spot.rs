//! The spot price: what settled work paid lately, for requesters to bid by.
//!
//! It moves no money. It can still mislead bidders, so a self-dealer who settles his own jobs at a fancy
//! price must not set it:
//!
//! - A settlement of charge `c` at price `p` moves the spot price `s` by `(p − s) × c / (c + V)`, with `V` =
//!   [`VOLUME`] = 100 SUNS·hours: an exponential average weighted by charge.
//! - The move is at most `p × c / V`, a hundredth of what was paid, per SUNS·hour, however the payment is
//!   cut into price and charge: a huge bid buys no more than its planck do. Honest work pulls back just as hard.
//! - Within a period it stays within [`STEP`], an eighth, of where the period began: with periods of 150 s,
//!   doubling the price takes `ln 2 / ln 1.125`, six periods or 15 minutes in everybody's sight, at any expense.

use codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::{MICRO, SECONDS_PER_HOUR};
use crate::ISC;

/// Charge, µSUNS·s, after which a price weighs one half: 100 SUNS·hours. Smaller, and one large job sets
/// the price; larger, and the price of a small network lags behind its market.
pub const VOLUME: u128 = 100 * MICRO * SECONDS_PER_HOUR;
/// Within a period the price moves by at most this part of what it was when the period began: an eighth.
pub const STEP: u128 = 8;
/// Planck per SUNS·hour by which it may move in any case, so that a price of nothing can rise.
pub const LEAST_STEP: u128 = ISC / 1_000;

/// Charges beyond this weigh no more: they are the average already. Bounds the product below.
const MOST_CHARGE: u128 = 1 << 63;

/// A running price of settled work, in planck per SUNS·hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Spot {
    /// The price.
    pub price: u128,
    /// What it was when the period began.
    pub anchor: u128,
}

impl Spot {
    /// A price that nothing has moved yet.
    pub const fn new(price: u128) -> Self {
        Self {
            price,
            anchor: price,
        }
    }

    /// Begins a period.
    pub fn begin(&mut self) {
        self.anchor = self.price;
    }

    /// Lifts it to a floor that has risen above it.
    pub fn lift(&mut self, floor: u128) {
        self.anchor = self.anchor.max(floor);
        self.price = self.price.max(floor);
    }

    /// Work of `charge` µSUNS·s was paid at `paid`. Rounds towards the price that is.
    pub fn settle(&mut self, paid: u128, charge: u128) {
        let weight = {
            let charge = charge.min(MOST_CHARGE);
            (charge << 64) / (charge + VOLUME)
        };
        let moved = part(self.price.abs_diff(paid), weight);
        let step = (self.anchor / STEP).max(LEAST_STEP);
        self.price = if paid > self.price {
            let most = self.anchor.saturating_add(step);
            self.price.saturating_add(moved).min(most)
        } else {
            let least = self.anchor.saturating_sub(step);
            self.price.saturating_sub(moved).max(least)
        };
    }
}

/// `amount × weight / 2^64`, rounded down, for a weight below 2^64.
fn part(amount: u128, weight: u128) -> u128 {
    (amount >> 64) * weight + (((amount & u128::from(u64::MAX)) * weight) >> 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suns::cost;
    use proptest::prelude::*;

    const HOUR: u128 = MICRO * SECONDS_PER_HOUR;

    #[test]
    fn a_volume_at_a_new_price_closes_half_of_the_gap() {
        let mut spot = Spot::new(800 * ISC);
        spot.settle(816 * ISC, VOLUME);
        assert_eq!(spot.price, 808 * ISC);
        spot.settle(800 * ISC, VOLUME);
        assert_eq!(spot.price, 804 * ISC);
        // What settles at the price leaves it, and a charge of nothing does too.
        spot.settle(804 * ISC, 7 * VOLUME);
        spot.settle(0, 0);
        assert_eq!(spot.price, 804 * ISC);
    }

    #[test]
    fn many_settlements_weigh_like_their_sum() {
        let mut parts = Spot::new(800 * ISC);
        for _ in 0..1_000 {
            parts.settle(880 * ISC, VOLUME / 1_000);
        }
        // 1 − 1/e of the gap of 80, give or take what the cut makes.
        let gained = parts.price - 800 * ISC;
        assert!((50 * ISC..51 * ISC).contains(&gained), "{gained}");
    }

    #[test]
    fn a_period_bounds_the_move_whatever_is_paid() {
        let mut spot = Spot::new(8 * ISC);
        for _ in 0..100 {
            spot.settle(u128::MAX, u128::MAX);
        }
        assert_eq!(spot.price, 9 * ISC);
        for _ in 0..100 {
            spot.settle(0, u128::MAX);
        }
        assert_eq!(spot.price, 7 * ISC);
    }

    #[test]
    fn doubling_the_price_takes_six_periods_at_any_expense() {
        let mut spot = Spot::new(ISC);
        let mut periods = 0;
        while spot.price < 2 * ISC {
            spot.begin();
            spot.settle(u128::MAX, u128::MAX);
            periods += 1;
        }
        assert_eq!(periods, 6);
    }

    #[test]
    fn a_price_of_nothing_can_rise() {
        let mut spot = Spot::new(0);
        spot.settle(ISC, VOLUME);
        assert_eq!(spot.price, LEAST_STEP);
    }

    #[test]
    fn a_risen_floor_lifts_both() {
        let mut spot = Spot::new(ISC);
        spot.lift(5 * ISC);
        assert_eq!(spot, Spot::new(5 * ISC));
        spot.lift(ISC);
        assert_eq!(spot, Spot::new(5 * ISC));
    }

    proptest! {
        #[test]
        fn the_price_stays_between_what_it_was_and_what_was_paid(
            start: u128, paid: u128, charge: u128
        ) {
            let mut spot = Spot::new(start);
            spot.settle(paid, charge);
            prop_assert!((start.min(paid)..=start.max(paid)).contains(&spot.price));
            prop_assert!(spot.price.abs_diff(start) <= (start / STEP).max(LEAST_STEP));
        }

        #[test]
        fn a_payment_lifts_the_price_by_at_most_its_hundredth_however_it_is_cut(
            start in 0..1_000 * ISC,
            payments in prop::collection::vec((0..u128::from(u64::MAX), 0..1_000 * HOUR), 1..20)
        ) {
            let mut spot = Spot::new(start);
            let mut spent = 0;
            for (paid, charge) in payments {
                spot.begin();
                spot.settle(paid, charge);
                spent += cost(charge, paid);
            }
            prop_assert!(spot.price.saturating_sub(start) <= spent / 100);
        }
    }
}
