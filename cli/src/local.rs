//! Runs units here, in exactly the environment of a worker: the same engine, arguments, variables, files and limits, and the same
//! jail around them and around the compiler.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sp_core::H256;
use sungrid_executor::{
    CacheConfig, Cancel, Engine, Exit, Limits, Module, Outcome, RunError, Task, TrapKind,
};
use sungrid_manifest::{Image, Manifest, UnitOutput, hash, limits, unit_seed};
use sungrid_primitives::{ContentHash, JobId, UnitIndex, merkle::UnitLeaf};
use sungrid_sandbox::{Code, Host, Isolation, PrepareError, Report, Sandbox};

use crate::{
    Error,
    folder::DataFolder,
    package::Package,
    plan::{LocalFile, Plan},
    units,
};

/// Bytes of compiled modules to keep: CPython takes 26 MB.
const CACHE_BYTES: u64 = 1 << 30;

/// The job whose units run here: none, so that random numbers are not those of any real one.
const NO_JOB: JobId = 0;

/// Where programs of others run here, and how far from what is this machine's own.
pub struct Machine {
    engine: Engine,
    host: Host,
}

impl Machine {
    /// Sets up what is asked for, as far as the system has it. Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`Error::Engine`] if this machine cannot run the engine, [`Error::Isolation`] if a measure that was asked for is missing.
    pub fn open(data: &DataFolder, isolation: &Isolation) -> Result<Self, Error> {
        let engine = Engine::new(Some(CacheConfig {
            directory: data.path().join("modules"),
            max_bytes: CACHE_BYTES,
        }))?;
        // As a worker that gives all its memory: what a module may take to compile is bounded all the same.
        let host = isolation.host(engine.clone(), u64::MAX, false)?;
        Ok(Self { engine, host })
    }

    /// The environment that results of this machine compare in.
    pub fn environment(&self) -> H256 {
        H256(self.engine.environment().0)
    }

    /// What is in force, and what is not; as an error, why nothing is.
    pub fn isolation(&self) -> Result<&Report, &str> {
        match &self.host {
            Host::Jailed(sandbox) => Ok(sandbox.report()),
            Host::Bare { reason } => Err(reason),
        }
    }

    /// Names of the measures that are in force.
    pub fn in_force(&self) -> Vec<&'static str> {
        let measures = self.isolation().into_iter().flat_map(Report::measures);
        let in_force = measures.filter(|(_, status)| status.in_force);
        in_force.map(|(measure, _)| measure.name()).collect()
    }

    /// Compiles a program, or takes it from the cache, and reads its own files.
    ///
    /// # Errors
    /// [`Error::Program`] if the module does not compile within a worker's bounds, [`Error::Compile`] if this machine cannot do it,
    /// [`Error::File`].
    pub fn load(&self, package: &Package) -> Result<Local, Error> {
        let refused = |reason: String| Error::Program(format!("{}: {reason}", package.image.name));
        let code = match &self.host {
            Host::Jailed(sandbox) => match sandbox.prepare(&package.code) {
                Ok(code) => Ready::Jailed(sandbox.clone(), code),
                Err(PrepareError::Refused(reason)) => return Err(refused(reason)),
                Err(error) => return Err(Error::Compile(error)),
            },
            Host::Bare { .. } => {
                let module = self.engine.compile(&package.code);
                let module = module.map_err(|error| refused(error.to_string()))?;
                Ready::Bare(self.engine.clone(), module)
            }
        };
        let mut files = BTreeMap::new();
        for (file, path) in package.image.files.iter().zip(&package.files) {
            files.insert(Image::seen_as(file), read(path)?);
        }
        Ok(Local {
            code,
            image: package.image.clone(),
            files,
        })
    }
}

/// Machine code, and where it runs.
enum Ready {
    Jailed(Sandbox, Code),
    Bare(Engine, Module),
}

impl Ready {
    fn run(&self, task: &Task, limits: &Limits) -> Result<Outcome, RunError> {
        match self {
            Self::Jailed(sandbox, code) => sandbox.run(code, task, limits, &Cancel::default()),
            Self::Bare(engine, module) => engine.run(module, task, limits),
        }
    }
}

/// A program that is compiled, with its own files in memory.
pub struct Local {
    code: Ready,
    image: Image,
    files: BTreeMap<String, bytes::Bytes>,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What the executor says.
    pub outcome: Outcome,
    /// What a worker would sign for.
    pub output: UnitOutput,
    /// Bytes of its input that it is charged for.
    pub bytes_in: u64,
    /// The limits that it ran under.
    pub limits: Limits,
    /// Whether what it could leave was bounded by its job, more than by its image.
    pub traffic_bounds: bool,
}

impl Local {
    /// Runs one unit of a plan, as the only one of its batch unless that says otherwise; blocks until it has ended.
    ///
    /// # Errors
    /// [`Error::Manifest`] if workers would refuse its input, [`Error::Run`] if this machine cannot finish it. A program that
    /// fails has a result.
    pub fn run(&self, plan: &Plan, unit: UnitIndex) -> Result<Ran, Error> {
        let batch_size = plan.terms.batch_size.unwrap_or(1);
        self.run_as(plan, NO_JOB, unit, batch_size)
    }

    /// What one unit of a plan comes to in every job with batches of so many: what workers sign for.
    ///
    /// # Errors
    /// As of [`Self::run`]; [`Error::Usage`] if it draws random numbers, whose seed names the job.
    pub fn leaf(&self, plan: &Plan, unit: UnitIndex, batch_size: u32) -> Result<UnitLeaf, Error> {
        let leaf = |job| {
            let ran = self.run_as(plan, job, unit, batch_size)?;
            Ok::<_, Error>(UnitLeaf {
                unit,
                output: ran.output.encode()?.hash,
                fuel: ran.outcome.fuel,
                peak_memory: ran.outcome.peak_memory,
                bytes_in: ran.bytes_in,
                bytes_out: ran.output.size(),
                exit: ran.output.exit,
            })
        };
        let (one, other) = (leaf(NO_JOB)?, leaf(JobId::MAX)?);
        if one != other {
            return Err(Error::Usage(format!(
                "unit {unit} comes to something else in each job, since it draws random numbers, whose seed names the job: \
                 nobody knows its result before"
            )));
        }
        Ok(one)
    }

    fn run_as(
        &self,
        plan: &Plan,
        job: JobId,
        unit: UnitIndex,
        batch_size: u32,
    ) -> Result<Ran, Error> {
        let mut digests = Digests::default();
        let mut contents = BTreeMap::new();
        let own = match plan.units.as_slice() {
            [alike] => alike,
            each => each.get(unit as usize).ok_or_else(|| no_unit(plan, unit))?,
        };
        for file in plan.shared.iter().chain(&own.files) {
            let bytes = read(&file.path)?;
            digests.0.insert(file.path.clone(), hash(&bytes));
            contents.insert(file.name.clone(), bytes);
        }
        let input = plan.input(|file| digests.of(file));
        input.validate()?;
        self.image.admits(&input)?;
        let input = input.unit(unit).ok_or_else(|| no_unit(plan, unit))?;
        input.validate()?;
        let bytes_in = input.traffic(batch_size);
        let image_output = self.image.limits.output;
        let left = match plan.terms.traffic_limit {
            None => image_output,
            Some(limit) => limit.checked_sub(bytes_in).ok_or_else(|| {
                Error::Usage(format!(
                    "unit {unit} gets {bytes_in} bytes, and --traffic-limit is {limit}: raise it, or leave it out"
                ))
            })?,
        };
        contents.extend(self.files.clone());
        let task = Task {
            args: self.image.arguments(&input),
            env: input.environment(),
            stdin: Default::default(),
            files: contents,
            seed: unit_seed(&H256::zero(), job, unit),
        };
        let limits = Limits {
            fuel: plan.terms.fuel_limit.unwrap_or(self.image.limits.fuel),
            memory_bytes: plan.terms.memory_limit.unwrap_or(self.image.limits.memory),
            output_bytes: left.min(image_output),
            output_files: limits::UNIT_FILES as u32,
            ..Limits::default()
        };
        let mut outcome = self.code.run(&task, &limits)?;
        let output = |outcome: &Outcome| {
            UnitOutput::of(
                outcome.exit.code(),
                &outcome.stdout,
                &outcome.stderr,
                &outcome.files,
            )
        };
        // As workers do: what no manifest can name is more than the unit may leave.
        if output(&outcome).encode().is_err() {
            outcome.exit = Exit::OutputLimit;
            outcome.files.clear();
            outcome.stdout.clear();
            outcome.stderr.clear();
        }
        Ok(Ran {
            output: output(&outcome),
            outcome,
            bytes_in,
            limits,
            traffic_bounds: left < image_output,
        })
    }
}

impl Ran {
    /// Why the program failed, and what to do about it; `None` if it did not.
    pub fn failure(&self) -> Option<String> {
        if self.outcome.exit.is_success() {
            return None;
        }
        let Limits {
            fuel, memory_bytes, ..
        } = self.limits;
        let peak = self.outcome.peak_memory;
        Some(match self.outcome.exit {
            Exit::OutOfFuel => format!(
                "the program ran out of fuel after {}: raise --fuel-limit",
                units::fuel(fuel.into())
            ),
            Exit::MemoryLimit => format!(
                "the program needs more memory to start than {}: raise --memory-limit",
                units::bytes(memory_bytes)
            ),
            Exit::OutputLimit => format!(
                "the program left more than {} or {} files, or a name that is absolute, too long or too deep: leave less, or \
                 raise {}",
                units::bytes(self.limits.output_bytes),
                self.limits.output_files,
                match self.traffic_bounds {
                    true => "--traffic-limit",
                    false => "--image-output of the image",
                }
            ),
            // What could not be had is not counted: a program that was refused memory stops short of the limit.
            exit @ (Exit::Code(_) | Exit::Trap(TrapKind::Unreachable))
                if peak > memory_bytes / 2 =>
            {
                format!(
                    "the program {exit}, with {} of {} of memory in use: if it says that memory is short, raise --memory-limit",
                    units::bytes(peak),
                    units::bytes(memory_bytes)
                )
            }
            exit => format!("the program {exit}"),
        })
    }
}

/// Digests of files by their paths; zero for those that do not matter.
#[derive(Default)]
struct Digests(BTreeMap<PathBuf, ContentHash>);

impl Digests {
    fn of(&self, file: &LocalFile) -> (ContentHash, u64) {
        let known = self.0.get(&file.path);
        (known.copied().unwrap_or_else(ContentHash::zero), file.size)
    }
}

/// The address that the input of a plan has, unencrypted, when it is submitted.
///
/// # Errors
/// [`Error::File`], [`Error::Manifest`].
pub fn input_address(plan: &Plan) -> Result<ContentHash, Error> {
    let mut digests = Digests::default();
    for file in plan.files() {
        digests
            .0
            .insert(file.path.clone(), hash(&read(&file.path)?));
    }
    Ok(plan.input(|file| digests.of(file)).encode()?.hash)
}

fn no_unit(plan: &Plan, unit: UnitIndex) -> Error {
    Error::Usage(format!(
        "there is no unit {unit} of {}: they count from 0",
        plan.count
    ))
}

fn read(path: &Path) -> Result<bytes::Bytes, Error> {
    Ok(fs::read(path).map_err(Error::file("read", path))?.into())
}
