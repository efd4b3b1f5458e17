//! Wayland: the extension `ext-idle-notify-v1`, which tells when nothing was touched for a while. Compositors of the wlroots family and
//! KDE's have it. A film that keeps the screen on counts as somebody there, as it should.
//!
//! The four objects that it takes are spoken to directly: every message has the object, its own size and number, and arguments of 32 bits.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    reading::{Input, Readings},
    sensor::Sensor,
};

/// Without input for this long the compositor tells: what the reading is exact to.
const NOTICE: Duration = Duration::from_secs(1);
/// How long a compositor may take to list what it has.
const TIMEOUT: Duration = Duration::from_millis(500);
/// How long a compositor that is not there is left alone.
const RETRY: Duration = Duration::from_secs(10);
/// Bytes that may wait to be understood: the largest message has 64 KiB.
const MAX_PENDING: usize = 128 << 10;

const DISPLAY: u32 = 1;
const REGISTRY: u32 = 2;
const CALLBACK: u32 = 3;
const SEAT: u32 = 4;
const NOTIFIER: u32 = 5;
const NOTIFICATION: u32 = 6;

/// Input as a Wayland compositor sees it.
pub struct Wayland {
    path: PathBuf,
    session: Option<Session>,
    failed: Option<(Instant, String)>,
}

/// A conversation with a compositor.
struct Session {
    stream: UnixStream,
    pending: Vec<u8>,
    /// When it told that nothing is touched.
    idle_since: Option<Instant>,
}

/// One event.
struct Event {
    object: u32,
    opcode: u32,
    args: Vec<u8>,
}

fn nonsense(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// A request of 32-bit words and texts.
struct Request(Vec<u8>);

impl Request {
    fn new(object: u32, opcode: u32) -> Self {
        // The size is put in at the end.
        Self([object, opcode].map(u32::to_le_bytes).concat())
    }

    fn word(mut self, word: u32) -> Self {
        self.0.extend(word.to_le_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        let mut this = self.word(text.len() as u32 + 1);
        this.0.extend(text.as_bytes());
        this.0.push(0);
        this.0.resize(this.0.len().next_multiple_of(4), 0);
        this
    }

    fn bytes(mut self) -> Vec<u8> {
        let size = self.0.len() as u16;
        self.0[6..8].copy_from_slice(&size.to_le_bytes());
        self.0
    }
}

/// A word of an event's arguments.
fn word(args: &[u8], at: usize) -> io::Result<u32> {
    let bytes = args.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(u32::from_le_bytes)
        .ok_or_else(|| nonsense("a message that ends early"))
}

impl Session {
    /// Asks to be told, over a stream that is connected.
    fn start(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut session = Self {
            stream,
            pending: Vec::new(),
            idle_since: None,
        };
        let registry = Request::new(DISPLAY, 1).word(REGISTRY).bytes();
        let sync = Request::new(DISPLAY, 0).word(CALLBACK).bytes();
        session.stream.write_all(&[registry, sync].concat())?;
        let (mut seat, mut notifier) = (None, None);
        loop {
            while let Some(event) = session.next()? {
                match (event.object, event.opcode) {
                    (REGISTRY, 0) => {
                        let name = word(&event.args, 0)?;
                        let length = word(&event.args, 4)? as usize;
                        let interface = event.args.get(8..(8 + length).saturating_sub(1));
                        match interface {
                            Some(b"wl_seat") => seat = seat.or(Some(name)),
                            Some(b"ext_idle_notifier_v1") => notifier = Some(name),
                            _ => {}
                        }
                    }
                    (CALLBACK, 0) => {
                        let missing = || {
                            io::Error::new(
                                ErrorKind::Unsupported,
                                "the compositor has no ext-idle-notify-v1",
                            )
                        };
                        let seat = seat.ok_or_else(missing)?;
                        let notifier = notifier.ok_or_else(missing)?;
                        session.ask(seat, notifier)?;
                        return Ok(session);
                    }
                    _ => {}
                }
            }
            session.receive()?;
        }
    }

    fn ask(&mut self, seat: u32, notifier: u32) -> io::Result<()> {
        let bind = |name, interface, id| {
            let request = Request::new(REGISTRY, 0).word(name).text(interface);
            request.word(1).word(id).bytes()
        };
        let ask = Request::new(NOTIFIER, 1)
            .word(NOTIFICATION)
            .word(NOTICE.as_millis() as u32)
            .word(SEAT);
        let requests = [
            bind(seat, "wl_seat", SEAT),
            bind(notifier, "ext_idle_notifier_v1", NOTIFIER),
            ask.bytes(),
        ];
        self.stream.write_all(&requests.concat())?;
        self.stream.set_nonblocking(true)
    }

    /// The next whole event of those received.
    fn next(&mut self) -> io::Result<Option<Event>> {
        if self.pending.len() < 8 {
            return Ok(None);
        }
        let (object, second) = (word(&self.pending, 0)?, word(&self.pending, 4)?);
        let (opcode, size) = (second & 0xffff, (second >> 16) as usize);
        if size < 8 {
            return Err(nonsense("a message without a size"));
        }
        if self.pending.len() < size {
            return Ok(None);
        }
        let args = self.pending[8..size].to_vec();
        self.pending.drain(..size);
        if (object, opcode) == (DISPLAY, 0) {
            let text = String::from_utf8_lossy(args.get(12..).unwrap_or_default()).into_owned();
            return Err(nonsense(text.trim_end_matches('\0')));
        }
        Ok(Some(Event {
            object,
            opcode,
            args,
        }))
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let count = self.stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "it has ended"));
        }
        self.pending.extend(&buffer[..count]);
        match self.pending.len() <= MAX_PENDING {
            true => Ok(()),
            false => Err(nonsense("a message without measure")),
        }
    }

    /// Takes note of what it told meanwhile, and says how long nothing was touched.
    fn idle(&mut self) -> io::Result<Duration> {
        loop {
            while let Some(event) = self.next()? {
                match (event.object, event.opcode) {
                    (NOTIFICATION, 0) => self.idle_since = Some(Instant::now()),
                    (NOTIFICATION, 1) => self.idle_since = None,
                    _ => {}
                }
            }
            match self.receive() {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self
            .idle_since
            .map_or(Duration::ZERO, |since| since.elapsed() + NOTICE))
    }
}

impl Wayland {
    /// At this socket.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            session: None,
            failed: None,
        }
    }

    fn ask(&mut self) -> io::Result<Duration> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::start(UnixStream::connect(&self.path)?)?,
        };
        let idle = session.idle()?;
        self.session = Some(session);
        Ok(idle)
    }
}

impl Sensor for Wayland {
    fn name(&self) -> &'static str {
        "wayland"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self, readings: &mut Readings) {
        if let Some((at, why)) = &self.failed
            && at.elapsed() < RETRY
        {
            readings
                .input
                .insert("wayland", Input::Unknown(why.clone()));
            return;
        }
        self.failed = None;
        let input = match self.ask() {
            Ok(idle) => Input::Whole(idle),
            Err(error) => {
                let why = format!("{}: {error}", self.path.display());
                self.failed = Some((Instant::now(), why.clone()));
                Input::Unknown(why)
            }
        };
        readings.input.insert("wayland", input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// An event, put together by hand.
    fn event(object: u32, opcode: u16, args: &[u8]) -> Vec<u8> {
        let size = u16::try_from(8 + args.len()).expect("small");
        let mut bytes = object.to_le_bytes().to_vec();
        bytes.extend(opcode.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(args);
        bytes
    }

    fn globals() -> Vec<u8> {
        let mut seat = b"\x07\0\0\0\x08\0\0\0wl_seat\0\x09\0\0\0".to_vec();
        seat = event(REGISTRY, 0, &seat);
        let notifier = b"\x2a\0\0\0\x15\0\0\0ext_idle_notifier_v1\0\0\0\0\x02\0\0\0";
        [seat, event(REGISTRY, 0, notifier)].concat()
    }

    fn done() -> Vec<u8> {
        event(CALLBACK, 0, &[0; 4])
    }

    /// A compositor that says this once it is asked what it has. Returns its end, and what it was asked then.
    fn start(says: Vec<u8>) -> (io::Result<Session>, UnixStream, Vec<u8>) {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let server = thread::spawn(move || {
            let mut hello = [0; 24];
            theirs.read_exact(&mut hello).expect("reads");
            let words = b"\x01\0\0\0\x01\0\x0c\0\x02\0\0\0\x01\0\0\0\0\0\x0c\0\x03\0\0\0";
            assert_eq!(&hello, words);
            theirs.write_all(&says).expect("writes");
            theirs
        });
        let session = Session::start(ours);
        let mut theirs = server.join().expect("the compositor");
        let mut asked = vec![0; 256];
        let count = match &session {
            Ok(_) => theirs.read(&mut asked).expect("reads"),
            Err(_) => 0,
        };
        asked.truncate(count);
        (session, theirs, asked)
    }

    #[test]
    fn it_asks_for_a_notice_and_follows_it() {
        let (session, mut theirs, asked) = start([globals(), done()].concat());
        let mut session = session.expect("starts");
        let mut expected = event(
            REGISTRY,
            0,
            b"\x07\0\0\0\x08\0\0\0wl_seat\0\x01\0\0\0\x04\0\0\0",
        );
        expected.extend(event(
            REGISTRY,
            0,
            b"\x2a\0\0\0\x15\0\0\0ext_idle_notifier_v1\0\0\0\0\x01\0\0\0\x05\0\0\0",
        ));
        expected.extend(event(NOTIFIER, 1, b"\x06\0\0\0\xe8\x03\0\0\x04\0\0\0"));
        assert_eq!(asked, expected);
        assert_eq!(session.idle().expect("there"), Duration::ZERO);
        // A seat's name and capabilities come unasked; the notice may come in pieces.
        let idled = event(NOTIFICATION, 0, &[]);
        let bytes = [event(SEAT, 0, &[3, 0, 0, 0]), idled].concat();
        theirs.write_all(&bytes[..15]).expect("writes");
        assert_eq!(session.idle().expect("there"), Duration::ZERO);
        theirs.write_all(&bytes[15..]).expect("writes");
        let first = session.idle().expect("there");
        assert!(first >= NOTICE);
        assert!(session.idle().expect("there") >= first);
        theirs
            .write_all(&event(NOTIFICATION, 1, &[]))
            .expect("writes");
        assert_eq!(session.idle().expect("there"), Duration::ZERO);
        drop(theirs);
        assert!(session.idle().is_err(), "nobody is there");
    }

    #[test]
    fn a_compositor_without_the_extension_or_with_nonsense_is_refused() {
        let (session, ..) = start(done());
        let error = session.err().expect("no extension").to_string();
        assert!(error.contains("ext-idle-notify"), "{error}");
        let error = event(DISPLAY, 0, b"\x01\0\0\0\0\0\0\0\x04\0\0\0no!\0");
        let (session, ..) = start(error);
        let error = session.err().expect("an error").to_string();
        assert!(error.contains("no!"), "{error}");
        for nonsense in [
            vec![1; 7],
            event(REGISTRY, 0, &[1]),
            vec![2, 0, 0, 0, 0, 0, 4, 0],
        ] {
            let (session, ..) = start(nonsense);
            assert!(session.is_err());
        }
    }
}
