//! Proofs of throughput: what a machine has computed since a block that nobody could foresee (protocol section 3).
//!
//! # The kernel
//! A [`State`] is eight words; beside it there is a table of 4 KiB. A step multiplies, adds, rotates and xors each
//! word with its neighbour and with an entry of the table that the neighbour names, and leaves its old value there: a bijection
//! with no known short cut, so what comes after `n` steps takes `n` steps. [`STEPS`] of them are a *segment*, which begins by
//! filling the table from the state. Integers only: the same bits everywhere, in WASM (`crates/executor/src/proof.wat`) and here.
//!
//! Without the table vector units would get through it nine times as fast as a core does otherwise (AVX-512 on a Zen 5). With
//! it, lanes side by side on one core gain next to nothing there, and gathered and scattered by AVX-512 a sixth.
//!
//! # The proof
//! 1. The [`seed`] is made of a block's hash and the worker's key: nothing can be computed before that block.
//! 2. Each *lane* is one chain of segments from its own [start](lane_start). [`STRETCH`] of them at a time are a *stretch*.
//! 3. The prover commits to [`Shape`] and root: of the lanes' Merkle trees, each over the states at the ends of its segments.
//! 4. [`SAMPLES`] segments are [drawn](Shape::samples) by randomness from after the commitment. For each the prover
//!    [opens](Opening) the state before it; whoever checks computes the segment and finds its end in the tree.
//!
//! What the steps of a stretch add is the hash of all that is to the left of it in its lane's tree ([`salt`]), and what those of
//! its segments add differs. From that follows:
//! - *No segment stands for another.* Else whoever computes a few could put them into the tree again and again, and only
//!   where the repetition begins would something be wrong.
//! - *A lane is computed by one core.* Were it cut into parts that are computed at once, each from a state that was made up, then
//!   every segment of a later part would have been computed without what is left of it, and would not hold: not just the
//!   first (Cohen and Pietrzak, Simple proofs of sequential work, 2018). What can be cut is a stretch, into `m` parts: then
//!   `m - 1` of its [`STRETCH`] segments do not hold. So all lanes together show the machine's speed, and each that of a core.
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

/// Steps of a segment: about 40 µs. Fewer, and the tree takes longer than the work; more, and checking the samples
/// takes up a block.
pub const STEPS: u32 = 8_192;
/// Segments that are checked.
pub const SAMPLES: u32 = 16;
/// Segments of a stretch, about 3 ms. Fewer, and whoever runs them one by one spends more on setting up; more, and a core
/// can be several slow ones.
pub const STRETCH: u32 = 1 << STRETCH_DEPTH;
/// Levels of the tree over a stretch.
const STRETCH_DEPTH: usize = 6;
/// Most segments of a proof: a minute and a half of 128 lanes. More, and openings grow.
pub const MAX_SEGMENTS: u64 = 1 << MAX_DEPTH;
/// Levels of the largest tree.
pub const MAX_DEPTH: u32 = 28;
/// Length of the longest Merkle proof: lanes and the segments of each may both be a little more than a power of two.
pub const MAX_PATH: u32 = MAX_DEPTH + 2;
/// Fuel that a step takes in the executor, so that what is proven is what jobs are billed in; a test of the worker holds the
/// two together.
pub const STEP_FUEL: u64 = 107;
/// Bytes of a [`State`], little endian.
pub const STATE_BYTES: usize = 64;

/// Odd, so that multiplying by it loses nothing; with good spectral properties (Steele and Vigna, 2021).
const MULTIPLIER: u64 = 0xd134_2543_de82_ef95;
/// By how much more the steps of a stretch's next segment add: odd, so that no two of them add the same.
pub const STRIDE: u64 = 0xbf58_476d_1ce4_e5b9;

/// What a segment's steps look up and change.
type Table = [u64; 512];

#[inline(always)]
fn mix(word: u64, other: u64, by: u32, increment: u64) -> u64 {
    (word ^ other.rotate_left(by))
        .wrapping_mul(MULTIPLIER)
        .wrapping_add(increment)
}

/// The even words by the odd ones after them, then the odd ones by the even ones after them.
#[inline(always)]
fn round([a, b, c, d, e, f, g, h]: State, mut mix: impl FnMut(u64, u64, u32) -> u64) -> State {
    let (a, c, e, g) = (mix(a, b, 23), mix(c, d, 23), mix(e, f, 23), mix(g, h, 23));
    let (b, d, f, h) = (mix(b, c, 41), mix(d, e, 41), mix(f, g, 41), mix(h, a, 41));
    [a, b, c, d, e, f, g, h]
}

/// One step of the kernel.
#[inline(always)]
fn step(state: State, increment: u64, table: &mut Table) -> State {
    round(state, |word, other, by| {
        // Nine bits: always an entry.
        let entry = &mut table[(other >> 55) as usize];
        let mixed = mix(word, other, by, increment).wrapping_add(*entry);
        *entry = word;
        mixed
    })
}

/// The state after a segment whose steps add `increment`.
pub fn segment(mut state: State, increment: u64) -> State {
    let mut table = [0; 512];
    for row in table.chunks_exact_mut(8) {
        state = round(state, |word, other, by| mix(word, other, by, increment));
        row.copy_from_slice(&state);
    }
    for _ in 0..STEPS {
        state = step(state, increment, &mut table);
    }
    state
}

/// What the steps of a lane's stretch add, in its first segment; in each that follows it is [`STRIDE`] more. `lefts`: the
/// roots to the left of the stretch in the lane's tree, from below.
pub fn salt(lane: u32, stretch: u32, lefts: &[H256]) -> u64 {
    let hash = blake2_256(&(b"sungrid/capacity/stretch/1", lane, stretch, lefts).encode());
    first_word(&hash)
}

/// What the steps of a segment add, by the salt of its stretch.
pub fn increment(salt: u64, index: u32) -> u64 {
    u64::from(index % STRETCH)
        .wrapping_mul(STRIDE)
        .wrapping_add(salt)
}

fn first_word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

/// The stretches of a lane so far, as far as the next has to know them.
#[derive(Clone, Debug, Default)]
pub struct Frontier(Vec<Option<H256>>);

impl Frontier {
    /// The roots to the left of the next stretch, from below.
    pub fn lefts(&self) -> Vec<H256> {
        self.0.iter().copied().flatten().collect()
    }

    /// Adds a stretch, by the root over the states at the ends of its segments.
    pub fn push(&mut self, root: H256) {
        let mut carry = root;
        for slot in &mut self.0 {
            match slot.take() {
                Some(left) => carry = merkle::node(&left, &carry),
                None => {
                    *slot = Some(carry);
                    return;
                }
            }
        }
        self.0.push(Some(carry));
    }
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
    H256(blake2_256(&(b"sungrid/capacity/1", block, worker).encode()))
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
    /// Segments of each: whole stretches.
    pub segments: u32,
}

impl Shape {
    /// Segments of all lanes.
    pub fn all(&self) -> u64 {
        u64::from(self.lanes).saturating_mul(self.segments.into())
    }

    /// Whether there is something, in whole stretches, and no more than [`MAX_SEGMENTS`].
    pub fn is_sound(&self) -> bool {
        (1..=MAX_SEGMENTS).contains(&self.all()) && self.segments.is_multiple_of(STRETCH)
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
                let number = first_word(&hash) % self.all();
                let segments = u64::from(self.segments);
                ((number / segments) as u32, (number % segments) as u32)
            })
            .collect()
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

/// Siblings from a leaf to its lane's root, and from there to the root of all lanes.
pub type Path = BoundedVec<H256, ConstU32<MAX_PATH>>;

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

/// Whether a state is what a segment ended with.
fn ends_with(
    root: &H256,
    shape: &Shape,
    (lane, index): (u32, u32),
    state: &State,
    path: &[H256],
) -> bool {
    let mut siblings = path.iter();
    let (segments, lanes) = (shape.segments as usize, shape.lanes as usize);
    let found = merkle::climb(leaf(state), index as usize, segments, &mut siblings)
        .and_then(|of_lane| merkle::climb(of_lane, lane as usize, lanes, &mut siblings));
    found == Some(*root) && siblings.next().is_none()
}

/// Of the siblings of a segment those to the left of its stretch.
fn lefts(index: u32, segments: u32, path: &[H256]) -> Vec<H256> {
    let (mut at, mut width, mut siblings) = (index, segments, path.iter());
    let (mut level, mut lefts) = (0, Vec::new());
    while width > 1 {
        if at ^ 1 < width
            && let Some(sibling) = siblings.next()
            && at % 2 == 1
            && level >= STRETCH_DEPTH
        {
            lefts.push(*sibling);
        }
        at /= 2;
        width = width.div_ceil(2);
        level += 1;
    }
    lefts
}

/// Whether a segment was computed as the commitment says: computes it again.
pub fn holds(
    seed: &H256,
    shape: &Shape,
    root: &H256,
    (lane, index): (u32, u32),
    opening: &Opening,
) -> bool {
    let Opening {
        start,
        before,
        after,
    } = opening;
    let starts_well = match index.checked_sub(1) {
        Some(last) => ends_with(root, shape, (lane, last), start, before),
        None => before.is_empty() && *start == lane_start(seed, lane),
    };
    if !starts_well {
        return false;
    }
    let salt = salt(lane, index / STRETCH, &lefts(index, shape.segments, after));
    let end = segment(*start, increment(salt, index));
    ends_with(root, shape, (lane, index), &end, after)
}

/// Whether these open every segment that was drawn.
pub fn all_hold(
    seed: &H256,
    shape: &Shape,
    root: &H256,
    draw: &H256,
    openings: &[Opening],
) -> bool {
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
mod tests;
