//! Linear regression that learns one observation at a time.
//!
//! Recursive least squares with a forgetting factor (S. Haykin, *Adaptive Filter Theory*, 4th edition, chapter 9; with the
//! factor at 1 it is Bayesian linear regression with a Gaussian prior, whose posterior covariance it carries along).
//! Two guards for a machine that strangers feed: an error counts as three standard deviations at most (Huber's clipping),
//! and the covariance never grows beyond the prior's, which forgetting without excitement would make it do.

use serde::{Deserialize, Serialize};

/// Features of an observation.
pub(super) const FEATURES: usize = 3;
pub(super) type Vector = [f64; FEATURES];

/// An observation counts half after some 35 others.
const FORGETTING: f64 = 0.98;
/// Variance of each weight before anything is known of it.
const PRIOR: Vector = [4.0, 0.25, 0.25];
/// Variance of an observation before there were two; logarithms, so a factor of e either way.
const FIRST_NOISE: f64 = 1.0;
/// The noise is never taken for less: measured times differ by a few percent from one turn to the next.
const LEAST_NOISE: f64 = 1e-3;
const MOST_NOISE: f64 = 16.0;
/// Weight of a new squared error in the noise.
const NOISE_STEP: f64 = 0.1;
/// Standard deviations that an error counts at most.
const CLIP: f64 = 3.0;
/// No weight of a logarithm by a logarithm is beyond.
const MOST_WEIGHT: f64 = 64.0;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Regression {
    weights: Vector,
    covariance: [Vector; FEATURES],
    noise: f64,
    seen: u32,
}

/// What an observation is expected to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) mean: f64,
    /// Variance of single observations.
    pub(super) noise: f64,
    /// Variance of the mean: what more observations would take away.
    pub(super) doubt: f64,
}

fn dot(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Regression {
    pub(super) fn new(weights: Vector) -> Self {
        let mut covariance = [[0.0; FEATURES]; FEATURES];
        for (at, variance) in PRIOR.into_iter().enumerate() {
            covariance[at][at] = variance;
        }
        Self {
            weights,
            covariance,
            noise: FIRST_NOISE,
            seen: 0,
        }
    }

    pub(super) fn weights(&self) -> Vector {
        self.weights
    }

    pub(super) fn seen(&self) -> u32 {
        self.seen
    }

    fn spread(&self, x: &Vector) -> (Vector, f64) {
        let along = self.covariance.map(|row| dot(&row, x));
        let spread = dot(&along, x).max(0.0);
        (along, spread)
    }

    pub(super) fn expect(&self, x: &Vector) -> Expected {
        Expected {
            mean: dot(&self.weights, x),
            noise: self.noise,
            doubt: self.noise * self.spread(x).1,
        }
    }

    /// Learns that `x` came with `y`. What is not finite, or would make this so, changes nothing.
    pub(super) fn learn(&mut self, x: &Vector, y: f64) {
        let before = *self;
        let (along, spread) = self.spread(x);
        let error = y - dot(&self.weights, x);
        let scale = FORGETTING + spread;
        let deviation = (self.noise * (1.0 + spread)).sqrt();
        let clipped = error.clamp(-CLIP * deviation, CLIP * deviation);
        for (weight, along) in self.weights.iter_mut().zip(along) {
            *weight += along / scale * clipped;
        }
        for (row, mine) in self.covariance.iter_mut().zip(along) {
            for (cell, other) in row.iter_mut().zip(along) {
                *cell = (*cell - mine * other / scale) / FORGETTING;
            }
        }
        // Where nothing varies, forgetting would let doubt grow without end.
        for (at, most) in PRIOR.into_iter().enumerate() {
            let excess = self.covariance[at][at] / most;
            if excess > 1.0 {
                let root = excess.sqrt();
                for other in 0..FEATURES {
                    self.covariance[at][other] /= root;
                    self.covariance[other][at] /= root;
                }
            }
        }
        let squared = clipped * clipped / (1.0 + spread);
        self.noise += NOISE_STEP * (squared - self.noise);
        self.noise = self.noise.clamp(LEAST_NOISE, MOST_NOISE);
        self.seen = self.seen.saturating_add(1);
        if !self.is_sound() {
            *self = before;
        }
    }

    /// Whether it can be used: also of one that was read from a file.
    pub(super) fn is_sound(&self) -> bool {
        let diagonal = (0..FEATURES).all(|at| {
            let variance = self.covariance[at][at];
            variance > 0.0 && variance <= PRIOR[at] * 1.01
        });
        let cells = (0..FEATURES).all(|row| {
            (0..FEATURES).all(|column| {
                let (cell, mirrored) = (self.covariance[row][column], self.covariance[column][row]);
                let bound = (self.covariance[row][row] * self.covariance[column][column]).sqrt();
                // Comparisons with what is no number are false.
                cell.abs() <= bound * 1.01 && (cell - mirrored).abs() <= 1e-6 * bound.max(1e-6)
            })
        });
        diagonal
            && cells
            && self
                .weights
                .iter()
                .all(|weight| weight.abs() <= MOST_WEIGHT)
            && (LEAST_NOISE..=MOST_NOISE).contains(&self.noise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(state: &mut u64) -> f64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (*state >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn it_finds_the_law_behind_noise_and_is_sure_of_it() {
        let mut state = 1;
        let mut model = Regression::new([0.0; FEATURES]);
        for _ in 0..300 {
            let x = [
                1.0,
                8.0 * number(&mut state),
                4.0 * number(&mut state) - 2.0,
            ];
            let noise = 0.2 * (number(&mut state) - 0.5);
            model.learn(&x, 2.0 + 0.5 * x[1] - x[2] + noise);
        }
        let expected = model.expect(&[1.0, 4.0, 1.0]);
        assert!((expected.mean - 3.0).abs() < 0.1, "{expected:?}");
        assert!(
            expected.doubt < 0.01 && expected.noise < 0.05,
            "{expected:?}"
        );
    }

    #[test]
    fn it_follows_a_law_that_changes() {
        let mut model = Regression::new([0.0; FEATURES]);
        for turn in 0..300 {
            let x = [1.0, f64::from(turn % 5), 0.0];
            model.learn(&x, if turn < 150 { 1.0 } else { 3.0 });
        }
        assert!((model.expect(&[1.0, 2.0, 0.0]).mean - 3.0).abs() < 0.2);
    }

    #[test]
    fn doubt_does_not_grow_where_nothing_varies() {
        let mut model = Regression::new([0.0; FEATURES]);
        for _ in 0..100_000 {
            model.learn(&[1.0, 0.0, 0.0], 5.0);
        }
        assert!(model.is_sound());
        assert!((model.expect(&[1.0, 0.0, 0.0]).mean - 5.0).abs() < 1e-6);
    }

    #[test]
    fn one_wild_observation_moves_it_little() {
        let mut model = Regression::new([0.0; FEATURES]);
        for turn in 0..100 {
            model.learn(&[1.0, f64::from(turn % 7), 0.0], 1.0);
        }
        model.learn(&[1.0, 3.0, 0.0], 1e9);
        assert!((model.expect(&[1.0, 3.0, 0.0]).mean - 1.0).abs() < 0.5);
    }

    #[test]
    fn what_is_no_number_changes_nothing() {
        let mut model = Regression::new([1.0, 0.0, 1.0]);
        model.learn(&[1.0, 2.0, 3.0], 4.0);
        let before = model;
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            model.learn(&[1.0, bad, 0.0], 1.0);
            assert_eq!(model, before);
            model.learn(&[bad, bad, bad], bad);
            assert_eq!(model, before);
        }
        model.learn(&[1.0, 2.0, 3.0], f64::NAN);
        assert_eq!(model, before);
        for _ in 0..1_000 {
            model.learn(&[1e300, -1e300, 1e300], -1e300);
            model.learn(&[1.0, 1e-300, 0.0], f64::MAX);
            assert!(model.is_sound(), "{model:?}");
        }
    }
}
