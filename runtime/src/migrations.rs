//! Storage migrations of the next runtime upgrade, in the order in which they run.
//!
//! Empty while the deployed storage is what the code expects. Each entry is a `VersionedMigration`, and
//! goes once every live network has run it.

/// What runs once, in the first block of a new runtime.
pub type SingleBlockMigrations = ();
