//! X11: the extension that screen savers ask how long nothing was touched.
//!
//! Three questions are asked in all, over the socket and with a time limit, which the client libraries do not offer.

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

/// How long a server may take for each step.
const TIMEOUT: Duration = Duration::from_millis(500);
/// How long a display that is not there is left alone.
const RETRY: Duration = Duration::from_secs(10);
/// Bytes of an answer: a server's description of itself has some thousands.
const MAX_ANSWER: usize = 1 << 18;
/// Events that nobody asked for, such as a changed keyboard, before an answer has to come.
const MAX_EVENTS: usize = 64;

const QUERY_EXTENSION: u8 = 98;
const SCREEN_SAVER_QUERY_INFO: u8 = 1;
const COOKIE: &[u8] = b"MIT-MAGIC-COOKIE-1";

/// Input as an X server sees it. Below a Wayland compositor it sees only what goes to X11 programs.
pub struct X11 {
    display: String,
    authority: Option<PathBuf>,
    server: Option<Server>,
    failed: Option<(Instant, String)>,
}

/// A conversation with an X server.
struct Server {
    stream: UnixStream,
    root: u32,
    /// Number of the screen saver's extension.
    saver: u8,
    /// Whether it is a guest of a Wayland compositor.
    is_guest: bool,
}

fn nonsense(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn short(bytes: &[u8], at: usize) -> io::Result<u16> {
    let found = bytes
        .get(at..at + 2)
        .and_then(|bytes| bytes.try_into().ok());
    found
        .map(u16::from_le_bytes)
        .ok_or_else(|| nonsense("an answer that ends early"))
}

fn word(bytes: &[u8], at: usize) -> io::Result<u32> {
    let found = bytes
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok());
    found
        .map(u32::from_le_bytes)
        .ok_or_else(|| nonsense("an answer that ends early"))
}

/// The number in a display's name: `:1.0` is 1. One of another machine does not tell of this one.
fn number(display: &str) -> Option<u32> {
    let rest = display.strip_prefix("unix").unwrap_or(display);
    rest.strip_prefix(':')?.split('.').next()?.parse().ok()
}

/// The cookies for a display in an authority file.
fn cookies(file: &[u8], display: u32) -> Vec<Vec<u8>> {
    /// Families of this machine, and of any.
    const LOCAL: [u16; 2] = [256, 65_535];
    fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let field = after.get(..length)?;
        *rest = &after[length..];
        Some(field)
    }
    let mut rest = file;
    let mut found = Vec::new();
    let mut next = || {
        let (family, after) = rest.split_first_chunk::<2>()?;
        rest = after;
        let _host = field(&mut rest)?;
        Some((
            u16::from_be_bytes(*family),
            field(&mut rest)?,
            field(&mut rest)?,
            field(&mut rest)?,
        ))
    };
    while let Some((family, number, name, cookie)) = next() {
        let is_ours = number.is_empty() || number == display.to_string().as_bytes();
        if LOCAL.contains(&family) && is_ours && name == COOKIE {
            found.push(cookie.to_vec());
        }
    }
    found
}

impl Server {
    /// Introduces us over a stream that is connected.
    fn over(mut stream: UnixStream, cookie: Option<&[u8]>) -> io::Result<Self> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let name = if cookie.is_some() { COOKIE } else { &[] };
        let cookie = cookie.unwrap_or_default();
        // Little endian, version 11.0.
        let mut hello = vec![b'l', 0, 11, 0, 0, 0];
        hello.extend((name.len() as u16).to_le_bytes());
        hello.extend((cookie.len() as u16).to_le_bytes());
        hello.extend([0; 2]);
        hello.extend(padded(name));
        hello.extend(padded(cookie));
        stream.write_all(&hello)?;
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        let mut about = vec![0; 4 * usize::from(short(&head, 6)?)];
        stream.read_exact(&mut about)?;
        if head[0] != 1 {
            let reason = about.get(..head[1].into()).unwrap_or_default();
            let reason = format!("refused: {}", String::from_utf8_lossy(reason).trim());
            return Err(io::Error::new(ErrorKind::PermissionDenied, reason));
        }
        let vendor = usize::from(short(&about, 16)?).next_multiple_of(4);
        let formats = usize::from(*about.get(21).ok_or_else(|| nonsense("no formats"))?);
        let root = word(&about, 32 + vendor + 8 * formats)?;
        let mut server = Self {
            stream,
            root,
            saver: 0,
            is_guest: false,
        };
        let missing = || io::Error::new(ErrorKind::Unsupported, "no MIT-SCREEN-SAVER extension");
        server.saver = server.extension("MIT-SCREEN-SAVER")?.ok_or_else(missing)?;
        server.is_guest = server.extension("XWAYLAND")?.is_some();
        Ok(server)
    }

    /// The number of an extension, where the server has it.
    fn extension(&mut self, name: &str) -> io::Result<Option<u8>> {
        let text = padded(name.as_bytes());
        let mut request = vec![QUERY_EXTENSION, 0];
        request.extend((2 + text.len() as u16 / 4).to_le_bytes());
        request.extend((name.len() as u16).to_le_bytes());
        request.extend([0; 2]);
        request.extend(text);
        let answer = self.ask(&request)?;
        Ok((answer[8] != 0).then_some(answer[9]))
    }

    /// How long nothing was touched.
    fn idle(&mut self) -> io::Result<Duration> {
        let mut request = vec![self.saver, SCREEN_SAVER_QUERY_INFO, 2, 0];
        request.extend(self.root.to_le_bytes());
        let answer = self.ask(&request)?;
        Ok(Duration::from_millis(word(&answer, 16)?.into()))
    }

    fn ask(&mut self, request: &[u8]) -> io::Result<[u8; 32]> {
        self.stream.write_all(request)?;
        for _ in 0..MAX_EVENTS {
            let mut answer = [0; 32];
            self.stream.read_exact(&mut answer)?;
            match answer[0] {
                0 => return Err(nonsense(&format!("error {}", answer[1]))),
                1 if word(&answer, 4)? == 0 => return Ok(answer),
                1 => return Err(nonsense("an answer of another size")),
                // A generic event has more behind it.
                35 => {
                    let more = 4 * word(&answer, 4)? as usize;
                    if more > MAX_ANSWER {
                        return Err(nonsense("an event without measure"));
                    }
                    self.stream.read_exact(&mut vec![0; more])?;
                }
                _ => {}
            }
        }
        Err(nonsense("everything but an answer"))
    }
}

impl X11 {
    /// On a display such as `:0`, with the cookies of an authority file.
    pub fn new(display: &str, authority: Option<&Path>) -> Self {
        Self {
            display: display.into(),
            authority: authority.map(Path::to_owned),
            server: None,
            failed: None,
        }
    }

    fn connect(&self) -> io::Result<Server> {
        let other = || io::Error::new(ErrorKind::Unsupported, "not a display of this machine");
        let number = number(&self.display).ok_or_else(other)?;
        let file = self
            .authority
            .as_ref()
            .and_then(|path| std::fs::read(path).ok());
        let cookies = cookies(&file.unwrap_or_default(), number);
        // A server on this machine may let us in without one.
        let cookies = cookies
            .iter()
            .map(|cookie| Some(cookie.as_slice()))
            .chain([None]);
        let mut last = other();
        for cookie in cookies {
            let stream = UnixStream::connect(format!("/tmp/.X11-unix/X{number}"))?;
            match Server::over(stream, cookie) {
                Ok(server) => return Ok(server),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn ask(&mut self) -> io::Result<Input> {
        let mut server = match self.server.take() {
            Some(server) => server,
            None => self.connect()?,
        };
        let ago = server.idle()?;
        let input = match server.is_guest {
            true => Input::Part(ago),
            false => Input::Whole(ago),
        };
        self.server = Some(server);
        Ok(input)
    }
}

impl Sensor for X11 {
    fn name(&self) -> &'static str {
        "x11"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self, readings: &mut Readings) {
        if let Some((at, why)) = &self.failed
            && at.elapsed() < RETRY
        {
            readings.input.insert("x11", Input::Unknown(why.clone()));
            return;
        }
        self.failed = None;
        let input = self.ask().unwrap_or_else(|error| {
            let why = format!("display {}: {error}", self.display);
            self.failed = Some((Instant::now(), why.clone()));
            Input::Unknown(why)
        });
        readings.input.insert("x11", input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn displays_of_this_machine_have_a_number() {
        assert_eq!(number(":0"), Some(0));
        assert_eq!(number("unix:12.1"), Some(12));
        for other in ["", "localhost:10.0", "far:0", ":", ":x"] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn cookies_are_those_of_the_display() {
        let entry = |family: u16, number: &[u8], name: &[u8], cookie: &[u8]| {
            let mut bytes = family.to_be_bytes().to_vec();
            for field in [b"host", number, name, cookie] {
                bytes.extend((field.len() as u16).to_be_bytes());
                bytes.extend(field);
            }
            bytes
        };
        let file = [
            entry(256, b"0", COOKIE, b"other display"),
            entry(256, b"1", b"XDM-AUTHORIZATION-1", b"other kind"),
            entry(0, b"1", COOKIE, b"other machine"),
            entry(256, b"1", COOKIE, b"ours"),
            entry(65_535, b"", COOKIE, b"any"),
            entry(256, b"1", COOKIE, b"cut off"),
        ]
        .concat();
        let found = cookies(&file[..file.len() - 1], 1);
        assert_eq!(found, [b"ours".to_vec(), b"any".to_vec()]);
        assert!(cookies(b"nonsense", 1).is_empty());
    }

    fn reply(at: &[(usize, u8)]) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        bytes[0] = 1;
        for (index, byte) in at {
            bytes[*index] = *byte;
        }
        bytes
    }

    /// What a server says of itself: two formats, a vendor of five letters, one screen with root 0x01020304.
    fn about() -> Vec<u8> {
        let mut rest = vec![0; 32];
        rest[16] = 5;
        rest[21] = 2;
        rest.extend(b"maker\0\0\0");
        rest.extend([0; 16]);
        rest.extend([4, 3, 2, 1]);
        let mut bytes = vec![1, 0, 11, 0, 0, 0];
        bytes.extend((rest.len() as u16 / 4).to_le_bytes());
        bytes.extend(rest);
        bytes
    }

    /// A server that gives these answers, one for each message that it gets. Returns the messages.
    fn serve(answers: Vec<Vec<u8>>) -> (UnixStream, thread::JoinHandle<Vec<Vec<u8>>>) {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let server = thread::spawn(move || {
            let mut seen = Vec::new();
            for answer in answers {
                let mut buffer = [0; 256];
                let count = theirs.read(&mut buffer).expect("reads");
                seen.push(buffer[..count].to_vec());
                theirs.write_all(&answer).expect("writes");
            }
            seen
        });
        (ours, server)
    }

    #[test]
    fn it_asks_as_the_protocol_says_and_reads_the_time() {
        let mut event = vec![34];
        event.resize(32, 0);
        let info = [event, reply(&[(16, 0x10), (17, 0x27)])].concat();
        let answers = vec![about(), reply(&[(8, 1), (9, 144)]), reply(&[]), info];
        let (stream, server) = serve(answers);
        let mut x = Server::over(stream, Some(b"0123456789abcdef")).expect("introduced");
        assert!(!x.is_guest);
        assert_eq!(x.idle().expect("answers"), Duration::from_secs(10));
        let seen = server.join().expect("the server");
        let hello = b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\x000123456789abcdef";
        assert_eq!(seen[0], hello);
        assert_eq!(seen[1], b"\x62\0\x06\0\x10\0\0\0MIT-SCREEN-SAVER");
        assert_eq!(seen[2], b"\x62\0\x04\0\x08\0\0\0XWAYLAND");
        assert_eq!(seen[3], b"\x90\x01\x02\0\x04\x03\x02\x01");
    }

    #[test]
    fn a_guest_of_wayland_is_known_and_refusals_are_errors() {
        let saver = reply(&[(8, 1), (9, 144)]);
        let (stream, _server) = serve(vec![about(), saver, reply(&[(8, 1), (9, 150)])]);
        assert!(Server::over(stream, None).expect("introduced").is_guest);
        let refusal = b"\0\x05\x0b\0\0\0\x02\0no!!!\0\0\0".to_vec();
        let mut short = about();
        short.truncate(20);
        let mut tiny = about();
        tiny.truncate(8 + 4);
        tiny[6] = 1;
        let answers = [
            vec![refusal],
            vec![short],
            vec![tiny],
            vec![about(), reply(&[])],
            vec![about(), vec![0; 32]],
            vec![about(), reply(&[(4, 1)])],
        ];
        for answers in answers {
            let (stream, server) = serve(answers);
            let result = Server::over(stream, None);
            server.join().expect("the server");
            assert!(result.is_err());
        }
    }
}
