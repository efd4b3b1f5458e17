//! The workers on this machine, so that two of them do not promise the same cores and memory, use one key, or take each
//! other's ports without saying so.
//!
//! Each running worker leaves a note in a folder that all can read. A note counts as long as its writer holds the lock
//! beside it, which the system drops when the process dies.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use fs2::FileExt;
use serde::{Deserialize, Serialize};
use sungrid_idle::Kin;

use crate::{config, control};

/// Where notes are kept, if it is to be elsewhere than by default.
pub const FOLDER_VARIABLE: &str = "SUNGRID_RUNTIME_DIR";
/// Made by an administrator for workers of several users, as the systemd unit does.
const SHARED_FOLDER: &str = "/run/sungrid";
/// More notes than machines have workers are not ours; nor are longer ones.
const MAX_NOTES: usize = 256;
const MAX_NOTE_BYTES: u64 = 16 << 10;
/// How often the notes are read for their processes. More seldom, and a worker rests for another one that has just started; more
/// often, and looking shows.
const KIN_EVERY: Duration = Duration::from_secs(5);
/// Who asks whether a note counts holds its lock for a moment: so often, and so long apart, it is tried again.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What one worker takes of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its process.
    pub pid: u32,
    /// Its data folder.
    pub folder: PathBuf,
    /// Its key.
    pub worker: String,
    /// Units that it runs at the same time.
    pub lanes: usize,
    /// Bytes of memory that its jobs may use.
    pub memory: u64,
    /// Bytes of disk that its jobs may use.
    pub storage: u64,
    /// Where it serves peers.
    pub listen: SocketAddr,
    /// Its metrics page.
    pub metrics: Option<SocketAddr>,
}

/// What there is of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Cores.
    pub cores: usize,
    /// Bytes of memory.
    pub memory: u64,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: config::system_memory(),
        }
    }

    /// What several workers together promise beyond it; empty if it is enough for all.
    pub fn excess(&self, tenants: &[Tenant]) -> Vec<String> {
        let lanes: usize = tenants.iter().map(|tenant| tenant.lanes).sum();
        let memory = tenants
            .iter()
            .fold(0_u64, |sum, tenant| sum.saturating_add(tenant.memory));
        let mut excess = Vec::new();
        if lanes > self.cores {
            excess.push(format!("{lanes} lanes on {} cores", self.cores));
        }
        if memory > self.memory {
            let (wanted, there) = (memory >> 20, self.memory >> 20);
            excess.push(format!("{wanted} MiB for jobs of {there} MiB of memory"));
        }
        excess
    }
}

/// The folders in which workers leave notes. All are read; the first that can be written is written.
#[derive(Clone, Debug)]
pub struct Registry {
    folders: Vec<PathBuf>,
}

/// A note that stays as long as this lives.
#[derive(Debug)]
pub struct Note {
    _lock: File,
    paths: [PathBuf; 2],
}

impl Drop for Note {
    fn drop(&mut self) {
        for path in &self.paths {
            // A note that stays has no lock, and so does not count.
            let _ = fs::remove_file(path);
        }
    }
}

impl Registry {
    /// That of this machine.
    pub fn of_machine() -> Self {
        if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
            return Self::at(Path::new(&folder));
        }
        let mut folders = Vec::new();
        if cfg!(target_os = "linux") {
            folders.push(SHARED_FOLDER.into());
        }
        if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR") {
            folders.push(Path::new(&folder).join("sungrid"));
        }
        // Of this user only: what anybody can write is nothing to rely on.
        let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
        let name = format!("sungrid-{}", user.as_deref().unwrap_or("worker"));
        folders.push(std::env::temp_dir().join(name));
        Self { folders }
    }

    /// One folder.
    pub fn at(folder: &Path) -> Self {
        Self {
            folders: vec![folder.into()],
        }
    }

    /// Leaves a note. An error only means that others do not see this worker.
    pub fn join(&self, tenant: &Tenant) -> io::Result<Note> {
        let mut last = io::Error::other("there is no folder for notes");
        for folder in &self.folders {
            // The shared one is made by an administrator or not at all.
            let made = if folder == Path::new(SHARED_FOLDER) {
                Ok(())
            } else {
                make_private(folder)
            };
            match made.and_then(|()| leave(folder, tenant)) {
                Ok(note) if is_ours(folder) => return Ok(note),
                Ok(_) => last = io::Error::other(format!("{} is open to others", folder.display())),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The other workers that run now, without that of a data folder.
    pub fn others(&self, own: &Path) -> Vec<Tenant> {
        let own = canonical(own);
        let mut found: Vec<Tenant> = Vec::new();
        for folder in self.folders.iter().filter(|folder| is_ours(folder)) {
            let Ok(items) = fs::read_dir(folder) else {
                continue;
            };
            for item in items.flatten().take(2 * MAX_NOTES) {
                let path = item.path();
                let is_note = path
                    .extension()
                    .is_some_and(|extension| extension == "json");
                if !is_note || !control::is_locked(&path.with_extension("lock")) {
                    continue;
                }
                if let Some(tenant) = read(&path)
                    && tenant.folder != own
                    && !found.iter().any(|known| known.folder == tenant.folder)
                {
                    found.push(tenant);
                }
            }
        }
        found.sort_by(|a, b| a.folder.cmp(&b.folder));
        found
    }
}

impl Registry {
    /// The processes of the other workers that run now, for idle policies: what they do is not done by the machine's owner.
    pub fn kin(self, own: &Path) -> Kin {
        let own = own.to_owned();
        let known = Mutex::new((None::<Instant>, Vec::new()));
        Kin::new(move || {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.0.is_none_or(|at| at.elapsed() >= KIN_EVERY) {
                let others = self.others(&own).into_iter().map(|other| other.pid);
                *known = (
                    Some(Instant::now()),
                    others.filter(|pid| is_worker(*pid)).collect(),
                );
            }
            known.1.clone()
        })
    }
}

/// Whether a process runs the same program as this one. A note from a container has a number that is somebody else's out here.
fn is_worker(pid: u32) -> bool {
    let name = |process: &str| fs::read(format!("/proc/{process}/comm")).ok();
    let theirs = name(&pid.to_string());
    theirs.is_some() && theirs == name("self")
}

/// A data folder by its only name.
pub fn canonical(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.into())
}

/// Whether nobody but this user and the administrator decides who writes into a folder: a stranger's note could keep a
/// worker from starting.
fn is_ours(folder: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // SAFETY: it takes nothing, touches no memory, and cannot fail.
        let user = unsafe { libc::geteuid() };
        fs::metadata(folder).is_ok_and(|metadata| {
            (metadata.uid() == user || metadata.uid() == 0) && metadata.mode() & 0o002 == 0
        })
    }
    #[cfg(not(unix))]
    {
        folder.is_dir()
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn leave(folder: &Path, tenant: &Tenant) -> io::Result<Note> {
    let name = sungrid_manifest::hash(tenant.folder.as_os_str().as_encoded_bytes());
    let note = folder.join(format!("{}.json", hex::encode(&name.0[..16])));
    let lock_path = note.with_extension("lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let lock = options.open(&lock_path)?;
    let mut tries = 0;
    while let Err(error) = lock.try_lock_exclusive() {
        tries += 1;
        if tries >= LOCK_TRIES {
            return Err(error);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    let beside = note.with_extension("tmp");
    fs::write(&beside, serde_json::to_vec(tenant)?)?;
    fs::rename(&beside, &note)?;
    Ok(Note {
        _lock: lock,
        paths: [note, lock_path],
    })
}

fn read(path: &Path) -> Option<Tenant> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_NOTE_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(folder: &str) -> Tenant {
        Tenant {
            pid: 1,
            folder: folder.into(),
            worker: format!("key of {folder}"),
            lanes: 3,
            memory: 2 << 30,
            storage: 1 << 30,
            listen: SocketAddr::from(([127, 0, 0, 1], 4_000)),
            metrics: None,
        }
    }

    #[test]
    fn workers_see_each_other_while_they_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::at(&folder.path().join("notes"));
        let a = registry.join(&tenant("/a")).expect("joins");
        let b = registry.join(&tenant("/b")).expect("joins");
        assert_eq!(registry.others(Path::new("/a")), [tenant("/b")]);
        assert_eq!(registry.others(Path::new("/c")).len(), 2);
        drop(b);
        assert_eq!(registry.others(Path::new("/a")), []);
        drop(a);
        let left = fs::read_dir(folder.path().join("notes")).expect("lists");
        assert_eq!(left.count(), 0, "notes are left");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_processes_of_other_workers_are_kin_and_nobody_else_s_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::at(folder.path());
        let worker = |folder: &str, pid| Tenant {
            pid,
            ..tenant(folder)
        };
        let other = std::process::id();
        let _other = registry.join(&worker("/other", other)).expect("joins");
        // A number that is another program's here, as from a container, and one that is nobody's.
        let mut strange = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("sleeps");
        let _strange = registry
            .join(&worker("/strange", strange.id()))
            .expect("joins");
        let _nobody = registry.join(&worker("/nobody", u32::MAX)).expect("joins");
        let _own = registry.join(&worker("/own", other)).expect("joins");
        let kin = |own: &str| format!("{:?}", registry.clone().kin(Path::new(own)));
        assert_eq!(kin("/own"), format!("[{other}]"));
        drop(_other);
        assert_eq!(kin("/own"), "[]");
        strange.kill().expect("ends");
        strange.wait().expect("ended");
    }

    #[test]
    fn whoever_asks_about_a_note_does_not_keep_its_writer_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::at(folder.path());
        drop(registry.join(&tenant("/a")).expect("joins"));
        let name = sungrid_manifest::hash(Path::new("/a").as_os_str().as_encoded_bytes());
        let path = folder
            .path()
            .join(format!("{}.lock", hex::encode(&name.0[..16])));
        let asks = File::create(path).expect("creates");
        FileExt::lock_shared(&asks).expect("locks");
        let done = std::thread::spawn(move || {
            std::thread::sleep(3 * LOCK_PAUSE);
            drop(asks);
        });
        let _note = registry.join(&tenant("/a")).expect("joins all the same");
        done.join().expect("ends");
        assert_eq!(registry.others(Path::new("/b")), [tenant("/a")]);
    }

    #[test]
    fn a_note_of_a_dead_worker_and_a_strange_one_do_not_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::at(folder.path());
        // As `kill -9` leaves it: the files stay, the lock is gone.
        let note = serde_json::to_vec(&tenant("/dead")).expect("encodes");
        fs::write(folder.path().join("1.json"), &note).expect("writes");
        fs::write(folder.path().join("1.lock"), "").expect("writes");
        fs::write(folder.path().join("2.json"), "{").expect("writes");
        let held = File::create(folder.path().join("2.lock")).expect("creates");
        held.try_lock_exclusive().expect("locks");
        assert_eq!(registry.others(Path::new("/a")), []);
        // Its place can be taken again.
        let _alive = registry.join(&tenant("/dead")).expect("joins");
        assert_eq!(registry.others(Path::new("/a")), [tenant("/dead")]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("no-folder");
        fs::write(&file, "").expect("writes");
        let registry = Registry {
            folders: vec![file.clone(), folder.path().join("notes")],
        };
        let _note = registry.join(&tenant("/a")).expect("joins in the second");
        assert_eq!(registry.others(Path::new("/b")).len(), 1);
        assert!(Registry::at(&file).join(&tenant("/a")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_anybody_can_write_is_not_believed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::at(folder.path());
        let _note = registry.join(&tenant("/a")).expect("joins");
        assert_eq!(registry.others(Path::new("/b")).len(), 1);
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), open).expect("chmod");
        assert_eq!(registry.others(Path::new("/b")), []);
        assert!(registry.join(&tenant("/b")).is_err());
    }

    #[test]
    fn promises_beyond_the_machine_are_told() {
        let machine = Machine {
            cores: 4,
            memory: 8 << 30,
        };
        assert_eq!(machine.excess(&[tenant("/a")]), Vec::<String>::new());
        let both = [tenant("/a"), tenant("/b")];
        assert_eq!(machine.excess(&both), ["6 lanes on 4 cores"]);
        let small = Machine {
            cores: 8,
            memory: 3 << 30,
        };
        assert_eq!(
            small.excess(&both),
            ["4096 MiB for jobs of 3072 MiB of memory"]
        );
    }
}
