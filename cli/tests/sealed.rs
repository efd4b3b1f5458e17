//! Encrypted jobs, from the requester's side: what is stored and served, who gets the key, what comes back, and what does not open.

#[allow(unreachable_pub, dead_code, reason = "a module of several tests")]
mod common;

use std::{fs, path::Path};

use common::{Grid, Lie, Scene};
use sungrid_access::{card, key_name};
use sungrid_chain_client::{Chain, Keypair};
use sungrid_cli::{
    Error,
    folder::JobFolder,
    requester::{Requester, Update},
    sealed::KEY_FILE,
};
use sungrid_data_plane::{Config, DataPlane, FetchOptions, PeerAddress, SecretError};
use sungrid_seal::{JobKey, is_sealed};

fn scene(units: u32) -> Scene {
    let mut scene = Scene::new(units, 1);
    scene.file.encrypt = true;
    scene
}

/// Whether some bytes are in a file below a folder.
fn finds(folder: &Path, bytes: &[u8]) -> bool {
    let mut files = sungrid_cli::package::files_below(folder)
        .unwrap()
        .into_iter();
    files.any(|file| {
        let content = fs::read(file).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

fn key(folder: &JobFolder) -> JobKey {
    folder.key().unwrap().expect("an encrypted job has one")
}

async fn ended(grid: &Grid, requester: &mut Requester) -> JobFolder {
    let (updates, summary) = grid.run(requester).await;
    let summary = summary.unwrap().complete().unwrap();
    assert_eq!(summary.verified, summary.units, "{updates:?}");
    requester.folder().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_the_clear_and_nothing_that_is_served_is() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&scene(3)).await.unwrap();
    let folder = ended(&grid, &mut requester).await;
    for unit in 0..3 {
        let text = fs::read_to_string(folder.unit(unit).join("out/result.txt")).unwrap();
        assert_eq!(text, format!("unit {unit} of 3\n"));
        let left = fs::read_dir(folder.unit(unit).join("out")).unwrap();
        assert_eq!(left.count(), 1, "nothing else was left in the folder");
    }
    // What a restart need not fetch again is marked: two bundles and a mark for each batch.
    assert_eq!(fs::read_dir(folder.receipts()).unwrap().count(), 9);
    // The store has what workers get and what they left.
    requester.shutdown().await;
    let blobs = folder.blobs();
    let code = b"\0asm\x01\0\0\0";
    assert!(finds(&blobs, code), "the application is no secret");
    for secret in [&b"for all"[..], b"shared.txt", b"result.txt", b"unit 0 of"] {
        assert!(
            !finds(&blobs, secret),
            "{}",
            String::from_utf8_lossy(secret)
        );
        let receipts = folder.receipts();
        assert!(!finds(&receipts, secret), "in receipts");
    }
    assert!(!finds(&blobs, &*key(&folder).to_bytes()));

    // The folder with its key is enough to check all of it again; without it or with another one it is not.
    let report = common::verify(folder.path());
    assert_eq!((&report["total"], &report["valid"]), (&6.into(), &6.into()));
    assert_eq!(report["agrees"], true);
    folder.save_key(&JobKey::from_bytes([1; 32])).unwrap();
    let report = common::verify(folder.path());
    assert_eq!((&report["total"], &report["valid"]), (&6.into(), &0.into()));
    fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
    let report = common::verify(folder.path());
    let error = report["error"].as_str().unwrap();
    assert!(
        error.contains("job.key") && error.contains("copy"),
        "{error}"
    );
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_have_the_content_does_not_get_the_key() {
    let grid = Grid::new(2).await;
    let requester = grid.submit(&scene(1)).await.unwrap();
    let job = requester.job();
    let spec = &requester.record().spec;
    let from = [PeerAddress::from_bytes(&spec.endpoint).unwrap()];
    // A worker that the job admits has the manifest, sealed; the key only with a batch.
    let admitted = DataPlane::spawn(Config::memory()).await.unwrap();
    let worker = Keypair::from_uri("//Worker0").unwrap();
    let card = card::sign(&worker, &grid.chain.genesis(), &admitted.endpoint_id());
    admitted.set_card(card).unwrap();
    let blob = sungrid_cli::serve::blob(&spec.input);
    let fetched = admitted
        .fetch(blob, &from, FetchOptions::up_to(1 << 20))
        .await;
    let _held = fetched.expect("it is admitted").held;
    let manifest = admitted.get_bytes(blob, 1 << 20).await.unwrap();
    assert!(is_sealed(&manifest));
    let ask = async |node: &DataPlane| node.ask_secret(&key_name(job, 0), &from).await;
    let refused = ask(&admitted).await;
    assert!(
        matches!(refused, Err(SecretError::Refused { .. })),
        "{refused:?}"
    );
    let stranger = DataPlane::spawn(Config::memory()).await.unwrap();
    assert!(ask(&stranger).await.is_err());
    let call = sungrid_chain_client::Call::Claim(job);
    let until = sungrid_chain_client::Until::InBlock;
    grid.chain.submit(&worker, call, until).await.unwrap();
    let told = ask(&admitted).await.expect("it holds the batch");
    assert_eq!(told[..], key(requester.folder()).to_bytes()[..]);
    assert!(ask(&stranger).await.is_err());
    admitted.shutdown().await;
    stranger.shutdown().await;
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_that_comes_back_hands_out_the_key_as_before() {
    let grid = Grid::new(2).await;
    let requester = grid.submit(&scene(2)).await.unwrap();
    let job = requester.job();
    requester.shutdown().await;
    let mut requester = grid.resume(job).await.unwrap();
    let folder = ended(&grid, &mut requester).await;
    let text = fs::read_to_string(folder.unit(1).join("out/result.txt")).unwrap();
    assert_eq!(text, "unit 1 of 2\n");
    requester.shutdown().await;
    // Without its key it says what is missing, and does not serve what nobody could use.
    fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
    let error = grid.resume(job).await.err().expect("no key").to_string();
    assert!(error.contains("its key is not here"), "{error}");
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_workers_agree_on_and_does_not_open_is_named_and_ends_nothing_else() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&scene(2)).await.unwrap();
    // Both lie alike, for one batch: the chain has no way to know.
    grid.lie(0, Lie::Sealing);
    grid.lie(1, Lie::Sealing);
    let (updates, summary) = grid.run(&mut requester).await;
    let summary = summary.unwrap();
    assert_eq!((summary.verified, summary.unfetched.len()), (0, 2));
    let says = |update: &Update| match update {
        Update::Rejected { reason, .. } => reason.contains("does not open"),
        _ => false,
    };
    assert!(updates.iter().any(says), "{updates:?}");
    let error = summary.complete().unwrap_err().to_string();
    assert!(error.contains("does not open"), "{error}");
    let folder = requester.folder().clone();
    for unit in 0..2 {
        assert!(
            !folder.unit(unit).exists(),
            "nothing of unit {unit} is left"
        );
    }
    let bundles = fs::read_dir(folder.receipts()).unwrap();
    assert_eq!(bundles.count(), 0, "what does not open is not kept");
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_after_another_has_its_key_and_the_two_are_not_mixed() {
    let grid = Grid::new(2).await;
    let mut first = grid.submit(&scene(2)).await.unwrap();
    let kept = ended(&grid, &mut first).await;
    let after = |encrypt| {
        let mut scene = Scene::new(2, 1);
        scene.file.after = Some(first.job());
        scene.file.encrypt = encrypt;
        scene
    };
    let refused = grid.submit(&after(false)).await.err().expect("mixed");
    assert!(
        matches!(&refused, Error::Usage(why) if why.contains("--encrypt")),
        "{refused}"
    );
    let mut second = grid.submit(&after(true)).await.unwrap();
    let folder = ended(&grid, &mut second).await;
    assert_eq!(key(&folder), key(&kept));
    assert_eq!(common::verify(folder.path())["agrees"], true);
    let mut plain = grid.submit(&Scene::new(2, 1)).await.unwrap();
    let plain_folder = ended(&grid, &mut plain).await;
    assert_eq!(plain_folder.key().unwrap(), None);
    let mut mixed = scene(2);
    mixed.file.after = Some(plain.job());
    let refused = grid.submit(&mixed).await.err().expect("mixed");
    assert!(
        matches!(&refused, Error::Usage(why) if why.contains("leave --encrypt out")),
        "{refused}"
    );
    // No other two jobs share a key.
    let other = grid.submit(&scene(1)).await.unwrap();
    assert_ne!(key(other.folder()), key(&kept));
    for requester in [first, second, plain, other] {
        requester.shutdown().await;
    }
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_an_encrypted_series_have_its_key() {
    let grid = Grid::new(2).await;
    let series = grid.repeat(&scene(1), 20, 1).await.unwrap();
    grid.chain.advance(20);
    let mut requester = series.next().await.unwrap().expect("it has started");
    let folder = ended(&grid, &mut requester).await;
    assert_eq!(key(&folder), key(series.folder()));
    let text = fs::read_to_string(folder.unit(0).join("out/result.txt")).unwrap();
    assert_eq!(text, "unit 0 of 1\n");
    assert_eq!(common::verify(folder.path())["agrees"], true);
    requester.shutdown().await;
    grid.shutdown().await;
}
