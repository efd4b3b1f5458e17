//! The executor's price: against the same engine without metering, and against native code.
//!
//! `cargo bench -p sungrid-executor --features unmetered`. The ratios are taken in one run,
//! turn by turn, so that a machine that slows down slows all of them, in processor time of the
//! thread where the system tells it (Linux), so that other programs do not count.

use criterion::Criterion;
use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use sungrid_executor::{CacheConfig, Engine, Limits, Module, Task};
use sungrid_renderer::{DirLoader, Scene};

const SCENE: &str = "sungrid.scene";
/// Turns per contestant; the figure is the median.
const TURNS: usize = 9;

type Res<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Res {
    let wasm = renderer()?;
    ratios(&wasm)?;
    let mut criterion = Criterion::default().configure_from_args();
    starts(&mut criterion, &wasm)?;
    criterion.final_summary();
    Ok(())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn scenes() -> PathBuf {
    repository().join("guests/renderer/scenes")
}

/// The renderer guest, from `SUNGRID_GUESTS` or the target directory; built if missing.
fn renderer() -> Res<Vec<u8>> {
    let dir = match std::env::var_os("SUNGRID_GUESTS") {
        Some(dir) => dir.into(),
        // <target>/<profile>/deps/<bench>
        None => std::env::current_exe()?
            .ancestors()
            .nth(3)
            .ok_or("not in a target directory; set SUNGRID_GUESTS")?
            .join("guests"),
    };
    let path = dir.join("renderer.wasm");
    if !path.exists()
        && !Command::new(repository().join("guests/build"))
            .status()?
            .success()
    {
        return Err("guests/build failed; run scripts/setup first".into());
    }
    Ok(std::fs::read(path)?)
}

fn task(index: u32) -> Res<Task> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(scenes())? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| "a file name is not UTF-8")?;
        files.insert(name, std::fs::read(entry.path())?.into());
    }
    Ok(Task {
        args: vec![
            "renderer".into(),
            "tile".into(),
            SCENE.into(),
            index.to_string(),
        ],
        files,
        ..Task::default()
    })
}

fn limits() -> Limits {
    Limits {
        fuel: u64::MAX,
        ..Limits::default()
    }
}

/// A stopwatch of the processor time of this thread, or of the wall clock where it is not known.
struct Watch(Option<Duration>, Instant);

impl Watch {
    fn start() -> Self {
        Self(Self::thread_time(), Instant::now())
    }

    fn elapsed(&self) -> Duration {
        match (self.0, Self::thread_time()) {
            (Some(start), Some(now)) => now.saturating_sub(start),
            _ => self.1.elapsed(),
        }
    }

    /// Nanoseconds on a processor are the first figure of the scheduler's statistics.
    fn thread_time() -> Option<Duration> {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        stat.split(' ')
            .next()?
            .parse()
            .ok()
            .map(Duration::from_nanos)
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Renders one tile in turn by all four; prints medians and ratios.
fn ratios(wasm: &[u8]) -> Res {
    let native_scene = Scene::parse(SCENE, &DirLoader::new(scenes()))?;
    let index = native_scene.tile_count() / 2 + 4;
    let task = task(index)?;
    let engines = [
        Engine::new(None)?,
        Engine::unmetered(false)?,
        Engine::unmetered(true)?,
    ];
    let modules: Vec<Module> = engines
        .iter()
        .map(|engine| engine.compile(wasm))
        .collect::<Result<_, _>>()?;

    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut fuel = 0;
    for _ in 0..TURNS {
        let started = Watch::start();
        let scene = Scene::parse(SCENE, &DirLoader::new(scenes()))?;
        let native = black_box(scene.render_tile(index)?).encode();
        times[3].push(started.elapsed());
        for (i, (engine, module)) in engines.iter().zip(&modules).enumerate() {
            let started = Watch::start();
            let outcome = engine.run(module, &task, &limits())?;
            times[i].push(started.elapsed());
            if outcome.files.get("tile.rgb") != Some(&native) {
                return Err(format!("not the native tile: the renderer {}", outcome.exit).into());
            }
            if i == 0 {
                fuel = outcome.fuel;
            }
        }
    }
    let [ours, unmetered, plain, native] = times.map(median);
    let ratio = |b: Duration| ours.as_secs_f64() / b.as_secs_f64();
    println!("renderer, tile {index} of {SCENE}, {TURNS} turns, median");
    println!(
        "  executor                    {ours:>10.1?}   {fuel} fuel, {:.2} Gfuel/s",
        fuel as f64 / ours.as_nanos() as f64
    );
    println!(
        "  same without metering       {unmetered:>10.1?}   executor takes {:.2} of it: what metering costs",
        ratio(unmetered)
    );
    println!(
        "  wasmtime as it comes        {plain:>10.1?}   executor takes {:.2} of it (target: at most 1.35)",
        ratio(plain)
    );
    println!(
        "  native                      {native:>10.1?}   executor takes {:.2} of it",
        ratio(native)
    );
    Ok(())
}

/// From bytes in hand to a finished run of a guest that does next to nothing: the cached code is
/// read, verified and loaded, the instance set up and dropped.
fn starts(criterion: &mut Criterion, wasm: &[u8]) -> Res {
    let dir = tempfile::tempdir()?;
    let engine = Engine::new(Some(CacheConfig {
        directory: dir.path().to_owned(),
        max_bytes: 256 << 20,
    }))?;
    let module = engine.compile(wasm)?;
    let task = Task {
        args: vec!["renderer".into()],
        ..Task::default()
    };
    println!(
        "renderer.wasm: {} KiB, cached code {} KiB",
        wasm.len() >> 10,
        dir_size(dir.path())? >> 10
    );

    let mut group = criterion.benchmark_group("start");
    group.bench_function("cached module", |b| {
        b.iter(|| {
            let module = engine.compile(black_box(wasm))?;
            engine
                .run(&module, &task, &limits())
                .map_err(Box::<dyn Error>::from)
        })
    });
    group.bench_function("module in memory", |b| {
        b.iter(|| engine.run(&module, &task, &limits()))
    });
    group.sample_size(10);
    group.bench_function("not cached", |b| {
        b.iter(|| Engine::new(None).map(|engine| engine.compile(black_box(wasm))))
    });
    group.finish();
    Ok(())
}

fn dir_size(path: &Path) -> Res<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(path)? {
        size += entry?.metadata()?.len();
    }
    Ok(size)
}
