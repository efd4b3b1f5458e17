//! Assembles the capacity kernels.

use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for build scripts")?;
    let out = PathBuf::from(out);
    for name in ["kernel", "proof"] {
        let source = format!("src/{name}.wat");
        println!("cargo::rerun-if-changed={source}");
        let wasm = wat::parse_file(source)?;
        fs::write(out.join(name).with_extension("wasm"), wasm)?;
    }
    Ok(())
}
