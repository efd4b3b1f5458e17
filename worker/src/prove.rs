//! Proving the capacity: the kernel on all lanes, the tree over what it leaves, and the segments that are drawn.
//!
//! [`sungrid_primitives::capacity`] says what is computed and why. Here it runs in the executor, as any unit does, one
//! stretch of segments after the other; of each only the end and the root of its part of the tree stay in memory. What
//! is to be opened is computed again from there, and all of it from the seed, if the process was killed in between:
//! nothing has to be on the disk.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sp_core::H256;
use sungrid_chain_client::{Openings, Shape, SubmitError};
use sungrid_executor::{Cancel, Exit, Limits, PROOF_KERNEL, RunError, Task};
use sungrid_primitives::{
    capacity::{self, Frontier, Opening, Path, STATE_BYTES, STRETCH, State},
    merkle,
};
use tokio::task::JoinSet;

use crate::ports::{LoadError, Program, Runner};

/// More fuel than a stretch takes: 107 for each of its steps, and setting up.
const STRETCH_FUEL: u64 = 128 * STRETCH as u64 * capacity::STEPS as u64;

/// Bytes that a stretch starts from: a state, a salt and its length.
const STRETCH_INPUT: u64 = STATE_BYTES as u64 + 12;

fn limits() -> Limits {
    Limits {
        fuel: STRETCH_FUEL,
        ..Limits::default()
    }
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The kernel cannot run here.
    #[error("the kernel of capacity proofs does not run here: {0}")]
    Load(#[from] LoadError),
    /// The executor failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It ended in another way than it can.
    #[error("the kernel of capacity proofs {0}: please report this")]
    Kernel(Exit),
    /// A lane ended early.
    #[error("a lane of the proof ended early: {0}")]
    Lane(#[from] tokio::task::JoinError),
    /// The chain did not take a step.
    #[error("{step} was refused: {source}")]
    Refused {
        /// Which.
        step: &'static str,
        /// Why.
        #[source]
        source: SubmitError,
    },
    /// What was computed does not hold, and was not claimed.
    #[error(
        "this machine computed its capacity proof wrongly and claims nothing: its memory or processor is faulty, and so are \
         its results. Test them, or lower their clock, before it takes work"
    )]
    Faulty,
    /// What was committed to cannot be computed here.
    #[error(
        "this machine cannot open what was committed to under its key: another process may use the key, or the memory is \
         faulty. It is slashed unless the commitment is opened in time"
    )]
    NotOurs,
}

/// How long to compute.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// For that long, at least one stretch.
    For(Duration),
    /// So many segments on each lane: whole stretches.
    Segments(u32),
}

/// What is kept of a stretch.
#[derive(Clone, Copy)]
struct Stretch {
    salt: u64,
    end: State,
    root: H256,
}

/// A lane.
struct Lane {
    stretches: Vec<Stretch>,
    /// Its tree above the stretches, from their roots up.
    levels: Vec<Vec<H256>>,
}

/// Everything that was computed from a seed.
pub struct Proof {
    /// What from.
    pub seed: H256,
    /// How much.
    pub shape: Shape,
    /// Merkle root of the states at the ends of all segments.
    pub root: H256,
    lanes: Vec<Lane>,
    /// The tree over the lanes' roots.
    levels: Vec<Vec<H256>>,
}

/// The kernel, ready to run.
#[derive(Clone)]
pub struct Kernel(Arc<dyn Program>);

impl Kernel {
    /// Compiles it.
    ///
    /// # Errors
    /// If this executor cannot run it.
    pub async fn load(runner: &dyn Runner) -> Result<Self, ProveError> {
        let code = Bytes::from_static(PROOF_KERNEL);
        Ok(Self(runner.load(code).await?))
    }

    /// It for so many stretches at a time, in one process if programs get any: one for each stretch would take as long as
    /// the stretch.
    async fn opened(&self, lanes: u32, urgent: bool) -> Result<Self, ProveError> {
        let shape = sungrid_sandbox::Shape {
            lanes: lanes as usize,
            limits: limits(),
            input_bytes: STRETCH_INPUT,
            shared: Vec::new(),
            urgent,
        };
        let batch = self.0.open(shape).await?;
        Ok(batch.map_or_else(|| self.clone(), Self))
    }

    /// The states after each segment of a stretch.
    async fn stretch(
        &self,
        start: State,
        salt: u64,
        cancel: &Cancel,
    ) -> Result<Vec<State>, ProveError> {
        let mut stdin = capacity::to_bytes(&start).to_vec();
        stdin.extend(salt.to_le_bytes());
        stdin.extend(STRETCH.to_le_bytes());
        let task = Task {
            stdin: stdin.into(),
            ..Task::default()
        };
        let outcome = self.0.run(task, limits(), cancel.clone()).await?;
        if !outcome.exit.is_success() || outcome.stdout.len() != STRETCH as usize * STATE_BYTES {
            return Err(ProveError::Kernel(outcome.exit));
        }
        Ok(capacity::from_bytes(&outcome.stdout).collect())
    }

    async fn lane(
        self,
        seed: H256,
        lane: u32,
        extent: Extent,
        started: Instant,
        cancel: Cancel,
    ) -> Result<Vec<Stretch>, ProveError> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut frontier = Frontier::default();
        let mut state = capacity::lane_start(&seed, lane);
        loop {
            let number = u32::try_from(stretches.len()).unwrap_or(u32::MAX);
            let salt = capacity::salt(lane, number, &frontier.lefts());
            let states = self.stretch(state, salt, &cancel).await?;
            state = states.last().copied().unwrap_or(state);
            let root = merkle::root_of(leaves(&states));
            frontier.push(root);
            stretches.push(Stretch {
                salt,
                end: state,
                root,
            });
            let ends = match extent {
                Extent::For(time) => started.elapsed() >= time,
                Extent::Segments(segments) => {
                    stretches.len() as u64 * u64::from(STRETCH) >= u64::from(segments)
                }
            };
            if ends {
                return Ok(stretches);
            }
        }
    }

    /// Computes from a seed on all lanes at once. What is computed again, to open a commitment, goes on while the runner is
    /// suspended.
    ///
    /// # Errors
    /// If the executor fails, or is told to stop.
    pub async fn run(
        &self,
        seed: H256,
        lanes: u32,
        extent: Extent,
        cancel: &Cancel,
    ) -> Result<Proof, ProveError> {
        let urgent = matches!(extent, Extent::Segments(_));
        let kernel = self.opened(lanes, urgent).await?;
        let started = Instant::now();
        let mut running = JoinSet::new();
        for lane in 0..lanes {
            let work = kernel
                .clone()
                .lane(seed, lane, extent, started, cancel.clone());
            running.spawn(async move { (lane, work.await) });
        }
        let mut done = Vec::new();
        while let Some(result) = running.join_next().await {
            let (lane, stretches) = result?;
            done.push((lane, stretches?));
        }
        done.sort_unstable_by_key(|(lane, _)| *lane);
        let mut lanes: Vec<Vec<Stretch>> = done.into_iter().map(|(_, lane)| lane).collect();
        // All alike: a faster one's last stretch is not told.
        let least = lanes.iter().map(Vec::len).min().unwrap_or_default();
        for lane in &mut lanes {
            lane.truncate(least);
        }
        Ok(Proof::new(seed, lanes, least))
    }

    /// Opens the segments that a draw wants to see, also while the runner is suspended: it takes some 0.1 s.
    ///
    /// # Errors
    /// If the executor fails, or what it computes now is not what it computed then.
    pub async fn open(
        &self,
        proof: &Proof,
        draw: &H256,
        cancel: &Cancel,
    ) -> Result<Openings, ProveError> {
        let kernel = self.opened(1, true).await?;
        let mut openings = Openings::new();
        for (lane, index) in proof.shape.samples(draw) {
            let part = kernel.part(proof, lane, index / STRETCH, cancel).await?;
            let (_, after) = part.leaf(proof, index).ok_or(ProveError::NotOurs)?;
            let (start, before) = match index.checked_sub(1) {
                None => (capacity::lane_start(&proof.seed, lane), Path::new()),
                Some(last) if last / STRETCH == part.stretch => {
                    part.leaf(proof, last).ok_or(ProveError::NotOurs)?
                }
                Some(last) => {
                    let part = kernel.part(proof, lane, last / STRETCH, cancel).await?;
                    part.leaf(proof, last).ok_or(ProveError::NotOurs)?
                }
            };
            let opening = Opening {
                start,
                before,
                after,
            };
            let (seed, shape, root) = (&proof.seed, &proof.shape, &proof.root);
            if !capacity::holds(seed, shape, root, (lane, index), &opening)
                || openings.try_push(opening).is_err()
            {
                return Err(ProveError::NotOurs);
            }
        }
        Ok(openings)
    }

    /// Opens what was computed as if it were drawn already: what fails now costs nothing, once it is committed to it costs
    /// bond.
    ///
    /// # Errors
    /// [`ProveError::Faulty`]; if the executor fails.
    pub async fn check(&self, proof: &Proof, cancel: &Cancel) -> Result<(), ProveError> {
        let mut draw = H256::zero();
        getrandom::fill(&mut draw.0).map_err(|error| RunError::Host(error.to_string()))?;
        match self.open(proof, &draw, cancel).await {
            Ok(_) => Ok(()),
            Err(ProveError::NotOurs) => Err(ProveError::Faulty),
            Err(error) => Err(error),
        }
    }

    /// Computes a stretch again.
    async fn part(
        &self,
        proof: &Proof,
        lane: u32,
        stretch: u32,
        cancel: &Cancel,
    ) -> Result<Part, ProveError> {
        let known = |stretch: u32| {
            let lane = proof.lanes.get(lane as usize)?;
            lane.stretches.get(stretch as usize)
        };
        let start = match stretch.checked_sub(1) {
            None => Some(capacity::lane_start(&proof.seed, lane)),
            Some(before) => known(before).map(|before| before.end),
        };
        let (Some(start), Some(Stretch { salt, .. })) = (start, known(stretch)) else {
            return Err(ProveError::NotOurs);
        };
        Ok(Part {
            lane,
            stretch,
            states: self.stretch(start, *salt, cancel).await?,
        })
    }
}

/// A stretch, with all that is forgotten of it otherwise.
struct Part {
    lane: u32,
    stretch: u32,
    states: Vec<State>,
}

impl Part {
    /// The state after one of its segments, with its proof.
    fn leaf(&self, proof: &Proof, index: u32) -> Option<(State, Path)> {
        let within = (index % STRETCH) as usize;
        let state = self.states.get(within).copied()?;
        let mut path = merkle::prove_hash(leaves(&self.states), within)?;
        let lane = proof.lanes.get(self.lane as usize)?;
        climb(&mut path, &lane.levels, self.stretch as usize);
        climb(&mut path, &proof.levels, self.lane as usize);
        Some((state, path.try_into().ok()?))
    }
}

/// Adds the siblings on the way up a tree.
fn climb(path: &mut Vec<H256>, levels: &[Vec<H256>], mut at: usize) {
    for level in levels {
        path.extend(level.get(at ^ 1));
        at /= 2;
    }
}

/// All levels of a tree, from its leaves up.
fn tree(leaves: Vec<H256>) -> Vec<Vec<H256>> {
    let mut levels = vec![leaves];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        levels.push(merkle::parents(level));
    }
    levels
}

fn root_of(levels: &[Vec<H256>]) -> H256 {
    let root = levels.last().and_then(|level| level.first());
    root.copied().unwrap_or_default()
}

fn leaves(states: &[State]) -> Vec<H256> {
    states.iter().map(capacity::leaf).collect()
}

impl Proof {
    fn new(seed: H256, lanes: Vec<Vec<Stretch>>, stretches: usize) -> Self {
        let lanes: Vec<Lane> = lanes
            .into_iter()
            .map(|stretches| {
                let roots = stretches.iter().map(|stretch| stretch.root);
                let levels = tree(roots.collect());
                Lane { stretches, levels }
            })
            .collect();
        let levels = tree(lanes.iter().map(|lane| root_of(&lane.levels)).collect());
        let root = root_of(&levels);
        let segments = u32::try_from(stretches).unwrap_or(u32::MAX);
        Self {
            seed,
            shape: Shape {
                lanes: u32::try_from(lanes.len()).unwrap_or(u32::MAX),
                segments: segments.saturating_mul(STRETCH),
            },
            root,
            lanes,
            levels,
        }
    }
}

#[cfg(test)]
mod tests {
    use sungrid_executor::Engine;

    use super::*;
    use crate::engine::WasmRunner;

    async fn kernel() -> Kernel {
        let engine = Engine::new(None).expect("an engine");
        let kernel = Kernel::load(&WasmRunner::new(engine)).await;
        kernel.expect("it compiles")
    }

    const SEED: H256 = H256::repeat_byte(7);

    #[tokio::test]
    async fn the_executor_computes_what_the_chain_computes_again() {
        let start = capacity::lane_start(&SEED, 3);
        let salt = u64::MAX / 3;
        let (kernel, cancel) = (kernel().await, Cancel::default());
        let states = kernel.stretch(start, salt, &cancel).await.expect("runs");
        assert_eq!(states.len(), STRETCH as usize);
        let mut state = start;
        for (index, found) in (2 * STRETCH..).zip(&states) {
            state = capacity::segment(state, capacity::increment(salt, index));
            assert_eq!(*found, state, "segment {index}");
        }
    }

    #[tokio::test]
    async fn every_step_takes_the_fuel_that_it_counts_as() {
        let engine = Engine::new(None).expect("an engine");
        let module = engine.compile(PROOF_KERNEL).expect("compiles");
        let fuel = |segments: u32| {
            let mut stdin = capacity::to_bytes(&capacity::lane_start(&SEED, 0)).to_vec();
            stdin.extend(9u64.to_le_bytes());
            stdin.extend(segments.to_le_bytes());
            let task = Task {
                stdin: stdin.into(),
                ..Task::default()
            };
            let outcome = engine.run(&module, &task, &Limits::default());
            let outcome = outcome.expect("runs");
            assert!(outcome.exit.is_success());
            outcome.fuel
        };
        let per_segment = fuel(3) - fuel(2);
        // Filling the table and leaving the state takes less than a step in hundred.
        let per_step = per_segment / u64::from(capacity::STEPS);
        assert_eq!(per_step, capacity::STEP_FUEL);
        assert_eq!(per_segment, fuel(4) - fuel(3));
        assert!(per_segment * u64::from(STRETCH) < STRETCH_FUEL);
    }

    #[tokio::test]
    async fn what_is_committed_to_opens_wherever_it_is_drawn_and_again_after_a_restart() {
        let (kernel, cancel) = (kernel().await, Cancel::default());
        let extent = Extent::Segments(7 * STRETCH);
        let proof = kernel.run(SEED, 3, extent, &cancel).await.expect("runs");
        let shape = Shape {
            lanes: 3,
            segments: 7 * STRETCH,
        };
        assert_eq!(proof.shape, shape);
        for draw in (1..4).map(H256::repeat_byte) {
            let openings = kernel.open(&proof, &draw, &cancel).await.expect("opens");
            assert!(capacity::all_hold(
                &SEED,
                &shape,
                &proof.root,
                &draw,
                &openings
            ));
        }
        let again = kernel.run(SEED, 3, extent, &cancel).await.expect("runs");
        assert_eq!(again.root, proof.root);
        // A state that flipped a bit is noticed here, before anybody else sees it.
        let mut faulty = again;
        for lane in &mut faulty.lanes {
            for stretch in &mut lane.stretches {
                stretch.end[5] ^= 1;
            }
        }
        let refused = kernel.open(&faulty, &H256::repeat_byte(1), &cancel).await;
        assert!(matches!(refused, Err(ProveError::NotOurs)));
        let checked = kernel.check(&faulty, &cancel).await;
        assert!(matches!(checked, Err(ProveError::Faulty)));
        assert!(kernel.check(&proof, &cancel).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_committed_to_opens_while_all_else_is_held() {
        let runner = WasmRunner::new(Engine::new(None).expect("an engine"));
        let kernel = Kernel::load(&runner).await.expect("it compiles");
        let cancel = Cancel::default();
        let extent = Extent::Segments(2 * STRETCH);
        let proof = kernel.run(SEED, 1, extent, &cancel).await.expect("runs");
        runner.suspend();
        let again = kernel.run(SEED, 1, extent, &cancel).await.expect("runs");
        assert_eq!(again.root, proof.root);
        let draw = H256::repeat_byte(1);
        let openings = kernel.open(&again, &draw, &cancel).await.expect("opens");
        assert!(capacity::all_hold(
            &SEED,
            &proof.shape,
            &proof.root,
            &draw,
            &openings
        ));
    }

    #[tokio::test]
    async fn whoever_is_told_to_stop_stops() {
        let (kernel, cancel) = (kernel().await, Cancel::default());
        cancel.cancel();
        let extent = Extent::For(Duration::from_secs(3_600));
        let stopped = kernel.run(SEED, 2, extent, &cancel).await;
        assert!(matches!(stopped, Err(ProveError::Run(_))));
    }
}
