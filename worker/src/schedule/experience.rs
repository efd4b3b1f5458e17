//! What was learned, on the disk: one small file, replaced as a whole.
//!
//! It is a help and nothing else: what cannot be used is left out, entry by entry, and a file that cannot be read at all means
//! to learn anew.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sungrid_primitives::ContentHash;

use super::{
    learned::{IMAGES, Known, Lessons},
    regression::Regression,
};

/// Name of the file in the data folder.
pub(crate) const FILE: &str = "experience.json";
/// Pause between two writes. Less, and a busy worker writes all the time; more, and a crash forgets more.
pub(super) const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Largest file that is read: some twice what [`IMAGES`] take.
const MAX_BYTES: u64 = 1 << 20;
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Written {
    version: u8,
    met: u64,
    all: Regression,
    /// Each an image and what is known of it; read one by one, so that a bad one takes no other with it.
    images: Vec<Value>,
}

/// Reads what was learned; nothing, if there is no file.
pub(super) fn load(path: &Path) -> io::Result<Lessons> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lessons::default()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    let refused = |reason: String| {
        let message = format!("{}: {reason}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(format!("more than {MAX_BYTES} bytes")));
    }
    let written: Written =
        serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    if written.version != VERSION {
        return Err(refused(format!("version {} is unknown", written.version)));
    }
    let mut lessons = Lessons {
        met: written.met,
        ..Lessons::default()
    };
    if written.all.is_sound() {
        lessons.all = written.all;
    }
    let entries = written.images.into_iter().take(IMAGES);
    lessons.images = entries
        .filter_map(|entry| serde_json::from_value::<(ContentHash, Known)>(entry).ok())
        .filter(|(_, known)| known.is_sound())
        .collect();
    Ok(lessons)
}

/// Replaces the file. A crash leaves the old one.
pub(super) fn store(path: &Path, lessons: &Lessons) -> io::Result<()> {
    let mut images: Vec<_> = lessons.images.iter().collect();
    images.sort_by_key(|(image, _)| **image);
    let written = Written {
        version: VERSION,
        met: lessons.met,
        all: lessons.all,
        images: images
            .into_iter()
            .map(serde_json::to_value)
            .collect::<serde_json::Result<_>>()?,
    };
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(&written)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
