//! What isolation costs: per batch, and per unit.
//!
//! `cargo run --release -p sungrid-sandbox --example batch_cost [BATCHES [WORKER]]`, with the path of a `sungrid-worker` to have its
//! processes instead of this small program's. Wall clock; give the machine nothing else to do, or look at the least
//! figures.

use std::error::Error;
use std::time::{Duration, Instant};
use sungrid_executor::{Cancel, Engine, Limits, Task};
use sungrid_sandbox::{Config, Measure, Program, Sandbox, Shape, child};

type Res<T = ()> = Result<T, Box<dyn Error>>;

/// Units per timed batch.
const UNITS: u32 = 2_000;

fn main() -> Res {
    child::main_if_asked();
    let batches: usize = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 50,
    };
    let engine = Engine::new(None)?;
    let mut program = Program::this()?;
    if let Some(worker) = std::env::args_os().nth(2) {
        program.path = worker.into();
    }
    let all = Config::new(program);
    let full = Sandbox::new(engine.clone(), all.clone())?;
    print!("{}", full.report());

    // One data segment and a few instructions: what there is to measure is everything else.
    let wasm = wat::parse_str(
        r#"(module (memory (export "memory") 1) (data (i32.const 8) "tiny") (func (export "_start")))"#,
    )?;
    let module = engine.compile(&wasm)?;
    println!(
        "\nper batch: start, jail, load, one unit, until its result is here; {batches} batches"
    );
    let without = |skip: &[Measure]| Config {
        skip: skip.to_vec(),
        ..all.clone()
    };
    for (name, config) in [
        ("all measures", all.clone()),
        ("without namespaces", without(&[Measure::Namespaces])),
        ("the process alone", without(&Measure::ALL)),
    ] {
        let sandbox = Sandbox::new(engine.clone(), config)?;
        let code = sandbox.prepare(&wasm)?;
        let times = (0..batches).map(|_| {
            let started = Instant::now();
            let batch = sandbox.start(&code, &Shape::default())?;
            batch.run(&Task::default(), &Limits::default(), &Cancel::default())?;
            Ok(started.elapsed())
        });
        show(name, times.collect::<Res<_>>()?);
    }
    let times = (0..batches).map(|_| {
        let started = Instant::now();
        engine.run(&module, &Task::default(), &Limits::default())?;
        Ok(started.elapsed())
    });
    show("in this process", times.collect::<Res<_>>()?);

    let code = full.prepare(&wasm)?;
    println!("\ntiny units per second, one lane, {UNITS} in a batch");
    let batch = full.start(&code, &Shape::default())?;
    rate("in a batch", || {
        batch.run(&Task::default(), &Limits::default(), &Cancel::default())?;
        Ok(())
    })?;
    rate("in this process", || {
        engine.run(&module, &Task::default(), &Limits::default())?;
        Ok(())
    })?;

    println!("\n64 MiB of input that all units share, per batch");
    let shared = bytes::Bytes::from(vec![7; 64 << 20]);
    let shape = Shape {
        shared: vec![shared],
        ..Shape::default()
    };
    let times = (0..5).map(|_| {
        let started = Instant::now();
        full.start(&code, &shape)?;
        Ok(started.elapsed())
    });
    show("handed over", times.collect::<Res<_>>()?);
    Ok(())
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "  {name:20} least {:>9.2?}  median {:>9.2?}  95 % {:>9.2?}  most {:>9.2?}",
        at(0),
        at(50),
        at(95),
        at(100)
    );
}

fn rate(name: &str, mut unit: impl FnMut() -> Res) -> Res {
    let mut best = 0.0f64;
    for _ in 0..3 {
        let started = Instant::now();
        for _ in 0..UNITS {
            unit()?;
        }
        best = best.max(f64::from(UNITS) / started.elapsed().as_secs_f64());
    }
    println!("  {name:20} {best:.0} (best of three)");
    Ok(())
}
