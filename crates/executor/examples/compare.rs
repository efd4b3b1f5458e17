//! What metering and determinism cost a program: its processor time here, without metering, and under the engine as it comes.
//!
//! ```sh
//! cargo run -p sungrid-executor --features unmetered --example compare -- MODULE.wasm FOLDER [ARGUMENTS]
//! ```
//! The program sees FOLDER as /in; ARGUMENTS begin with its name. The engines take turns, so that a machine that slows down slows all of
//! them. Prints one line of JSON: the medians in milliseconds, and the fuel.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use sungrid_executor::{Engine, Limits, Task};

/// Turns of each engine; the figure is the median.
const TURNS: usize = 7;

type Res<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Res {
    let mut words = std::env::args().skip(1);
    let (Some(module), Some(folder)) = (words.next(), words.next()) else {
        return Err("usage: compare MODULE.wasm FOLDER [ARGUMENTS]".into());
    };
    let wasm = std::fs::read(&module)?;
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(Path::new(&folder))? {
        let entry = entry?;
        if entry.path().is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, std::fs::read(entry.path())?.into());
        }
    }
    let task = Task {
        args: words.collect(),
        files,
        ..Task::default()
    };
    let limits = Limits {
        fuel: u64::MAX,
        memory_bytes: 4 << 30,
        ..Limits::default()
    };
    let engines = [
        Engine::new(None)?,
        Engine::unmetered(false)?,
        Engine::unmetered(true)?,
    ];
    let modules = engines
        .iter()
        .map(|engine| engine.compile(&wasm))
        .collect::<Result<Vec<_>, _>>()?;
    let (mut times, mut fuel, mut stdout) = ([const { Vec::new() }; 3], 0, None);
    for _ in 0..TURNS {
        for (at, (engine, module)) in engines.iter().zip(&modules).enumerate() {
            let started = thread_time();
            let outcome = engine.run(module, &task, &limits)?;
            times[at].push(thread_time().saturating_sub(started));
            if !outcome.exit.is_success() {
                let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
                return Err(format!("the program {}\n{stderr}", outcome.exit).into());
            }
            if at == 0 {
                fuel = outcome.fuel;
            }
            // All of them must have done the same.
            if stdout.get_or_insert_with(|| outcome.stdout.clone()) != &outcome.stdout {
                return Err("the engines disagree: the program tells a clock or the like".into());
            }
        }
    }
    let [executor, unmetered, plain] = times.map(median);
    let ratio = executor.as_secs_f64() / plain.as_secs_f64().max(1e-9);
    println!(
        r#"{{"executor_ms":{:.2},"unmetered_ms":{:.2},"plain_ms":{:.2},"ratio":{ratio:.3},"fuel":{fuel}}}"#,
        millis(executor),
        millis(unmetered),
        millis(plain),
    );
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Processor time of this thread where the system tells it (Linux), so that other programs do not count; else the clock.
fn thread_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = statistics.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}
