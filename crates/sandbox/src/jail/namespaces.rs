//! Namespaces: mounts, network, processes, names, and users where that is what gives the right to the others.
//!
//! Process namespaces hold for children only, so the child forks once more: the first process stays outside, reads
//! nothing, and ends as the second one does.

use super::privileges::{self, NOBODY, become_nobody, is_root};
use crate::report::Status;
use crate::sys::{check, close_from};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

const WANTED: libc::c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS;

fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: takes a number; there is one thread.
    check(unsafe { libc::unshare(flags) })?;
    Ok(())
}

/// Enters namespaces of its own, as far as the system lets it.
pub(super) fn enter(parent: u32) -> io::Result<Status> {
    let entered = unshare_all().map(|user| (empty_mounts(), user));
    let (emptied, user) = match entered {
        Ok((emptied, user)) => (emptied, user),
        Err(error) => {
            return Ok(Status::off(format!(
                "the system refuses namespaces ({error}): allow unprivileged user namespaces"
            )));
        }
    };
    // Also where the rest failed: a process that only its children would leave the process namespace cannot have
    // threads.
    fork(parent)?;
    Ok(match emptied {
        Ok(()) => Status::on(format!(
            "no file, no network, no other process, no shared memory{user}"
        )),
        Err(error) => Status::off(format!(
            "no network, no other process, no shared memory; but the files cannot be taken away ({error})"
        )),
    })
}

/// With root's right, or else with that of the first user of a user namespace.
fn unshare_all() -> io::Result<&'static str> {
    if is_root() {
        if unshare(WANTED).is_ok() {
            return Ok("");
        }
        become_nobody()?;
        // Without this, the files of `/proc/self` stay root's.
        privileges::set(libc::PR_SET_DUMPABLE, 1)?;
    }
    // SAFETY: take and touch nothing.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    unshare(WANTED | libc::CLONE_NEWUSER)?;
    // Without them the process is nobody all the same, but may not be able to mount.
    let map = |file: &str, text: String| {
        if let Err(error) = std::fs::write(file, text) {
            tracing::debug!(%error, file, "not written");
        }
    };
    map("/proc/self/setgroups", "deny".to_owned());
    map("/proc/self/uid_map", format!("{NOBODY} {user} 1"));
    map("/proc/self/gid_map", format!("{NOBODY} {group} 1"));
    Ok(", no user")
}

/// Makes an empty, read-only folder of no size the root of all paths.
fn empty_mounts() -> io::Result<()> {
    let none = ptr::null();
    let (root, tmpfs, place) = (c"/", c"tmpfs", c"/tmp");
    let closed = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: all texts are C strings, or absent where the system admits that.
    unsafe {
        check(libc::mount(
            none,
            root.as_ptr(),
            none,
            libc::MS_REC | libc::MS_PRIVATE,
            none.cast(),
        ))?;
        check(libc::mount(
            tmpfs.as_ptr(),
            place.as_ptr(),
            tmpfs.as_ptr(),
            closed,
            c"size=4k,nr_inodes=1,mode=000".as_ptr().cast(),
        ))?;
        check(libc::chdir(place.as_ptr()))?;
        let here = c".";
        if libc::syscall(libc::SYS_pivot_root, here.as_ptr(), here.as_ptr()) == 0 {
            // The old root lies above the new one now: away with it.
            check(libc::umount2(here.as_ptr(), libc::MNT_DETACH))?;
        } else {
            // The first file system of a machine cannot be exchanged. Getting out of this takes a capability that is
            // dropped.
            check(libc::chroot(here.as_ptr()))?;
        }
        check(libc::mount(
            none,
            root.as_ptr(),
            none,
            libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | closed,
            none.cast(),
        ))?;
        check(libc::chdir(root.as_ptr()))?;
    }
    Ok(())
}

/// The process inside, for the signal handler of the one outside.
static INSIDE: AtomicI32 = AtomicI32::new(0);

extern "C" fn end_inside(_: libc::c_int) {
    // SAFETY: async-signal-safe. The process is waited for only after this handler cannot run any more, so that its
    // number is no other's.
    unsafe { libc::kill(INSIDE.load(Ordering::Relaxed), libc::SIGKILL) };
}

/// Returns in the process inside; the one outside waits for it and ends as it ends.
fn fork(parent: u32) -> io::Result<()> {
    // SAFETY: there is one thread, so the new process may do anything. An ignored signal would have the system forget how
    // the process inside ended.
    let inside = unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        check(libc::fork())?
    };
    if inside == 0 {
        return Ok(());
    }
    INSIDE.store(inside, Ordering::Relaxed);
    close_from(0);
    let bound = privileges::set(libc::PR_SET_PDEATHSIG, libc::SIGKILL as _);
    let handler: extern "C" fn(libc::c_int) = end_inside;
    // SAFETY: the structures live through the calls; numbers otherwise.
    unsafe {
        libc::signal(libc::SIGTERM, handler as libc::sighandler_t);
        if bound.is_err() || libc::getppid() as u32 != parent {
            libc::kill(inside, libc::SIGKILL);
        }
        let mut ended: libc::siginfo_t = std::mem::zeroed();
        let waits = libc::WEXITED | libc::WNOWAIT;
        retried(|| libc::waitid(libc::P_PID, inside as libc::id_t, &raw mut ended, waits));
        // From here on the number may become another's.
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
        let mut status = 0;
        retried(|| libc::waitpid(inside, &raw mut status, 0));
        if libc::WIFSIGNALED(status) {
            let signal = libc::WTERMSIG(status);
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        libc::_exit(match libc::WIFEXITED(status) {
            true => libc::WEXITSTATUS(status),
            false => 1,
        })
    }
}

/// Calls again when a signal came between.
fn retried(mut call: impl FnMut() -> libc::c_int) {
    while call() < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {}
}
