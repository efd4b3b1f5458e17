//! From a job's record to a sealed batch: fetch, run, sign, bundle.

mod before;
mod error;
mod gap;
mod inputs;
mod needs;
mod open;
mod prepare;
mod progress;
mod seal;
mod turns;
mod witness;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sp_core::H256;
use sungrid_access::Part;
use sungrid_executor::{Cancel, Exit, Limits, Outcome, RunError, Task};
use sungrid_gossip::{News, Outbox};
use sungrid_manifest::{Manifest, UnitInput, UnitOutput, limits, unit_seed};
use sungrid_primitives::{JobId, UnitIndex, suns::Profile};
use sungrid_seal::LeftBehind;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    journal::{BatchId, DoneUnit, Journal, Seal},
    ports::{Blobs, Ports, Source, Stored},
};

use before::Gathered;
pub use error::WorkError;
use gap::Gap;
use inputs::{Inputs, Sealing};
pub use needs::{Needs, needs};
pub use open::Opened;
pub use prepare::{Bounds, Prepared, is_admitted, prepare};
use prepare::{bring_files, bytes_of, holders, read_files};
pub use progress::Progress;
pub use seal::{Given, name, parse_name, seal_finished};
use seal::{finished, seal};
use turns::Turns;
pub use witness::{Nothing, fetch_outputs, kept_batch};

/// A unit may take this much longer than its fuel limit says at the measured speed, before it counts as stuck.
/// Too small, and a busy machine gives up on good work.
const PATIENCE: u32 = 8;
/// Units of one batch that get their inputs, wait for a lane, run or are stored at the same time, if their inputs are
/// small: as many as hide the way to the requester and back. More take no less time, and memory.
const AHEAD: usize = 64;
/// Of these, so many begin together.
const BESIDE: usize = AHEAD / 2;
/// Bytes up to which a unit's input is small; larger ones count for more. Of what it left: for up to so many its lane is free before they
/// are stored.
const SMALL_UNIT: u64 = 64 << 10;
/// No unit is given up before this.
const LEAST_WALL_CLOCK: Duration = Duration::from_secs(60);

/// What a batch is worked on with.
#[derive(Clone)]
pub struct Bench {
    /// The outside world.
    pub ports: Ports,
    /// Tells requesters how their batches get on, if they are told.
    pub outbox: Option<Outbox>,
    /// Where finished units are logged.
    pub journal: Journal,
    /// One permit per lane, shared by all batches.
    pub lanes: Arc<Semaphore>,
    /// Units of one batch that run at the same time: as many as there are lanes, so that one batch can fill them. Of large
    /// inputs no more are fetched, for the sake of the disk.
    pub at_once: usize,
    /// Bounds of one unit.
    pub bounds: Bounds,
    /// Fuel per second of one lane, as measured.
    pub lane_speed: u64,
    /// What charges are computed with.
    pub profile: Profile,
    /// Ends all runs.
    pub stop: Cancel,
    /// How this batch gets on.
    pub progress: Arc<Progress>,
    /// What its units run on.
    pub opened: Arc<Opened>,
}

impl Bench {
    fn tell(&self, prepared: &Prepared, (job, batch): BatchId, finished: u32) {
        if let Some(outbox) = &self.outbox {
            let worker = self.ports.key.public();
            let news = News::Units {
                batch,
                worker,
                finished,
            };
            outbox.tell(&prepared.spec.endpoint, job, batch, news);
        }
    }
}

/// What came out of a batch.
#[derive(Debug)]
pub struct Finished {
    /// To be committed and revealed.
    pub seal: Seal,
    /// Units computed in this run, without those a former run had finished.
    pub computed: u64,
    /// What those took.
    pub measured: Measured,
}

/// What the units of a batch took that were computed in this run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Their fuel.
    pub fuel: u128,
    /// Their charge, µSUNS·s.
    pub charge: u128,
    /// How long they kept a lane busy, all together.
    pub busy: Duration,
}

/// Ends the run when the future that waits for it goes away.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What the units of one batch share.
struct Crew {
    /// Who has their inputs.
    source: Source,
    /// For those that get their inputs, wait, run or are stored.
    places: Semaphore,
    /// For those that have a lane or wait for one: no more than run, so that other work does not stand behind all that were
    /// fetched ahead.
    turns: Arc<Turns>,
    /// What those behind it wait for, or are given up for.
    gap: Gap,
}

/// A computed unit with what protects its content.
struct Computed {
    done: DoneUnit,
    stored: Vec<Stored>,
    /// Bytes in and out, if it was computed in this run.
    traffic: u64,
    /// How long it kept its lane busy.
    busy: Duration,
}

impl Measured {
    fn add(&mut self, unit: &Computed, profile: &Profile) {
        let (fuel, memory) = (unit.done.fuel, unit.done.peak_memory);
        let charge = profile.unit_charge(fuel, memory, unit.traffic).unwrap_or(0);
        self.fuel = self.fuel.saturating_add(u128::from(fuel));
        self.charge = self.charge.saturating_add(charge);
        self.busy = self.busy.saturating_add(unit.busy);
    }
}

/// Runs all units of a batch, which are those from a first one on, as many at a time as there are free lanes, and seals the result. On return
/// the bundle and all outputs are kept under the batch's name; the seal is the caller's to write down.
pub async fn run_batch(
    bench: Bench,
    prepared: Arc<Prepared>,
    id: BatchId,
    (first, count): (UnitIndex, u32),
    anchor: H256,
) -> Result<Finished, WorkError> {
    let (job, batch) = id;
    let (papers, gathered) = {
        let _fetching = bench.progress.fetch();
        let papers = prepared.papers(&bench.ports, bench.bounds, id).await?;
        let gathered = papers.gather(&bench, id, (first, count)).await?;
        (Arc::new(papers), Arc::new(gathered))
    };
    let mut computed = finished(&bench, id, (first, count)).await?;
    let resumed = computed.len() as u64;
    bench.progress.count_first(first, &computed);
    let missing = bench.progress.missing();
    let missing = missing.filter(|unit| (first..first + count).contains(unit));
    let awaited = missing.filter(|unit| !computed.contains_key(unit));
    bench.progress.note_missing(None);
    let mut waiting = (first..first + count)
        .filter(|unit| !computed.contains_key(unit))
        .collect::<Vec<_>>()
        .into_iter();
    let mut running = JoinSet::new();
    // From the requester; or from whoever computes the same, should it leave.
    let mut peers = vec![prepared.spec.endpoint.clone()];
    peers.extend(holders(&bench.ports, job, Some(batch)).await);
    let crew = Arc::new(Crew {
        source: Source {
            job,
            part: Part::Inputs(batch),
            peers,
        },
        places: Semaphore::new(AHEAD.max(bench.at_once)),
        turns: Turns::new(bench.at_once),
        gap: Gap::new(awaited),
    });
    let window = AHEAD.max(bench.at_once);
    let mut begin = |running: &mut JoinSet<_>| {
        for unit in waiting.by_ref().take(window.saturating_sub(running.len())) {
            let (bench, prepared, gathered) = (bench.clone(), prepared.clone(), gathered.clone());
            let (crew, papers) = (crew.clone(), papers.clone());
            running.spawn(async move {
                let run = async {
                    let input = papers.unit(job, &gathered, unit)?;
                    run_unit(&bench, &prepared, &gathered, &crew, id, input).await
                };
                let result = run.await;
                if let Err(WorkError::Fetch { .. }) = &result {
                    // At once: others may be about to begin.
                    bench.progress.note_missing(Some(crew.gap.lacks(unit)));
                }
                result
            });
        }
    };
    begin(&mut running);
    let mut measured = Measured::default();
    let mut not_fetched = None;
    while let Some(result) = running.join_next().await {
        // All that have come to their end meanwhile are logged with this one.
        let ended = std::iter::once(result).chain(std::iter::from_fn(|| running.try_join_next()));
        let ended: Vec<_> = ended.collect();
        let (mut units, mut failure) = (Vec::with_capacity(ended.len()), None);
        for result in ended {
            let unit = result.map_err(|error| WorkError::Run {
                job,
                unit: first,
                reason: format!("its task ended early: {error}"),
            });
            match unit.flatten() {
                Ok(unit) => units.extend(unit),
                // Those that run come to their end first: or who withholds one input keeps long units from ever being logged.
                Err(error @ WorkError::Fetch { .. }) => {
                    not_fetched.get_or_insert(error);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        // Some at a time: those that begin at once ask for their inputs in one request.
        if not_fetched.is_none() && running.len() <= bench.at_once.max(window - BESIDE) {
            begin(&mut running);
        }
        if !units.is_empty() {
            // A unit that is logged is finished: what it left is on the disk before, or a worker that is killed computes it again.
            bench.ports.blobs.sync().await?;
            let done = units.iter().map(|unit: &Computed| &unit.done);
            bench.journal.log_units(id, done)?;
        }
        if let Some(error) = failure {
            return Err(error);
        }
        for unit in units {
            measured.add(&unit, &bench.profile);
            computed.insert(unit.done.unit, unit);
        }
        bench.progress.count_first(first, &computed);
        bench.tell(&prepared, id, computed.len() as u32);
    }
    if let Some(error) = not_fetched {
        return Err(error);
    }
    let computed_here = computed.len() as u64 - resumed;
    let range = (first, count);
    let seal = seal(&bench, &papers, &gathered, id, anchor, range, computed).await?;
    Ok(Finished {
        seal,
        computed: computed_here,
        measured,
    })
}

/// Places that a unit takes of those that a batch has: with large inputs, only as many units have one as run at the same time.
fn share_of(input: &UnitInput, at_once: usize) -> u32 {
    let most = (AHEAD / at_once.max(1)).max(1) as u64;
    let share = bytes_of(&input.files).div_ceil(SMALL_UNIT).clamp(1, most);
    u32::try_from(share).unwrap_or(u32::MAX)
}

/// Computes a unit; `None` if one before it lacks its input before this one runs.
async fn run_unit(
    bench: &Bench,
    prepared: &Prepared,
    gathered: &Gathered,
    crew: &Crew,
    id: BatchId,
    input: UnitInput,
) -> Result<Option<Computed>, WorkError> {
    let (job, unit) = (prepared.job, input.unit);
    let blobs = &*bench.ports.blobs;
    let inputs = prepared.inputs(&bench.ports, bench.bounds, id).await?;
    // The manifests bound both sums.
    let own = bytes_of(&prepared.image.files);
    let bytes = own + bytes_of(&input.shared) + bytes_of(&input.files);
    bench.bounds.admit_input(job, bytes)?;
    let most_left = prepared.traffic_left(&input)?;
    // Before the lane, so that whoever serves slowly keeps none from other work; to the disk, since the memory is for
    // units that run.
    let share = share_of(&input, bench.at_once);
    let brought = async {
        // Before its place, which is the other's first.
        crew.gap.lets_begin(unit).await;
        let place = crew.places.acquire_many(share).await;
        let place = place.map_err(|_| WorkError::Stopped)?;
        let guards = bring_inputs(bench, (job, inputs), gathered, &crew.source, &input).await?;
        Ok::<_, WorkError>((place, guards))
    };
    let (_place, guards) = tokio::select! {
        biased;
        brought = brought => brought?,
        () = crew.gap.gives_up(unit) => return Ok(None),
    };
    crew.gap.has_input(unit);
    let _ready = bench.progress.unit();
    let lane = async {
        let turn = crew.turns.take(unit).await?;
        let lane = bench.lanes.clone().acquire_owned();
        Ok::<_, WorkError>((turn, lane.await.map_err(|_| WorkError::Stopped)?))
    };
    let lane = tokio::select! {
        biased;
        () = crew.gap.gives_up(unit) => return Ok(None),
        lane = lane => lane?,
    };
    let mut files = inputs.shared.clone();
    files.extend(read_files(blobs, job, &input.files, &guards, &inputs.sealing).await?);
    let genesis = bench.ports.chain.genesis();
    let task = Task {
        args: prepared.image.arguments(&input),
        env: input.environment(),
        stdin: Bytes::new(),
        files,
        seed: unit_seed(&genesis, job, unit),
    };
    if bench.stop.is_cancelled() {
        return Err(WorkError::Stopped);
    }
    let cancel = Cancel::default();
    let _end = CancelOnDrop(cancel.clone());
    let started = Instant::now();
    let mut limits = unit_limits(bench, prepared);
    limits.output_bytes = limits.output_bytes.min(most_left);
    let outcome = match bench.opened.program(bench, prepared, inputs).await {
        Ok(program) => program.run(task, limits, cancel.clone()).await,
        Err(error) => Err(error),
    };
    let outcome = outcome.map_err(|error| match error {
        RunError::Cancelled => WorkError::Stopped,
        RunError::Task(error) => WorkError::Malformed {
            job,
            reason: format!("unit {unit}: {error}"),
        },
        other => WorkError::Run {
            job,
            unit,
            reason: other.to_string(),
        },
    })?;
    let busy = started.elapsed();
    drop(guards);
    // What a unit left is in memory until it is stored: if that is much, no other one begins before.
    let left = outcome.files.values().map(Vec::len).sum::<usize>();
    let left = left + outcome.stdout.len() + outcome.stderr.len();
    let lane = (left as u64 > SMALL_UNIT).then_some(lane);
    let mut computed = store(blobs, &inputs.sealing, (job, unit), outcome, most_left).await?;
    drop(lane);
    computed.traffic += prepared.spec.traffic_limit - most_left;
    computed.busy = busy;
    Ok(Some(computed))
}

/// Has the files of a unit here: its own from the source, then those of the earlier job from who has them.
async fn bring_inputs(
    bench: &Bench,
    (job, inputs): (JobId, &Inputs),
    gathered: &Gathered,
    source: &Source,
    input: &UnitInput,
) -> Result<Vec<Stored>, WorkError> {
    let _fetching = bench.progress.fetch();
    let blobs = &*bench.ports.blobs;
    let not_fetched = |what: String, source| WorkError::Fetch { job, what, source };
    let own = inputs.input.unit(input.unit);
    let own = own.map_or(0, |own| own.files.len()).min(input.files.len());
    let (own, earlier) = input.files.split_at(own);
    let files = bring_files(blobs, job, own, source);
    // The line is shared with those that are fetched ahead.
    let bytes = bytes_of(own).saturating_add(AHEAD as u64 * SMALL_UNIT);
    let held = bench.bounds.in_time(bytes, files).await;
    let mut held =
        held.map_err(|source| not_fetched(format!("the input of unit {}", input.unit), source))??;
    for file in earlier {
        let brought = gathered.bring(bench, file.hash, file.size).await;
        held.push(brought.map_err(|source| not_fetched(format!("input {}", file.name), source))?);
    }
    Ok(held)
}

fn unit_limits(bench: &Bench, prepared: &Prepared) -> Limits {
    let seconds = prepared.spec.fuel_limit / bench.lane_speed.max(1);
    let wall_clock = Duration::from_secs(seconds)
        .saturating_mul(PATIENCE)
        .max(LEAST_WALL_CLOCK);
    Limits {
        fuel: prepared.spec.fuel_limit,
        memory_bytes: prepared.spec.memory_limit,
        output_bytes: prepared.image.limits.output,
        output_files: limits::UNIT_FILES as u32,
        wall_clock: Some(wall_clock),
        ..Limits::default()
    }
}

/// Stores what a unit left, sealed if its job is, and writes its output manifest.
///
/// A guest may leave files that a manifest cannot name (too long, too deep). Every replica sees the same,
/// so it is a result like any other: the output limit was hit and nothing is kept. So it is with more than `most` bytes, which sealing
/// can make of fewer.
async fn store(
    blobs: &dyn Blobs,
    sealing: &Sealing,
    (job, unit): (JobId, UnitIndex),
    outcome: Outcome,
    most: u64,
) -> Result<Computed, WorkError> {
    let (fuel, peak_memory) = (outcome.fuel, outcome.peak_memory);
    let left = LeftBehind {
        exit: outcome.exit.code(),
        stdout: outcome.stdout,
        stderr: outcome.stderr,
        files: outcome.files,
    };
    let of_manifest =
        |(output, contents): (UnitOutput, _)| Ok((output.size(), output.encode()?, contents));
    let (traffic, manifest, contents) = match sealing.output(left).and_then(of_manifest) {
        Ok(named) if named.0 <= most => named,
        _ => {
            let bare = UnitOutput::new(Exit::OutputLimit.code(), None, None, Vec::new());
            let manifest = bare.encode().map_err(|error| WorkError::Malformed {
                job,
                reason: error.to_string(),
            })?;
            (0, manifest, Vec::new())
        }
    };
    let mut stored = Vec::new();
    for bytes in contents {
        stored.push(blobs.put(bytes.into()).await?);
    }
    Ok(Computed {
        done: DoneUnit {
            unit,
            fuel,
            peak_memory,
            output: manifest.bytes,
        },
        stored,
        traffic,
        busy: Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_manifest::File;
    use sungrid_primitives::ContentHash;

    fn input(bytes: u64) -> UnitInput {
        UnitInput {
            shared: vec![File::new("shared", ContentHash::zero(), 1 << 30)],
            args: Vec::new(),
            files: vec![File::new("own", ContentHash::zero(), bytes)],
            unit: 0,
            units: 1,
        }
    }

    #[test]
    fn small_inputs_are_fetched_ahead_and_large_ones_as_many_as_run() {
        for (bytes, lanes, at_a_time) in [
            (0, 2, AHEAD),
            (SMALL_UNIT, 2, AHEAD),
            (SMALL_UNIT + 1, 2, AHEAD / 2),
            (SMALL_UNIT * 16, 2, AHEAD / 16),
            (1 << 30, 2, 2),
            (1 << 30, 64, 64),
            (1 << 30, 100, 100),
            (0, 100, 100),
        ] {
            let share = share_of(&input(bytes), lanes) as usize;
            assert_eq!(AHEAD.max(lanes) / share, at_a_time, "{bytes}, {lanes}");
        }
    }
}
