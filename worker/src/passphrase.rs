//! Where the passphrase of an encrypted key comes from when nobody sits at the machine.
//!
//! `SUNGRID_PASSWORD` comes first, for every key. Then the file that the settings name, then a credential of the service
//! manager (systemd's `LoadCredential=`), and last a question on the terminal.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::config::Config;

/// The credential with the worker key's passphrase.
pub const WORKER_CREDENTIAL: &str = "worker-passphrase";
/// The credential with the operator key's passphrase.
pub const OPERATOR_CREDENTIAL: &str = "operator-passphrase";

/// A longer one is something else.
const MAX_BYTES: u64 = 4_096;

/// Answers for the passphrase of one key.
pub struct Passphrase {
    file: Option<PathBuf>,
    credential: Option<PathBuf>,
    ask: fn(&str) -> io::Result<String>,
    /// What else would have given it.
    hint: &'static str,
}

impl Passphrase {
    /// That of the worker key in a data folder.
    pub fn of_worker(folder: &Path, config: &Config, ask: fn(&str) -> io::Result<String>) -> Self {
        Self {
            file: config
                .passphrase_file
                .as_ref()
                .map(|path| folder.join(path)),
            credential: credential(std::env::var_os("CREDENTIALS_DIRECTORY"), WORKER_CREDENTIAL),
            ask,
            hint: "or name a `passphrase_file` in worker.toml, or give the service the credential worker-passphrase",
        }
    }

    /// That of the operator's key.
    pub fn of_operator(ask: fn(&str) -> io::Result<String>) -> Self {
        Self {
            file: None,
            credential: credential(
                std::env::var_os("CREDENTIALS_DIRECTORY"),
                OPERATOR_CREDENTIAL,
            ),
            ask,
            hint: "or give the service the credential operator-passphrase",
        }
    }

    /// Answers a question for it.
    pub fn answer(&self, question: &str) -> io::Result<String> {
        if let Some(path) = &self.file {
            return read(path);
        }
        if let Some(path) = self.credential.as_ref().filter(|path| path.exists()) {
            // The service manager sees to who may read it.
            return content(path);
        }
        (self.ask)(question)
            .map_err(|error| io::Error::new(error.kind(), format!("{}; {error}", self.hint)))
    }
}

fn credential(folder: Option<OsString>, name: &str) -> Option<PathBuf> {
    Some(Path::new(&folder?).join(name))
}

/// Reads a passphrase from a file that only its owner can read. Trailing line ends do not count.
pub fn read(path: &Path) -> io::Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path).map_err(|error| named(path, &error))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            let shown = path.display();
            return Err(io::Error::other(format!(
                "the passphrase file {shown} can be read by other users: run `chmod 600 {shown}`"
            )));
        }
    }
    content(path)
}

fn content(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| named(path, &error))?;
    let wrong = |reason: &str| {
        io::Error::other(format!("the passphrase file {}: {reason}", path.display()))
    };
    if text.len() as u64 > MAX_BYTES {
        return Err(wrong("it is longer than a passphrase: name the right file"));
    }
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(wrong("it is empty: write the passphrase into it"));
    }
    Ok(text.into())
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("the passphrase file {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(_: &str) -> io::Result<String> {
        Err(io::Error::other("nobody is there"))
    }

    fn somebody(_: &str) -> io::Result<String> {
        Ok("typed".into())
    }

    fn private(path: &Path, text: &str) {
        std::fs::write(path, text).expect("writes");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        }
    }

    #[test]
    fn the_file_comes_before_the_credential_and_that_before_the_question() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, manager) = (
            folder.path().join("words"),
            folder.path().join("credentials"),
        );
        std::fs::create_dir(&manager).expect("creates");
        let credential = credential(Some(manager.clone().into()), WORKER_CREDENTIAL);
        let answer = |file: Option<&Path>, ask| {
            let file = file.map(Path::to_owned);
            let credential = credential.clone();
            Passphrase {
                file,
                credential,
                ask,
                hint: "or give it otherwise",
            }
            .answer("Passphrase: ")
        };
        assert_eq!(answer(None, somebody).expect("asked"), "typed");
        let error = answer(None, nobody).expect_err("nobody answers");
        assert!(error.to_string().starts_with("or give it otherwise; "));
        // Credentials are readable by the service, with permissions of the manager's choice.
        std::fs::write(manager.join(WORKER_CREDENTIAL), "from the manager").expect("writes");
        assert_eq!(answer(None, nobody).expect("reads"), "from the manager");
        private(&file, "from the file\r\n");
        assert_eq!(answer(Some(&file), nobody).expect("reads"), "from the file");
    }

    #[test]
    fn a_file_that_cannot_be_a_passphrase_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("words");
        let fails = |expected: &str| {
            let error = read(&path).expect_err(expected).to_string();
            assert!(
                error.contains(expected) && error.contains("words"),
                "{error}"
            );
        };
        fails("No such file");
        private(&path, "\n");
        fails("empty");
        private(&path, &"x".repeat(5_000));
        fails("longer than a passphrase");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            private(&path, "secret words");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("chmod");
            fails("chmod 600");
        }
    }
}
