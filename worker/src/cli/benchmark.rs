//! `sungrid-worker benchmark`: what this machine is worth, and what to change for more.

use clap::Args;
use sungrid_executor::Engine;
use sungrid_primitives::suns::{CPU_1, MICRO, Profile, Resources};
use tracing::warn;

use super::{CommandError, Folder, page};
use crate::{
    config::{Config, ConfigError},
    control,
    daemon::DaemonError,
    engine,
    machine::Registry,
};

#[derive(Debug, Args)]
pub(super) struct Benchmark {
    #[command(flatten)]
    folder: Folder,
    /// Units at the same time, instead of what the settings say.
    #[arg(long)]
    lanes: Option<usize>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// How much of one resource there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    name: &'static str,
    /// What there is, in the resource's own unit.
    amount: u64,
    /// What one SUNS has.
    of_one: u64,
    /// What to change for more.
    advice: &'static str,
}

impl Share {
    /// Millionths of a SUNS that it would be good for; rounded down, as the chain does.
    fn micro(&self) -> u64 {
        let micro = u128::from(self.amount) * MICRO / u128::from(self.of_one.max(1));
        u64::try_from(micro).unwrap_or(u64::MAX)
    }
}

/// Each resource that a profile counts.
fn shares(profile: &Profile, machine: &Resources) -> Vec<Share> {
    let one = &profile.contains;
    let all = [
        (
            "computing",
            machine.fuel_per_second,
            one.fuel_per_second,
            "more lanes, up to one for each core, or a faster machine",
        ),
        (
            "memory",
            machine.memory,
            one.memory,
            "a larger `memory_mib`, if the machine has it",
        ),
        (
            "storage",
            machine.storage,
            one.storage,
            "a larger `storage_mib`, if the disk has it",
        ),
        (
            "bandwidth",
            machine.bandwidth,
            one.bandwidth,
            "a larger `bandwidth_mbit`, if the line has it",
        ),
    ];
    all.into_iter()
        .filter(|(_, _, of_one, _)| *of_one > 0)
        .map(|(name, amount, of_one, advice)| Share {
            name,
            amount,
            of_one,
            advice,
        })
        .collect()
}

pub(super) async fn benchmark(args: Benchmark) -> Result<(), CommandError> {
    let folder = &args.folder.data_dir;
    let mut config = match Config::load(folder) {
        // Before `init`, to see whether it is worth it.
        Err(ConfigError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Config::default()
        }
        config => config?,
    };
    if let Some(lanes) = args.lanes {
        config.lanes = lanes;
    }
    if control::is_running(folder) || !Registry::of_machine().others(folder).is_empty() {
        warn!("a worker runs on this machine: what it computes now is missing from the figures");
    }
    let lanes = config.lanes();
    let engine = Engine::new(None).map_err(DaemonError::Engine)?;
    let measured = tokio::task::spawn_blocking(move || engine::lane_speed(&engine, lanes)).await;
    let speed = match measured {
        Ok(speed) => speed.map_err(DaemonError::Measure)?,
        Err(error) => return Err(CommandError::Unmeasured(error.to_string())),
    };
    let machine = engine::resources(
        speed,
        lanes,
        config.memory(),
        config.storage_mib << 20,
        config.bandwidth_mbit.saturating_mul(1_000_000),
    );
    let capacity = CPU_1.capacity(&machine);
    let shares = shares(&CPU_1, &machine);
    if args.json {
        println!("{}", json(lanes, speed, capacity, &shares));
    } else {
        print!("{}", text(lanes, speed, capacity, &shares));
    }
    Ok(())
}

fn least(shares: &[Share]) -> Option<&Share> {
    shares.iter().min_by_key(|share| share.micro())
}

fn json(lanes: usize, speed: u64, capacity: u64, shares: &[Share]) -> serde_json::Value {
    let of = |value: fn(&Share) -> u64| -> serde_json::Map<String, serde_json::Value> {
        let pairs = shares.iter();
        pairs
            .map(|share| (share.name.into(), value(share).into()))
            .collect()
    };
    serde_json::json!({
        "profile": "cpu/1",
        "lanes": lanes,
        "fuel_per_second_per_lane": speed,
        "resources": of(|share| share.amount),
        "usuns": of(Share::micro),
        "capacity_usuns": capacity,
        "limited_by": least(shares).map(|share| share.name),
    })
}

fn text(lanes: usize, speed: u64, capacity: u64, shares: &[Share]) -> String {
    let mut text = format!(
        "{lanes} lanes, each {}.{:02} Gfuel/s when all are busy\n\n{:10} {:>16} {:>16} {:>8}\n",
        speed / 1_000_000_000,
        speed % 1_000_000_000 / 10_000_000,
        "resource",
        "this machine",
        "one SUNS",
        "SUNS"
    );
    for share in shares {
        let shown = |amount: u64| match share.name {
            "computing" => format!(
                "{}.{:02} Gfuel/s",
                amount / 1_000_000_000,
                amount % 1_000_000_000 / 10_000_000
            ),
            "bandwidth" => format!("{} Mbit/s", amount / 1_000_000),
            _ => page::bytes(amount),
        };
        text += &format!(
            "{:10} {:>16} {:>16} {:>8}\n",
            share.name,
            shown(share.amount),
            shown(share.of_one),
            page::suns(share.micro())
        );
    }
    text += &format!("\ncapacity: {} SUNS", page::suns(capacity));
    if let Some(least) = least(shares) {
        text += &format!(", limited by {}: for more, {}", least.name, least.advice);
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Resources {
        engine::resources(1_000_000_000, 4, 2 << 30, 100_000_000_000, 100_000_000)
    }

    #[test]
    fn the_scarcest_resource_is_what_the_chain_counts() {
        for machine in [
            machine(),
            engine::resources(3_000_000_000, 1, 16 << 30, 1_000_000_000, 100_000_000),
            engine::resources(900_000_000, 8, 64 << 30, 1 << 50, 5_000_000),
            engine::resources(0, 1, 1, 1, 1),
        ] {
            let shares = shares(&CPU_1, &machine);
            let least = least(&shares).expect("there are resources");
            assert_eq!(least.micro(), CPU_1.capacity(&machine), "{machine:?}");
        }
        let shares = shares(&CPU_1, &machine());
        assert_eq!(least(&shares).expect("one").name, "memory");
    }

    #[test]
    fn it_reads_well_and_is_json_for_scripts() {
        let shares = shares(&CPU_1, &machine());
        let text = text(4, 1_000_000_000, 250_000, &shares);
        let expected = "\
4 lanes, each 1.00 Gfuel/s when all are busy

resource       this machine         one SUNS     SUNS
computing      4.00 Gfuel/s     8.00 Gfuel/s     0.50
memory              2.0 GiB          8.0 GiB     0.25
storage            93.1 GiB         46.5 GiB     2.00
bandwidth        100 Mbit/s        20 Mbit/s     5.00

capacity: 0.25 SUNS, limited by memory: for more, a larger `memory_mib`, if the machine has it
";
        assert_eq!(text, expected);
        let json = json(4, 1_000_000_000, 250_000, &shares);
        assert_eq!(json["limited_by"], "memory");
        assert_eq!(json["usuns"]["bandwidth"], 5_000_000);
        assert_eq!(json["resources"]["memory"], 2_u64 << 30);
    }
}
