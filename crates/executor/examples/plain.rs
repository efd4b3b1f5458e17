//! One run of a program under wasmtime as it comes, for comparisons: no metering, no canonical NaNs, no jail.
//!
//! ```sh
//! cargo build -p sungrid-executor --features unmetered --example plain
//! plain --compile MODULE.wasm COMPILED                  # compiles ahead
//! plain MODULE.wasm|COMPILED IN OUT PROGRAM NAME        # IN/NAME is /in/NAME; /out is written below OUT
//! ```
//! WASI is the executor's, in memory: only the one file is read, and only what was left is written.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use sungrid_executor::{Engine, Limits, Origin, Task};

type Res<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Res {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let engine = Engine::unmetered(true)?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--compile", module, out] => Ok(fs::write(out, engine.precompile(&fs::read(module)?)?)?),
        [module, input, out, program, name] => run(
            &engine,
            Path::new(module),
            Path::new(input),
            Path::new(out),
            [program, name],
        ),
        _ => Err(
            "usage: plain --compile MODULE.wasm COMPILED, or plain MODULE IN OUT PROGRAM NAME"
                .into(),
        ),
    }
}

fn run(engine: &Engine, module: &Path, input: &Path, out: &Path, args: [&str; 2]) -> Res {
    let module = if module
        .extension()
        .is_some_and(|extension| extension == "wasm")
    {
        engine.compile(&fs::read(module)?)?
    } else {
        // What it was compiled from is for bills, of which there is none here.
        let origin = Origin {
            hash: [0; 32],
            size: 0,
        };
        // SAFETY: this program compiled it, and whoever compares runs what they trust.
        unsafe { engine.load(File::open(module)?, origin) }?
    };
    let name = args[1];
    let task = Task {
        args: args.map(str::to_owned).to_vec(),
        files: BTreeMap::from([(name.to_owned(), fs::read(input.join(name))?.into())]),
        ..Task::default()
    };
    let limits = Limits {
        fuel: u64::MAX,
        ..Limits::default()
    };
    let outcome = engine.run(&module, &task, &limits)?;
    fs::create_dir_all(out)?;
    for (file, bytes) in &outcome.files {
        let path = out.join(file);
        fs::create_dir_all(path.parent().unwrap_or(out))?;
        fs::write(path, bytes)?;
    }
    fs::write(out.join("stdout"), &outcome.stdout)?;
    if !outcome.exit.is_success() {
        return Err(format!(
            "{name}: {}\n{}",
            outcome.exit,
            String::from_utf8_lossy(&outcome.stderr)
        )
        .into());
    }
    Ok(())
}
