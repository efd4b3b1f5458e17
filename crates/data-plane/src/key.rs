//! The endpoint's key on disk.

use std::{
    io::{self, Write},
    path::Path,
};

use iroh::SecretKey;

use crate::SpawnError;

/// Name of the key file in the data folder.
const FILE: &str = "endpoint.key";

/// Reads the key in `dir`, or makes one. The file holds 64 hexadecimal digits and is readable by its
/// owner only: whoever has it can pose as this endpoint.
pub(crate) fn load_or_create(dir: &Path) -> Result<SecretKey, SpawnError> {
    let path = dir.join(FILE);
    let failed = |reason: String| SpawnError::Key {
        path: path.clone(),
        reason,
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            parse(text.trim()).ok_or_else(|| failed("it is not 64 hexadecimal digits".into()))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let key = SecretKey::generate();
            create(&path, &key).map_err(|e| failed(e.to_string()))?;
            Ok(key)
        }
        Err(e) => Err(failed(e.to_string())),
    }
}

fn create(path: &Path, key: &SecretKey) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    // Written beside and renamed, so that a crash never leaves half a key.
    let part = path.with_extension("key.part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    let digits: String = key
        .to_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    file.write_all(digits.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(part, path)
}

fn parse(text: &str) -> Option<SecretKey> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(SecretKey::from_bytes(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let first = load_or_create(dir.path()).expect("made");
        let second = load_or_create(dir.path()).expect("read");
        assert_eq!(first.to_bytes(), second.to_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join(FILE))
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_spoilt_key_is_never_replaced_silently() {
        let dir = tempfile::tempdir().expect("temporary folder");
        for text in ["", "zz", &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            std::fs::write(dir.path().join(FILE), text).expect("written");
            let error = load_or_create(dir.path()).expect_err("not a key");
            assert!(error.to_string().contains("restore it"), "{error}");
        }
    }
}
