//! Renders a scene natively, on all cores: `cargo run --release -p sungrid-renderer --example render --
//! SCENE OUTPUT.png`. With the number of a tile behind it, that one alone and as the guest leaves it, which
//! `scripts/bench-programs` compares the guest with.

use std::{
    error::Error,
    fs::{self, File},
    io::BufWriter,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use sungrid_renderer::{DirLoader, Scene, assemble};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (scene, output, tile) = match arguments.as_slice() {
        [scene, output] => (scene, output, None),
        [scene, output, tile] => (scene, output, Some(tile.parse()?)),
        _ => return Err("usage: render SCENE OUTPUT.png | render SCENE OUTPUT.rgb TILE".into()),
    };
    let path = Path::new(scene);
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .ok_or("the scene has no file name")?;

    let start = Instant::now();
    let scene = Scene::parse(name, &DirLoader::new(directory))?;
    let parsed = start.elapsed();
    if let Some(tile) = tile {
        return Ok(fs::write(output, scene.render_tile(tile)?.encode())?);
    }
    let next = AtomicU32::new(0);
    let tiles = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Ok(tile) = scene.render_tile(next.fetch_add(1, Ordering::Relaxed)) {
                    tiles.lock().unwrap_or_else(|e| e.into_inner()).push(tile);
                }
            });
        }
    });
    let tiles = tiles.into_inner().unwrap_or_else(|e| e.into_inner());
    let image = assemble(&tiles)?;
    eprintln!(
        "{} tiles, {} triangles: read in {parsed:.1?}, rendered in {:.1?} by {threads} threads",
        tiles.len(),
        scene.triangle_count(),
        start.elapsed() - parsed,
    );

    let mut encoder = png::Encoder::new(
        BufWriter::new(File::create(output)?),
        image.width,
        image.height,
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&image.rgb)?;
    Ok(())
}
