//! How the results of a job are verified, and the arithmetic of trust (protocol section 7, requirement X2).
//!
//! Integers only, and nothing here overflows: a group's power stops growing at `2^64`, far above what any
//! policy asks for.

use alloc::collections::BTreeMap;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Fewest replicas that [`Policy::Replicate`] can ask to agree.
pub const MIN_REPLICAS: u8 = 2;
/// Most replicas that [`Policy::Replicate`] can ask to agree.
pub const MAX_REPLICAS: u8 = 3;
/// Highest trust of [`Policy::Quorum`]: a confidence of 99.9 %, which ten new workers reach (`2^10 ≥ 1,000`).
pub const MAX_TRUST: u32 = 1_000;
/// Equal results that decide a batch of [`Policy::Adaptive`] once results of it disagree. Two, and a liar that an honest auditor refutes has
/// another chance to meet a friend, at the honest one's expense; more, and a batch that several liars meet cannot be decided.
pub const AGREE_IF_DISPUTED: u32 = 3;
/// Results in a row from which a single result of a worker may stand at all: as many that others confirmed, as nothing stands before.
pub const TRUSTED_FROM: u32 = 10;
/// Accepted results that a worker has to show for each lie of its that is accepted, on average, whatever it does: see
/// [`Trust::audited_in`]. A batch that nobody disputes is executed at most twice, so among one tenth of hostile workers, each on its own, at
/// most one batch in 10,000 is wrong. More, and a record takes as much longer to save audits; fewer, and as many more lies are accepted.
pub const RESULTS_PER_LIE: u64 = 2_000;
/// At least one in so many single results is audited, however long the worker was right. Fewer audits, and who at last begins to lie
/// gets on with as many more; more, and verification costs requesters as much more.
pub const AUDIT_ONE_IN: u64 = 10;
/// A lie costs at least so many times what it pays, on average: part of the slash may return by accomplices, and the author of a block
/// may drop it with a draw that it dislikes.
pub const LIE_COSTS: u128 = 2;
/// Of the results that new workers would need for a quorum, records spare so many at most: see [`least_results`]. More, and colluders who
/// earned a record have as many more lies accepted for each slash; fewer, and requesters pay for as many more results.
pub const SPARED_BY_RECORD: u32 = 5;
/// What the result of one worker weighs at most in a quorum: that of a score of 99. So no record outweighs any number of others, two of record
/// weigh enough for [`MAX_TRUST`], and all replicas that a batch can have multiply to less than `2^64`.
pub const MOST_WEIGHT: u32 = 32;

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
    /// One result of a trusted worker stands unless it is drawn, the more seldom the more results of its were accepted
    /// ([`Trust::audited_in`]), or its worker is caught with another meanwhile; else two must agree [BOINC], or [`AGREE_IF_DISPUTED`] if any does not.
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
            Self::Quorum(trust) => results_of_new(*trust),
        }
    }
}

impl Policy {
    /// Most replicas of a batch that are ordered before any is sealed. A quorum's others are drawn when the first is.
    pub fn ordered_at_first(&self) -> u32 {
        match self {
            Self::Optimistic | Self::Quorum(_) => 1,
            Self::Adaptive => 2,
            Self::Replicate(count) => u32::from(*count),
        }
    }
}

/// Parts of one in which averages are given.
pub const MILLION: u64 = 1_000_000;
/// Parts of one in which probabilities are added up.
const BILLION: u128 = 1_000_000_000;

/// A worker that may get a batch: the more likely, the larger it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its capacity, µSUNS.
    pub capacity: u64,
    /// What its results were worth so far.
    pub trust: Trust,
    /// What a refuted result costs it, planck.
    pub stake: u128,
}

impl Policy {
    /// Results of a batch that the requester pays for on average, millionths, rounded up, if the results are right: each
    /// replica by one of `fleet`, drawn by capacity. `pay`: most that a result of the batch pays, planck.
    ///
    /// [`Adaptive`](Self::Adaptive): one, and another as often as the first is audited. [`Quorum`](Self::Quorum): as many as the weights of
    /// those drawn need. Never more than [`paid_results`](Self::paid_results), which it is for an empty fleet.
    pub fn expected_results(&self, fleet: &[Candidate], pay: u128) -> u64 {
        let most = u64::from(self.paid_results()) * MILLION;
        let total: u128 = fleet.iter().map(|one| u128::from(one.capacity)).sum();
        if total == 0 {
            return most;
        }
        match self {
            Self::Optimistic | Self::Replicate(_) => most,
            Self::Adaptive => {
                let audits = |one: &Candidate| match one.trust.streak >= TRUSTED_FROM {
                    true => {
                        let all = one.trust.audited_in(one.stake, pay);
                        (RESULTS_PER_LIE * MILLION).div_ceil(all)
                    }
                    false => MILLION,
                };
                let audits = fleet
                    .iter()
                    // At most 10,000 workers of 2^64 µSUNS times a million: below 2^98.
                    .map(|one| u128::from(one.capacity) * u128::from(audits(one)));
                // At most a million.
                MILLION + audits.sum::<u128>().div_ceil(total) as u64
            }
            Self::Quorum(trust) => {
                let mut weights = BTreeMap::<u32, u128>::new();
                for one in fleet {
                    // More than the trust convinces as well.
                    let weight = one.trust.weight().min(*trust);
                    let capacity = weights.entry(weight).or_default();
                    *capacity += u128::from(one.capacity);
                }
                // How likely a group that does not convince has which power, billionths. More power than convinces makes no difference
                // while there are too few of them, so there are few powers.
                let enough = u128::from(*trust);
                let mut undecided = BTreeMap::from([(1u128, BILLION)]);
                let mut results = 0u128;
                let least = least_results(*trust);
                for members in 1..=self.paid_results() {
                    results += undecided.values().sum::<u128>();
                    let mut next = BTreeMap::new();
                    for (power, likely) in undecided {
                        for (weight, capacity) in &weights {
                            let power = joined(power, *weight).min(enough);
                            if members < least || !convinces(power, total_of(power), *trust) {
                                // Shares of 2^78 µSUNS at most, times a billion.
                                *next.entry(power).or_default() += likely * capacity / total;
                            }
                        }
                    }
                    undecided = next;
                }
                let millionths = results.div_ceil(BILLION / u128::from(MILLION));
                // Within `most`, hence within 64 bits.
                (millionths as u64).min(most)
            }
        }
    }
}

/// Power of one group alone, and 1 for what nobody reported.
fn total_of(power: u128) -> u128 {
    total([power])
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
    /// Results that were accepted since its last fault: others confirmed them, or they stood alone.
    pub streak: u32,
    /// Plus one for each that others confirmed, times 2/3 for each fault, rounded down.
    pub score: u32,
}

impl Trust {
    /// After a result that another operator's result confirmed.
    pub fn confirmed(self) -> Self {
        self.stood().vouched()
    }

    /// After a single result that stood until its time was over: nobody has seen that it is right, so it weighs nothing in a quorum.
    pub fn stood(self) -> Self {
        Self {
            streak: self.streak.saturating_add(1),
            ..self
        }
    }

    /// After an answer that was known before confirmed a result that had stood, and counts in the streak already.
    pub fn vouched(self) -> Self {
        Self {
            score: self.score.saturating_add(1),
            ..self
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

    /// Weight of its results in a quorum: `max(score / 3, 3) − 1`, at most [`MOST_WEIGHT`].
    pub fn weight(&self) -> u32 {
        ((self.score / 3).max(3) - 1).min(MOST_WEIGHT)
    }

    /// Of so many single results [`RESULTS_PER_LIE`] are audited: for a worker of this record, where a refuted result costs it `stake` and
    /// the batch pays at most `pay`, both planck. From `RESULTS_PER_LIE`, which is all, to [`AUDIT_ONE_IN`] times that.
    ///
    /// With a streak of `n` and `C = RESULTS_PER_LIE`, an audit has the probability `p = C / (C + n)`, or more. One lie then adds `1 − p`
    /// to the lies that are accepted, and with probability `p` ends the streak: `(1 − p) − p · n / C ≤ 0`. So `lies accepted − n / C at each
    /// fault` is a supermartingale under every strategy, as a result stands until audits of longer ones may be over (protocol section *verification*): whenever one looks, and however a liar waits, hurries or begins anew, the
    /// expected number of its accepted lies is at most one for `C` results of its that were accepted. Of lies in flight at once none
    /// stands that was not decided when the first is found.
    ///
    /// As `p ≥ LIE_COSTS · pay / stake` too, a lie loses on average, however its worker came by the streak.
    ///
    /// After S. Zhao, V. Lo, C. GauthierDickey, "Result verification and trust-based scheduling in peer-to-peer grids" (P2P 2005), and
    /// BOINC's adaptive replication, which audits a trusted host with a probability that falls as it has no errors.
    pub fn audited_in(&self, stake: u128, pay: u128) -> u64 {
        let worth = stake / pay.saturating_mul(LIE_COSTS).max(1);
        let most = worth.clamp(1, AUDIT_ONE_IN.into()) as u64 - 1;
        RESULTS_PER_LIE + u64::from(self.streak).min(most * RESULTS_PER_LIE)
    }

    /// Whether a single result stands, by a uniform `ticket`; never while the streak is below [`TRUSTED_FROM`]. See
    /// [`Self::audited_in`].
    pub fn stands(&self, stake: u128, pay: u128, ticket: u64) -> bool {
        self.streak >= TRUSTED_FROM && ticket % self.audited_in(stake, pay) >= RESULTS_PER_LIE
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

/// Results that new workers need for a quorum if they agree, at least two: `⌈log2 trust⌉`.
fn results_of_new(trust: u32) -> u32 {
    trust
        .saturating_sub(1)
        .checked_ilog2()
        .map_or(0, |log| log + 1)
        .max(2)
}

/// Fewest equal results that are a quorum, whatever the records of their workers: two up to 99.2 %, five at 99.9 %.
///
/// A record says that a worker was right, not that it has no friends. Whoever seals first can lie in the hope that all others who are drawn are
/// friends: with a share `f` of the capacity that is accepted with probability `f^(least − 1)`, and costs a slash otherwise, whatever they weigh.
pub fn least_results(trust: u32) -> u32 {
    results_of_new(trust)
        .saturating_sub(SPARED_BY_RECORD)
        .max(2)
}

/// How many more results of workers of this `weight`, that of new ones at least, a group of `members` needs until it convinces, at least
/// as many as [`least_results`]; `u32::MAX` if the others are too powerful.
pub fn missing(group: u128, members: u32, total: u128, trust: u32, weight: u32) -> u32 {
    let rest = total.saturating_sub(group);
    let weight = weight.max(Trust::default().weight());
    let mut missing = 0u32;
    let mut group = group.min(MAX_POWER);
    while !convinces(group, rest.saturating_add(group), trust) && group < MAX_POWER {
        group = joined(group, weight);
        missing += 1;
    }
    if convinces(group, rest.saturating_add(group), trust) {
        missing.max(least_results(trust).saturating_sub(members))
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

    fn candidate(capacity: u64, streak: u32, score: u32) -> Candidate {
        Candidate {
            capacity,
            trust: trust(streak, score),
            stake: 1_000,
        }
    }

    #[test]
    fn expected_results_follow_the_fleet() {
        let expected = |policy: Policy, fleet: &[Candidate]| policy.expected_results(fleet, 10);
        let new = candidate(5, 9, 0);
        for policy in [Policy::Optimistic, Policy::Replicate(3), Policy::Adaptive] {
            let most = u64::from(policy.paid_results()) * MILLION;
            assert_eq!(expected(policy, &[]), most);
            assert_eq!(expected(policy, &[new]), most);
        }
        // Of a streak of 2,000 every second result is audited, of 18,000 every tenth; of ten, 2,000 in 2,010.
        assert_eq!(
            expected(Policy::Adaptive, &[candidate(1, 2_000, 0)]),
            1_500_000
        );
        assert_eq!(
            expected(Policy::Adaptive, &[candidate(1, 18_000, 0)]),
            1_100_000
        );
        assert_eq!(
            expected(Policy::Adaptive, &[candidate(1, 10, 0)]),
            1_995_025
        );
        // Three quarters of the capacity are audited every tenth time, one quarter always.
        let mixed = [candidate(3, 18_000, 0), candidate(1, 0, 0)];
        assert_eq!(expected(Policy::Adaptive, &mixed), 1_325_000);
        // A result that pays as much as the bond exposes is audited always.
        let dear = Policy::Adaptive.expected_results(&[candidate(1, 18_000, 0)], 1_000);
        assert_eq!(dear, 2_000_000);
    }

    #[test]
    fn a_quorum_needs_as_many_as_the_weights_of_those_drawn_make() {
        let expected =
            |trust, fleet: &[Candidate]| Policy::Quorum(trust).expected_results(fleet, 10);
        // Ten of weight two; of weight 32 (score 99) two weigh enough (1,024 > 999), and five are wanted all the same.
        assert_eq!(expected(1_000, &[candidate(1, 0, 0)]), 10_000_000);
        assert_eq!(expected(1_000, &[candidate(1, 0, 99)]), 5_000_000);
        // However heavy they are.
        assert_eq!(expected(1_000, &[candidate(1, 0, 9_000)]), 5_000_000);
        assert_eq!(expected(100, &[candidate(1, 0, 9_000)]), 2_000_000);
        // Weights 2 and 8 (score 27), as likely as one another, against a trust of 10, that is a power above 9: two
        // results do unless both are of weight two (1 in 4); then a third makes 8 or 32, and half of the time a fourth is wanted.
        let mixed = [candidate(1, 0, 0), candidate(1, 0, 27)];
        assert_eq!(expected(10, &mixed), 2_000_000 + 250_000 + 125_000);
        assert_eq!(expected(10, &[]), 4_000_000);
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
            assert_eq!(missing(1, 0, 2, trust, 0), results);
        }
        assert_eq!(Policy::Optimistic.paid_results(), 1);
        assert_eq!(Policy::Replicate(3).paid_results(), 3);
        assert_eq!(Policy::Adaptive.paid_results(), 2);
    }

    #[test]
    fn no_record_makes_a_quorum_of_fewer_results_than_its_confidence_asks_for() {
        for (trust, least) in [
            (2, 2),
            (100, 2),
            (128, 2),
            (129, 3),
            (200, 3),
            (256, 3),
            (257, 4),
            (500, 4),
            (513, 5),
            (1_000, 5),
        ] {
            assert_eq!(least_results(trust), least, "{trust}");
            // As heavy as can be.
            assert_eq!(
                missing(MAX_POWER, 1, 1 + MAX_POWER, trust, u32::MAX),
                least - 1
            );
        }
        // At 90 % of honest capacity, one blind lie in ten thousand; 99 % costs what it did.
        let accepted = |trust| 0.1f64.powi(least_results(trust) as i32 - 1);
        assert!(accepted(1_000) < 1.1e-4 && accepted(100) > 0.09);
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
            (102, 32),
            (u32::MAX, MOST_WEIGHT),
        ] {
            assert_eq!(trust(0, score).weight(), weight, "{score}");
        }
    }

    /// How many of how many tickets audit a single result: all that there are, once.
    fn audits(streak: u32, stake: u128, pay: u128) -> (i128, i128) {
        let trust = trust(streak, 0);
        let of = trust.audited_in(stake, pay);
        let audited = (0..of).filter(|ticket| !trust.stands(stake, pay, *ticket));
        (audited.count() as i128, of.into())
    }

    #[test]
    fn audits_by_hand() {
        let one_in = |streak| {
            let (audited, of) = audits(streak, u128::MAX, 1);
            of as f64 / audited as f64
        };
        for (streak, share) in [
            (0, 1.0),
            (9, 1.0),
            (10, 1.005),
            (1_000, 1.5),
            (2_000, 2.0),
            (8_000, 5.0),
            (18_000, 10.0),
            (18_001, 10.0),
            (u32::MAX, 10.0),
        ] {
            assert_eq!(one_in(streak), share, "{streak}");
        }
    }

    #[test]
    fn a_result_that_stood_adds_to_the_streak_and_weighs_nothing() {
        assert_eq!(trust(4, 9).stood(), trust(5, 9));
        assert_eq!(trust(4, 9).vouched(), trust(4, 10));
        let farmed = (0..100).fold(trust(10, 0), |trust, _| trust.stood());
        assert_eq!(farmed.weight(), Trust::default().weight());
        let most = trust(u32::MAX, u32::MAX);
        assert_eq!((most.stood(), most.vouched()), (most, most));
    }

    #[test]
    fn no_lie_adds_more_than_a_fault_takes() {
        let streaks = (0..40)
            .chain((40..20_000).step_by(331))
            .chain([u32::MAX - 1, u32::MAX]);
        for streak in streaks {
            for stake in [0, 1, 2, 3, 4, 7, 19, 20, 21, 1_000, u128::MAX] {
                let (audited, of) = audits(streak, stake, 1);
                let stand = of - audited;
                // (1 − p) − p · n / C ≤ 0, in tickets.
                assert!(stand * i128::from(RESULTS_PER_LIE) <= audited * i128::from(streak));
            }
        }
    }

    #[test]
    fn a_lie_costs_twice_what_it_pays_however_the_streak_was_made() {
        for streak in [10, 100, 5_000, u32::MAX] {
            for pay in 1u128..600 {
                let (audited, of) = audits(streak, 1_000, pay);
                let lost = audited * 1_000;
                assert!(audited == of || lost >= 2 * pay as i128 * of, "{pay}");
            }
        }
        // A slash that covers fewer than four pays: no single result stands.
        let (audited, of) = audits(u32::MAX, 1_000, 251);
        assert_eq!(audited, of);
        assert!(audits(u32::MAX, 1_000, 250).0 < audits(u32::MAX, 1_000, 250).1);
        assert_eq!(trust(u32::MAX, 0).audited_in(0, 0), RESULTS_PER_LIE);
        assert_eq!(trust(u32::MAX, 0).audited_in(9, u128::MAX), RESULTS_PER_LIE);
    }

    #[test]
    fn quorums_by_hand() {
        // 99 %: seven new workers who agree.
        assert!(!convinces(64, 65, 100));
        assert!(convinces(128, 129, 100));
        // One in seven disagrees: 64 of 67 is not enough, nor 256 of 259; three more do.
        assert!(!convinces(64, 67, 100) && !convinces(256, 259, 100));
        assert_eq!(missing(64, 6, 67, 100, 2), 3);
        // Two of record disagree at 99.9 %: eleven new workers more would have to agree with one of them, or three of record.
        assert_eq!(missing(32, 1, 65, 1_000, 0), 11);
        // Five in all, whoever they are.
        assert_eq!(missing(32, 1, 65, 1_000, 32), 4);
        assert!(convinces(512, 515, 100));
        // Two workers of score 99 weigh 99.9 %; they are five when it is decided, and never one alone.
        let pair = power([32, 32]);
        assert!(convinces(pair, 1 + pair, 1_000));
        assert_eq!(missing(pair, 2, 1 + pair, 1_000, 32), 3);
        assert_eq!(missing(pair, 4, 1 + pair, 1_000, 32), 1);
        assert_eq!(missing(pair, 5, 1 + pair, 1_000, 32), 0);
        assert_eq!(missing(1 << 40, 1, 1 + (1 << 40), 100, 2), 1);
        assert_eq!(missing(MAX_POWER, 2, 3 * MAX_POWER, 1_000, 2), u32::MAX);
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

    /// `C · lies accepted − results accepted before the fault`, the latter 0 if it is never caught, expected, as an exact fraction of positive
    /// denominator: for someone with `streak` results who lies in the order of `schedule`: so many honest results, then so many lies in
    /// flight at once, all of which are found with the first.
    fn gain(streak: u32, stake: u128, schedule: &[(u32, u32)]) -> (i128, i128) {
        let Some(((honest, lies), rest)) = schedule.split_first() else {
            return (0, 1);
        };
        let at = streak + honest;
        let (audited, of) = audits(at, stake, 1);
        let (then, den) = gain(at + lies, stake, rest);
        let (stand, all) = ((of - audited).pow(*lies), of.pow(*lies));
        let lucky = den * i128::from(*lies) * i128::from(RESULTS_PER_LIE) + then;
        (
            stand * lucky - (all - stand) * den * i128::from(at),
            all * den,
        )
    }

    proptest! {
        // Fractions of six lies fit: 20,000^6 is below 2^86.
        #[test]
        fn no_schedule_of_lies_gets_more_accepted_than_one_in_so_many_results(
            streak in 0u32..3_000,
            stake in prop_oneof![Just(u128::MAX), 0u128..30],
            schedule in prop::collection::vec((prop_oneof![0u32..20, 0u32..9_000], 1u32..=2), 1..=3),
        ) {
            let (gain, of) = gain(streak, stake, &schedule);
            prop_assert!(of > 0 && gain <= 0, "{gain} of {of}");
        }

        #[test]
        fn whoever_waits_for_each_decision_gets_just_that(from in 10u32..20_000, lies in 1u32..6) {
            let mut schedule = vec![(from, 1)];
            schedule.resize(lies as usize, (0, 1));
            // The bound is no looser than it need be, as long as audits may become rarer: the last lie is told with that record.
            let is_tight = from + lies - 1 <= 18_000;
            prop_assert_eq!(gain(0, u128::MAX, &schedule).0 == 0, is_tight);
        }

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
        fn a_group_that_lacks_nothing_convinces_and_has_as_many_results_as_it_takes(
            weights in prop::collection::vec(prop_oneof![2u32..40, any::<u32>()], 0..8),
            others in 0u128..1 << 20,
            trust in 2u32..=MAX_TRUST,
            weight in 0u32..40,
        ) {
            let (group, members) = (power(weights.iter().copied()), weights.len() as u32);
            let lacks = missing(group, members, 1 + group + others, trust, weight);
            let decided = convinces(group, 1 + group + others, trust) && members >= least_results(trust);
            prop_assert_eq!(lacks == 0, decided);
            // What it lacks is what it takes: so many more, and it is decided, and no sooner.
            if (1..64).contains(&lacks) {
                let after = |more: u32| {
                    let more_power = (0..more).fold(group, |power, _| joined(power, weight.max(2)));
                    missing(more_power, members + more, 1 + more_power + others, trust, weight)
                };
                prop_assert_eq!((after(lacks), after(lacks - 1)), (0, 1));
            }
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
            let _ = missing(group, scores.len() as u32, group.saturating_add(total), trust, trust);
        }
    }
}
