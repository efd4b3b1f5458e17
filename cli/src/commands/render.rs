//! `sungrid render`: a scene in, a picture out, tiles on the grid in between.

use std::{
    fs,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use sungrid_chain_client::Chain;
use sungrid_manifest::Limits;
use sungrid_renderer::{DirLoader, Scene, Tile, assemble};

use super::{
    image,
    job::{Done, announce, follow, lay_terms},
};
use crate::{
    Error,
    args::{AboutArgs, ClassName, RenderArgs, ServeArgs, TermsArgs},
    context::Context,
    folder::{JobFolder, Task},
    package::Package,
    plan::{FileRef, JobFile, Plan},
    requester::{Requester, Summary},
    serve::Serving,
    submit::Submission,
    units,
};

/// The renderer's file of a tile, below a unit's folder.
const TILE_FILE: &str = "out/tile.rgb";

/// A scene on this machine.
pub(super) struct LocalScene {
    /// Its folder; a temporary one if the tile size was changed.
    folder: PathBuf,
    name: String,
    files: Vec<String>,
    pub(super) tiles: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Holds the changed scene until it is uploaded.
    _changed: Option<tempfile::TempDir>,
}

impl LocalScene {
    /// Reads a scene and everything that it names; malformed ones are found here, not on a worker.
    pub(super) fn read(path: &Path, tile: Option<(u32, u32)>) -> Result<Self, Error> {
        let scene_error = |error: sungrid_renderer::SceneError| Error::Render(error.to_string());
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| Error::malformed(path, "its name is not UTF-8: rename it"))?;
        // A path that is no file gets the usual message instead of the parser's.
        fs::metadata(path).map_err(Error::file("read", path))?;
        let loader = DirLoader::new(folder);
        let files = Scene::references(name, &loader).map_err(scene_error)?;
        let (folder, changed) = match tile {
            None => (folder.to_owned(), None),
            Some(tile) => {
                let changed = retile(folder, name, &files, tile)?;
                (changed.path().to_owned(), Some(changed))
            }
        };
        let scene = Scene::parse(name, &DirLoader::new(&folder)).map_err(scene_error)?;
        let settings = scene.settings();
        Ok(Self {
            name: name.into(),
            files,
            tiles: scene.tile_count(),
            width: settings.width,
            height: settings.height,
            folder,
            _changed: changed,
        })
    }

    fn plan(&self, image: &Path, terms: &TermsArgs) -> Result<Plan, Error> {
        let file = |name: &String| FileRef::Long {
            path: self.folder.join(name),
            name: name.clone(),
        };
        let mut job = JobFile {
            image: Some(image.to_string_lossy().into_owned()),
            shared: std::iter::once(&self.name)
                .chain(&self.files)
                .map(file)
                .collect(),
            units: Some(self.tiles),
            args: vec![self.name.clone(), "{unit}".into()],
            ..JobFile::default()
        };
        lay_terms(&mut job, terms);
        // A tile is small: two results of each cost little, and no worker needs a record first.
        job.policy.get_or_insert_with(|| "replicate:2".into());
        job.plan()
    }
}

/// A copy of the scene with another tile size.
fn retile(
    folder: &Path,
    name: &str,
    files: &[String],
    (width, height): (u32, u32),
) -> Result<tempfile::TempDir, Error> {
    let target = tempfile::tempdir().map_err(Error::file("create", std::env::temp_dir()))?;
    for file in files {
        let (from, to) = (folder.join(file), target.path().join(file));
        fs::copy(&from, &to).map_err(Error::file("copy", &from))?;
    }
    let path = folder.join(name);
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let is_tile = |line: &&str| line.split_whitespace().next() == Some("tile");
    let mut lines: Vec<&str> = text.lines().filter(|line| !is_tile(line)).collect();
    let directive = format!("tile {width} {height}");
    // The first line that is neither empty nor a comment states the version; the rest has no order.
    let starts = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let version = lines.iter().position(starts).unwrap_or_default();
    lines.insert((version + 1).min(lines.len()), &directive);
    let changed = target.path().join(name);
    fs::write(&changed, lines.join("\n") + "\n").map_err(Error::file("write", &changed))?;
    Ok(target)
}

/// The renderer as an application.
pub(super) fn renderer(path: &Path) -> Result<Package, Error> {
    let about = AboutArgs {
        name: Some("sungrid-renderer".into()),
        class: ClassName::Rendering,
        licence: "MIT".into(),
        image_args: vec!["renderer".into(), "tile".into()],
        image_files: vec![],
    };
    let limits = Limits {
        fuel: 50_000_000_000,
        memory: 256 << 20,
        output: 16 << 20,
    };
    Package::read(path, &about, limits)
}

fn find_renderer(given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join("renderer.wasm")))
        .filter(|path| path.is_file());
    beside.ok_or_else(|| {
        Error::Usage(
            "where is the renderer? Build it with guests/build and give --renderer FILE.wasm, or set SUNGRID_RENDERER"
                .into(),
        )
    })
}

/// What `render` reports.
#[derive(Debug, Serialize)]
struct Rendered<'a> {
    picture: &'a Path,
    width: u32,
    height: u32,
    #[serde(flatten)]
    summary: &'a Summary,
    receipts: PathBuf,
}

pub(super) async fn run(context: &Context, args: RenderArgs) -> Result<(), Error> {
    let scene = LocalScene::read(&args.scene, args.tile)?;
    let wasm = find_renderer(args.renderer.as_deref())?;
    let picture = args
        .out
        .clone()
        .unwrap_or_else(|| args.scene.with_extension("png"));
    let picture = std::path::absolute(&picture).map_err(Error::file("find", &picture))?;
    writable(&picture)?;
    let chain = context.chain().await?;
    let requester = submit(
        context,
        chain,
        &scene,
        &wasm,
        &args.terms,
        &args.serve,
        &picture,
    )
    .await?;
    announce(context, &requester);
    let done = follow(context, requester).await?;
    finish(context, &done, &picture)
}

/// Publishes the renderer if needed and submits the tiles of a scene.
pub(super) async fn submit(
    context: &Context,
    chain: Arc<dyn Chain>,
    scene: &LocalScene,
    wasm: &Path,
    terms: &TermsArgs,
    serve: &ServeArgs,
    picture: &Path,
) -> Result<Requester, Error> {
    let package = renderer(wasm)?;
    let plan = scene.plan(wasm, terms)?;
    let key = context.key()?;
    let published = image::keep_and_publish(context, &*chain, &key, &package).await?;
    let (manifest, code) = context.data.image(&published.digest)?;
    let submission = Submission {
        chain,
        key: &key,
        data: &context.data,
        out: &context.out,
        node: context.global.node().into(),
        serving: Serving::of(serve, &context.global.nodes()),
        environment: terms.environment,
    };
    let task = Task::Picture {
        picture: picture.to_owned(),
    };
    submission
        .submit(&plan, published.digest, &manifest, code, task)
        .await
}

/// Assembles the picture of a finished job and reports it.
pub(super) fn finish(context: &Context, done: &Done, picture: &Path) -> Result<(), Error> {
    let summary = done.summary.clone().complete()?;
    let (width, height) = write_picture(&done.folder, summary.units, picture)?;
    let receipts = done.folder.path().to_owned();
    let rendered = Rendered {
        picture,
        width,
        height,
        summary: &summary,
        receipts,
    };
    context.out.result(&rendered, || {
        format!(
            "{} ({width}×{height}), {} tiles\npaid      {} for {} replicas of batches, {} per replica\nreceipts  {} (check \
             them with `sungrid receipt verify`)",
            picture.display(),
            summary.units,
            units::isc(summary.paid_planck),
            summary.bundles.1,
            units::fuel(summary.fuel),
            done.folder.path().display(),
        )
    });
    Ok(())
}

/// Puts the tiles of a job together and writes the picture; returns its size.
pub(super) fn write_picture(
    folder: &JobFolder,
    units: u32,
    picture: &Path,
) -> Result<(u32, u32), Error> {
    let mut tiles = Vec::with_capacity(units as usize);
    for unit in 0..units {
        let path = folder.unit(unit).join(TILE_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(no_tile(folder, unit));
            }
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        tiles.push(Tile::decode(&bytes).map_err(|error| Error::malformed(&path, error))?);
    }
    let image = assemble(&tiles).map_err(|error| Error::Render(error.to_string()))?;
    let file = fs::File::create(picture).map_err(Error::file("write", picture))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let write = |encoder: png::Encoder<'_, _>| {
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&image.rgb)?;
        writer.finish()
    };
    write(encoder).map_err(|error| {
        let source = std::io::Error::other(error.to_string());
        Error::file("write", picture)(source)
    })?;
    Ok((image.width, image.height))
}

/// A verified unit without a tile: its program failed, on all replicas alike.
fn no_tile(folder: &JobFolder, unit: u32) -> Error {
    let read = |name: &str| fs::read_to_string(folder.unit(unit).join(name)).unwrap_or_default();
    let (exit, stderr) = (read("exit"), read("stderr"));
    Error::Render(format!(
        "tile {unit} has no pixels: the renderer ended with code {} {}; if it ran out of fuel or memory, raise \
         --fuel-limit or --memory-limit",
        exit.trim(),
        stderr.trim()
    ))
}

/// Finds out before a job is paid for, not after, whether its picture can be written.
fn writable(picture: &Path) -> Result<(), Error> {
    if picture.is_dir() {
        return Err(Error::malformed(
            picture,
            "is a folder: give a file name for the picture",
        ));
    }
    let folder = picture.parent().unwrap_or(Path::new("/"));
    tempfile::tempfile_in(folder)
        .map(drop)
        .map_err(Error::file("write", picture))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = "# a ball\n\nsungrid-scene 1\nimage 32 16\nsamples 1\ntile 16 16\n\
        camera from 0 0 -5 at 0 0 0\nsky zenith 0.5 0.7 1\nmaterial chalk diffuse 0.8 0.8 0.8\n\
        sphere chalk 0 0 0 1\n";

    fn scene(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ball.scene");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_scene_is_cut_as_it_says_or_as_asked() {
        let (_folder, path) = scene(SCENE);
        let plain = LocalScene::read(&path, None).unwrap();
        assert_eq!((plain.tiles, plain.width, plain.height), (2, 32, 16));
        let finer = LocalScene::read(&path, Some((8, 8))).unwrap();
        assert_eq!((finer.tiles, finer.width, finer.height), (8, 32, 16));
        // The user's file stays as it is.
        assert_eq!(fs::read_to_string(&path).unwrap(), SCENE);
    }

    #[test]
    fn malformed_and_missing_scenes_say_where() {
        let (folder, path) = scene("sungrid-scene 1\nimage 16\n");
        let error = LocalScene::read(&path, None).err().unwrap().to_string();
        assert!(error.starts_with("ball.scene:2:"), "{error}");
        let missing = folder.path().join("none.scene");
        let error = LocalScene::read(&missing, None).err().unwrap().to_string();
        assert!(error.contains("check the path"), "{error}");
    }

    #[test]
    fn tiles_become_a_picture_and_a_missing_one_tells_why() {
        let (folder, path) = scene(SCENE);
        let scene = Scene::parse("ball.scene", &DirLoader::new(folder.path())).unwrap();
        drop(path);
        let job = JobFolder::at(folder.path().join("job"));
        for unit in 0..2 {
            let out = job.unit(unit).join("out");
            fs::create_dir_all(&out).unwrap();
            fs::write(
                out.join("tile.rgb"),
                scene.render_tile(unit).unwrap().encode(),
            )
            .unwrap();
        }
        let picture = folder.path().join("ball.png");
        assert_eq!(write_picture(&job, 2, &picture).unwrap(), (32, 16));
        let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(&picture).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let tiles: Vec<Tile> = (0..2).map(|i| scene.render_tile(i).unwrap()).collect();
        assert_eq!(pixels, assemble(&tiles).unwrap().rgb);

        fs::remove_file(job.unit(1).join(TILE_FILE)).unwrap();
        fs::write(job.unit(1).join("exit"), "4294967293\n").unwrap();
        let error = write_picture(&job, 2, &picture).unwrap_err().to_string();
        assert!(
            error.contains("tile 1") && error.contains("4294967293"),
            "{error}"
        );
    }
}
