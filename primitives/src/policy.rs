//! How the results of a job are verified, and the arithmetic of trust (protocol section 7, requirement X2).
//!
//! Integers only, and nothing here overflows: a group's power stops growing at `2^64`, far above what any
//! policy asks for.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Fewest replicas that [`Policy::Replicate`] can ask to agree.
pub const MIN_REPLICAS: u8 = 2;
/// Most replicas that [`Policy::Replicate`] can ask to agree.
pub const MAX_REPLICAS: u8 = 3;
/// Highest trust of [`Policy::Quorum`]: a confidence of 99.9 %, which ten new workers reach (`2^10 ≥ 1,000`).
pub const MAX_TRUST: u32 = 1_000;
/// Consecutive valid replicated results from which a single result of a worker may stand.
pub const TRUSTED_FROM: u32 = 10;
/// One in so many single results of a trusted worker is audited, however long it has been trusted: at most [`TRUSTED_FROM`].
/// More audits, and verification costs requesters as much more; fewer, and whoever waits until it is trusted lies as much
/// more often before it is found out.
pub const AUDIT_ONE_IN: u64 = 6;

const MAX_POWER: u128 = 1 << 64;

/// How the results of a job are verified.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Policy {
    /// One result; final after a window in which anyone can challenge it with a bond.
    Optimistic,
    /// So many replicas by distinct operators must agree: 2 or 3.
    Replicate(u8),
    /// One result of a trusted worker stands unless it is drawn, one in [`AUDIT_ONE_IN`], or its worker is caught with
    /// another meanwhile; else two must agree [BOINC].
    Adaptive,
    /// Replicas until the confidence is `1 − 1/trust`, weighted by the workers' scores; 2 to
    /// [`MAX_TRUST`] [iExec PoCo].
    Quorum(u32),
}

impl Policy {
    /// Whether its figure is within bounds.
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Optimistic | Self::Adaptive => true,
            Self::Replicate(count) => (MIN_REPLICAS..=MAX_REPLICAS).contains(count),
            Self::Quorum(trust) => (2..=MAX_TRUST).contains(trust),
        }
    }

    /// Most results of one batch that the requester pays for. A quorum orders at most as many as new
    /// workers need who all agree: those that a disagreement adds are paid by whoever caused it.
    pub fn paid_results(&self) -> u32 {
        match self {
            Self::Optimistic => 1,
            Self::Replicate(count) => u32::from(*count),
            Self::Adaptive => 2,
            Self::Quorum(trust) => trust
                .saturating_sub(1)
                .checked_ilog2()
                .map_or(0, |log| log + 1)
                .max(2),
        }
    }
}

/// What a worker's results in one environment were worth so far.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Trust {
    /// Consecutive valid results that others confirmed.
    pub streak: u32,
    /// Plus one for each of them, times 2/3 for each fault, rounded down.
    pub score: u32,
}

impl Trust {
    /// After a result that another operator's result confirmed.
    pub fn confirmed(self) -> Self {
        Self {
            streak: self.streak.saturating_add(1),
            score: self.score.saturating_add(1),
        }
    }

    /// After a result that others refuted, or a seal that was not opened.
    pub fn refuted(self) -> Self {
        Self {
            streak: 0,
            // Below the score it is made from, so it fits.
            score: (u64::from(self.score) * 2 / 3) as u32,
        }
    }

    /// Weight of its results in a quorum: `max(score / 3, 3) − 1`.
    pub fn weight(&self) -> u32 {
        (self.score / 3).max(3) - 1
    }

    /// Whether a single result stands, by a uniform `ticket`: with probability `1 − 1/`[`AUDIT_ONE_IN`], but never while the
    /// streak is below [`TRUSTED_FROM`], or `stake / pay` is, both planck: what a refuted result costs over what the batch
    /// pays at most.
    ///
    /// So an audit comes at least once in as many results as one audit can undo, and a worker that lies as often as it is
    /// trusted loses by it, however it came by its streak. Waiting for a longer streak buys nothing.
    pub fn stands(&self, stake: u128, pay: u128, ticket: u64) -> bool {
        let worth = stake / pay.max(1);
        u128::from(self.streak).min(worth) >= u128::from(TRUSTED_FROM)
            && !ticket.is_multiple_of(AUDIT_ONE_IN)
    }
}

/// Power of a group of equal results, 1 of an empty one, after a result of this weight has joined it: weights
/// multiply.
pub fn joined(power: u128, weight: u32) -> u128 {
    // Below 2^96 before the cut.
    (power.min(MAX_POWER) * u128::from(weight)).min(MAX_POWER)
}

/// Power of all groups, and 1 for what nobody reported: without it a single result would always convince.
pub fn total(groups: impl IntoIterator<Item = u128>) -> u128 {
    groups.into_iter().fold(1, u128::saturating_add)
}

/// Whether a group convinces: `group · trust > total · (trust − 1)`.
pub fn convinces(group: u128, total: u128, trust: u32) -> bool {
    group.saturating_mul(trust.into()) > total.saturating_mul(trust.saturating_sub(1).into())
}

/// How many more results of new workers a group of `members` needs until it convinces, at least as many as make
/// two; `u32::MAX` if the others are too powerful.
pub fn missing(group: u128, members: u32, total: u128, trust: u32) -> u32 {
    let rest = total.saturating_sub(group);
    let new = Trust::default().weight();
    let mut missing = 0u32;
    let mut group = group.min(MAX_POWER);
    while !convinces(group, rest.saturating_add(group), trust) && group < MAX_POWER {
        group = joined(group, new);
        missing += 1;
    }
    if convinces(group, rest.saturating_add(group), trust) {
        missing.max(2u32.saturating_sub(members))
    } else {
        u32::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trust(streak: u32, score: u32) -> Trust {
        Trust { streak, score }
    }

    fn power(weights: impl IntoIterator<Item = u32>) -> u128 {
        weights.into_iter().fold(1, joined)
    }

    #[test]
    fn bounds_of_the_policies() {
        for valid in [
            Policy::Optimistic,
            Policy::Adaptive,
            Policy::Replicate(2),
            Policy::Replicate(3),
            Policy::Quorum(2),
            Policy::Quorum(1_000),
        ] {
            assert!(valid.is_valid(), "{valid:?}");
        }
        for bad in [
            Policy::Replicate(0),
            Policy::Replicate(1),
            Policy::Replicate(4),
            Policy::Quorum(0),
            Policy::Quorum(1),
            Policy::Quorum(1_001),
        ] {
            assert!(!bad.is_valid(), "{bad:?}");
        }
    }

    #[test]
    fn the_requester_pays_for_what_new_workers_would_need() {
        let paid = [
            (2, 2),
            (3, 2),
            (4, 2),
            (5, 3),
            (10, 4),
            (20, 5),
            (100, 7),
            (128, 7),
            (129, 8),
            (1_000, 10),
        ];
        for (trust, results) in paid {
            assert_eq!(Policy::Quorum(trust).paid_results(), results, "{trust}");
            // As many as convince when all of them are new and agree.
            let group = power(vec![2; results as usize]);
            assert!(convinces(group, 1 + group, trust));
            assert_eq!(missing(1, 0, 2, trust), results);
        }
        assert_eq!(Policy::Optimistic.paid_results(), 1);
        assert_eq!(Policy::Replicate(3).paid_results(), 3);
        assert_eq!(Policy::Adaptive.paid_results(), 2);
    }

    #[test]
    fn trust_grows_by_one_and_falls_by_a_third() {
        assert_eq!(trust(4, 9).confirmed(), trust(5, 10));
        assert_eq!(trust(4, 9).refuted(), trust(0, 6));
        assert_eq!(trust(4, 10).refuted(), trust(0, 6));
        assert_eq!(trust(4, 1).refuted(), trust(0, 0));
        let most = trust(u32::MAX, u32::MAX);
        assert_eq!(most.confirmed(), most);
        assert_eq!(most.refuted(), trust(0, 2_863_311_530));
    }

    #[test]
    fn weights_by_hand() {
        for (score, weight) in [
            (0, 2),
            (9, 2),
            (11, 2),
            (12, 3),
            (30, 9),
            (99, 32),
            (u32::MAX, 1_431_655_764),
        ] {
            assert_eq!(trust(0, score).weight(), weight, "{score}");
        }
    }

    #[test]
    fn nine_confirmed_results_are_not_enough_and_more_than_ten_gain_nothing() {
        let rich = |streak, ticket| trust(streak, 0).stands(u128::MAX, 1, ticket);
        assert!((0..1_000).all(|ticket| !rich(9, ticket)));
        let stand = |n: u32| {
            (0..100 * AUDIT_ONE_IN)
                .filter(|ticket| rich(n, *ticket))
                .count() as u64
        };
        let most = 100 * (AUDIT_ONE_IN - 1);
        assert_eq!((stand(10), stand(100), stand(u32::MAX)), (most, most, most));
    }

    #[test]
    fn what_a_lie_costs_bounds_how_far_a_streak_is_trusted() {
        let farmed = trust(u32::MAX, 0);
        let stand = |stake, pay| {
            (0..1_000)
                .filter(|ticket| farmed.stands(stake, pay, *ticket))
                .count()
        };
        assert!(stand(1_000, 50) > 0);
        assert_eq!(stand(1_000, 100), stand(1_000, 50));
        assert_eq!(stand(1_000, 101), 0);
        assert_eq!(stand(0, 0), 0);
        // What 1,000 lies that stood would pay is never more than what the audits among them take.
        for pay in 1u128..200 {
            let stood = stand(1_000, pay) as u128;
            assert!(pay * stood <= 1_000 * (1_000 - stood), "{pay}");
        }
    }

    #[test]
    fn quorums_by_hand() {
        // 99 %: seven new workers who agree.
        assert!(!convinces(64, 65, 100));
        assert!(convinces(128, 129, 100));
        // One in seven disagrees: 64 of 67 is not enough, nor 256 of 259; three more do.
        assert!(!convinces(64, 67, 100) && !convinces(256, 259, 100));
        assert_eq!(missing(64, 6, 67, 100), 3);
        assert!(convinces(512, 515, 100));
        // Two workers of score 99 reach 99.9 %; one of any score does not.
        let pair = power([32, 32]);
        assert!(convinces(pair, 1 + pair, 1_000));
        assert_eq!(missing(1 << 40, 1, 1 + (1 << 40), 1_000), 1);
        assert_eq!(missing(MAX_POWER, 2, 3 * MAX_POWER, 1_000), u32::MAX);
        // Evenly split, nobody convinces.
        assert!(!convinces(8, 17, 2));
    }

    /// The rule as published, with plain big integers: no cut, no saturation.
    fn reference(groups: &[Vec<u32>], trust: u32) -> Option<usize> {
        let powers: Vec<u128> = groups
            .iter()
            .map(|group| group.iter().map(|w| u128::from(*w)).product())
            .collect();
        let total: u128 = 1 + powers.iter().sum::<u128>();
        powers
            .iter()
            .position(|power| power * u128::from(trust) > total * u128::from(trust - 1))
    }

    proptest! {
        #[test]
        fn as_the_reference_says(
            groups in prop::collection::vec(prop::collection::vec(2u32..40, 1..5), 1..4),
            trust in 2u32..=MAX_TRUST,
        ) {
            let powers: Vec<u128> = groups.iter().map(|g| power(g.iter().copied())).collect();
            let total = total(powers.iter().copied());
            let found = powers.iter().position(|p| convinces(*p, total, trust));
            prop_assert_eq!(found, reference(&groups, trust));
            prop_assert!(powers.iter().filter(|p| convinces(**p, total, trust)).count() <= 1);
        }

        #[test]
        fn nothing_overflows(
            scores in prop::collection::vec(any::<u32>(), 0..16),
            total in any::<u128>(),
            trust in any::<u32>(),
        ) {
            let group = power(scores.iter().map(|s| super::Trust { streak: 0, score: *s }.weight()));
            prop_assert!(group <= MAX_POWER);
            let _ = convinces(group, total, trust);
            let _ = missing(group, scores.len() as u32, group.saturating_add(total), trust);
        }
    }
}
