//! What whoever runs a node does with its database.

use sungrid_e2e::Node;
use tempfile::TempDir;

#[test]
fn blocks_are_checked_exported_imported_reverted_and_purged() {
    let mut node = Node::dev();
    node.wait_for_block(5);
    node.stop();

    let checked = node.subcommand(&["check-block", "3"], None);
    assert!(checked.contains("Imported 1 blocks"), "{checked}");

    let folder = TempDir::new().expect("a temporary folder");
    let (file, other) = (folder.path().join("blocks"), folder.path().join("other"));
    let blocks = file.to_str().expect("a plain path");
    let range = [
        "export-blocks",
        "--from",
        "1",
        "--to",
        "4",
        "--binary",
        blocks,
    ];
    node.subcommand(&range, None);
    let imported = node.subcommand(&["import-blocks", "--binary", blocks], Some(&other));
    assert!(
        imported.contains("Imported 4 blocks. Best: #4"),
        "{imported}"
    );

    // What is finalised stays, so one block is asked for and at most one goes.
    let reverted = node.subcommand(&["revert", "1"], Some(&other));
    assert!(reverted.contains("Reverted 1 blocks"), "{reverted}");
    let purged = node.subcommand(&["purge-chain", "-y"], Some(&other));
    assert!(purged.contains("removed"), "{purged}");
}
