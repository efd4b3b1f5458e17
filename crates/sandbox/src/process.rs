//! Children as the parent sees them.

use crate::batch::why;
#[cfg(target_os = "linux")]
use crate::cgroup::{Group, Groups};
use crate::config::Program;
use crate::priority;
use crate::protocol::{self, Setup};
use crate::sys;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// How long a child that was told to end may take before it is made to. What it takes is the freeing of its memory.
const GRACE: Duration = Duration::from_secs(2);
/// How long a child whose sockets are closed may take to be gone, before its error is told without the cause.
const OBITUARY: Duration = Duration::from_secs(2);
/// Bytes of what a child wrote to its standard error that are looked at.
const LAST_WORDS: usize = 4 << 10;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An order to the thread that starts children.
type Order = (OwnedFd, mpsc::SyncSender<io::Result<Child>>);

/// Starts children and knows all that live.
///
/// They are started by one thread: the system ends a child with the thread that started it, and threads of a pool come
/// and go.
pub(crate) struct Family {
    orders: mpsc::Sender<Order>,
    dying: mpsc::Sender<Dying>,
    members: Mutex<Vec<Weak<Process>>>,
    suspended: Arc<AtomicBool>,
    background: bool,
    #[cfg(target_os = "linux")]
    pub(crate) groups: Result<Groups, String>,
}

impl Family {
    /// Bounds each child by a group, where one is delegated and this is not to be left out. With `background` those that are not
    /// urgent stand behind all other processes.
    pub(crate) fn new(program: Program, skip_groups: bool, background: bool) -> io::Result<Self> {
        #[cfg(not(target_os = "linux"))]
        let _ = skip_groups;
        let (orders, receiver) = mpsc::channel::<Order>();
        thread::Builder::new()
            .name("sandbox-parent".to_owned())
            .spawn(move || {
                for (socket, reply) in receiver {
                    // Nobody waits for it any more: dropping the socket ends it.
                    let _ = reply.send(spawn(&program, socket));
                }
            })?;
        let (dying, children) = mpsc::channel();
        thread::Builder::new()
            .name("sandbox-reaper".to_owned())
            .spawn(move || reap(&children))?;
        Ok(Self {
            orders,
            dying,
            members: Mutex::default(),
            suspended: Arc::default(),
            background,
            #[cfg(target_os = "linux")]
            groups: match skip_groups {
                true => Err("switched off".to_owned()),
                false => Groups::find(),
            },
        })
    }

    /// Starts a child and sends it its setup, with files for it and one end of each lane. Returns the other ends. One that
    /// is `urgent` is never stopped.
    pub(crate) fn start(
        &self,
        setup: &Setup,
        file: Option<BorrowedFd<'_>>,
        urgent: bool,
    ) -> io::Result<(Arc<Process>, Vec<UnixStream>)> {
        let (control, theirs) = UnixStream::pair()?;
        let (reply, answer) = mpsc::sync_channel(1);
        let gone = || io::Error::other("the thread that starts sandboxes is gone");
        let order = (OwnedFd::from(theirs), reply);
        self.orders.send(order).map_err(|_| gone())?;
        let mut child = answer.recv().map_err(|_| gone())??;
        let stderr = child.stderr.take();
        let process = Arc::new(Process {
            pid: child.id() as libc::pid_t,
            child: Mutex::new(Some(child)),
            stderr: Mutex::new(stderr.map(OwnedFd::from)),
            control,
            suspended: match urgent {
                // Its clock never stands still.
                true => Arc::default(),
                false => self.suspended.clone(),
            },
            dying: self.dying.clone(),
            #[cfg(target_os = "linux")]
            group: Mutex::new(None),
        });
        let background = self.background && !urgent;
        if background {
            // Before it is told anything, and so before it starts threads. A system that refuses did so to the child on trial, too.
            let _ = process.lower();
        }
        #[cfg(target_os = "linux")]
        if let Ok(groups) = &self.groups {
            let group = groups.add(process.pid, setup.memory, setup.lanes, background)?;
            *lock(&process.group) = Some(group);
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..setup.lanes {
            let (a, b) = UnixStream::pair()?;
            a.set_nonblocking(true)?;
            ours.push(a);
            theirs.push(b);
        }
        let files: Vec<_> = file
            .into_iter()
            .chain(theirs.iter().map(AsFd::as_fd))
            .collect();
        // A program that is no sandbox may have ended already.
        sys::send_files(&process.control, &protocol::prelude(), &files)
            .and_then(|()| setup.write(&mut &process.control))
            .map_err(|error| io::Error::other(why(&process, &error)))?;
        process.control.set_nonblocking(true)?;
        if !urgent {
            // Under this lock nobody is suspended between the look and the list.
            let mut members = lock(&self.members);
            members.retain(|member| member.strong_count() > 0);
            members.push(Arc::downgrade(&process));
            if self.suspended.load(Ordering::Relaxed) {
                process.signal_all(libc::SIGSTOP);
            }
        }
        Ok((process, ours))
    }

    /// Stops or continues all children that are not urgent, and those to come.
    pub(crate) fn suspend(&self, suspend: bool) {
        let members = lock(&self.members);
        self.suspended.store(suspend, Ordering::Relaxed);
        let signal = match suspend {
            true => libc::SIGSTOP,
            false => libc::SIGCONT,
        };
        for member in members.iter().filter_map(Weak::upgrade) {
            member.signal_all(signal);
        }
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Relaxed)
    }
}

fn spawn(program: &Program, socket: OwnedFd) -> io::Result<Child> {
    Command::new(&program.path)
        .args(&program.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// A child. It ends with this.
pub(crate) struct Process {
    pid: libc::pid_t,
    /// None once it was waited for: its number may be another's then.
    child: Mutex<Option<Child>>,
    stderr: Mutex<Option<OwnedFd>>,
    pub(crate) control: UnixStream,
    suspended: Arc<AtomicBool>,
    dying: mpsc::Sender<Dying>,
    #[cfg(target_os = "linux")]
    group: Mutex<Option<Group>>,
}

impl Process {
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Relaxed)
    }

    /// Signals the child and the process inside its namespace, if it has one: they are one process group.
    fn signal_all(&self, signal: libc::c_int) {
        if lock(&self.child).is_some() {
            // SAFETY: takes numbers only; the child was not waited for, so the group is its own.
            unsafe { libc::kill(-self.pid, signal) };
        }
    }

    /// Puts a child that has started no thread yet behind all other processes, and says by what means.
    pub(crate) fn lower(&self) -> io::Result<String> {
        priority::lower(self.pid)
    }

    /// Has the child end soon.
    pub(crate) fn kill(&self) {
        if lock(&self.child).is_some() {
            end(self.pid);
        }
    }

    /// What became of a child that does not talk any more, and whether it is its own doing.
    pub(crate) fn obituary(&self) -> (String, Cause) {
        let until = Instant::now() + OBITUARY;
        let status = loop {
            match lock(&self.child).as_mut().map(Child::try_wait) {
                Some(Ok(None)) if Instant::now() < until => {}
                Some(Ok(status)) => break status,
                Some(Err(_)) | None => break None,
            }
            thread::sleep(Duration::from_millis(5));
        };
        let (mut text, cause) = describe(status);
        let words = self.last_words();
        if !words.is_empty() {
            text = format!("{text}: {words}");
        }
        (text, cause)
    }

    fn last_words(&self) -> String {
        let Some(pipe) = lock(&self.stderr).take() else {
            return String::new();
        };
        let mut bytes = vec![0; LAST_WORDS];
        // Only what is there already: a child that lives might never end it.
        let read = UnixPipe(pipe).read_now(&mut bytes);
        protocol::shown(&String::from_utf8_lossy(&bytes[..read]))
    }
}

struct UnixPipe(OwnedFd);

impl UnixPipe {
    fn read_now(self, bytes: &mut [u8]) -> usize {
        use std::os::fd::AsRawFd;
        // SAFETY: takes numbers only.
        let set = unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        if set < 0 {
            return 0;
        }
        std::fs::File::from(self.0).read(bytes).unwrap_or(0)
    }
}

/// Whose doing the end of a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// What it ran: it broke a rule, or the compiler or engine broke on it.
    Inside,
    /// Killed from outside, or not known.
    Outside,
}

fn describe(status: Option<ExitStatus>) -> (String, Cause) {
    let Some(status) = status else {
        return ("its process does not answer".to_owned(), Cause::Outside);
    };
    match (status.signal(), status.code()) {
        (Some(libc::SIGSYS), _) => (
            "its process was killed for a system call that no guest needs".to_owned(),
            Cause::Inside,
        ),
        (Some(libc::SIGKILL | libc::SIGTERM), _) => (
            "its process was killed: by this worker, by someone else, or for lack of memory"
                .to_owned(),
            Cause::Outside,
        ),
        (Some(signal), _) => (
            format!("its process crashed with signal {signal}"),
            Cause::Inside,
        ),
        (None, code) => (
            format!("its process ended with code {}", code.unwrap_or(-1)),
            Cause::Inside,
        ),
    }
}

/// Has a child end that was not waited for. The process outside a namespace takes the one inside with it, which nobody
/// else would wait for on machines whose first process does not.
fn end(pid: libc::pid_t) {
    // SAFETY: takes numbers only.
    unsafe {
        libc::kill(pid, libc::SIGTERM);
        libc::kill(pid, libc::SIGCONT);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = lock(&self.child).take() {
            end(self.pid);
            // Freeing gigabytes takes a while: whoever drops a batch need not wait. Where nobody takes it, the whole
            // sandbox is gone, and the child sees the end of its socket.
            let _ = self.dying.send(Dying {
                child,
                until: Instant::now() + GRACE,
                #[cfg(target_os = "linux")]
                _group: lock(&self.group).take(),
            });
        }
    }
}

/// A child that was told to end.
struct Dying {
    child: Child,
    until: Instant,
    /// Removed once its child is gone.
    #[cfg(target_os = "linux")]
    _group: Option<Group>,
}

impl Dying {
    /// Whether it is gone; makes it go when it takes too long.
    fn is_gone(&mut self) -> bool {
        match self.child.try_wait() {
            Ok(None) if Instant::now() < self.until => false,
            Ok(None) => {
                // SAFETY: takes numbers only; it was not waited for yet, so the group is its own.
                unsafe { libc::kill(-(self.child.id() as libc::pid_t), libc::SIGKILL) };
                false
            }
            // An error means that there is nobody to wait for.
            Ok(Some(_)) | Err(_) => true,
        }
    }
}

/// Waits for children that end, all at once.
fn reap(children: &mpsc::Receiver<Dying>) {
    /// Between two looks while some are ending.
    const PAUSE: Duration = Duration::from_millis(5);
    let mut dying: Vec<Dying> = Vec::new();
    loop {
        let next = match dying.is_empty() {
            true => children.recv().ok(),
            false => match children.recv_timeout(PAUSE) {
                Err(mpsc::RecvTimeoutError::Disconnected) => None,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    dying.retain_mut(|child| !child.is_gone());
                    continue;
                }
                Ok(next) => Some(next),
            },
        };
        let Some(next) = next else {
            return;
        };
        dying.push(next);
    }
}
