//! Scenes and OBJ files that are wrong: each gets an error that names the place, none a panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sungrid_renderer::{DirLoader, Scene, SceneErrorKind};

const HEAD: &str = "sungrid-scene 1
image 8 8
camera from 0 0 -5 at 0 0 0
material m diffuse 1 1 1
";
const QUAD: &str = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n";

fn files(scene: &str, obj: &str) -> BTreeMap<String, Vec<u8>> {
    [
        ("a.scene", scene),
        ("a.obj", obj),
        ("b.scene", "sphere m 0 0 0 1\n"),
        ("loop.scene", "include loop.scene\n"),
    ]
    .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
    .into()
}

fn error_of(scene: &str, obj: &str) -> String {
    match Scene::parse("a.scene", &files(scene, obj)) {
        Ok(_) => panic!("accepted: {scene}\n{obj}"),
        Err(e) => e.to_string(),
    }
}

/// The last line of a scene that is otherwise fine is wrong.
#[test]
fn malformed_lines_are_named() {
    let long = "x".repeat(65);
    let cases: &[(&str, &str)] = &[
        ("spere m 0 0 0 1", "unknown directive 'spere'"),
        ("sphere m 0 0 0", "the radius is missing"),
        (
            "sphere m 0 0 0 1 2",
            "expected the end of the line, found '2'",
        ),
        (
            "sphere m 0 zero 0 1",
            "expected a number for the centre, found 'zero'",
        ),
        ("sphere m 0 NaN 0 1", "the centre is NaN, but must be from"),
        ("sphere m 0 inf 0 1", "the centre is inf"),
        ("sphere m 1e999 0 0 1", "the centre is 1e999"),
        ("sphere m 0 0 0 0", "the radius is 0"),
        ("sphere m 0 0 0 -1", "the radius is -1"),
        ("sphere n 0 0 0 1", "material 'n' is not defined"),
        (
            "sphere m 1e9 0 0 1e9",
            "an object lies more than 1e9 from the origin",
        ),
        ("image 9 9", "'image' is given twice"),
        ("camera from 0 0 0 at 1 0 0", "'camera' is given twice"),
        (
            "samples 0",
            "the number of samples is 0, but must be from 1 to 65536",
        ),
        ("samples 1.5", "expected a whole number"),
        ("samples -1", "the number of samples is -1"),
        (
            "samples 99999999999999999999999999999999999999999",
            "expected a whole number",
        ),
        ("samples 4 rounds 0", "the number of rounds is 0"),
        ("samples 4 noise 2", "the noise is 2"),
        ("tile 7 64", "the width of a tile is 7"),
        ("depth 65", "the depth is 65"),
        ("exposure 0", "the exposure is 0"),
        ("clamp -1", "the clamp is -1"),
        ("seed 4294967296", "the seed is 4294967296"),
        ("sky", "the sky's 'zenith' is missing"),
        ("sky zenith 1 1 1 zenith 1 1 1", "'zenith' is given twice"),
        ("sky zenith -1 1 1", "the sky's color is -1"),
        ("sky night 1 1 1", "found 'night'"),
        ("sun color 1 1 1", "the sun's 'direction' is missing"),
        (
            "sun direction 0 0 0 color 1 1 1",
            "a direction must not be zero",
        ),
        ("sun direction 0 1 0", "the sun's 'color' is missing"),
        (
            "sun direction 0 1 0 color 1 1 1 angle 0",
            "the sun's diameter in degrees is 0",
        ),
        ("haze color 1 1 1", "the haze's 'density' is missing"),
        ("haze density -1", "the haze's density is -1"),
        ("material m diffuse 1 1 1", "material 'm' is given twice"),
        ("material ../m diffuse 1 1 1", "found '../m'"),
        ("material n diffuse 1 1 2", "the color is 2"),
        ("material n wood 1 1 1", "found 'wood'"),
        ("material n glossy 1 1 1 roughness 2", "the roughness is 2"),
        ("material n metal 1 1 1 ior 2", "found 'ior'"),
        ("material n glass ior 0.5", "the index of refraction is 0.5"),
        ("material n glass tint 0 1 1", "the tint is 0"),
        ("material n diffuse 1 1 1 dots 1 1 1 1", "found 'dots'"),
        (
            "material n diffuse 1 1 1 checker 1 1 1",
            "the pattern's size is missing",
        ),
        (
            "material n diffuse 1 1 1 grid 1 1 1 0",
            "the pattern's size is 0",
        ),
        ("mesh q", "the name of a file is missing"),
        ("mesh q /etc/passwd", "found '/etc/passwd'"),
        ("mesh q ../a.obj", "found '../a.obj'"),
        ("mesh q .hidden", "found '.hidden'"),
        ("mesh q a.obj bumpy", "found 'bumpy'"),
        ("object q m", "mesh 'q' is not defined"),
        ("include loop.scene", "include each other more than 8 deep"),
        (
            "include missing.scene",
            "missing.scene: cannot be read (no such file)",
        ),
        ("include c:\\a", "found 'c:\\a'"),
        (
            &long,
            "unknown directive 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'",
        ),
        ("\u{1b}[31m", "unknown directive '\\u{1b}[31m'"),
    ];
    for (line, expected) in cases {
        let error = error_of(&format!("{HEAD}sphere m 0 0 0 1\n{line}\n"), QUAD);
        assert!(error.contains(expected), "{line}: {error}");
        let about_other_file = ["loop.scene:1: ", "missing.scene: ", "a.scene: an object"];
        assert!(
            error.starts_with("a.scene:6: ")
                || about_other_file.iter().any(|f| error.starts_with(f)),
            "{line}: {error}"
        );
    }
}

#[test]
fn malformed_placements_are_named() {
    for (line, expected) in [
        ("object q", "the name of a material is missing"),
        ("object q m scale 0", "flattens the mesh"),
        ("object q m scale 1 0 1", "flattens the mesh"),
        ("object q m scale 1 1", "the scale is missing"),
        (
            "object q m scale 1e-9 scale 1e-9 scale 1e-9 scale 1e-9 scale 1e-9 scale 1e-9 scale 1e-9 scale 1e-9 scale 1e-9 scale 1e-9",
            "flattens the mesh",
        ),
        (
            "object q m scale 1e9 scale 1e9",
            "more than 1e9 from the origin",
        ),
        ("object q m rotate 0 0 0 90", "a direction must not be zero"),
        ("object q m rotate 0 1 0", "the angle in degrees is missing"),
        ("object q m translate 0 1", "the translation is missing"),
        ("object q m spin 1", "found 'spin'"),
        ("mesh q a.obj", "mesh 'q' is given twice"),
    ] {
        let error = error_of(&format!("{HEAD}mesh q a.obj\n{line}\n"), QUAD);
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn incomplete_scenes_are_named() {
    for (scene, expected) in [
        ("", "a.scene: a scene begins with"),
        ("\n# only a comment\n", "a scene begins with"),
        ("image 8 8", "a.scene:1: a scene begins with"),
        ("sungrid-scene 2", "the version of the format is 2"),
        ("sungrid-scene", "the version of the format is missing"),
        ("sungrid-scene 1", "the line 'image' is missing"),
        ("sungrid-scene 1\nimage 8 8", "the line 'camera' is missing"),
        (
            "sungrid-scene 1\nimage 8 8\ncamera from 0 0 0 at 0 0 1",
            "an object",
        ),
        ("sungrid-scene 1\nimage 0 8", "the width is 0"),
        ("sungrid-scene 1\nimage 16385 8", "the width is 16385"),
        (
            "sungrid-scene 1\nimage 16384 16384",
            "more than 67108864 pixels",
        ),
        (
            "sungrid-scene 1\ncamera at 0 0 1",
            "the camera's 'from' is missing",
        ),
        (
            "sungrid-scene 1\ncamera from 0 0 1",
            "the camera's 'at' is missing",
        ),
        (
            "sungrid-scene 1\ncamera from 0 0 1 at 0 0 1",
            "must not lie on one line",
        ),
        (
            "sungrid-scene 1\ncamera from 0 0 0 at 0 1 0",
            "must not lie on one line",
        ),
        (
            "sungrid-scene 1\ncamera from 0 0 0 at 0 0 1 fov 180",
            "field of view in degrees is 180",
        ),
        (
            "sungrid-scene 1\ncamera from 0 0 0 at 0 0 1 aperture -1",
            "the aperture is -1",
        ),
        (
            "sungrid-scene 1\ncamera from 0 0 0 at 0 0 1 focus 0",
            "the focus distance is 0",
        ),
    ] {
        let error = error_of(scene, QUAD);
        assert!(error.contains(expected), "{scene}: {error}");
    }
    let nothing: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let error = Scene::parse("a.scene", &nothing).expect_err("there is no file");
    assert!(
        error.to_string().starts_with("a.scene: cannot be read"),
        "{error}"
    );
}

#[test]
fn malformed_obj_files_are_named() {
    for (obj, expected) in [
        ("", "a.obj: the mesh has no face with an area"),
        ("v 0 0 0\n", "a.obj: the mesh has no face with an area"),
        ("v 0 0\n", "a.obj:1: a coordinate is missing"),
        (
            "v 0 0 x\n",
            "a.obj:1: expected a number for a coordinate, found 'x'",
        ),
        ("v 0 0 nan\n", "a.obj:1: a coordinate is nan"),
        ("v 0 0 1e300\n", "a.obj:1: a coordinate is 1e300"),
        ("vn 0 0\n", "a.obj:1: a normal is missing"),
        (
            "f 1 2 3\n",
            "a.obj:1: vertex index 1 points to nothing (0 defined",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2\n",
            "a.obj:4: a corner of the face (it needs three) is missing",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n",
            "a.obj:4: vertex index 4 points to nothing (3 defined",
        ),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 0\n", "vertex index 0"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -4\n", "vertex index -4"),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 -9223372036854775808\n",
            "vertex index -9223372036854775808",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9223372036854775807\n",
            "vertex index 9223372036854775807",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9223372036854775808\n",
            "expected a vertex index",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1//1 2//1 3//1\n",
            "normal index 1 points to nothing",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/x 2 3\n",
            "expected a corner like 1",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1/1/1 2 3\n",
            "expected a corner like 1",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf a 2 3\n",
            "expected a vertex index, found 'a'",
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n",
            "no face with an area",
        ),
        ("solid cube\n", "a.obj:1: unknown directive 'solid'"),
        ("\0\0\0\0", "a.obj:1: unknown directive"),
    ] {
        let error = error_of(&format!("{HEAD}mesh q a.obj\nobject q m\n"), obj);
        assert!(error.contains(expected), "{obj}: {error}");
    }
    let mut not_text = files(&format!("{HEAD}mesh q a.obj\nobject q m\n"), "");
    not_text.insert("a.obj".to_owned(), b"v 0 0 0\nv \xff\xfe 0\n".to_vec());
    let error = Scene::parse("a.scene", &not_text)
        .expect_err("not text")
        .to_string();
    assert!(
        error.starts_with("a.obj:2: this line is not UTF-8 text"),
        "{error}"
    );
}

#[test]
fn unusual_obj_files_are_read() {
    for (obj, triangles) in [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\n", 1),
        ("v 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\nf 1 2 3\r\n", 1),
        ("v 0 0 0 1.0\nv 1 0 0 0.5 0.5 0.5\nv 0 1 0\nf 1 2 3", 1),
        (
            "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0.5 2 0\nv 0 1 0\nf 1 2 3 4 5\n",
            3,
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\nf 1/1/1 2/1/1 3/1/1\nf 1/1 2/1 3/1\nf 1//1 2 3/1/\n",
            3,
        ),
        (
            "mtllib x.mtl\no thing\ng a b\ns off\nusemtl none\nv 0 0 0\nv 1 0 0\nv 0 1 0\nl 1 2\np 1\nf 1 2 3\n",
            1,
        ),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 0\nf 1//1 2//1 3//1\nf 1 1 1\n",
            1,
        ),
        (
            "# comment\n   v 0 0 0 # there\n\tv\t1 0 0\nv 0 1 0\nf 1 2 3\n",
            1,
        ),
    ] {
        for smooth in ["", " smooth"] {
            let scene =
                format!("{HEAD}mesh q a.obj{smooth}\nobject q m\nobject q m scale -1 2 1\n");
            let scene = Scene::parse("a.scene", &files(&scene, obj)).expect(obj);
            assert_eq!(scene.triangle_count(), 2 * triangles, "{obj}");
            scene.render_tile(0).expect("renders");
        }
    }
    // Comments need not be text.
    let mut latin = files(&format!("{HEAD}mesh q a.obj\nobject q m\n"), "");
    latin.insert(
        "a.obj".to_owned(),
        [b"# caf\xe9\n", QUAD.as_bytes()].concat(),
    );
    assert!(Scene::parse("a.scene", &latin).is_ok());
}

#[test]
fn too_much_is_refused() {
    let error = error_of(&format!("{HEAD}{}", "mesh q a.obj\n".repeat(2)), QUAD);
    assert!(error.contains("given twice"), "{error}");
    let includes = "include b.scene\n".repeat(300);
    let error = error_of(&format!("{HEAD}{includes}"), QUAD);
    assert!(error.contains("more than 256 files"), "{error}");
    let spheres = "sphere m 0 0 0 1\n".repeat((1 << 18) + 1);
    let error = error_of(&format!("{HEAD}{spheres}"), QUAD);
    assert!(error.contains("more than 262144 objects"), "{error}");
    let polygon = format!("v 0 0 0\nv 1 0 0\nv 0 1 0\nf{}\n", " 1 2 3".repeat(30_000));
    let error = error_of(&format!("{HEAD}mesh q a.obj\nobject q m\n"), &polygon);
    assert!(error.contains("more than 65536 corners"), "{error}");
    let long = format!("{HEAD}sphere m 0 0 0 1\n#{}", " ".repeat(17 << 20));
    let error = error_of(&long, QUAD);
    assert!(error.contains("is too large"), "{error}");
    // Every include of a file that includes others counts, so nesting cannot multiply.
    let mut bomb = files(&format!("{HEAD}include x0.scene\n"), QUAD);
    for i in 0..7 {
        let next = format!("include x{}.scene\n", i + 1).repeat(10);
        bomb.insert(format!("x{i}.scene"), next.into_bytes());
    }
    bomb.insert("x7.scene".to_owned(), b"sphere m 0 0 0 1\n".to_vec());
    let error = Scene::parse("a.scene", &bomb).expect_err("a bomb");
    assert!(
        matches!(error.kind, SceneErrorKind::TooMany { what: "files", .. }),
        "{error}"
    );
}

#[test]
fn a_directory_or_missing_file_is_no_scene() {
    let directory = DirLoader::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["src", "nothing.scene"] {
        let error = Scene::parse(name, &directory).expect_err("no scene");
        assert!(
            matches!(error.kind, SceneErrorKind::Unreadable(_)),
            "{error}"
        );
    }
}

/// Lines that are nearly right, which random bytes never are.
fn nearly_a_line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "image",
            "tile",
            "samples",
            "camera",
            "from",
            "at",
            "up",
            "fov",
            "sky",
            "zenith",
            "sun",
            "direction",
            "color",
            "glow",
            "haze",
            "density",
            "material",
            "m",
            "n",
            "diffuse",
            "glossy",
            "metal",
            "glass",
            "emissive",
            "roughness",
            "ior",
            "checker",
            "grid",
            "mesh",
            "q",
            "a.obj",
            "b.scene",
            "smooth",
            "object",
            "scale",
            "rotate",
            "translate",
            "sphere",
            "include",
            "v",
            "vn",
            "f",
            "1//1",
            "1/1/1",
            "-1",
            "#",
            "sungrid-scene",
        ])
        .prop_map(str::to_owned),
        any::<f64>().prop_map(|x| x.to_string()),
        (-4_i64..5).prop_map(|x| x.to_string()),
        "\\PC{0,6}",
    ];
    prop::collection::vec(word, 1..10).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(scene in any::<Vec<u8>>(), obj in any::<Vec<u8>>()) {
        let mut files = files("", "");
        files.insert("a.scene".to_owned(), scene.clone());
        prop_assert!(Scene::parse("a.scene", &files).is_err());
        files.insert("a.scene".to_owned(), [HEAD.as_bytes(), &scene].concat());
        let _ = Scene::parse("a.scene", &files);
        files.insert("a.scene".to_owned(), format!("{HEAD}mesh q a.obj\nobject q m\n").into_bytes());
        files.insert("a.obj".to_owned(), obj);
        let _ = Scene::parse("a.scene", &files);
    }

    #[test]
    fn nearly_valid_scenes_never_panic(
        scene in prop::collection::vec(nearly_a_line(), 0..8),
        obj in prop::collection::vec(nearly_a_line(), 0..8),
    ) {
        let scene = format!("{HEAD}mesh q a.obj\nobject q m\n{}\n", scene.join("\n"));
        let obj = format!("{QUAD}{}\n", obj.join("\n"));
        if let Ok(scene) = Scene::parse("a.scene", &files(&scene, &obj)) {
            let s = scene.settings();
            // Whatever is accepted renders.
            if s.samples * s.rounds < 64 {
                prop_assert!(scene.render_tile(0).is_ok());
            }
        }
    }

    /// Any geometry within the limits gives a picture, however absurd.
    #[test]
    fn absurd_geometry_renders(
        points in prop::collection::vec(prop::array::uniform3(-1e9_f64..1e9), 3..12),
        small in prop::collection::vec(prop::array::uniform3(-1e-7_f64..1e-7), 3..6),
        radius in 1e-6_f64..1e8,
    ) {
        let mut obj = String::new();
        for [x, y, z] in points.iter().chain(&small) {
            obj += &format!("v {x} {y} {z}\n");
        }
        let count = points.len() + small.len();
        for i in 1..count - 1 {
            obj += &format!("f {i} {} {}\n", i + 1, i + 2);
        }
        let scene = format!(
            "{HEAD}samples 1\nmaterial g glass\nmaterial l emissive 1 1 1\nmesh q a.obj smooth\n\
             object q g scale 0.5\nobject q l scale 1e-3 1e-3 -1e-3\nsphere m 1 1 1 {radius}\n"
        );
        if let Ok(scene) = Scene::parse("a.scene", &files(&scene, &obj)) {
            prop_assert!(scene.render_tile(0).is_ok());
        }
    }
}
