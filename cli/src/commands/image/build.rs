//! `sungrid image build`: a manifest from a module and trial runs of it.

use serde::Serialize;
use sungrid_manifest::{Limits, limits};

use crate::{
    Error,
    args::BuildArgs,
    commands,
    context::Context,
    image_cid,
    local::{Machine, Ran},
    package::Package,
    plan::{FileRef, JobFile, Plan},
    progress::Step,
    tariff::Tariff,
    units,
};

/// Room for what a sample does not show: a unit that ends at its limit has cost its fuel and has no result.
const FUEL_FACTOR: (u64, u64) = (2, 1);
const MEMORY_FACTOR: (u64, u64) = (3, 2);
const OUTPUT_FACTOR: (u64, u64) = (4, 1);

const MIB: u64 = 1 << 20;

/// What a trial may use: all that any unit could.
const TRIAL_MEMORY: u64 = 4 << 30;

#[derive(Debug, Serialize)]
struct Built {
    image: String,
    name: String,
    fuel_limit: u64,
    memory_limit: u64,
    output_limit: u64,
    files: usize,
    /// The most of any trial.
    trial: Trial,
    /// What a unit takes of a machine while it runs, µSUNS.
    micro_suns: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Trial {
    runs: u32,
    fuel: u64,
    peak_memory: u64,
    output_bytes: u64,
}

impl Trial {
    fn add(&mut self, ran: &Ran) {
        self.runs += 1;
        self.fuel = self.fuel.max(ran.outcome.fuel);
        self.peak_memory = self.peak_memory.max(ran.outcome.peak_memory);
        self.output_bytes = self.output_bytes.max(ran.output.size());
    }

    /// The limits that leave room above what was seen.
    fn limits(&self) -> Limits {
        let memory = scale(self.peak_memory, MEMORY_FACTOR).next_multiple_of(MIB);
        let output = scale(self.output_bytes, OUTPUT_FACTOR).next_multiple_of(MIB);
        Limits {
            fuel: two_digits(scale(self.fuel, FUEL_FACTOR)),
            memory: memory.clamp(MIB, TRIAL_MEMORY),
            output: output.clamp(MIB, limits::OUTPUT_BYTES),
        }
    }
}

fn scale(amount: u64, (times, over): (u64, u64)) -> u64 {
    amount.saturating_mul(times).div_ceil(over)
}

/// Rounded up to two digits that are not 0: a figure that people can read, and that a small change of the program leaves alone.
fn two_digits(amount: u64) -> u64 {
    let mut step = 1u64;
    while amount / step >= 100 {
        step *= 10;
    }
    amount.div_ceil(step).saturating_mul(step).max(1)
}

pub(super) fn run(context: &Context, args: BuildArgs) -> Result<(), Error> {
    let generous = Limits {
        fuel: args.trial_fuel,
        memory: TRIAL_MEMORY,
        output: limits::OUTPUT_BYTES,
    };
    let mut package = Package::read(&args.wasm, &args.about, generous)?;
    let plan = JobFile {
        image: Some(args.wasm.to_string_lossy().into_owned()),
        shared: args.input.iter().cloned().map(FileRef::Short).collect(),
        each: args.each.clone(),
        args: args.args.clone(),
        ..JobFile::default()
    };
    let plan = plan.plan()?;
    let machine = commands::machine(context, &args.isolation)?;
    let trial = tokio::task::block_in_place(|| try_out(context, &machine, &package, &plan))?;
    let measured = trial.limits();
    package.image.limits = Limits {
        fuel: args.fuel_limit.unwrap_or(measured.fuel),
        memory: args.memory_limit.unwrap_or(measured.memory),
        output: args.output_limit.unwrap_or(measured.output),
    };
    refuse_too_little(&trial, &package.image.limits)?;
    let digest = package.keep(&context.data)?;
    let Limits {
        fuel,
        memory,
        output,
    } = package.image.limits;
    let built = Built {
        image: image_cid(&digest),
        name: package.image.name.clone(),
        fuel_limit: fuel,
        memory_limit: memory,
        output_limit: output,
        files: package.files.len(),
        trial,
        micro_suns: Tariff::GENESIS.needs(memory),
    };
    context.out.result(&built, || words(&built));
    Ok(())
}

fn try_out(
    context: &Context,
    machine: &Machine,
    package: &Package,
    plan: &Plan,
) -> Result<Trial, Error> {
    let step = Step::begin(context.out, format!("compiling {}", package.image.name));
    let local = machine.load(package)?;
    drop(step);
    let mut trial = Trial::default();
    for unit in 0..plan.count {
        let _step = Step::begin(context.out, format!("trial {} of {}", unit + 1, plan.count));
        let ran = local.run(plan, unit)?;
        if let Some(why) = ran.failure() {
            let stderr = String::from_utf8_lossy(&ran.outcome.stderr);
            let why = why.replace("--fuel-limit", "--trial-fuel");
            return Err(Error::Program(format!(
                "the trial run failed: {why}. Give it arguments and files that it works with: --input FILE, -- ARGS\n{}",
                stderr.trim_end()
            )));
        }
        trial.add(&ran);
    }
    Ok(trial)
}

/// A limit below what the trial took would fail every unit like it.
fn refuse_too_little(trial: &Trial, limits: &Limits) -> Result<(), Error> {
    for (flag, limit, took) in [
        ("--fuel-limit", limits.fuel, trial.fuel),
        ("--memory-limit", limits.memory, trial.peak_memory),
        ("--output-limit", limits.output, trial.output_bytes),
    ] {
        if limit < took {
            return Err(Error::Usage(format!(
                "{flag} {limit} is below what the trial took, {took}: raise it, or leave it out"
            )));
        }
    }
    Ok(())
}

fn words(built: &Built) -> String {
    let Trial {
        runs,
        fuel,
        peak_memory,
        output_bytes,
    } = built.trial;
    let suns = built
        .micro_suns
        .map_or("more than any machine has".into(), |micro| {
            format!("{}.{:06} SUNS", micro / 1_000_000, micro % 1_000_000)
        });
    let files = match built.files {
        0 => String::new(),
        files => format!(", {files} files below /in/app"),
    };
    [
        format!(
            "image     {} ({}, wasi-command{files})",
            built.image, built.name
        ),
        format!(
            "trial     {} and {} of memory, {} written, at most, in {runs} runs",
            units::fuel(fuel.into()),
            units::bytes(peak_memory),
            units::bytes(output_bytes)
        ),
        format!(
            "limits    {}, {} of memory, {} of output, per unit",
            units::fuel(built.fuel_limit.into()),
            units::bytes(built.memory_limit),
            units::bytes(built.output_limit)
        ),
        format!("needs     {suns} of Cpu/1 while a unit runs: one lane and its memory"),
        format!(
            "next      `sungrid run {0}` here, `sungrid image publish {0}` for others",
            built.image
        ),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_leave_room_and_are_round() {
        let trial = Trial {
            runs: 1,
            fuel: 1_234_567,
            peak_memory: 17 * MIB,
            output_bytes: 10,
        };
        let limits = trial.limits();
        assert_eq!(limits.fuel, 2_500_000);
        assert_eq!(limits.memory, 26 * MIB);
        assert_eq!(limits.output, MIB);
        assert!(refuse_too_little(&trial, &limits).is_ok());
        let least = Trial::default().limits();
        assert_eq!((least.fuel, least.memory, least.output), (1, MIB, MIB));
        let most = Trial {
            runs: 1,
            fuel: u64::MAX,
            peak_memory: 4 << 30,
            output_bytes: 1 << 30,
        };
        assert_eq!(most.limits().memory, 4 << 30);
        assert_eq!(most.limits().output, 1 << 30);
    }

    #[test]
    fn figures_are_rounded_up_to_two_digits() {
        for (amount, round) in [
            (0, 1),
            (7, 7),
            (99, 99),
            (100, 100),
            (101, 110),
            (19_999, 20_000),
        ] {
            assert_eq!(two_digits(amount), round);
        }
    }

    #[test]
    fn a_limit_below_the_trial_is_refused_by_its_name() {
        let trial = Trial {
            runs: 1,
            fuel: 100,
            peak_memory: 65_536,
            output_bytes: 3,
        };
        let limits = Limits {
            fuel: 100,
            memory: 65_535,
            output: 3,
        };
        let error = refuse_too_little(&trial, &limits).unwrap_err().to_string();
        assert!(
            error.starts_with("--memory-limit 65535 is below"),
            "{error}"
        );
    }
}
