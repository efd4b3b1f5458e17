//! Renders one tile natively, as the guest does: `cargo run --release -p sungrid-renderer --example tile -- SCENE INDEX
//! OUTPUT.rgb`. What the guest is compared with by `scripts/bench-programs`.

use std::{error::Error, fs, path::Path};

use sungrid_renderer::{DirLoader, Scene};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scene, index, output] = arguments.as_slice() else {
        return Err("usage: tile SCENE INDEX OUTPUT.rgb".into());
    };
    let path = Path::new(scene);
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .ok_or("the scene has no file name")?;
    let tile = Scene::parse(name, &DirLoader::new(directory))?.render_tile(index.parse()?)?;
    fs::write(output, tile.encode())?;
    Ok(())
}
