//! As much of D-Bus as it takes to ask for a value: connect, call, read the answer.
//!
//! Blocking, with a time limit on each step, and bounded in what it reads.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// How long a bus may take for each step. Longer, and a service that hangs delays the sensors that come after it; shorter,
/// and one that is swapped out counts as gone.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes of an answer: what we ask for has some dozens.
const MAX_MESSAGE: usize = 64 << 10;
/// Messages to others, such as signals, that are read over before the answer has to come.
const MAX_STRANGERS: usize = 64;
/// Values nested deeper than this are refused, as by the bus itself.
const MAX_DEPTH: u8 = 32;

const CALL: u8 = 1;
const RETURN: u8 = 2;
const ERROR: u8 = 3;
/// Asking starts no service.
const NO_AUTO_START: u8 = 2;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// The bus is not there, or does not answer in time.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bus does not let us in.
    #[error("this user is refused: {0}")]
    Refused(String),
    /// Whoever was asked says no; a D-Bus error name.
    #[error("{0}")]
    Answer(String),
    /// What came is no answer.
    #[error("nonsense: {0}")]
    Malformed(&'static str),
}

impl BusError {
    /// Whether the connection is of no use any more.
    pub(crate) fn is_broken(&self) -> bool {
        !matches!(self, Self::Answer(_))
    }

    /// Whether the other end went away, as a bus does that starts anew. One that does not answer in time is not asked twice.
    pub(crate) fn is_closed(&self) -> bool {
        use io::ErrorKind::{TimedOut, WouldBlock};
        matches!(self, Self::Io(error) if !matches!(error.kind(), TimedOut | WouldBlock))
    }
}

/// A value in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A truth value.
    Bool(bool),
    /// An unsigned number of any size.
    Number(u64),
    /// A signed number of any size.
    Signed(i64),
    /// A string, path or signature.
    Text(String),
    /// A structure.
    Struct(Vec<Arg>),
}

/// A connection to a bus.
pub struct Bus {
    stream: UnixStream,
    serial: u32,
}

impl Bus {
    /// Connects to a socket and says hello.
    pub fn connect(path: &Path) -> Result<Self, BusError> {
        Self::over(UnixStream::connect(path)?)
    }

    /// Says hello over a stream that is connected.
    pub fn over(stream: UnixStream) -> Result<Self, BusError> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut bus = Self { stream, serial: 0 };
        // The socket's credentials say who we are, hence no name.
        bus.stream.write_all(b"\0AUTH EXTERNAL\r\n")?;
        if bus.line()? == "DATA" {
            bus.stream.write_all(b"DATA\r\n")?;
        }
        let line = bus.line()?;
        if !line.starts_with("OK") {
            return Err(BusError::Refused(line));
        }
        bus.stream.write_all(b"BEGIN\r\n")?;
        bus.call(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "Hello",
            &[],
        )?;
        Ok(bus)
    }

    fn line(&mut self) -> Result<String, BusError> {
        let mut line = Vec::new();
        // Byte by byte: what follows belongs to somebody else.
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            line.push(byte[0]);
            if line.len() > 512 {
                return Err(BusError::Malformed("an endless line"));
            }
        }
        line.truncate(line.len() - 2);
        String::from_utf8(line).map_err(|_| BusError::Malformed("a line that is no text"))
    }

    /// Reads a property.
    pub fn property(
        &mut self,
        destination: &str,
        path: &str,
        interface: &str,
        name: &str,
    ) -> Result<Arg, BusError> {
        let properties = "org.freedesktop.DBus.Properties";
        self.call(destination, path, properties, "Get", &[interface, name])?
            .ok_or(BusError::Malformed("an answer without a value"))
    }

    /// Calls a method with texts and returns the first value of its answer.
    pub fn call(
        &mut self,
        destination: &str,
        path: &str,
        interface: &str,
        member: &str,
        args: &[&str],
    ) -> Result<Option<Arg>, BusError> {
        self.serial = self.serial.wrapping_add(1).max(1);
        let serial = self.serial;
        let mut body = Writer::default();
        for arg in args {
            body.text(arg);
        }
        let mut head = Writer::default();
        head.0.extend([b'l', CALL, NO_AUTO_START, 1]);
        head.number(body.0.len() as u32);
        head.number(serial);
        let mut fields = Writer(vec![0; 16]);
        for (code, kind, value) in [
            (1, "o", path),
            (2, "s", interface),
            (3, "s", member),
            (6, "s", destination),
        ] {
            fields.align(8);
            fields.0.push(code);
            fields.signature(kind);
            fields.text(value);
        }
        if !args.is_empty() {
            fields.align(8);
            fields.0.push(8);
            fields.signature("g");
            fields.signature(&"s".repeat(args.len()));
        }
        head.number((fields.0.len() - 16) as u32);
        head.0.extend(&fields.0[16..]);
        head.align(8);
        head.0.extend(body.0);
        self.stream.write_all(&head.0)?;
        for _ in 0..MAX_STRANGERS {
            if let Some(answer) = self.answer(serial)? {
                return answer;
            }
        }
        Err(BusError::Malformed("everything but an answer"))
    }

    /// Reads one message; `None` if it does not answer this call.
    #[allow(clippy::type_complexity)]
    fn answer(&mut self, serial: u32) -> Result<Option<Result<Option<Arg>, BusError>>, BusError> {
        let mut fixed = [0; 16];
        self.stream.read_exact(&mut fixed)?;
        if fixed[0] != b'l' {
            return Err(BusError::Malformed("another byte order"));
        }
        let number = |at: usize| {
            u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]) as usize
        };
        let (body, fields) = (number(4), number(12));
        if body > MAX_MESSAGE || fields > MAX_MESSAGE {
            return Err(BusError::Malformed("a message without measure"));
        }
        let start = (16 + fields).next_multiple_of(8);
        let mut message = fixed.to_vec();
        message.resize(start + body, 0);
        self.stream.read_exact(&mut message[16..])?;

        let mut head = Reader::new(&message[..16 + fields], 16);
        let (mut to, mut signature, mut error) = (None, String::new(), String::new());
        while head.at < 16 + fields {
            head.align(8)?;
            let code = head.byte()?;
            match (code, head.variant(0)?) {
                (5, Arg::Number(serial)) => to = Some(serial),
                (8, Arg::Text(text)) => signature = text,
                (4, Arg::Text(text)) => error = text,
                _ => {}
            }
        }
        if to != Some(u64::from(serial)) {
            return Ok(None);
        }
        let mut body = Reader::new(&message[start..], 0);
        match fixed[1] {
            RETURN if signature.is_empty() => Ok(Some(Ok(None))),
            RETURN => {
                let mut signature = signature.as_bytes();
                Ok(Some(body.value(&mut signature, 0).map(Some)))
            }
            ERROR => Ok(Some(Err(BusError::Answer(error)))),
            _ => Err(BusError::Malformed("neither answer nor error")),
        }
    }
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, number: u32) {
        self.align(4);
        self.0.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    fn signature(&mut self, text: &str) {
        self.0.push(text.len() as u8);
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], BusError> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(BusError::Malformed("a message that ends early"))?;
        self.at += count;
        Ok(taken)
    }

    fn align(&mut self, to: usize) -> Result<(), BusError> {
        self.take(self.at.next_multiple_of(to) - self.at).map(drop)
    }

    fn byte(&mut self) -> Result<u8, BusError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self, size: usize) -> Result<u64, BusError> {
        self.align(size)?;
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(self.take(size)?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn text(&mut self, length: usize) -> Result<String, BusError> {
        let text = self.take(length)?.to_vec();
        self.byte()?;
        String::from_utf8(text).map_err(|_| BusError::Malformed("a text that is none"))
    }

    fn variant(&mut self, depth: u8) -> Result<Arg, BusError> {
        let length = self.byte()?;
        let signature = self.text(length.into())?;
        self.value(&mut signature.as_bytes(), depth + 1)
    }

    /// Reads a value whose type the signature begins with.
    fn value(&mut self, signature: &mut &[u8], depth: u8) -> Result<Arg, BusError> {
        if depth > MAX_DEPTH {
            return Err(BusError::Malformed("a value without an end"));
        }
        let Some((kind, rest)) = signature.split_first() else {
            return Err(BusError::Malformed("a value without a type"));
        };
        *signature = rest;
        Ok(match kind {
            b'b' => Arg::Bool(self.number(4)? != 0),
            b'y' => Arg::Number(self.byte()?.into()),
            b'q' => Arg::Number(self.number(2)?),
            b'u' => Arg::Number(self.number(4)?),
            b't' => Arg::Number(self.number(8)?),
            // Cut to its size, then widened with its sign.
            b'n' => Arg::Signed((self.number(2)? as i16).into()),
            b'i' => Arg::Signed((self.number(4)? as i32).into()),
            b'x' => Arg::Signed(self.number(8)? as i64),
            b's' | b'o' => {
                let length = self.number(4)?;
                Arg::Text(self.text(length as usize)?)
            }
            b'g' => {
                let length = self.byte()?;
                Arg::Text(self.text(length.into())?)
            }
            b'v' => self.variant(depth)?,
            b'(' => {
                self.align(8)?;
                let mut fields = Vec::new();
                while signature.first().is_some_and(|kind| *kind != b')') {
                    fields.push(self.value(signature, depth + 1)?);
                }
                *signature = signature.get(1..).unwrap_or_default();
                Arg::Struct(fields)
            }
            _ => return Err(BusError::Malformed("a type that we do not ask for")),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::thread;

    /// An answer, put together by hand after the specification: fields REPLY_SERIAL and SIGNATURE, then the body.
    pub(in crate::linux) fn answer(
        kind: u8,
        serial: u32,
        signature: &[u8],
        body: &[u8],
    ) -> Vec<u8> {
        let mut bytes = vec![b'l', kind, 1, 1];
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(9_u32.to_le_bytes());
        let mut fields = vec![5, 1, b'u', 0];
        fields.extend(serial.to_le_bytes());
        fields.extend([8, 1, b'g', 0, signature.len() as u8]);
        fields.extend(signature);
        fields.push(0);
        bytes.extend((fields.len() as u32).to_le_bytes());
        bytes.extend(fields);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(body);
        bytes
    }

    /// A bus that lets us in, answers Hello, and then says these bytes to whatever is asked. Returns what was asked.
    fn ask(answer_bytes: Vec<u8>) -> (Result<Arg, BusError>, Vec<u8>) {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let server = thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut expect = |starts: &[u8], reply: &[u8]| {
                let count = theirs.read(&mut buffer).expect("reads");
                assert!(
                    buffer[..count].starts_with(starts),
                    "{:?}",
                    &buffer[..count]
                );
                theirs.write_all(reply).expect("writes");
                buffer[..count].to_vec()
            };
            expect(b"\0AUTH EXTERNAL\r\n", b"DATA\r\n");
            expect(b"DATA\r\n", b"OK 0123\r\n");
            let name = b"\x04\0\0\0:1.7\0";
            // BEGIN and Hello may come in one piece.
            let mut hello = expect(b"BEGIN\r\n", b"");
            if hello.len() == 7 {
                hello = expect(b"l\x01", b"");
            }
            assert!(hello.windows(5).any(|part| part == b"Hello"));
            theirs
                .write_all(&answer(RETURN, 1, b"s", name))
                .expect("writes");
            let count = theirs.read(&mut buffer).expect("reads");
            // The other end may have given up already.
            let _ = theirs.write_all(&answer_bytes);
            buffer[..count].to_vec()
        });
        let result = Bus::over(ours).and_then(|mut bus| bus.property("a.b", "/c", "d.e", "F"));
        (result, server.join().expect("the bus"))
    }

    #[test]
    fn a_call_is_written_as_the_specification_says() {
        let (result, asked) = ask(answer(RETURN, 2, b"v", b"\x01b\0\0\x01\0\0\0"));
        assert_eq!(result.expect("an answer"), Arg::Bool(true));
        // Little endian, a call, without starting a service; 14 bytes of arguments, number 2, 96 bytes of fields.
        let expected = [
            b"l\x01\x02\x01\x0e\0\0\0\x02\0\0\0\x60\0\0\0".as_slice(),
            b"\x01\x01o\0\x02\0\0\0/c\0\0\0\0\0\0",
            b"\x02\x01s\0\x1f\0\0\0org.freedesktop.DBus.Properties\0",
            b"\x03\x01s\0\x03\0\0\0Get\0\0\0\0\0",
            b"\x06\x01s\0\x03\0\0\0a.b\0\0\0\0\0",
            b"\x08\x01g\0\x02ss\0",
            b"\x03\0\0\0d.e\0\x01\0\0\0F\0",
        ]
        .concat();
        assert_eq!(asked, expected);
    }

    #[test]
    fn answers_of_all_kinds_are_read() {
        // A variant's structure begins at a multiple of eight.
        let mut body = b"\x04(so)\0".to_vec();
        body.resize(8, 0);
        body.extend(b"\x02\0\0\0c2\0\0\x02\0\0\0/c\0");
        let (result, _) = ask(answer(RETURN, 2, b"v", &body));
        let text = |text: &str| Arg::Text(text.into());
        assert_eq!(
            result.expect("reads"),
            Arg::Struct(vec![text("c2"), text("/c")])
        );
        let mut number = b"\x01t\0".to_vec();
        number.resize(8, 0);
        number.extend(7_u64.to_le_bytes());
        let (result, _) = ask(answer(RETURN, 2, b"v", &number));
        assert_eq!(result.expect("reads"), Arg::Number(7));
        // A signal before the answer, and one that answers another call.
        let mut bytes = answer(4, 2, b"", b"");
        bytes[17 - 1] = 7;
        bytes.extend(answer(RETURN, 1, b"v", b"\x01b\0\0\x01\0\0\0"));
        bytes.extend(answer(RETURN, 2, b"v", b"\x01b\0\0\0\0\0\0"));
        let (result, _) = ask(bytes);
        assert_eq!(result.expect("reads"), Arg::Bool(false));
        let (result, _) = ask(answer(ERROR, 2, b"", b""));
        assert!(matches!(result, Err(BusError::Answer(_))), "{result:?}");
    }

    #[test]
    fn nonsense_is_an_error() {
        let whole = answer(RETURN, 2, b"v", b"\x01b\0\0\x01\0\0\0");
        let mut other_order = whole.clone();
        other_order[0] = b'B';
        let mut endless = whole.clone();
        endless[4..8].copy_from_slice(&[0xff; 4]);
        let mut nested = answer(RETURN, 2, b"v", &b"\x01v\0".repeat(60));
        nested.extend([0; 8]);
        for bytes in [
            other_order,
            endless,
            nested,
            whole[..whole.len() - 2].to_vec(),
            answer(RETURN, 2, b"v", b"\xffb\0"),
            answer(RETURN, 2, b"v", b"\x01s\0\0\xff\xff\xff\xff"),
            answer(RETURN, 2, b"v", b"\x01a\0\0\0\0\0\0"),
            answer(RETURN, 2, b"", b""),
            Vec::new(),
        ] {
            let (result, _) = ask(bytes);
            let error = result.expect_err("nonsense");
            assert!(error.is_broken(), "{error}");
        }
    }
}
