//! The kernel, and what a tree over it proves.

use super::*;

const SHAPE: Shape = Shape {
    lanes: 2,
    segments: 3 * STRETCH,
};

/// What a cheat puts in place of a segment.
fn skipped(state: State) -> State {
    state.map(|word| word ^ 0x5a5a)
}

fn leaves(states: &[State]) -> Vec<H256> {
    states.iter().map(leaf).collect()
}

/// All states of a lane at the ends of segments; `skips` says which segments a cheat leaves out.
fn lane(seed: &H256, lane: u32, segments: u32, skips: impl Fn(u32) -> bool) -> Vec<State> {
    let (mut all, mut frontier) = (Vec::new(), Frontier::default());
    let mut state = lane_start(seed, lane);
    for index in 0..segments {
        let salt = salt(lane, index / STRETCH, &frontier.lefts());
        state = if skips(index) {
            skipped(state)
        } else {
            segment(state, increment(salt, index))
        };
        all.push(state);
        if all.len() % STRETCH as usize == 0 {
            let last = &all[all.len() - STRETCH as usize..];
            frontier.push(merkle::root_of(leaves(last)));
        }
    }
    all
}

fn root(lanes: &[Vec<State>]) -> H256 {
    let roots = lanes.iter().map(|lane| merkle::root_of(leaves(lane)));
    merkle::root_of(roots.collect())
}

fn path(lanes: &[Vec<State>], at: u32, index: u32) -> Path {
    let prove = |level, at| merkle::prove_hash(level, at).expect("a leaf");
    let mut path = prove(leaves(&lanes[at as usize]), index as usize);
    let roots = lanes.iter().map(|lane| merkle::root_of(leaves(lane)));
    path.extend(prove(roots.collect(), at as usize));
    path.try_into().expect("not deep")
}

fn open(seed: &H256, lanes: &[Vec<State>], (at, index): (u32, u32)) -> Opening {
    let (start, before) = match index.checked_sub(1) {
        Some(last) => (lanes[at as usize][last as usize], path(lanes, at, last)),
        None => (lane_start(seed, at), Path::new()),
    };
    Opening {
        start,
        before,
        after: path(lanes, at, index),
    }
}

#[test]
fn the_kernel_is_what_it_was() {
    // Recorded: another result would make every proof of another version false.
    let state = segment(lane_start(&H256::repeat_byte(1), 0), 0x1234_5678_9abc_def0);
    assert_eq!(state[0], KNOWN, "{:#x}", state[0]);
    let round = from_bytes(&to_bytes(&state)).next();
    assert_eq!(round, Some(state));
}

#[test]
fn a_step_loses_nothing() {
    // Undone word by word, it gives back what it took: state and table.
    let inverse = (0..6).fold(MULTIPLIER, |x, _| {
        x.wrapping_mul(2u64.wrapping_sub(MULTIPLIER.wrapping_mul(x)))
    });
    assert_eq!(inverse.wrapping_mul(MULTIPLIER), 1);
    let before = lane_start(&H256::repeat_byte(9), 4);
    let mut table: Table = core::array::from_fn(|at| (at as u64).wrapping_mul(STRIDE));
    let full = table;
    let [a, b, c, d, e, f, g, h] = step(before, 77, &mut table);
    let mut undo = |mixed: u64, other: u64, by: u32| {
        let entry = &mut table[(other >> 55) as usize];
        let word = *entry;
        *entry = mixed.wrapping_sub(mix(word, other, by, 77));
        word
    };
    let h = undo(h, a, 41);
    let f = undo(f, g, 41);
    let d = undo(d, e, 41);
    let b = undo(b, c, 41);
    let g = undo(g, h, 23);
    let e = undo(e, f, 23);
    let c = undo(c, d, 23);
    let a = undo(a, b, 23);
    assert_eq!([a, b, c, d, e, f, g, h], before);
    assert_eq!(table, full);
}

/// Segments of each stretch that are looked at: its ends and one between.
fn some(shape: &Shape) -> Vec<(u32, u32)> {
    let of_stretch = [0, 1, 29, STRETCH - 1];
    (0..shape.lanes)
        .flat_map(|lane| (0..shape.segments / STRETCH).map(move |stretch| (lane, stretch)))
        .flat_map(|(lane, stretch)| of_stretch.map(|at| (lane, stretch * STRETCH + at)))
        .collect()
}

#[test]
fn every_segment_that_was_computed_holds_and_at_its_place_only() {
    let seed = H256::repeat_byte(2);
    let lanes = [0, 1].map(|at| lane(&seed, at, SHAPE.segments, |_| false));
    let root = root(&lanes);
    for (at, index) in some(&SHAPE) {
        let opening = open(&seed, &lanes, (at, index));
        let holds_at = |place, opening: &Opening| holds(&seed, &SHAPE, &root, place, opening);
        assert!(holds_at((at, index), &opening), "{at} {index}");
        assert!(!holds_at((1 - at, index), &opening));
        assert!(!holds_at((at, (index + 1) % SHAPE.segments), &opening));
        let mut wrong = opening.clone();
        wrong.start[7] ^= 1;
        assert!(!holds_at((at, index), &wrong));
        let mut long = opening.clone();
        long.after.try_push(H256::zero()).expect("not deep");
        assert!(!holds_at((at, index), &long));
        let mut short = opening;
        short.after.pop();
        assert!(!holds_at((at, index), &short));
    }
}

#[test]
fn a_segment_that_was_left_out_never_holds() {
    let seed = H256::repeat_byte(2);
    let skipped = STRETCH + 29;
    let lanes = [0, 1].map(|at| lane(&seed, at, SHAPE.segments, |i| (at, i) == (1, skipped)));
    let root = root(&lanes);
    for place in some(&SHAPE) {
        let opening = open(&seed, &lanes, place);
        let held = holds(&seed, &SHAPE, &root, place, &opening);
        assert_eq!(held, place != (1, skipped), "{place:?}");
    }
}

#[test]
fn segments_that_are_used_again_hold_only_where_they_were_computed() {
    // Computed once, and put into the tree for every lane, and for every later stretch of a lane.
    let seed = H256::repeat_byte(2);
    let once = lane(&seed, 0, STRETCH, |_| false);
    let lanes = [once.repeat(3), once.repeat(3)];
    let root = root(&lanes);
    for (at, index) in some(&SHAPE) {
        let opening = open(&seed, &lanes, (at, index));
        let held = holds(&seed, &SHAPE, &root, (at, index), &opening);
        assert_eq!(held, at == 0 && index < STRETCH, "{at} {index}");
    }
}

#[test]
fn a_lane_that_is_cut_into_parts_fails_in_all_but_the_first() {
    // Three cores compute a stretch each, the later ones from states that they made up.
    let seed = H256::repeat_byte(2);
    let shape = Shape { lanes: 1, ..SHAPE };
    let mut states = lane(&seed, 0, STRETCH, |_| false);
    let mut state = *states.last().expect("a state");
    for index in STRETCH..shape.segments {
        // The best that a part can do is to guess what is left of it.
        let salt = salt(0, index / STRETCH, &[]);
        state = segment(state, increment(salt, index));
        states.push(state);
    }
    let lanes = [states];
    let root = root(&lanes);
    for place in some(&shape) {
        let opening = open(&seed, &lanes, place);
        let held = holds(&seed, &shape, &root, place, &opening);
        assert_eq!(held, place.1 < STRETCH, "{place:?}");
    }
}

#[test]
fn the_frontier_is_what_is_left_of_a_leaf() {
    let roots: Vec<H256> = (1..30).map(H256::repeat_byte).collect();
    let mut frontier = Frontier::default();
    for (at, root) in roots.iter().enumerate() {
        // The path of a leaf of this stretch, whatever comes later.
        for count in at + 1..roots.len() {
            let above = merkle::prove_hash(roots[..count].to_vec(), at).expect("a leaf");
            let path = [vec![H256::zero(); STRETCH_DEPTH], above].concat();
            let (index, segments) = (at as u32 * STRETCH, count as u32 * STRETCH);
            assert_eq!(lefts(index, segments, &path), frontier.lefts());
        }
        frontier.push(*root);
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
            assert!(
                samples
                    .iter()
                    .all(|(lane, index)| *lane < 4 && *index < 1_024)
            );
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
        segments: 960,
    };
    let fuel = 8 * 960 * u64::from(STEPS) * STEP_FUEL;
    assert_eq!(shape.fuel_per_second(1_000), fuel);
    assert_eq!(shape.lane_fuel_per_second(1_000), fuel / 8);
    assert_eq!(shape.fuel_per_second(60_000), fuel / 60);
    assert_eq!(shape.fuel_per_second(0), fuel * 1_000);
    for unsound in [
        (0, 64),
        (1, 0),
        (1, 65),
        (1 << 14, 1 << 15),
        (u32::MAX, u32::MAX),
    ] {
        let shape = Shape {
            lanes: unsound.0,
            segments: unsound.1,
        };
        assert!(!shape.is_sound());
        assert!(shape.samples(&H256::zero()).is_empty());
        assert!(!all_hold(
            &H256::zero(),
            &shape,
            &H256::zero(),
            &H256::zero(),
            &[]
        ));
    }
}

/// Computed by another implementation, in Python.
const KNOWN: u64 = 0x861c_4b13_ace9_bda4;
