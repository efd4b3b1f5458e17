//! Shows live what the sensors read and what the policy makes of it.
//!
//! ```sh
//! cargo run -p sungrid-idle --example watch              # a picture a second
//! cargo run -p sungrid-idle --example watch -- --json    # one JSON object for each look
//! cargo run -p sungrid-idle --example watch -- --once --mode server
//! ```

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use sungrid_idle::{Input, Kin, Machine, Mode, Policy, Reading, Readings, Sensors};

const HELP: &str = "\
Shows live what the sensors read and what the policy makes of it.

Usage: watch [--json] [--once] [--mode desktop|server|always] [--start-after SECONDS] [--exclusive NAME]

  --json                 one JSON object for each look: readings, state, reasons
  --once                 two looks, a second apart, then the second is shown
  --mode MODE            what cannot be read counts against work (desktop), or not (server)
  --start-after SECONDS  without input for so long, work starts
  --exclusive NAME       a program beside which no work runs; may be repeated

Example: watch --json | jq .state
";

struct Options {
    json: bool,
    once: bool,
    policy: Policy,
}

/// `None`: the help was asked for.
fn options() -> Result<Option<Options>, String> {
    let mut options = Options {
        json: false,
        once: false,
        policy: Policy::default(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || {
            args.next()
                .ok_or(format!("{arg} needs a value; see --help"))
        };
        match arg.as_str() {
            "--json" => options.json = true,
            "--once" => options.once = true,
            "--mode" => {
                options.policy.mode = match value()?.as_str() {
                    "always" => Mode::Always,
                    "desktop" => Mode::Desktop,
                    "server" => Mode::Server,
                    other => return Err(format!("no mode {other}: use desktop, server or always")),
                }
            }
            "--start-after" => {
                let text = value()?;
                let number = text.parse();
                options.policy.start_after_s =
                    number.map_err(|_| format!("{text} is no number of seconds"))?;
            }
            "--exclusive" => options.policy.exclusive.push(value()?),
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown argument {other}; see --help")),
        }
    }
    Ok(Some(options))
}

fn show<T: std::fmt::Debug>(reading: &Reading<T>) -> String {
    match reading {
        Reading::Known(value) => format!("{value:?}"),
        Reading::Unknown(why) => format!("unknown: {why}"),
    }
}

fn picture(readings: &Readings, machine: &Machine) -> String {
    let mut lines = Vec::new();
    for (source, input) in &readings.input {
        let text = match input {
            Input::Whole(ago) => format!("{:.1} s ago", ago.as_secs_f64()),
            Input::Part(ago) => format!("{:.1} s ago, of a part", ago.as_secs_f64()),
            Input::Recent => "not long ago".into(),
            Input::Unknown(why) => format!("unknown: {why}"),
        };
        lines.push(format!("input, {source:<10} {text}"));
    }
    for (name, text) in [
        ("screen locked", show(&readings.locked)),
        ("CPU of others, %", show(&readings.foreign_cpu)),
        ("memory of others, %", show(&readings.foreign_memory)),
        ("power", show(&readings.power)),
        ("battery, %", show(&readings.battery)),
        ("temperature, °C", show(&readings.temperature)),
        ("metered network", show(&readings.metered)),
        ("exclusive programs", show(&readings.exclusive)),
    ] {
        lines.push(format!("{name:<20} {text}"));
    }
    let standing = machine.standing();
    lines.push(format!("\n{} for {} s", standing.state, standing.for_s));
    for reason in &standing.reasons {
        let mark = if reason.holds { '+' } else { '-' };
        lines.push(format!("  {mark} {reason}"));
    }
    lines.join("\n")
}

fn run() -> Result<(), String> {
    let Some(options) = options()? else {
        print!("{HELP}");
        return Ok(());
    };
    let mut sensors = Sensors::system(&options.policy, &Kin::default());
    let mut machine = Machine::new(options.policy).map_err(|error| error.to_string())?;
    let start = Instant::now();
    let clear = std::io::stdout().is_terminal() && !options.once && !options.json;
    for look in 0_u64.. {
        let readings = sensors.read(start.elapsed());
        machine.step(start.elapsed(), readings, false);
        let due = match options.once {
            true => look == 2,
            false => options.json || look % 2 == 0,
        };
        if due {
            let text = match options.json {
                true => {
                    let standing = machine.standing();
                    serde_json::json!({
                        "state": standing.state,
                        "for_s": standing.for_s,
                        "reasons": standing.reasons,
                        "readings": readings,
                    })
                    .to_string()
                }
                false => picture(readings, &machine),
            };
            let before = if clear { "\x1b[2J\x1b[H" } else { "" };
            // A pipe that is closed is the end of it.
            if writeln!(std::io::stdout(), "{before}{text}").is_err() {
                return Ok(());
            }
        }
        if due && options.once {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watch: {error}");
            ExitCode::FAILURE
        }
    }
}
