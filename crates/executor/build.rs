//! Assembles the capacity kernel.

use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/kernel.wat");
    let wasm = wat::parse_file("src/kernel.wat")?;
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for build scripts")?;
    fs::write(PathBuf::from(out).join("kernel.wasm"), wasm)?;
    Ok(())
}
