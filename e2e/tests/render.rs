//! The main job: a scene, rendered by strangers.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use sungrid_e2e::{Node, Process, Worker, binary, guest, root, sungrid_json};
use sungrid_renderer::{DirLoader, Scene, assemble};
use tempfile::TempDir;

/// The bytes of an 8-bit RGB picture.
fn pixels(path: &Path) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::BufReader::new(
        fs::File::open(path).expect("the picture exists"),
    ))
    .read_info()
    .expect("it is a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut bytes).expect("it is whole");
    bytes.truncate(info.buffer_size());
    bytes
}

/// The same picture by the native renderer, in one go.
fn rendered_here(scene: &Path) -> Vec<u8> {
    let (folder, name) = (
        scene.parent().expect("a folder"),
        scene.file_name().expect("a name"),
    );
    let loader = DirLoader::new(folder);
    let scene = Scene::parse(&name.to_string_lossy(), &loader)
        .expect("the scene of the repository is sound");
    let tiles: Vec<_> = (0..scene.tile_count())
        .map(|tile| scene.render_tile(tile).expect("the tile exists"))
        .collect();
    assemble(&tiles).expect("the tiles make a picture").rgb
}

/// Three workers, one of which falsifies one bit of every output. It is found out by disagreement, loses bond to the
/// honest ones, and the picture is right to the pixel.
#[test]
fn a_liar_is_slashed_and_the_picture_is_right_to_the_pixel() {
    let node = Node::dev();
    let folder = TempDir::new().expect("a temporary folder");
    let (data, picture) = (
        folder.path().join("data"),
        folder.path().join("picture.png"),
    );
    let scene = root().join("guests/renderer/scenes/test.scene");

    // One honest worker and the liar: every batch ends in a disagreement until somebody else comes.
    let _honest = Worker::start(&node, "//Bob");
    let mut liar = Worker::start_program(&node, "//Dave", binary("liar"));
    let before = sungrid_json(&node, &["worker", "list"]);
    let bond_before = |operator: &Value| {
        let workers = before.as_array().expect("a list of workers").iter();
        workers
            .filter(|worker| worker["operator"] == *operator)
            .find_map(|worker| worker["bond_planck"].as_u64())
    };

    let mut render = Command::new(binary("sungrid"));
    render
        .args([
            "--json",
            "--key",
            "//Alice",
            "--node",
            &node.url(),
            "--data-dir",
        ])
        .arg(&data);
    render
        .arg("render")
        .arg(&scene)
        .arg("--renderer")
        .arg(guest("renderer"))
        .arg("--out")
        .arg(&picture);
    let render = Process::start("sungrid render", &mut render);
    liar.process().wait_for("computed");
    let _third = Worker::start(&node, "//Charlie");

    let (status, log) = render.finish();
    assert!(status.success(), "{log}");
    // stdout ends with the summary; what went to stderr may stand behind it.
    let json = log
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok());
    let summary: Value = json.expect("JSON on the last line");

    assert_eq!(pixels(&picture), rendered_here(&scene), "{summary}");

    let after = sungrid_json(&node, &["worker", "list"]);
    let workers = after.as_array().expect("a list of workers");
    let faulty: Vec<_> = workers
        .iter()
        .filter(|worker| worker["faults"].as_u64() > Some(0))
        .collect();
    assert_eq!(faulty.len(), 1, "only the liar is at fault: {after}");
    let bond = faulty[0]["bond_planck"].as_u64().expect("a bond");
    assert!(
        Some(bond) < bond_before(&faulty[0]["operator"]),
        "a lie costs bond: {before} {after}"
    );
    assert_eq!(
        faulty[0]["credit_planck"].as_u64(),
        Some(0),
        "a liar earns nothing: {after}"
    );

    // Every receipt that was accepted verifies without a network, and the bill comes to what was paid.
    let receipts = summary["receipts"]
        .as_str()
        .expect("where the receipts are");
    let report = sungrid_json(&node, &["receipt", "verify", receipts]);
    assert_eq!(report["valid"], report["total"], "{report}");
    assert_eq!(report["agrees"], Value::Bool(true), "{report}");
}
