//! The scenes that the repository ships, rendered.

use std::path::PathBuf;

use sungrid_renderer::{DirLoader, Image, Scene, Tile, TileError, assemble};

fn scenes() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenes")
}

fn load(name: &str) -> Scene {
    Scene::parse(name, &DirLoader::new(scenes())).expect("shipped scenes are valid")
}

fn render(scene: &Scene) -> Vec<Tile> {
    (0..scene.tile_count())
        .map(|i| scene.render_tile(i).expect("a tile of the scene"))
        .collect()
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The test scene's picture, whole: what the guest must produce as well, bit by bit. It changes only if
/// the renderer is meant to draw something else.
const TEST_SCENE: u64 = 0x3669_db25_4dba_1a68;

#[test]
fn the_test_scene_is_what_it_always_was() {
    let image = assemble(&render(&load("test.scene"))).expect("complete");
    assert_eq!((image.width, image.height), (64, 48));
    // A picture, not a constant: many colours, and neither black nor white.
    let mean = image.rgb.iter().map(|b| u64::from(*b)).sum::<u64>() / image.rgb.len() as u64;
    assert!((40..215).contains(&mean), "mean {mean}");
    assert_eq!(hash(&image.rgb), TEST_SCENE, "{:#018x}", hash(&image.rgb));
}

/// Rewrites a scene's `tile` line and renders it.
fn render_with_tiles(width: u32, height: u32) -> Image {
    let mut files = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(scenes()).expect("the scenes are there") {
        let path = entry.expect("readable").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        files.insert(name, std::fs::read(&path).expect("readable"));
    }
    let text = String::from_utf8(files["test.scene"].clone()).expect("text");
    let changed = text.replace("tile 16 16", &format!("tile {width} {height}"));
    assert!(width == 16 || changed != text);
    files.insert("test.scene".to_owned(), changed.into_bytes());
    let scene = Scene::parse("test.scene", &files).expect("valid");
    assemble(&render(&scene)).expect("complete")
}

#[test]
fn the_picture_does_not_depend_on_how_it_is_cut() {
    let whole = render_with_tiles(64, 48);
    assert_eq!(render_with_tiles(16, 16), whole);
    // Neither divides the picture.
    assert_eq!(render_with_tiles(13, 11), whole);
}

#[test]
fn a_tile_rendered_alone_or_again_is_the_same() {
    let scene = load("test.scene");
    let all = render(&scene);
    let alone = load("test.scene").render_tile(7).expect("a tile");
    assert_eq!(alone, all[7]);
    assert_eq!(Tile::decode(&alone.encode()), Ok(alone));
}

#[test]
fn tiles_cover_every_pixel_once() {
    for name in ["test.scene", "sungrid.scene"] {
        let scene = load(name);
        let (width, height) = (scene.settings().width, scene.settings().height);
        let mut covered = vec![0_u8; (width * height) as usize];
        let tiles = scene.tiles();
        assert_eq!(tiles.len() as u32, scene.tile_count());
        for t in tiles {
            for y in t.y..t.y + t.height {
                for x in t.x..t.x + t.width {
                    covered[(y * width + x) as usize] += 1;
                }
            }
        }
        assert!(covered.iter().all(|c| *c == 1));
    }
    let scene = load("test.scene");
    assert_eq!(scene.tile_count(), 12);
    assert_eq!(
        scene.render_tile(12),
        Err(TileError::NoSuchTile {
            index: 12,
            tiles: 12
        })
    );
    assert!(scene.render_tile(u32::MAX).is_err());
}

#[test]
fn the_default_scene_is_worth_64_units() {
    let scene = load("sungrid.scene");
    assert!(scene.tile_count() >= 64);
    assert!(scene.triangle_count() > 50_000);
}

#[test]
fn references_name_what_must_be_uploaded() {
    let loader = DirLoader::new(scenes());
    assert_eq!(
        Scene::references("test.scene", &loader),
        Ok(vec!["cage.obj".to_owned(), "quad.obj".to_owned()])
    );
    assert_eq!(
        Scene::references("sungrid.scene", &loader),
        Ok(["cage.obj", "column.obj", "field.scene", "panel.obj"]
            .map(str::to_owned)
            .to_vec())
    );
}

#[test]
fn tiles_that_do_not_fit_together_are_refused() {
    let scene = load("test.scene");
    let tiles: Vec<Tile> = render(&scene);
    let check = |change: &dyn Fn(&mut Vec<Tile>)| {
        let mut changed = tiles.clone();
        change(&mut changed);
        assemble(&changed)
    };

    assert!(check(&|t| t.reverse()).is_ok());
    assert_eq!(check(&|t| t.clear()), Err(TileError::Empty));
    assert_eq!(
        check(&|t| drop(t.remove(5))),
        Err(TileError::Hole { x: 16, y: 16 })
    );
    assert_eq!(
        check(&|t| t.push(t[5].clone())),
        Err(TileError::Overlap { x: 16, y: 16 })
    );
    assert_eq!(
        check(&|t| t[3].full_width = 65),
        Err(TileError::OtherPicture { position: 3 })
    );
    let short = TileError::WrongLength {
        expected: 768,
        found: 767,
    };
    assert_eq!(check(&|t| t[3].rgb.truncate(767)), Err(short));
    assert!(matches!(
        check(&|t| t[3].rect.x = u32::MAX),
        Err(TileError::Malformed { .. })
    ));
    let huge = |t: &mut Vec<Tile>| {
        t.iter_mut()
            .for_each(|t| (t.full_width, t.full_height) = (u32::MAX, u32::MAX));
    };
    assert!(matches!(check(&huge), Err(TileError::Malformed { .. })));
    assert!(check(&|t| t[3].rect.height = 0).is_err());
}

#[test]
fn damaged_tile_files_are_refused() {
    let file = load("test.scene").render_tile(0).expect("a tile").encode();
    assert!(Tile::decode(&file).is_ok());
    for length in [0, 1, 27, 28, file.len() - 1] {
        assert!(Tile::decode(&file[..length]).is_err(), "{length} bytes");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert_eq!(
        Tile::decode(&longer),
        Err(TileError::WrongLength {
            expected: 796,
            found: 797
        })
    );
    for (offset, value) in [
        (0, b'X'),
        (3, b'2'),
        (7, 0xff),
        (12, 0),
        (15, 0xff),
        (23, 0xff),
    ] {
        let mut damaged = file.clone();
        damaged[offset] = value;
        assert!(Tile::decode(&damaged).is_err(), "byte {offset}");
    }
}
