//! What is loaded into workers: another clock, and death at a chosen write of the journal.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCE: &str = include_str!("shim.c");

/// The library, compiled.
pub(super) struct Shim(PathBuf);

impl Shim {
    /// Compiles it into a folder.
    ///
    /// # Panics
    /// If this machine has no C compiler.
    pub(super) fn build(folder: &Path) -> Self {
        let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
        std::fs::write(&source, SOURCE).expect("the temporary folder takes a file");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .expect("there is a C compiler, as building the workspace needs one");
        let log = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{log}");
        Self(library)
    }

    /// What a process needs in its environment to be ruled by `control`.
    pub(super) fn environment(&self, control: &Control) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
        vec![
            ("LD_PRELOAD".into(), text(&self.0)),
            ("SUNGRID_FAULTS".into(), text(&control.path)),
        ]
    }
}

/// Rules the processes that have the library and name this file.
pub(super) struct Control {
    path: PathBuf,
    file: File,
}

impl Control {
    pub(super) fn new(path: PathBuf) -> Self {
        let file = File::create_new(&path).expect("the temporary folder takes a file");
        let control = Self { path, file };
        (0..3).for_each(|n| control.set(n, 0));
        control
    }

    /// Seconds to add to the time of day.
    pub(super) fn shift_clock(&self, seconds: i64) {
        self.set(0, seconds);
    }

    /// Kills at the `n`-th write of the journal from now on, from 1, before or after it is on the disk.
    pub(super) fn die_at_sync(&self, n: i64, after: bool) {
        self.set(2, after.into());
        self.set(1, n);
    }

    /// Lets it live.
    pub(super) fn spare(&self) {
        self.set(1, 0);
    }

    fn set(&self, n: u64, value: i64) {
        // The pages are those that the process has mapped.
        let written = self.file.write_all_at(&value.to_ne_bytes(), 8 * n);
        written.expect("24 bytes");
    }
}
