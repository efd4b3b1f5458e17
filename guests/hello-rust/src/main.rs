//! A guest that touches every part of the contract between a guest and Sungrid.
//!
//! `hello-rust ARGUMENT...` reads all of stdin and every file in `/in`, and writes `/out/report.txt`: its
//! arguments, its environment, what it read, the clock, the order in which a hash map with random keys
//! lists its entries, and a sum of floating point numbers. Two runs on two machines must write the same
//! bytes; each line would differ if the host leaked something of its own.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    process::ExitCode,
    time::SystemTime,
};

fn main() -> ExitCode {
    match report() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("hello-rust: {why}");
            ExitCode::FAILURE
        }
    }
}

fn report() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    for (i, argument) in std::env::args().enumerate() {
        writeln!(text, "argument {i} {argument:?}")?;
    }
    for (name, value) in std::env::vars() {
        writeln!(text, "variable {name:?} {value:?}")?;
    }
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    writeln!(
        text,
        "stdin {} bytes, hash {:016x}",
        input.len(),
        fnv(&input)
    )?;
    // In the order the host gives, which is part of what must not vary.
    for entry in fs::read_dir("/in")? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_file() {
            let content = fs::read(entry.path())?;
            let name = entry.file_name();
            writeln!(
                text,
                "file {name:?} {} bytes, hash {:016x}",
                content.len(),
                fnv(&content)
            )?;
        }
    }
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    writeln!(text, "clock {clock:?}")?;
    let random: HashMap<u32, ()> = (0..16).map(|i| (i, ())).collect();
    writeln!(text, "map {:?}", random.keys().collect::<Vec<_>>())?;
    let sum: f64 = (1..=100_000)
        .map(|i| 1.0 / (f64::from(i) * f64::from(i)))
        .sum();
    writeln!(text, "sum {sum:?}")?;

    fs::write("/out/report.txt", &text)?;
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
