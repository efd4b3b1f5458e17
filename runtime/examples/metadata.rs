//! Writes the runtime's metadata, from which clients generate their code and check their assumptions.
//!
//! `cargo run -p sungrid-runtime --example metadata -- crates/chain-client/metadata.scale`

use std::{env, error::Error, fs, path::PathBuf};

use sungrid_runtime::Runtime;

/// The newest version, which describes view functions, too.
const VERSION: u32 = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .ok_or("say where to write the metadata: cargo run --example metadata -- FILE")?;
    // Some constants are computed, and that may read storage.
    let metadata = sp_io::TestExternalities::default()
        .execute_with(|| Runtime::metadata_at_version(VERSION))
        .ok_or_else(|| format!("the runtime has no metadata of version {VERSION}"))?;
    fs::write(&path, &*metadata)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!(
        "{} bytes of metadata V{VERSION} in {}",
        metadata.len(),
        path.display()
    );
    Ok(())
}
