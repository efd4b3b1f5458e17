//! The guest: renders a tile of a scene in `/in` to `/out/tile.rgb`.
//!
//! ```text
//! renderer tile SCENE INDEX   render tile INDEX of the scene file /in/SCENE to /out/tile.rgb
//! renderer info SCENE         print what the scene consists of as one line of JSON
//! ```
//!
//! Exit status: 0 if it worked, 1 if the scene or a file cannot be used, 2 if the arguments are wrong. The
//! reason is on stderr.

use std::process::ExitCode;

use sungrid_renderer::{DirLoader, Scene};

const INPUT: &str = "/in";
const OUTPUT: &str = "/out/tile.rgb";
const USAGE: &str = "usage: renderer tile SCENE INDEX | renderer info SCENE";

/// Why the guest stops, and with which exit status.
enum Failure {
    Usage(String),
    Input(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(why)) => {
            eprintln!("renderer: {why}\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Failure::Input(why)) => {
            eprintln!("renderer: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Failure> {
    match arguments {
        ["tile", scene, index] => {
            let index = index.parse().map_err(|_| {
                Failure::Usage(format!("'{}' is no tile index", index.escape_debug()))
            })?;
            let tile = parse(scene)?
                .render_tile(index)
                .map_err(|e| Failure::Input(e.to_string()))?;
            std::fs::write(OUTPUT, tile.encode())
                .map_err(|e| Failure::Input(format!("{OUTPUT} cannot be written: {e}")))
        }
        ["info", scene] => {
            let scene = parse(scene)?;
            let s = scene.settings();
            println!(
                "{{\"width\":{},\"height\":{},\"samples\":{},\"tiles\":{},\"triangles\":{}}}",
                s.width,
                s.height,
                s.samples,
                scene.tile_count(),
                scene.triangle_count(),
            );
            Ok(())
        }
        _ => Err(Failure::Usage("wrong arguments".to_owned())),
    }
}

fn parse(scene: &str) -> Result<Scene, Failure> {
    Scene::parse(scene, &DirLoader::new(INPUT)).map_err(|e| Failure::Input(e.to_string()))
}
