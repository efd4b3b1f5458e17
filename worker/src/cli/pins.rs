//! `sungrid-worker pin`, `unpin` and `pins`: content that stays in the store.

use std::{path::Path, time::Duration};

use clap::Args;
use sungrid_manifest::parse_cid;
use sungrid_primitives::ContentHash;

use super::{CommandError, Folder};
use crate::{
    config::Config,
    control,
    pins::{self, Pins, Request},
    requests,
};

/// How long a running worker may take: it looks through the store of some applications.
const WAIT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct Which {
    /// What: the CID of an application or of any content in the store; may be repeated.
    #[arg(required = true, value_name = "CID", value_parser = content)]
    contents: Vec<ContentHash>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(super) struct How {
    #[command(flatten)]
    folder: Folder,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

fn content(text: &str) -> Result<ContentHash, String> {
    parse_cid(text).map_err(|error| error.to_string())
}

pub(super) async fn pin(which: Which) -> Result<(), CommandError> {
    execute(&which.how, Request::Pin(which.contents)).await
}

pub(super) async fn unpin(which: Which) -> Result<(), CommandError> {
    execute(&which.how, Request::Unpin(which.contents)).await
}

pub(super) async fn list(how: How) -> Result<(), CommandError> {
    execute(&how, Request::List).await
}

async fn execute(how: &How, request: Request) -> Result<(), CommandError> {
    let pins = ask(&how.folder.data_dir, &request).await?;
    match how.json {
        true => println!("{}", serde_json::json!(pins)),
        false => print!("{}", text(&pins)),
    }
    Ok(())
}

/// Has a running worker do it, or does it in the store of one that does not run.
async fn ask(folder: &Path, request: &Request) -> Result<Pins, CommandError> {
    if control::is_running(folder) {
        return Ok(requests::ask(folder, request, WAIT).await?);
    }
    let config = Config::load(folder)?;
    let _lock = control::lock(folder)?;
    let store = config.storage_mib << 20;
    Ok(pins::execute_alone(&folder.join("blobs"), store, request).await?)
}

fn text(pins: &Pins) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let mut text = String::new();
    for pin in &pins.pins {
        let what = match pin.application {
            true => "application",
            false => "content",
        };
        text += &format!("{}  {:>10.1} MiB  {what}\n", pin.cid, mib(pin.bytes));
    }
    text + &format!(
        "{} pinned, {:.1} of {:.1} MiB; {:.1} MiB in the store\n",
        pins.pins.len(),
        mib(pins.pinned_bytes),
        mib(pins.most_bytes),
        mib(pins.stored_bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_data_plane::DataPlane;

    #[tokio::test]
    async fn a_running_worker_and_one_that_rests_are_asked_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config {
            storage_mib: 1,
            ..Config::default()
        };
        config.declared.jurisdiction = "DE".into();
        let settings = config.to_text().expect("text");
        std::fs::write(folder.path().join(crate::config::FILE), settings).expect("writes");
        let mut store = sungrid_data_plane::Config::persistent(folder.path().join("blobs"));
        store.min_free_disk_bytes = 0;
        store.max_store_bytes = 1 << 20;
        let node = DataPlane::spawn(store).await.expect("up");
        let held = node.put_bytes(vec![7; 300_000]).await.expect("stored");
        let content = ContentHash::from(*held.hash().as_bytes());
        let large = node.put_bytes(vec![8; 300_000]).await.expect("stored");
        let large = ContentHash::from(*large.hash().as_bytes());
        // While it runs
        let lock = control::lock(folder.path()).expect("takes it");
        requests::open(folder.path()).expect("opens it");
        let most = (1 << 20) / pins::PINNED_PART;
        let serving = requests::serve(folder.path().into(), |request: Request| {
            let node = node.clone();
            async move {
                let outcome = pins::execute(&node, most, &request).await;
                outcome.map_err(|error| error.to_string())
            }
        });
        let asking = async {
            let pins = ask(folder.path(), &Request::Pin(vec![content])).await;
            assert_eq!(pins.expect("pins").pinned_bytes, 300_000);
            let more = ask(folder.path(), &Request::Pin(vec![large])).await;
            let more = more.expect_err("beyond its share").to_string();
            assert!(
                more.contains("600000 bytes") && more.contains("524288"),
                "{more}"
            );
        };
        tokio::select! {
            () = serving => unreachable!("it serves for ever"),
            () = asking => {}
        }
        // AND after it has ended
        node.sync().await.expect("synced");
        node.shutdown().await;
        drop((held, node, lock));
        let pins = ask(folder.path(), &Request::List).await.expect("lists");
        let shown = text(&pins);
        assert!(shown.contains("0.3 MiB  content"), "{shown}");
        assert!(shown.contains("1 pinned, 0.3 of 0.5 MiB"), "{shown}");
        let gone = ask(folder.path(), &Request::Unpin(vec![content])).await;
        assert!(gone.expect("unpins").pins.is_empty());
    }
}
