//! `sungrid-worker init` and `key`: settings, and the worker's key, encrypted unless told otherwise.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use sp_core::H256;
use sungrid_chain_client::{
    TaskClass,
    keys::{self, KeyError, KeySource, PASSWORD_ENV},
};
use sungrid_idle::Mode;

use super::{CommandError, Folder};
use crate::{
    config::{Config, ConfigError, FILE},
    daemon::{self, DaemonError},
    machine,
    passphrase::{self, Passphrase, WORKER_CREDENTIAL},
};

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    folder: Folder,
    /// Address of the node's RPC; more of them are for when those before fail.
    #[arg(long, default_value = "ws://127.0.0.1:9944", value_delimiter = ',')]
    node: Vec<String>,
    /// The operator's key: a file, env:NAME, or a development account such as //Bob.
    #[arg(long)]
    operator: Option<String>,
    /// Genesis hash that the node's chain must have.
    #[arg(long)]
    genesis: Option<H256>,
    /// Country the machine stands in, ISO 3166-1 alpha-2.
    #[arg(long)]
    jurisdiction: String,
    /// What its power emits, grams of CO2 per kWh; jobs with a limit go to those who say.
    #[arg(long, value_name = "GRAMS")]
    carbon: Option<u16>,
    /// Units that run at the same time.
    #[arg(long)]
    lanes: Option<usize>,
    /// Work that it takes, instead of all: general, rendering, science, learning or media; may be repeated.
    #[arg(long, value_parser = class, value_name = "CLASS")]
    class: Vec<TaskClass>,
    /// File with a passphrase for the worker key, best on another disk; the worker reads it at each start.
    #[arg(long, value_name = "FILE", conflicts_with = "plain_key")]
    passphrase_file: Option<PathBuf>,
    /// Do not encrypt the worker key: for tests, and where the disk is encrypted.
    #[arg(long)]
    plain_key: bool,
    /// Whose the machine is: desktop (its owner's first), server (beside other services) or always (the work's alone).
    #[arg(long, value_parser = mode, value_name = "MODE", default_value = "desktop")]
    idle: Mode,
}

fn mode(text: &str) -> Result<Mode, String> {
    serde_json::from_value(text.to_ascii_lowercase().into())
        .map_err(|_| "use desktop, server or always".into())
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Encrypt the worker key with a passphrase; the key stays the same.
    #[command(after_help = "Example:\n  sungrid-worker key encrypt --passphrase-file ~/passphrase")]
    Encrypt {
        #[command(flatten)]
        folder: Folder,
        /// File with the passphrase; else SUNGRID_PASSWORD, or a question.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Give the encrypted worker key another passphrase; the key stays the same. The old one comes from where the daemon has it.
    #[command(
        after_help = "Example:\n  sungrid-worker key passphrase --new-passphrase-file ~/new-passphrase"
    )]
    Passphrase {
        #[command(flatten)]
        folder: Folder,
        /// File with the new passphrase; else a question.
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// Print the worker key's address, and whether it is encrypted.
    #[command(after_help = "Example:\n  sungrid-worker key show")]
    Show {
        #[command(flatten)]
        folder: Folder,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
}

fn class(text: &str) -> Result<TaskClass, String> {
    serde_json::from_value(text.to_ascii_lowercase().into())
        .map_err(|_| "use general, rendering, science, learning or media".into())
}

pub(super) fn initialise(init: Init) -> Result<(), CommandError> {
    let folder = init.folder.data_dir;
    let path = folder.join(FILE);
    if path.exists() {
        return Err(CommandError::Initialised(path));
    }
    let mut config = Config {
        node: init
            .node
            .try_into()
            .map_err(|reason: &str| ConfigError::Value {
                name: "node",
                reason: reason.into(),
            })?,
        genesis: init.genesis,
        operator: init.operator,
        ..Config::default()
    };
    config.declared.jurisdiction = init.jurisdiction;
    config.declared.carbon = init.carbon;
    if !init.class.is_empty() {
        config.declared.classes = init.class;
    }
    if let Some(lanes) = init.lanes {
        config.lanes = lanes;
    }
    config.idle.mode = init.idle;
    config.attributes()?;
    if let Some(operator) = &config.operator {
        // A secret must not end up in the settings file.
        operator.parse::<KeySource>().map_err(DaemonError::Key)?;
    }
    let key_path = folder.join(&config.key);
    let is_new = !key_path.exists();
    let secret = match is_new && !init.plain_key {
        true => Some(new_passphrase(init.passphrase_file.as_deref())?),
        false => None,
    };
    // Relative to where the user is now, not to where the daemon starts one day.
    config.passphrase_file = init.passphrase_file.as_deref().map(machine::canonical);

    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DaemonError::Folder { path, source }
    };
    create_private(&folder).map_err(io(&folder))?;
    let key = match &secret {
        Some(passphrase) => keys::create_encrypted(&key_path, passphrase),
        None if is_new => keys::create(&key_path),
        None => {
            let key = daemon::worker_key(&folder, &config)?;
            println!("the worker key that is there stays");
            Ok(key)
        }
    };
    let key = key.map_err(DaemonError::Key)?;
    std::fs::write(&path, config.to_text()?).map_err(io(&path))?;
    println!("worker key {} in {}", key.account(), key_path.display());
    if secret.is_some() && config.passphrase_file.is_none() {
        println!(
            "the passphrase is asked for at each start, unless {PASSWORD_ENV}, `passphrase_file` or the credential {WORKER_CREDENTIAL} gives it"
        );
    }
    println!("settings in {}", path.display());
    match (init.idle, crate::idle::is_desktop()) {
        (Mode::Always, true) => println!(
            "this looks like a desktop: to work only while nobody uses it, set mode = \"desktop\" under [idle] there"
        ),
        (Mode::Desktop, _) => println!(
            "it works only while nobody uses this machine; {}",
            crate::idle::OPT_IN
        ),
        _ => {}
    }
    println!(
        "next: sungrid-worker doctor --data-dir {}",
        folder.display()
    );
    println!("      sungrid-worker run --data-dir {}", folder.display());
    Ok(())
}

/// Others have no business in it: it holds keys and the salts of commitments.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// A passphrase for a key that is to be encrypted.
fn new_passphrase(file: Option<&Path>) -> Result<String, CommandError> {
    if let Some(path) = file {
        return passphrase::read(path).map_err(CommandError::Passphrase);
    }
    if let Ok(text) = std::env::var(PASSWORD_ENV) {
        return Ok(text);
    }
    asked_passphrase().unwrap_or(Err(CommandError::NoPassphrase))
}

/// One that somebody types twice; `None` if nobody is there.
fn asked_passphrase() -> Option<Result<String, CommandError>> {
    if !io::stdin().is_terminal() {
        return None;
    }
    Some(typed_twice())
}

fn typed_twice() -> Result<String, CommandError> {
    let asked = |question| daemon::ask(question).map_err(CommandError::Passphrase);
    let first = asked("New passphrase for the worker key: ")?;
    if asked("The same once more: ")? != first {
        return Err(CommandError::Differ);
    }
    Ok(first)
}

pub(super) fn key(command: KeyCommand) -> Result<(), CommandError> {
    match command {
        KeyCommand::Encrypt {
            folder,
            passphrase_file,
        } => {
            let folder = folder.data_dir;
            let config = Config::load(&folder)?;
            let path = folder.join(&config.key);
            if keys::is_encrypted(&path).map_err(DaemonError::Key)? {
                println!("{} is encrypted already", path.display());
                return Ok(());
            }
            let file = passphrase_file.as_deref();
            let passphrase = new_passphrase(file)?;
            let key = keys::encrypt(&path, &passphrase).map_err(DaemonError::Key)?;
            println!(
                "worker key {} in {} is encrypted",
                key.account(),
                path.display()
            );
            say_file(&folder, &config, file);
            Ok(())
        }
        KeyCommand::Passphrase {
            folder,
            new_passphrase_file,
        } => {
            let folder = folder.data_dir;
            let config = Config::load(&folder)?;
            let path = folder.join(&config.key);
            if !keys::is_encrypted(&path).map_err(DaemonError::Key)? {
                return Err(DaemonError::Key(KeyError::NotEncrypted(path)).into());
            }
            let file = new_passphrase_file.as_deref();
            // Not from SUNGRID_PASSWORD, which is the old one's.
            let new = match file {
                Some(file) => passphrase::read(file).map_err(CommandError::Passphrase)?,
                None => asked_passphrase().unwrap_or(Err(CommandError::NoNewPassphrase))?,
            };
            let old = Passphrase::of_worker(&folder, &config, daemon::ask);
            let key = keys::change_password(&path, &|question| old.answer(question), &new);
            let key = key.map_err(DaemonError::Key)?;
            println!(
                "worker key {} in {} has the new passphrase",
                key.account(),
                path.display()
            );
            match (&config.passphrase_file, file) {
                (_, Some(_)) => say_file(&folder, &config, file),
                (Some(old), None) => println!(
                    "write it into {} as well, or the next start fails",
                    folder.join(old).display()
                ),
                (None, None) => {}
            }
            Ok(())
        }
        KeyCommand::Show { folder, json } => {
            let folder = folder.data_dir;
            let config = Config::load(&folder)?;
            let encrypted =
                keys::is_encrypted(&folder.join(&config.key)).map_err(DaemonError::Key)?;
            let account = daemon::worker_key(&folder, &config)?.account();
            if json {
                let shown = serde_json::json!({
                    "worker": account.to_string(),
                    "encrypted": encrypted,
                });
                println!("{shown}");
            } else {
                println!("worker     {account}");
                println!("encrypted  {}", if encrypted { "yes" } else { "no" });
            }
            Ok(())
        }
    }
}

/// Says what the settings lack for the daemon to find the passphrase in this file.
fn say_file(folder: &Path, config: &Config, file: Option<&Path>) {
    match file.map(machine::canonical) {
        Some(file) if config.passphrase_file.as_ref() != Some(&file) => println!(
            "set `passphrase_file = {:?}` in {}, or the next start does not find the passphrase",
            file.display().to_string(),
            folder.join(FILE).display()
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(folder: &Path) -> Init {
        Init {
            folder: Folder {
                data_dir: folder.into(),
            },
            node: vec!["ws://127.0.0.1:9944".into()],
            operator: None,
            genesis: None,
            jurisdiction: "DE".into(),
            carbon: None,
            lanes: None,
            class: Vec::new(),
            passphrase_file: None,
            plain_key: false,
            idle: Mode::Always,
        }
    }

    fn write_private(path: &Path, text: &str) {
        std::fs::write(path, text).expect("writes");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        }
    }

    #[test]
    fn a_new_key_is_encrypted_and_the_daemon_opens_it_without_asking() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, words) = (place.path().join("worker"), place.path().join("words"));
        write_private(&words, "several words\n");
        let mut init = init(&folder);
        init.passphrase_file = Some(words.clone());
        initialise(init).expect("sets up");
        let config = Config::load(&folder).expect("loads");
        assert!(keys::is_encrypted(&folder.join(&config.key)).expect("reads"));
        daemon::worker_key(&folder, &config).expect("opens");
        write_private(&words, "other words");
        assert!(daemon::worker_key(&folder, &config).is_err());
    }

    #[test]
    fn a_plain_key_is_made_only_when_told_to_and_can_be_encrypted_later() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, words) = (place.path().join("worker"), place.path().join("words"));
        if !io::stdin().is_terminal() && std::env::var_os(PASSWORD_ENV).is_none() {
            let error = initialise(init(&folder)).expect_err("there is nobody to ask");
            assert!(error.to_string().contains("--plain-key"), "{error}");
            assert!(!folder.exists(), "something was left");
        }
        let mut plain = init(&folder);
        plain.plain_key = true;
        initialise(plain).expect("sets up");
        let config = Config::load(&folder).expect("loads");
        let key = daemon::worker_key(&folder, &config).expect("opens");
        write_private(&words, "several words");
        let encrypt = || KeyCommand::Encrypt {
            folder: Folder {
                data_dir: folder.clone(),
            },
            passphrase_file: Some(words.clone()),
        };
        super::key(encrypt()).expect("encrypts");
        super::key(encrypt()).expect("twice is no error");
        let config = Config {
            passphrase_file: Some(words.clone()),
            ..config
        };
        let opened = daemon::worker_key(&folder, &config).expect("opens");
        assert_eq!(opened.public(), key.public());
    }

    #[test]
    fn a_passphrase_is_changed_and_the_daemon_opens_the_same_key_with_the_new_one() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, words, new) = (
            place.path().join("worker"),
            place.path().join("words"),
            place.path().join("new words"),
        );
        write_private(&words, "several words\n");
        write_private(&new, "other words\n");
        let mut init = init(&folder);
        init.passphrase_file = Some(words.clone());
        initialise(init).expect("sets up");
        let config = Config::load(&folder).expect("loads");
        let key = daemon::worker_key(&folder, &config).expect("opens");
        let change = |file: Option<&Path>| {
            super::key(KeyCommand::Passphrase {
                folder: Folder {
                    data_dir: folder.clone(),
                },
                new_passphrase_file: file.map(Path::to_owned),
            })
        };
        let error = change(Some(&words)).expect_err("the same").to_string();
        assert!(error.contains("the old one"), "{error}");
        if !io::stdin().is_terminal() {
            let error = change(None).expect_err("nobody to ask").to_string();
            assert!(error.contains("--new-passphrase-file"), "{error}");
        }
        let is_opened_with = |file: &Path| {
            let config = Config {
                passphrase_file: Some(file.into()),
                ..config.clone()
            };
            let opened = daemon::worker_key(&folder, &config);
            opened.is_ok_and(|opened| opened.public() == key.public())
        };
        assert!(is_opened_with(&words), "nothing was changed so far");
        change(Some(&new)).expect("changes");
        assert!(is_opened_with(&new) && !is_opened_with(&words));
        // The settings still name the old one.
        let error = change(Some(&words)).expect_err("does not open").to_string();
        assert!(error.contains("does not open"), "{error}");
    }
}
