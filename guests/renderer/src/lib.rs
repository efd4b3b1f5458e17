//! A path tracer for pictures that many machines render together.
//!
//! A scene is a text file that names meshes in OBJ files. Its picture is cut into tiles; each tile is one
//! unit of a job. A tile's pixels depend on the scene and their place in the picture alone, so tiles fit
//! together seamlessly, and two machines that render the same tile get the same bytes: the arithmetic uses
//! only operations that IEEE 754 defines exactly (see `math`).
//!
//! ```
//! use std::collections::BTreeMap;
//! use sungrid_renderer::{Scene, assemble};
//!
//! let text = "sungrid-scene 1
//! image 16 8
//! samples 1
//! tile 8 8
//! camera from 0 0 -5 at 0 0 0
//! sky zenith 0.5 0.7 1
//! material chalk diffuse 0.8 0.8 0.8
//! sphere chalk 0 0 0 1";
//! let files = BTreeMap::from([("ball.scene".to_owned(), text.as_bytes().to_vec())]);
//! let scene = Scene::parse("ball.scene", &files)?;
//! let tiles: Vec<_> = (0..scene.tile_count()).filter_map(|i| scene.render_tile(i).ok()).collect();
//! let image = assemble(&tiles)?;
//! assert_eq!((image.width, image.height, tiles.len()), (16, 8, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The format of scenes is described in `guests/README.md`.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod bvh;
mod error;
mod geometry;
mod light;
mod loader;
mod material;
mod math;
mod obj;
mod render;
mod sampler;
mod scene;
mod text;
mod tile;

pub use error::{SceneError, SceneErrorKind, TileError};
pub use loader::{DirLoader, LoadError, Loader};
pub use math::Vec3;
pub use obj::{MESH_TRIANGLES, OBJ_BYTES};
pub use scene::{
    IMAGE_PIXELS, IMAGE_SIDE, INCLUDE_DEPTH, OBJECTS, SCENE_BYTES, SCENE_FILES, SCENE_TRIANGLES,
    Scene, Settings,
};
pub use tile::{Image, TILE_HEADER, Tile, TileRect, assemble};
