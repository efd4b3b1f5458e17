//! Proofs of throughput: what a machine has computed since a block that nobody could foresee (protocol section 3).
//!
//! # The kernel
//! A [`State`] is eight words. A [`step`] multiplies, adds, rotates and xors each of them with its neighbour; it is a
//! bijection with no known short cut, so the state after `n` steps takes `n` steps. [`STEPS`] of them are a *segment*.
//! Integers only, in registers only: the same bits everywhere, in WASM (`crates/executor/src/proof.wat`) and here.
//! A step has four multiplications that do not wait for each other, which is what a core's multiplier can take: lanes
//! run side by side on one core gain little, and vector units, which have no such multiplication, nothing.
//!
//! # The proof
//! 1. The [`seed`] is made of a block's hash and the worker's key: nothing can be computed before that block.
//! 2. Each *lane* is one chain of segments from its own [start](lane_start). A chain cannot be cut into parts that are
//!    computed at once, so a lane shows the speed of one core, and all lanes together the machine's.
//! 3. The prover commits to [`Shape`] and Merkle root of all states at the ends of segments.
//! 4. [`SAMPLES`] segments are [drawn](Shape::samples) by randomness from after the commitment. For each the prover
//!    [opens](Opening) the state before it; whoever checks computes the segment and finds its end in the tree.
//!
//! Whoever left out a share `f` of the work is not found with probability `(1 - f)^16`:
//!
//! | left out | not found |
//! |---|---|
//! | 5 % | 44 % |
//! | 10 % | 18.5 % |
//! | 25 % | 1.0 % |
//! | 50 % | 1.5 in 100,000 |
//!
//! # What it does not prove
//! That the lanes are in one machine; that the machine is the worker's own; anything of memory, storage, bandwidth or
//! accelerators.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, H256, bounded::BoundedVec};
use sp_crypto_hashing::blake2_256;

use crate::merkle;

/// What a lane computes with.
pub type State = [u64; 8];

/// Steps of a segment: about 60 µs. Fewer, and the tree takes longer than the work; more, and checking the samples
/// takes up a block.
pub const STEPS: u32 = 16_384;
/// Segments that are checked.
pub const SAMPLES: u32 = 16;
/// Most segments of a proof: two minutes of 128 lanes. More, and openings grow.
pub const MAX_SEGMENTS: u64 = 1 << MAX_DEPTH;
/// Length of the longest Merkle proof.
pub const MAX_DEPTH: u32 = 28;
/// Fuel that a step counts as. The kernel keeps a core as busy as nothing else does: its 43 instructions pass faster than
/// those of a mixed program, by which capacity is measured and declared. This many of the latter take as long.
pub const STEP_FUEL: u64 = 8;
/// Bytes of a [`State`], little endian.
pub const STATE_BYTES: usize = 64;

/// Odd, so that multiplying by it loses nothing; with good spectral properties (Steele and Vigna, 2021).
const MULTIPLIER: u64 = 0xd134_2543_de82_ef95;
/// Keeps the state off zero: the golden ratio.
const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(word: u64, other: u64, by: u32) -> u64 {
    (word ^ other.rotate_left(by))
        .wrapping_mul(MULTIPLIER)
        .wrapping_add(INCREMENT)
}

/// One step of the kernel: the even words by the odd ones after them, then the odd ones by the even ones after them.
#[inline(always)]
pub fn step([a, b, c, d, e, f, g, h]: State) -> State {
    let (a, c, e, g) = (mix(a, b, 23), mix(c, d, 23), mix(e, f, 23), mix(g, h, 23));
    let (b, d, f, h) = (mix(b, c, 41), mix(d, e, 41), mix(f, g, 41), mix(h, a, 41));
    [a, b, c, d, e, f, g, h]
}

/// The state after a segment.
pub fn segment(mut state: State) -> State {
    for _ in 0..STEPS {
        state = step(state);
    }
    state
}

/// A state as bytes.
pub fn to_bytes(state: &State) -> [u8; STATE_BYTES] {
    let mut bytes = [0; STATE_BYTES];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(state) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The states in bytes; a rest that is no state is left out.
pub fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = State> + '_ {
    bytes.chunks_exact(STATE_BYTES).map(|bytes| {
        let mut state = State::default();
        for (word, chunk) in state.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk
                .iter()
                .rev()
                .fold(0, |word, byte| (word << 8) | u64::from(*byte));
        }
        state
    })
}

/// What a worker computes from: nobody knows it before the block.
pub fn seed(block: &H256, worker: &[u8; 32]) -> H256 {
    H256(blake2_256(
        &(b"sungrid/capacity/1", block, worker).encode(),
    ))
}

/// Where a lane starts.
pub fn lane_start(seed: &H256, lane: u32) -> State {
    let half = |half: u8| blake2_256(&(b"sungrid/capacity/lane/1", seed, lane, half).encode());
    let bytes = [half(0), half(1)].concat();
    from_bytes(&bytes).next().unwrap_or_default()
}

/// The hash by which a state stands in the tree.
pub fn leaf(state: &State) -> H256 {
    H256(blake2_256(&(0u8, to_bytes(state)).encode()))
}

/// How much was computed.
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
pub struct Shape {
    /// Lanes.
    pub lanes: u32,
    /// Segments of each.
    pub segments: u32,
}

impl Shape {
    /// Segments of all lanes.
    pub fn all(&self) -> u64 {
        u64::from(self.lanes).saturating_mul(self.segments.into())
    }

    /// Whether there is something, and no more than [`MAX_SEGMENTS`].
    pub fn is_sound(&self) -> bool {
        (1..=MAX_SEGMENTS).contains(&self.all())
    }

    /// Fuel per second that it shows if it took so many milliseconds, all lanes together; rounded down.
    pub fn fuel_per_second(&self, millis: u64) -> u64 {
        per_second(self.all(), millis)
    }

    /// The same of one lane.
    pub fn lane_fuel_per_second(&self, millis: u64) -> u64 {
        per_second(self.segments.into(), millis)
    }

    /// The segments that `draw` wants to see, as lane and segment; one may come up twice.
    pub fn samples(&self, draw: &H256) -> Vec<(u32, u32)> {
        if !self.is_sound() {
            return Vec::new();
        }
        (0..SAMPLES)
            .map(|sample| {
                let hash = blake2_256(&(draw, sample).encode());
                // 64 bits over at most 2^28 segments leave no bias to speak of.
                let number = hash
                    .iter()
                    .take(8)
                    .fold(0u64, |number, byte| (number << 8) | u64::from(*byte))
                    % self.all();
                let segments = u64::from(self.segments);
                ((number / segments) as u32, (number % segments) as u32)
            })
            .collect()
    }

    /// Where the end of a segment stands in the tree.
    pub fn position(&self, lane: u32, segment: u32) -> usize {
        (lane as usize)
            .saturating_mul(self.segments as usize)
            .saturating_add(segment as usize)
    }
}

fn per_second(segments: u64, millis: u64) -> u64 {
    let fuel = u128::from(segments) * u128::from(STEPS) * u128::from(STEP_FUEL);
    let rate = fuel * 1_000 / u128::from(millis.max(1));
    rate.try_into().unwrap_or(u64::MAX)
}

/// What says which segments are opened: a beacon from after the commitment, with what was committed to.
pub fn draw(beacon: &H256, seed: &H256, root: &H256) -> H256 {
    H256(blake2_256(
        &(b"sungrid/capacity/draw/1", beacon, seed, root).encode(),
    ))
}

/// Siblings from a leaf to the root.
pub type Path = BoundedVec<H256, ConstU32<MAX_DEPTH>>;

/// One segment, opened.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Opening {
    /// The state before it.
    pub start: State,
    /// Proof of that state; empty for the first segment of a lane, whose start follows from the seed.
    pub before: Path,
    /// Proof of the state after it, which whoever checks computes.
    pub after: Path,
}

/// The openings of a proof.
pub type Openings = BoundedVec<Opening, ConstU32<SAMPLES>>;

/// Whether a segment was computed as the commitment says: computes it again.
pub fn holds(
    seed: &H256,
    shape: &Shape,
    root: &H256,
    (lane, index): (u32, u32),
    opening: &Opening,
) -> bool {
    let (position, count) = (shape.position(lane, index), shape.all() as usize);
    let starts_well = match position.checked_sub(1) {
        Some(before) if index > 0 => {
            merkle::verify_hash(root, leaf(&opening.start), before, count, &opening.before)
        }
        _ => opening.before.is_empty() && opening.start == lane_start(seed, lane),
    };
    starts_well
        && merkle::verify_hash(
            root,
            leaf(&segment(opening.start)),
            position,
            count,
            &opening.after,
        )
}

/// Whether these open every segment that was drawn.
pub fn all_hold(seed: &H256, shape: &Shape, root: &H256, draw: &H256, openings: &[Opening]) -> bool {
    let samples = shape.samples(draw);
    !samples.is_empty()
        && samples.len() == openings.len()
        && samples
            .into_iter()
            .zip(openings)
            .all(|(sample, opening)| holds(seed, shape, root, sample, opening))
}

/// What a worker has proven.
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
pub struct Proven<BlockNumber> {
    /// Capacity in the worker's profile, µSUNS.
    pub capacity: u64,
    /// The last block in which it counts.
    pub until: BlockNumber,
}

/// A proof on its way.
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
pub enum Run<BlockNumber> {
    /// The clock runs.
    Running {
        /// The block whose hash the seed is made of.
        at: BlockNumber,
    },
    /// The root is on chain.
    Committed {
        /// What was computed from.
        seed: H256,
        /// How much.
        shape: Shape,
        /// The commitment.
        root: H256,
        /// What says which segments are to be opened, once that is drawn.
        draw: Option<H256>,
        /// The last block in which they can be.
        until: BlockNumber,
    },
}

/// How a worker's capacity stands.
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
pub struct Standing<BlockNumber> {
    /// What counts without a proof, µSUNS.
    pub allowance: u64,
    /// What counts of the worker's capacity now, µSUNS.
    pub counted: u64,
    /// What it has proven, if that is fresh.
    pub proven: Option<Proven<BlockNumber>>,
    /// A proof on its way.
    pub run: Option<Run<BlockNumber>>,
    /// Whether the worker may start one in the next block.
    pub startable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All states at the ends of segments, by lane; `skip` says which segments a cheat leaves out.
    fn states(seed: &H256, shape: &Shape, skip: impl Fn(u32, u32) -> bool) -> Vec<State> {
        let mut all = Vec::new();
        for lane in 0..shape.lanes {
            let mut state = lane_start(seed, lane);
            for index in 0..shape.segments {
                state = if skip(lane, index) {
                    step(state)
                } else {
                    segment(state)
                };
                all.push(state);
            }
        }
        all
    }

    fn open(
        seed: &H256,
        shape: &Shape,
        all: &[State],
        (lane, index): (u32, u32),
    ) -> Opening {
        let leaves: Vec<H256> = all.iter().map(leaf).collect();
        let at = shape.position(lane, index);
        let path = |at| {
            let path = merkle::prove_hash(leaves.clone(), at).expect("a leaf");
            Path::try_from(path).expect("not deep")
        };
        if index == 0 {
            Opening {
                start: lane_start(seed, lane),
                before: Path::new(),
                after: path(at),
            }
        } else {
            Opening {
                start: all[at - 1],
                before: path(at - 1),
                after: path(at),
            }
        }
    }

    const SHAPE: Shape = Shape {
        lanes: 3,
        segments: 5,
    };

    fn root(all: &[State]) -> H256 {
        merkle::root_of(all.iter().map(leaf).collect())
    }

    #[test]
    fn the_kernel_is_what_it_was() {
        // Recorded: another result would make every proof of another version false.
        let state = segment(lane_start(&H256::repeat_byte(1), 0));
        assert_eq!(state[0], KNOWN, "{:#x}", state[0]);
        assert_ne!(step(State::default()), State::default());
        let round = from_bytes(&to_bytes(&state)).next();
        assert_eq!(round, Some(state));
    }

    #[test]
    fn a_step_loses_nothing() {
        // Undone word by word, it gives back what it took.
        let inverse = (0..6).fold(MULTIPLIER, |x, _| {
            x.wrapping_mul(2u64.wrapping_sub(MULTIPLIER.wrapping_mul(x)))
        });
        assert_eq!(inverse.wrapping_mul(MULTIPLIER), 1);
        let undo = |word: u64, other: u64, by: u32| {
            word.wrapping_sub(INCREMENT).wrapping_mul(inverse) ^ other.rotate_left(by)
        };
        let before = lane_start(&H256::repeat_byte(9), 4);
        let [a, b, c, d, e, f, g, h] = step(before);
        let (b, d, f, h) = (undo(b, c, 41), undo(d, e, 41), undo(f, g, 41), undo(h, a, 41));
        let (a, c, e, g) = (undo(a, b, 23), undo(c, d, 23), undo(e, f, 23), undo(g, h, 23));
        assert_eq!([a, b, c, d, e, f, g, h], before);
    }

    #[test]
    fn every_segment_that_was_computed_holds_and_at_its_place_only() {
        let seed = H256::repeat_byte(2);
        let all = states(&seed, &SHAPE, |_, _| false);
        let root = root(&all);
        for lane in 0..SHAPE.lanes {
            for index in 0..SHAPE.segments {
                let opening = open(&seed, &SHAPE, &all, (lane, index));
                assert!(holds(&seed, &SHAPE, &root, (lane, index), &opening));
                let elsewhere = (lane, (index + 1) % SHAPE.segments);
                assert!(!holds(&seed, &SHAPE, &root, elsewhere, &opening));
                let other = H256::repeat_byte(3);
                // Another's seed shows where a lane starts; what comes after follows from it.
                assert_eq!(holds(&other, &SHAPE, &root, (lane, index), &opening), index > 0);
                let mut wrong = opening.clone();
                wrong.start[7] ^= 1;
                assert!(!holds(&seed, &SHAPE, &root, (lane, index), &wrong));
            }
        }
    }

    #[test]
    fn a_segment_that_was_left_out_never_holds() {
        let seed = H256::repeat_byte(2);
        let all = states(&seed, &SHAPE, |lane, index| (lane, index) == (1, 2));
        let root = root(&all);
        for lane in 0..SHAPE.lanes {
            for index in 0..SHAPE.segments {
                let opening = open(&seed, &SHAPE, &all, (lane, index));
                let skipped = (lane, index) == (1, 2);
                assert_eq!(holds(&seed, &SHAPE, &root, (lane, index), &opening), !skipped);
            }
        }
    }

    #[test]
    fn whoever_leaves_out_a_share_is_found_as_often_as_the_table_says() {
        // A quarter of 4,096 segments was left out: whoever opens none of them gets through, 1 draw in 100.
        let shape = Shape {
            lanes: 4,
            segments: 1_024,
        };
        let draws = 20_000u64;
        let through = (0..draws)
            .filter(|draw| {
                let samples = shape.samples(&H256::from_low_u64_be(*draw));
                assert_eq!(samples.len(), SAMPLES as usize);
                assert!(samples.iter().all(|(lane, index)| *lane < 4 && *index < 1_024));
                samples.iter().all(|(lane, _)| *lane > 0)
            })
            .count();
        // 0.75^16 of 20,000: 200. A fair draw strays beyond ±75 once in ten million runs.
        assert!((125..275).contains(&through), "{through}");
    }

    #[test]
    fn work_is_counted_by_the_second_and_rounded_down() {
        let shape = Shape {
            lanes: 8,
            segments: 1_000,
        };
        let fuel = 8 * 1_000 * u64::from(STEPS) * STEP_FUEL;
        assert_eq!(shape.fuel_per_second(1_000), fuel);
        assert_eq!(shape.lane_fuel_per_second(1_000), fuel / 8);
        assert_eq!(shape.fuel_per_second(60_000), fuel / 60);
        assert_eq!(shape.fuel_per_second(0), fuel * 1_000);
        for unsound in [(0, 1), (1, 0), (1 << 14, 1 << 15), (u32::MAX, u32::MAX)] {
            let shape = Shape {
                lanes: unsound.0,
                segments: unsound.1,
            };
            assert!(!shape.is_sound());
            assert!(shape.samples(&H256::zero()).is_empty());
            assert!(!all_hold(&H256::zero(), &shape, &H256::zero(), &H256::zero(), &[]));
        }
    }

    /// Computed by another implementation, in Python.
    const KNOWN: u64 = 0x5573_0c49_e4d0_e2cd;
}
