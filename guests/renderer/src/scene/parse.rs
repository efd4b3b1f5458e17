//! The scene format: one directive per line. `guests/README.md` is its reference.

mod directives;

use std::collections::{BTreeMap, BTreeSet};

use super::{Camera, Haze, Object, Scene, Settings, Shape, Sky, Sun};
use crate::{
    bvh::{Bvh, Effort},
    error::{SceneError, SceneErrorKind},
    geometry::{Aabb, Affine},
    light::Lights,
    loader::Loader,
    material::Material,
    math::Vec3,
    obj::{Mesh, REACH},
    text::{Words, fetch, lines},
};
use directives::{Options, camera, material, sky, sun};

/// Longest scene file, in bytes.
pub const SCENE_BYTES: u64 = 16 << 20;
/// Most pixels along a side of the picture.
pub const IMAGE_SIDE: u32 = 16_384;
/// Most pixels of the picture.
pub const IMAGE_PIXELS: u64 = 1 << 26;
/// Most objects placed in a scene.
pub const OBJECTS: usize = 1 << 18;
/// Most triangles of all meshes together, each mesh counted once.
pub const SCENE_TRIANGLES: usize = 1 << 22;
/// Deepest nesting of included files.
pub const INCLUDE_DEPTH: usize = 8;
/// Most files that a scene may refer to or include, counting repetitions.
pub const SCENE_FILES: usize = 256;

/// Brightest light and colour.
const BRIGHTEST: f64 = 1e6;
/// Longest name of a material, mesh or file.
const NAME: usize = 64;

/// What is known of a scene while its lines are read.
#[derive(Default)]
struct Draft {
    width_height: Option<(u32, u32)>,
    tile: Option<(u32, u32)>,
    /// Samples, rounds and noise.
    samples: Option<(u32, u32, f64)>,
    seed: Option<u32>,
    depth: Option<u32>,
    exposure: Option<f64>,
    clamp: Option<f64>,
    camera: Option<Camera>,
    sky: Option<Sky>,
    sun: Option<Sun>,
    haze: Option<Haze>,
    material_names: BTreeMap<String, usize>,
    materials: Vec<Material>,
    mesh_names: BTreeMap<String, usize>,
    /// File, whether to smooth it, and the line that asks for it.
    mesh_files: Vec<MeshFile>,
    objects: Vec<Object>,
    files: BTreeSet<String>,
    file_count: usize,
}

#[derive(Clone)]
struct MeshFile {
    file: String,
    smooth: bool,
    named_in: String,
    line: u32,
}

pub(super) fn scene(name: &str, loader: &dyn Loader) -> Result<Scene, SceneError> {
    let draft = draft(name, loader)?;
    let missing =
        |what: &str| SceneError::new(name, None, SceneErrorKind::Missing(what.to_owned()));
    let (width, height) = draft
        .width_height
        .ok_or_else(|| missing("the line 'image'"))?;
    let camera = draft.camera.ok_or_else(|| missing("the line 'camera'"))?;
    if draft.objects.is_empty() {
        return Err(missing(
            "an object (a 'sphere' or a 'mesh' with an 'object')",
        ));
    }
    let (tile_width, tile_height) = draft.tile.unwrap_or((64, 64));

    // A file asked for twice, with or without smoothing, is two meshes.
    let mut meshes = Vec::with_capacity(draft.mesh_files.len());
    let mut triangles = 0;
    for mesh_file in &draft.mesh_files {
        let mesh = Mesh::load(loader, &mesh_file.file, mesh_file.smooth)?;
        triangles += mesh.triangles.len();
        if triangles > SCENE_TRIANGLES {
            return Err(SceneError::new(
                &mesh_file.named_in,
                Some(mesh_file.line),
                SceneErrorKind::TooMany {
                    what: "triangles in all meshes",
                    limit: SCENE_TRIANGLES,
                },
            ));
        }
        meshes.push(mesh);
    }
    let boxes: Vec<Aabb> = draft.objects.iter().map(|o| o.bounds(&meshes)).collect();
    let bvh = Bvh::build(&boxes, Effort::OBJECTS);
    let reach = bvh
        .bounds()
        .low
        .abs()
        .max(bvh.bounds().high.abs())
        .max_component();
    if !(reach.is_finite() && reach <= REACH) {
        let why = "an object lies more than 1e9 from the origin; scale the scene down";
        return Err(SceneError::new(name, None, SceneErrorKind::Degenerate(why)));
    }
    let (samples, rounds, noise) = draft.samples.unwrap_or((16, 1, 0.0));
    let lights = Lights::collect(&draft.objects, &draft.materials, &meshes);
    let mut sky = draft.sky.unwrap_or(Sky {
        zenith: Vec3::ZERO,
        horizon: Vec3::ZERO,
        ground: Vec3::ZERO,
        sun: None,
    });
    sky.sun = draft.sun;
    Ok(Scene {
        settings: Settings {
            width,
            height,
            samples,
            rounds,
            noise,
            tile_width,
            tile_height,
            seed: draft.seed.unwrap_or(0),
            depth: draft.depth.unwrap_or(8),
            exposure: draft.exposure.unwrap_or(1.0),
            clamp: draft.clamp.unwrap_or(BRIGHTEST),
        },
        camera,
        sky,
        haze: draft.haze,
        materials: draft.materials,
        meshes,
        objects: draft.objects,
        bvh,
        lights,
    })
}

pub(super) fn references(name: &str, loader: &dyn Loader) -> Result<Vec<String>, SceneError> {
    Ok(draft(name, loader)?.files.into_iter().collect())
}

fn draft(name: &str, loader: &dyn Loader) -> Result<Draft, SceneError> {
    let mut draft = Draft::default();
    draft.file(name, loader, 0)?;
    Ok(draft)
}

impl Draft {
    fn file(&mut self, name: &str, loader: &dyn Loader, nesting: usize) -> Result<(), SceneError> {
        let content = fetch(loader, name, SCENE_BYTES)?;
        let mut lines = lines(name, &content);
        // Included files need no version: the including one has it.
        if nesting == 0 {
            let no_version = |line| SceneError::new(name, line, SceneErrorKind::NoVersion);
            let mut words = lines.next().ok_or_else(|| no_version(None))??;
            if words.next() != Some("sungrid-scene") {
                return Err(no_version(Some(words.line)));
            }
            words.integer("the version of the format", 1, 1)?;
            words.end()?;
        }
        for words in lines {
            let mut words = words?;
            if words.peek() == Some("include") {
                words.next();
                let file = self.referenced(&mut words)?;
                words.end()?;
                if nesting == INCLUDE_DEPTH {
                    let kind = SceneErrorKind::IncludedTooDeeply {
                        limit: INCLUDE_DEPTH,
                    };
                    return Err(words.error(kind));
                }
                self.file(&file, loader, nesting + 1)?;
            } else {
                self.line(&mut words)?;
                words.end()?;
            }
        }
        Ok(())
    }

    fn line(&mut self, words: &mut Words<'_>) -> Result<(), SceneError> {
        let directive = words.word("a directive")?;
        match directive {
            "image" => {
                let width = words.integer("the width", 1, IMAGE_SIDE)?;
                let height = words.integer("the height", 1, IMAGE_SIDE)?;
                if u64::from(width) * u64::from(height) > IMAGE_PIXELS {
                    return Err(words.error(SceneErrorKind::TooMany {
                        what: "pixels",
                        limit: IMAGE_PIXELS as usize,
                    }));
                }
                once(words, directive, &mut self.width_height, (width, height))
            }
            "tile" => {
                let width = words.integer("the width of a tile", 8, IMAGE_SIDE)?;
                let height = words.integer("the height of a tile", 8, IMAGE_SIDE)?;
                once(words, directive, &mut self.tile, (width, height))
            }
            "samples" => {
                let samples = words.integer("the number of samples", 1, 65_536)?;
                let mut options = Options::new(["rounds", "noise"]);
                let (mut rounds, mut noise) = (1, 0.02);
                while let Some(option) = options.next(words)? {
                    match option {
                        "rounds" => rounds = words.integer("the number of rounds", 1, 4_096)?,
                        _ => noise = words.number("the noise", 0.0, 1.0)?,
                    }
                }
                once(
                    words,
                    directive,
                    &mut self.samples,
                    (samples, rounds, noise),
                )
            }
            "seed" => {
                let seed = words.integer("the seed", 0, u32::MAX)?;
                once(words, directive, &mut self.seed, seed)
            }
            "depth" => {
                let depth = words.integer("the depth", 1, 64)?;
                once(words, directive, &mut self.depth, depth)
            }
            "exposure" => {
                let exposure = words.number("the exposure", 1e-6, BRIGHTEST)?;
                once(words, directive, &mut self.exposure, exposure)
            }
            "clamp" => {
                let clamp = words.number("the clamp", 1e-3, BRIGHTEST)?;
                once(words, directive, &mut self.clamp, clamp)
            }
            "camera" => {
                let camera = camera(words)?;
                once(words, directive, &mut self.camera, camera)
            }
            "sky" => {
                let sky = sky(words)?;
                once(words, directive, &mut self.sky, sky)
            }
            "sun" => {
                let sun = sun(words)?;
                once(words, directive, &mut self.sun, sun)
            }
            "haze" => {
                let mut options = Options::new(["color", "density"]);
                let (mut colour, mut density) = (Vec3::ONE, None);
                while let Some(option) = options.next(words)? {
                    match option {
                        "color" => colour = words.triple("the haze's color", 0.0, BRIGHTEST)?,
                        _ => density = Some(words.number("the haze's density", 0.0, 1e6)?),
                    }
                }
                let density = required(words, density, "the haze's 'density'")?;
                once(words, directive, &mut self.haze, Haze { colour, density })
            }
            "material" => self.material(words),
            "mesh" => self.mesh(words),
            "sphere" => {
                let material = self.material_named(words)?;
                let centre = words.triple("the centre", -REACH, REACH)?;
                let radius = words.number("the radius", 1e-6, REACH)?;
                self.place(
                    words,
                    Object {
                        shape: Shape::Sphere { centre, radius },
                        material,
                    },
                )
            }
            "object" => self.object(words),
            other => Err(words.error(SceneErrorKind::UnknownDirective(other.to_owned()))),
        }
    }

    fn material(&mut self, words: &mut Words<'_>) -> Result<(), SceneError> {
        let name = name(words, "the name of the material")?;
        if self.material_names.contains_key(name) {
            return Err(words.error(SceneErrorKind::Duplicate(format!("material '{name}'"))));
        }
        let material = material(words)?;
        self.material_names
            .insert(name.to_owned(), self.materials.len());
        self.materials.push(material);
        Ok(())
    }

    fn mesh(&mut self, words: &mut Words<'_>) -> Result<(), SceneError> {
        let name = name(words, "the name of the mesh")?;
        if self.mesh_names.contains_key(name) {
            return Err(words.error(SceneErrorKind::Duplicate(format!("mesh '{name}'"))));
        }
        let file = self.referenced(words)?;
        let smooth = match words.next() {
            None => false,
            Some("smooth") => true,
            Some(found) => return Err(unexpected(words, "'smooth' or the end of the line", found)),
        };
        self.mesh_names
            .insert(name.to_owned(), self.mesh_files.len());
        let named_in = words.file.to_owned();
        self.mesh_files.push(MeshFile {
            file,
            smooth,
            named_in,
            line: words.line,
        });
        Ok(())
    }

    fn object(&mut self, words: &mut Words<'_>) -> Result<(), SceneError> {
        let name = words.word("the name of a mesh")?;
        let mesh = *self.mesh_names.get(name).ok_or_else(|| {
            words.error(SceneErrorKind::Undefined {
                what: "mesh",
                name: name.to_owned(),
            })
        })?;
        let material = self.material_named(words)?;
        let mut to_world = Affine::IDENTITY;
        while let Some(word) = words.next() {
            let step = match word {
                "scale" => {
                    let x = words.number("the scale", -REACH, REACH)?;
                    // One number for all axes, or one for each.
                    if words.peek().is_some_and(|w| w.parse::<f64>().is_ok()) {
                        let y = words.number("the scale", -REACH, REACH)?;
                        Affine::scale(Vec3::new(x, y, words.number("the scale", -REACH, REACH)?))
                    } else {
                        Affine::scale(Vec3::splat(x))
                    }
                }
                "rotate" => {
                    let axis = words.direction("the axis")?;
                    Affine::rotate(axis, words.number("the angle in degrees", -36e3, 36e3)?)
                }
                "translate" => Affine::translate(words.triple("the translation", -REACH, REACH)?),
                found => {
                    return Err(unexpected(words, "'scale', 'rotate' or 'translate'", found));
                }
            };
            to_world = to_world.then(step);
        }
        let why = "the placement flattens the mesh or makes it too large; no scale may be zero";
        let degenerate = || words.error(SceneErrorKind::Degenerate(why));
        let to_mesh = to_world.inverse().ok_or_else(degenerate)?;
        if !to_world
            .columns
            .iter()
            .chain(&to_mesh.columns)
            .all(|c| c.is_finite())
        {
            return Err(degenerate());
        }
        let shape = Shape::Instance {
            mesh,
            to_world,
            to_mesh,
        };
        self.place(words, Object { shape, material })
    }

    fn place(&mut self, words: &Words<'_>, object: Object) -> Result<(), SceneError> {
        if self.objects.len() == OBJECTS {
            return Err(words.error(SceneErrorKind::TooMany {
                what: "objects",
                limit: OBJECTS,
            }));
        }
        self.objects.push(object);
        Ok(())
    }

    fn material_named(&self, words: &mut Words<'_>) -> Result<usize, SceneError> {
        let name = words.word("the name of a material")?;
        self.material_names.get(name).copied().ok_or_else(|| {
            words.error(SceneErrorKind::Undefined {
                what: "material",
                name: name.to_owned(),
            })
        })
    }

    /// The name of another file. Only plain names are taken: a scene comes from someone else and is also
    /// read on the requester's machine, where it must not point out of its directory.
    fn referenced(&mut self, words: &mut Words<'_>) -> Result<String, SceneError> {
        let file = name(words, "the name of a file")?;
        self.file_count += 1;
        if self.file_count > SCENE_FILES {
            let kind = SceneErrorKind::TooMany {
                what: "files",
                limit: SCENE_FILES,
            };
            return Err(words.error(kind));
        }
        self.files.insert(file.to_owned());
        Ok(file.to_owned())
    }
}

/// A name: letters, digits, `.`, `_` and `-`, not beginning with a dot.
fn name<'a>(words: &mut Words<'a>, what: &str) -> Result<&'a str, SceneError> {
    let word = words.word(what)?;
    let fine = word.len() <= NAME
        && !word.starts_with('.')
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fine {
        return Ok(word);
    }
    let expected = format!("{what}: up to {NAME} letters, digits, '.', '_' and '-' (no folders)");
    Err(unexpected(words, &expected, word))
}

fn unexpected(words: &Words<'_>, expected: &str, found: &str) -> SceneError {
    words.error(SceneErrorKind::Unexpected {
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

fn once<T>(
    words: &Words<'_>,
    directive: &str,
    slot: &mut Option<T>,
    value: T,
) -> Result<(), SceneError> {
    if slot.is_some() {
        return Err(words.error(SceneErrorKind::Duplicate(format!("'{directive}'"))));
    }
    *slot = Some(value);
    Ok(())
}

fn required<T>(words: &Words<'_>, value: Option<T>, what: &str) -> Result<T, SceneError> {
    value.ok_or_else(|| words.error(SceneErrorKind::Missing(what.to_owned())))
}
