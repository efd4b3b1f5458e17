//! What parent and child say to each other. Numbers are little-endian; a frame is its length in four bytes and as many
//! bytes; large contents follow their frame without another copy.
//!
//! | on | from | message |
//! |---|---|---|
//! | control | parent | prelude with open files, [`Setup`] |
//! | control | child | [`Ready`], once it is jailed |
//! | control | parent | shared inputs (to run) |
//! | control | child | [`Loaded`] (to run) |
//! | lane | parent | a unit, or a module to compile |
//! | lane | child | its outcome, or machine code |
//!
//! The control socket's end is the child's end. Whatever the child writes is checked here before it is used, and before
//! memory is taken for it.

use crate::report::{Measure, Status};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use sungrid_executor::{
    Environment, Exit, Limits, MAX_FUEL, MAX_PATH, Origin, Outcome, RunError, Task,
};

/// First bytes on the control socket, then the version. A child of another version is refused: parent and child are
/// one program, so this is a mistake of whoever installed it.
const MAGIC: [u8; 4] = *b"SGSB";
/// Raise it with every change of a message.
const VERSION: u32 = 2;
/// Bytes of the prelude.
pub(crate) const PRELUDE: usize = 8;
/// Largest frame that sets a child up, or says that it is.
const SMALL_FRAME: usize = 16 << 10;
/// Longest text that a child may have the parent show.
const MAX_TEXT: usize = 4 << 10;
/// Largest machine code of one module. CPython's is about 100 MiB; more would push everything else out of the cache.
pub(crate) const MAX_CODE: u64 = 1 << 30;

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To find out what of the jail there is.
    Probe,
    /// To compile one module, in so many seconds of processor time.
    Compile(u32),
    /// To run the units of a batch.
    Run(Origin),
}

/// The parent's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) purpose: Purpose,
    /// The process that is to be outlived by no child.
    pub(crate) parent: u32,
    /// Bytes of writable memory, all lanes together.
    pub(crate) memory: u64,
    /// Lanes: as many sockets come with the prelude.
    pub(crate) lanes: u32,
    /// Measures that are not to be taken.
    pub(crate) skip: Vec<Measure>,
}

/// The child's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) environment: Environment,
    pub(crate) measures: Vec<(Measure, Status)>,
}

/// Whether the module is there, or why not.
pub(crate) type Loaded = Result<(), String>;

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.extend(value);
        self
    }

    /// Lengths are below 4 GiB: tasks and outcomes are bounded far below that.
    fn text(&mut self, value: &str) -> &mut Self {
        self.u32(value.len() as u32).bytes(value.as_bytes())
    }

    fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let length = u32::try_from(self.0.len()).map_err(|_| malformed("a frame is too long"))?;
        // One write for small ones: each wakes the other side.
        let mut frame = Vec::with_capacity(4 + self.0.len());
        frame.extend(length.to_le_bytes());
        frame.extend(&self.0);
        to.write_all(&frame)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| malformed("a message is cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| malformed("cut short"))
    }

    fn u8(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn text(&mut self, max: usize) -> io::Result<String> {
        let length = self.u32()? as usize;
        if length > max {
            return Err(malformed("a text is too long"));
        }
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| malformed("a text is not UTF-8"))
    }

    fn end(&self) -> io::Result<()> {
        match self.0 {
            [] => Ok(()),
            _ => Err(malformed("a message is longer than it should be")),
        }
    }
}

/// Reads a frame of at most `max` bytes.
fn frame(from: &mut impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > max {
        return Err(malformed("a frame is longer than its kind may be"));
    }
    contents(from, length as u64)
}

/// Reads contents whose length was checked. Memory grows with what arrives, not with what was announced.
fn contents(from: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    /// What is taken at once; a sender that announced more has to send this first.
    const FIRST: u64 = 16 << 20;
    let mut bytes = Vec::with_capacity(length.min(FIRST) as usize);
    let read = from.take(length).read_to_end(&mut bytes)?;
    match read as u64 == length {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// What may be shown of a text that a child wrote: it goes into logs and onto terminals.
pub(crate) fn shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(500).collect::<String>().trim().to_owned()
}

/// The bytes that carry the open files.
pub(crate) fn prelude() -> [u8; PRELUDE] {
    let mut bytes = [0; PRELUDE];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

pub(crate) fn check_prelude(bytes: &[u8; PRELUDE]) -> io::Result<()> {
    match *bytes == prelude() {
        true => Ok(()),
        false => Err(malformed(
            "the parent speaks another version; install one version of all programs",
        )),
    }
}

impl Setup {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut w = Writer::default();
        w.u32(self.parent).u32(self.lanes).u64(self.memory);
        match &self.purpose {
            Purpose::Probe => w.u8(0),
            Purpose::Compile(seconds) => w.u8(1).u32(*seconds),
            Purpose::Run(origin) => w.u8(2).bytes(&origin.hash).u64(origin.size),
        };
        w.u8(self.skip.len() as u8);
        for measure in &self.skip {
            w.text(measure.name());
        }
        w.send(to)
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let frame = frame(from, SMALL_FRAME)?;
        let mut r = Reader(&frame);
        let (parent, lanes, memory) = (r.u32()?, r.u32()?, r.u64()?);
        let purpose = match r.u8()? {
            0 => Purpose::Probe,
            1 => Purpose::Compile(r.u32()?),
            2 => Purpose::Run(Origin {
                hash: r.array()?,
                size: r.u64()?,
            }),
            _ => return Err(malformed("an unknown purpose")),
        };
        let skip = (0..r.u8()?).map(|_| measure(&mut r));
        let skip = skip.collect::<Result<_, _>>()?;
        r.end()?;
        Ok(Self {
            skip,
            purpose,
            parent,
            memory,
            lanes,
        })
    }
}

fn measure(r: &mut Reader<'_>) -> io::Result<Measure> {
    let name = r.text(MAX_TEXT)?;
    name.parse().map_err(|_| malformed("an unknown measure"))
}

impl Ready {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut w = Writer::default();
        w.bytes(&self.environment.0).u8(self.measures.len() as u8);
        for (measure, status) in &self.measures {
            w.text(measure.name())
                .u8(status.in_force.into())
                .text(&status.detail);
        }
        w.send(to)
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let frame = frame(from, SMALL_FRAME)?;
        let mut r = Reader(&frame);
        let environment = Environment(r.array()?);
        let mut measures = Vec::new();
        for _ in 0..r.u8()? {
            let measure = measure(&mut r)?;
            let in_force = r.u8()? == 1;
            let detail = shown(&r.text(MAX_TEXT)?);
            measures.push((measure, Status { in_force, detail }));
        }
        r.end()?;
        Ok(Self {
            environment,
            measures,
        })
    }
}

/// Cuts at a boundary of characters.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

pub(crate) fn write_loaded(to: &mut impl Write, loaded: &Loaded) -> io::Result<()> {
    let mut w = Writer::default();
    match loaded {
        Ok(()) => w.u8(0),
        Err(reason) => w.u8(1).text(cut(reason)),
    };
    w.send(to)
}

pub(crate) fn read_loaded(from: &mut impl Read) -> io::Result<Loaded> {
    let frame = frame(from, SMALL_FRAME)?;
    let mut r = Reader(&frame);
    let loaded = match r.u8()? {
        0 => Ok(()),
        1 => Err(shown(&r.text(MAX_TEXT)?)),
        _ => return Err(malformed("an unknown answer")),
    };
    r.end()?;
    Ok(loaded)
}

pub(crate) fn write_shared(to: &mut impl Write, shared: &[Bytes]) -> io::Result<()> {
    let mut w = Writer::default();
    w.u32(shared.len() as u32);
    for bytes in shared {
        w.u64(bytes.len() as u64);
    }
    w.send(to)?;
    shared.iter().try_for_each(|bytes| to.write_all(bytes))
}

/// The child's side: it believes its parent.
pub(crate) fn read_shared(from: &mut impl Read) -> io::Result<Vec<Bytes>> {
    let frame = frame(from, usize::MAX)?;
    let mut r = Reader(&frame);
    let lengths: Vec<u64> = (0..r.u32()?).map(|_| r.u64()).collect::<Result<_, _>>()?;
    lengths
        .into_iter()
        .map(|length| contents(from, length).map(Bytes::from))
        .collect()
}

pub(crate) fn write_module(to: &mut impl Write, wasm: &[u8]) -> io::Result<()> {
    to.write_all(&(wasm.len() as u64).to_le_bytes())?;
    to.write_all(wasm)
}

pub(crate) fn read_module(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    contents(from, u64::from_le_bytes(length))
}

/// Machine code, or why there is none.
pub(crate) fn write_code(to: &mut impl Write, code: &Result<Vec<u8>, String>) -> io::Result<()> {
    let mut w = Writer::default();
    match code {
        Ok(code) => {
            w.u8(0).u64(code.len() as u64).send(to)?;
            to.write_all(code)
        }
        Err(reason) => w.u8(1).text(cut(reason)).send(to),
    }
}

pub(crate) fn read_code(from: &mut impl Read) -> io::Result<Result<Vec<u8>, String>> {
    let frame = frame(from, SMALL_FRAME)?;
    let mut r = Reader(&frame);
    match r.u8()? {
        0 => {
            let length = r.u64()?;
            r.end()?;
            if length > MAX_CODE {
                return Ok(Err(format!(
                    "its machine code has {length} bytes, more than the {MAX_CODE} allowed; make the module smaller"
                )));
            }
            contents(from, length).map(Ok)
        }
        1 => {
            let reason = shown(&r.text(MAX_TEXT)?);
            r.end()?;
            Ok(Err(reason))
        }
        _ => Err(malformed("an unknown answer")),
    }
}

/// Files that all units share are named by their place in what the child was given at its start.
fn place_of(shared: &[Bytes], file: &Bytes) -> Option<usize> {
    // The parent holds what it shared, so no other content can be at the same place.
    let same = |known: &Bytes| known.as_ptr() == file.as_ptr() && known.len() == file.len();
    shared.iter().position(same)
}

pub(crate) fn write_unit(
    to: &mut impl Write,
    task: &Task,
    limits: &Limits,
    shared: &[Bytes],
) -> io::Result<()> {
    let mut w = Writer::default();
    w.u64(limits.fuel).u64(limits.memory_bytes);
    w.u64(limits.table_elements).u64(limits.output_bytes);
    w.u32(limits.output_files).bytes(&task.seed);
    w.u32(task.args.len() as u32);
    for arg in &task.args {
        w.text(arg);
    }
    w.u32(task.env.len() as u32);
    for (name, value) in &task.env {
        w.text(name).text(value);
    }
    w.u64(task.stdin.len() as u64).u32(task.files.len() as u32);
    let mut own: Vec<&Bytes> = Vec::new();
    for (name, file) in &task.files {
        w.text(name);
        match place_of(shared, file) {
            Some(place) => w.u8(1).u32(place as u32),
            None => {
                own.push(file);
                w.u8(0).u64(file.len() as u64)
            }
        };
    }
    w.send(to)?;
    to.write_all(&task.stdin)?;
    own.into_iter().try_for_each(|file| to.write_all(file))
}

/// The child's side. The wall clock is the parent's to watch.
pub(crate) fn read_unit(from: &mut impl Read, shared: &[Bytes]) -> io::Result<(Task, Limits)> {
    let frame = frame(from, usize::MAX)?;
    let mut r = Reader(&frame);
    let limits = Limits {
        fuel: r.u64()?,
        memory_bytes: r.u64()?,
        table_elements: r.u64()?,
        output_bytes: r.u64()?,
        output_files: r.u32()?,
        wall_clock: None,
    };
    let seed = r.array()?;
    let text = |r: &mut Reader<'_>| r.text(usize::MAX);
    let args = (0..r.u32()?).map(|_| text(&mut r));
    let args = args.collect::<Result<_, _>>()?;
    let env = (0..r.u32()?).map(|_| Ok((text(&mut r)?, text(&mut r)?)));
    let env = env.collect::<io::Result<_>>()?;
    let stdin_length = r.u64()?;
    let mut places = Vec::new();
    for _ in 0..r.u32()? {
        let name = text(&mut r)?;
        let place = match r.u8()? {
            0 => Err(r.u64()?),
            _ => Ok(r.u32()? as usize),
        };
        places.push((name, place));
    }
    r.end()?;
    let stdin = contents(from, stdin_length)?.into();
    let mut files = BTreeMap::new();
    for (name, place) in places {
        let file = match place {
            Ok(place) => shared.get(place).cloned(),
            Err(length) => Some(contents(from, length)?.into()),
        };
        files.insert(name, file.ok_or_else(|| malformed("no such shared file"))?);
    }
    let task = Task {
        args,
        env,
        stdin,
        files,
        seed,
    };
    Ok((task, limits))
}

pub(crate) fn write_outcome(
    to: &mut impl Write,
    outcome: &Result<Outcome, RunError>,
) -> io::Result<()> {
    let mut w = Writer::default();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(RunError::Host(reason)) => return w.u8(1).text(cut(reason)).send(to),
        Err(error) => return w.u8(1).text(cut(&error.to_string())).send(to),
    };
    w.u8(0).u32(outcome.exit.code());
    w.u64(outcome.fuel).u64(outcome.peak_memory);
    w.u64(outcome.stdout.len() as u64);
    w.u64(outcome.stderr.len() as u64);
    w.u32(outcome.files.len() as u32);
    for (name, file) in &outcome.files {
        w.text(name).u64(file.len() as u64);
    }
    w.send(to)?;
    to.write_all(&outcome.stdout)?;
    to.write_all(&outcome.stderr)?;
    let mut files = outcome.files.values();
    files.try_for_each(|file| to.write_all(file))
}

/// The parent's side: nothing is believed that the limits do not admit.
pub(crate) fn read_outcome(
    from: &mut impl Read,
    limits: &Limits,
) -> io::Result<Result<Outcome, RunError>> {
    // A name and two lengths for each file; the rest is fixed.
    let most = (limits.output_files as usize).saturating_mul(MAX_PATH + 12);
    let frame = frame(from, most.saturating_add(SMALL_FRAME))?;
    let mut r = Reader(&frame);
    match r.u8()? {
        0 => {}
        1 => {
            let reason = shown(&r.text(MAX_TEXT)?);
            r.end()?;
            return Ok(Err(RunError::Host(reason)));
        }
        _ => return Err(malformed("an unknown answer")),
    }
    let exit = Exit::from_code(r.u32()?).ok_or_else(|| malformed("no such exit"))?;
    let (fuel, peak_memory) = (r.u64()?, r.u64()?);
    if fuel > limits.fuel.min(MAX_FUEL) || peak_memory > limits.memory_bytes {
        return Err(malformed("more fuel or memory than the limits"));
    }
    let (stdout, stderr, count) = (r.u64()?, r.u64()?, r.u32()?);
    if count > limits.output_files {
        return Err(malformed("more files than the limit"));
    }
    let mut names = Vec::new();
    let mut total = stdout.saturating_add(stderr);
    for _ in 0..count {
        let (name, length) = (r.text(MAX_PATH)?, r.u64()?);
        total = total.saturating_add(length);
        names.push((name, length));
    }
    r.end()?;
    if total > limits.output_bytes {
        return Err(malformed("more output than the limit"));
    }
    let stdout = contents(from, stdout)?;
    let stderr = contents(from, stderr)?;
    let mut files = BTreeMap::new();
    for (name, length) in names {
        if files.insert(name, contents(from, length)?).is_some() {
            return Err(malformed("two files of one name"));
        }
    }
    Ok(Ok(Outcome {
        exit,
        fuel,
        peak_memory,
        stdout,
        stderr,
        files,
    }))
}

#[cfg(test)]
#[path = "protocol/tests.rs"]
mod tests;
