//! The parent's end of a socket: never waits longer than it should, and not for a child that is suspended.

use crate::process::Process;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use sungrid_executor::Cancel;

/// Pause between two looks at cancellation and clock, when a child neither reads nor writes.
const TICK: Duration = Duration::from_millis(25);

/// Why the parent stopped waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// The caller wants no answer any more.
    Cancelled,
    /// This much time passed while the child was not suspended.
    Late(Duration),
}

/// A socket with an end to the patience of who uses it.
pub(crate) struct Channel<'a> {
    socket: &'a UnixStream,
    process: &'a Process,
    cancel: Option<&'a Cancel>,
    allowance: Option<Duration>,
    used: Duration,
    looked: Instant,
    /// Set when a call failed for this reason.
    pub(crate) abort: Option<Abort>,
}

impl<'a> Channel<'a> {
    /// The socket must not block.
    pub(crate) fn new(
        socket: &'a UnixStream,
        process: &'a Process,
        cancel: Option<&'a Cancel>,
        allowance: Option<Duration>,
    ) -> Self {
        Self {
            socket,
            process,
            cancel,
            allowance,
            used: Duration::ZERO,
            looked: Instant::now(),
            abort: None,
        }
    }

    fn look(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if !self.process.is_suspended() {
            self.used += now - self.looked;
        }
        self.looked = now;
        if self.cancel.is_some_and(Cancel::is_cancelled) {
            self.abort = Some(Abort::Cancelled);
        } else if self.allowance.is_some_and(|most| self.used >= most) {
            self.abort = Some(Abort::Late(self.used));
        }
        match self.abort {
            Some(_) => Err(io::Error::other("not waited for any longer")),
            None => Ok(()),
        }
    }

    /// Tries until the socket is ready or patience ends.
    fn when_ready<T>(
        &mut self,
        events: libc::c_short,
        mut act: impl FnMut(&UnixStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match act(self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            self.look()?;
            let mut wait = libc::pollfd {
                fd: self.socket.as_raw_fd(),
                events,
                revents: 0,
            };
            // SAFETY: the structure outlives the call. Failing is no harm: the loop tries again.
            unsafe { libc::poll(&raw mut wait, 1, TICK.as_millis() as libc::c_int) };
        }
    }
}

impl Read for Channel<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.when_ready(libc::POLLIN, |mut socket| socket.read(bytes))
    }
}

impl Write for Channel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.when_ready(libc::POLLOUT, |mut socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
