//! Functions on open descriptors.

use super::context::{Ctx, IoVecs, Res};
use super::types::*;
use super::vfs::{Content, Ino, Node, out_of_memory};
use crate::cost;
use std::collections::BTreeMap;

/// Most open descriptors; POSIX systems allow 1,024 by default.
const MAX_FDS: u32 = 1_024;

#[derive(Debug)]
pub(crate) enum Kind {
    Stdin {
        pos: usize,
    },
    Stdout,
    Stderr,
    File {
        ino: Ino,
        pos: u64,
    },
    Dir {
        ino: Ino,
        preopen: Option<&'static str>,
    },
}

#[derive(Debug)]
pub(crate) struct Fd {
    pub(crate) kind: Kind,
    pub(crate) rights: u64,
    pub(crate) inheriting: u64,
    pub(crate) flags: u16,
}

#[derive(Debug)]
pub(crate) struct Table(BTreeMap<u32, Fd>);

impl Table {
    /// The standard streams, `/in` as 3 and `/out` as 4.
    pub(crate) fn new(input: Ino, output: Ino) -> Self {
        let fd = |kind, rights| Fd {
            kind,
            rights,
            inheriting: rights::ALL,
            flags: 0,
        };
        let stream = rights::ALL & !(rights::FD_SEEK | rights::FD_TELL);
        let dir = |ino, name| {
            fd(
                Kind::Dir {
                    ino,
                    preopen: Some(name),
                },
                rights::ALL,
            )
        };
        Self(BTreeMap::from([
            (0, fd(Kind::Stdin { pos: 0 }, stream)),
            (1, fd(Kind::Stdout, stream)),
            (2, fd(Kind::Stderr, stream)),
            (3, dir(input, "/in")),
            (4, dir(output, "/out")),
        ]))
    }

    pub(crate) fn get(&self, fd: u32) -> Result<&Fd, Errno> {
        self.0.get(&fd).ok_or(Errno::BadF)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Fd, Errno> {
        self.0.get_mut(&fd).ok_or(Errno::BadF)
    }

    /// The directory behind a descriptor.
    pub(crate) fn dir(&self, fd: u32) -> Result<Ino, Errno> {
        match self.get(fd)?.kind {
            Kind::Dir { ino, .. } => Ok(ino),
            _ => Err(Errno::NotDir),
        }
    }

    /// The file behind a descriptor.
    fn file(&self, fd: u32) -> Result<Ino, Errno> {
        match self.get(fd)?.kind {
            Kind::File { ino, .. } => Ok(ino),
            Kind::Dir { .. } => Err(Errno::IsDir),
            _ => Err(Errno::SPipe),
        }
    }

    /// Takes the lowest free number.
    pub(crate) fn insert(&mut self, fd: Fd) -> Result<u32, Errno> {
        let number = (0..MAX_FDS)
            .find(|n| !self.0.contains_key(n))
            .ok_or(Errno::MFile)?;
        self.0.insert(number, fd);
        Ok(number)
    }
}

fn require(fd: &Fd, right: u64) -> Result<(), Errno> {
    if fd.rights & right == 0 {
        Err(Errno::BadF)
    } else {
        Ok(())
    }
}

/// Drops what a descriptor held on to.
fn release(cx: &mut Ctx<'_>, fd: &Fd) {
    if let Kind::File { ino, .. } | Kind::Dir { ino, .. } = fd.kind {
        cx.wasi.vfs.closed(ino);
    }
}

pub(crate) fn close(cx: &mut Ctx<'_>, fd: u32) -> Res {
    let old = cx.wasi.fds.0.remove(&fd).ok_or(Errno::BadF)?;
    release(cx, &old);
    Ok(())
}

pub(crate) fn renumber(cx: &mut Ctx<'_>, from: u32, to: u32) -> Res {
    cx.wasi.fds.get(from)?;
    cx.wasi.fds.get(to)?;
    if from != to
        && let Some(moved) = cx.wasi.fds.0.remove(&from)
        && let Some(old) = cx.wasi.fds.0.insert(to, moved)
    {
        release(cx, &old);
    }
    Ok(())
}

/// How many bytes of `data` a read at `pos` into `room` bytes yields.
fn readable(data: &[u8], pos: u64, room: u64) -> std::ops::Range<usize> {
    let start = usize::try_from(pos).unwrap_or(usize::MAX).min(data.len());
    let end = start
        .saturating_add(usize::try_from(room).unwrap_or(usize::MAX))
        .min(data.len());
    start..end
}

pub(crate) fn read(cx: &mut Ctx<'_>, fd: u32, iovs: u32, count: u32, out: u32) -> Res {
    let iovecs = cx.iovecs(iovs, count)?;
    cx.range(out, 4)?;
    let entry = cx.wasi.fds.get(fd)?;
    require(entry, rights::FD_READ)?;
    let (data, pos) = match entry.kind {
        Kind::Stdin { pos } => (&cx.wasi.stdin[..], pos as u64),
        Kind::File { ino, pos } => (cx.wasi.vfs.file(ino)?, pos),
        Kind::Dir { .. } => return Err(Errno::IsDir.into()),
        Kind::Stdout | Kind::Stderr => return Err(Errno::BadF.into()),
    };
    let range = readable(data, pos, iovecs.total);
    let moved = range.len();
    cx.charge_bytes(moved)?;
    // Looked up again: the charge needed the whole context.
    let data = match cx.wasi.fds.get(fd)?.kind {
        Kind::File { ino, .. } => cx.wasi.vfs.file(ino)?,
        _ => &cx.wasi.stdin[..],
    };
    Ctx::scatter(cx.mem, &iovecs, &data[range]);
    match &mut cx.wasi.fds.get_mut(fd)?.kind {
        Kind::Stdin { pos } => *pos += moved,
        Kind::File { pos, .. } => *pos += moved as u64,
        _ => {}
    }
    cx.put_u32(out, moved as u32)
}

pub(crate) fn pread(cx: &mut Ctx<'_>, fd: u32, iovs: u32, count: u32, at: u64, out: u32) -> Res {
    let iovecs = cx.iovecs(iovs, count)?;
    cx.range(out, 4)?;
    let ino = cx.wasi.fds.file(fd)?;
    require(cx.wasi.fds.get(fd)?, rights::FD_READ)?;
    let range = readable(cx.wasi.vfs.file(ino)?, at, iovecs.total);
    cx.charge_bytes(range.len())?;
    let moved = Ctx::scatter(cx.mem, &iovecs, &cx.wasi.vfs.file(ino)?[range]);
    cx.put_u32(out, moved)
}

/// Writes the buffers to a file at `at`; returns where the write ended.
fn write_file(cx: &mut Ctx<'_>, ino: Ino, iovecs: &IoVecs, at: u64) -> Res<u64> {
    if iovecs.total == 0 {
        return Ok(at);
    }
    let end = at.checked_add(iovecs.total).ok_or(Errno::FBig)?;
    let gap = at.saturating_sub(cx.wasi.vfs.file(ino)?.len() as u64);
    let now = cx.realtime();
    cx.charge(iovecs.total.saturating_mul(cost::HOST_PER_BYTE))?;
    let grows = end.saturating_sub(cx.wasi.vfs.file(ino)?.len() as u64);
    if grows > 0 {
        // The limit first: a write far beyond the end reads as what it is, not as a lack of fuel.
        cx.wasi.vfs.resize(ino, end, now)?;
        cx.charge(gap.saturating_mul(cost::HOST_PER_BYTE))?;
    }
    let data = cx.wasi.vfs.write_at(ino, end, now)?;
    // `end` fits the output limit, hence memory.
    let mut pos = at as usize;
    for range in &iovecs.ranges {
        data[pos..pos + range.len()].copy_from_slice(&cx.mem[range.clone()]);
        pos += range.len();
    }
    Ok(end)
}

pub(crate) fn write(cx: &mut Ctx<'_>, fd: u32, iovs: u32, count: u32, out: u32) -> Res {
    let iovecs = cx.iovecs(iovs, count)?;
    cx.range(out, 4)?;
    let entry = cx.wasi.fds.get(fd)?;
    require(entry, rights::FD_WRITE)?;
    let append = entry.flags & fdflags::APPEND != 0;
    match entry.kind {
        Kind::Stdout | Kind::Stderr => {
            let is_stdout = matches!(entry.kind, Kind::Stdout);
            cx.charge(iovecs.total.saturating_mul(cost::HOST_PER_BYTE))?;
            cx.wasi.vfs.take_bytes(iovecs.total)?;
            let wasi = &mut *cx.wasi;
            let stream = if is_stdout {
                &mut wasi.stdout
            } else {
                &mut wasi.stderr
            };
            stream
                .try_reserve(iovecs.total as usize)
                .map_err(out_of_memory)?;
            for range in &iovecs.ranges {
                stream.extend_from_slice(&cx.mem[range.clone()]);
            }
        }
        Kind::File { ino, pos } => {
            let at = if append {
                cx.wasi.vfs.file(ino)?.len() as u64
            } else {
                pos
            };
            let end = write_file(cx, ino, &iovecs, at)?;
            if let Kind::File { pos, .. } = &mut cx.wasi.fds.get_mut(fd)?.kind {
                *pos = end;
            }
        }
        Kind::Dir { .. } => return Err(Errno::IsDir.into()),
        Kind::Stdin { .. } => return Err(Errno::BadF.into()),
    }
    cx.put_u32(out, iovecs.total as u32)
}

pub(crate) fn pwrite(cx: &mut Ctx<'_>, fd: u32, iovs: u32, count: u32, at: u64, out: u32) -> Res {
    let iovecs = cx.iovecs(iovs, count)?;
    cx.range(out, 4)?;
    let ino = cx.wasi.fds.file(fd)?;
    let entry = cx.wasi.fds.get(fd)?;
    require(entry, rights::FD_WRITE)?;
    // What is open for appending is appended to, as under Linux and so under every other engine there, whatever POSIX says.
    let at = if entry.flags & fdflags::APPEND != 0 {
        cx.wasi.vfs.file(ino)?.len() as u64
    } else {
        at
    };
    write_file(cx, ino, &iovecs, at)?;
    cx.put_u32(out, iovecs.total as u32)
}

pub(crate) fn seek(cx: &mut Ctx<'_>, fd: u32, offset: i64, whence: u32, out: u32) -> Res {
    cx.range(out, 8)?;
    let ino = cx.wasi.fds.file(fd)?;
    let size = cx.wasi.vfs.file(ino)?.len() as u64;
    let Kind::File { pos, .. } = &mut cx.wasi.fds.get_mut(fd)?.kind else {
        return Err(Errno::SPipe.into());
    };
    let base = match whence {
        WHENCE_SET => 0,
        WHENCE_CUR => *pos,
        WHENCE_END => size,
        _ => return Err(Errno::Inval.into()),
    };
    let new = base.checked_add_signed(offset).ok_or(Errno::Inval)?;
    if new > i64::MAX as u64 {
        return Err(Errno::Overflow.into());
    }
    *pos = new;
    cx.put_u64(out, new)
}

pub(crate) fn fdstat_get(cx: &mut Ctx<'_>, fd: u32, out: u32) -> Res {
    let entry = cx.wasi.fds.get(fd)?;
    let kind = match entry.kind {
        Kind::Stdin { .. } | Kind::Stdout | Kind::Stderr => FileType::Unknown,
        Kind::File { .. } => FileType::Regular,
        Kind::Dir { .. } => FileType::Directory,
    };
    let mut stat = [0; 24];
    stat[0] = kind as u8;
    stat[2..4].copy_from_slice(&entry.flags.to_le_bytes());
    stat[8..16].copy_from_slice(&entry.rights.to_le_bytes());
    stat[16..24].copy_from_slice(&entry.inheriting.to_le_bytes());
    cx.put(out, &stat)
}

pub(crate) fn fdstat_set_flags(cx: &mut Ctx<'_>, fd: u32, flags: u32) -> Res {
    let flags = u16::try_from(flags).map_err(|_| Errno::Inval)?;
    if flags & !fdflags::ALL != 0 {
        return Err(Errno::Inval.into());
    }
    cx.wasi.fds.get_mut(fd)?.flags = flags;
    Ok(())
}

/// Rights can be given up, never gained.
pub(crate) fn fdstat_set_rights(cx: &mut Ctx<'_>, fd: u32, base: u64, inheriting: u64) -> Res {
    let entry = cx.wasi.fds.get_mut(fd)?;
    if base & !entry.rights != 0 || inheriting & !entry.inheriting != 0 {
        return Err(Errno::NotCapable.into());
    }
    entry.rights = base;
    entry.inheriting = inheriting;
    Ok(())
}

/// A `filestat` record.
pub(crate) fn put_filestat(cx: &mut Ctx<'_>, out: u32, ino: Ino) -> Res {
    let inode = cx.wasi.vfs.get(ino)?;
    let (kind, links) = (inode.file_type(), u64::from(inode.linked));
    let (size, atim, mtim) = (inode.size(), inode.atim, inode.mtim);
    put_stat(cx, out, ino, kind, links, size, atim, mtim)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the fields of one record, in order"
)]
fn put_stat(
    cx: &mut Ctx<'_>,
    out: u32,
    ino: Ino,
    kind: FileType,
    links: u64,
    size: u64,
    atim: u64,
    mtim: u64,
) -> Res {
    let mut stat = [0; 64];
    // Device: one file system, number 1.
    stat[0] = 1;
    stat[8..16].copy_from_slice(&ino.to_le_bytes());
    stat[16] = kind as u8;
    stat[24..32].copy_from_slice(&links.to_le_bytes());
    stat[32..40].copy_from_slice(&size.to_le_bytes());
    stat[40..48].copy_from_slice(&atim.to_le_bytes());
    stat[48..56].copy_from_slice(&mtim.to_le_bytes());
    stat[56..64].copy_from_slice(&mtim.to_le_bytes());
    cx.put(out, &stat)
}

pub(crate) fn filestat_get(cx: &mut Ctx<'_>, fd: u32, out: u32) -> Res {
    let stream = |cx: &mut Ctx<'_>, ino| {
        let at = super::EPOCH_NANOS;
        put_stat(cx, out, ino, FileType::Unknown, 1, 0, at, at)
    };
    match cx.wasi.fds.get(fd)?.kind {
        Kind::Stdin { .. } => stream(cx, 1),
        Kind::Stdout => stream(cx, 2),
        Kind::Stderr => stream(cx, 3),
        Kind::File { ino, .. } | Kind::Dir { ino, .. } => put_filestat(cx, out, ino),
    }
}

pub(crate) fn filestat_set_size(cx: &mut Ctx<'_>, fd: u32, size: u64) -> Res {
    let ino = cx.wasi.fds.file(fd).map_err(|_| Errno::Inval)?;
    require(cx.wasi.fds.get(fd)?, rights::FD_WRITE)?;
    resize(cx, ino, size)
}

pub(crate) fn allocate(cx: &mut Ctx<'_>, fd: u32, offset: u64, len: u64) -> Res {
    let ino = cx.wasi.fds.file(fd)?;
    require(cx.wasi.fds.get(fd)?, rights::FD_WRITE)?;
    let end = offset.checked_add(len).ok_or(Errno::FBig)?;
    if end > cx.wasi.vfs.file(ino)?.len() as u64 {
        resize(cx, ino, end)
    } else {
        Ok(())
    }
}

/// Sets a length and pays for the zeroes.
pub(crate) fn resize(cx: &mut Ctx<'_>, ino: Ino, size: u64) -> Res {
    let old = cx.wasi.vfs.file(ino)?.len() as u64;
    let now = cx.realtime();
    cx.wasi.vfs.resize(ino, size, now)?;
    cx.charge(size.saturating_sub(old).saturating_mul(cost::HOST_PER_BYTE))
}

pub(crate) fn filestat_set_times(
    cx: &mut Ctx<'_>,
    fd: u32,
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Res {
    match cx.wasi.fds.get(fd)?.kind {
        Kind::File { ino, .. } | Kind::Dir { ino, .. } => set_times(cx, ino, atim, mtim, flags),
        _ => Err(Errno::BadF.into()),
    }
}

pub(crate) fn set_times(cx: &mut Ctx<'_>, ino: Ino, atim: u64, mtim: u64, flags: u32) -> Res {
    use fstflags::*;
    let both = |a, b| flags & a != 0 && flags & b != 0;
    if flags > 15 || both(ATIM, ATIM_NOW) || both(MTIM, MTIM_NOW) {
        return Err(Errno::Inval.into());
    }
    let now = cx.realtime();
    let inode = cx.wasi.vfs.get_mut(ino)?;
    if !inode.writable {
        return Err(Errno::RoFs.into());
    }
    match flags & (ATIM | ATIM_NOW) {
        ATIM => inode.atim = atim,
        ATIM_NOW => inode.atim = now,
        _ => {}
    }
    match flags & (MTIM | MTIM_NOW) {
        MTIM => inode.mtim = mtim,
        MTIM_NOW => inode.mtim = now,
        _ => {}
    }
    Ok(())
}

pub(crate) fn prestat_get(cx: &mut Ctx<'_>, fd: u32, out: u32) -> Res {
    match cx.wasi.fds.get(fd)?.kind {
        Kind::Dir {
            preopen: Some(name),
            ..
        } => {
            cx.range(out, 8)?;
            cx.put_u32(out, 0)?;
            cx.put_u32(out + 4, name.len() as u32)
        }
        _ => Err(Errno::BadF.into()),
    }
}

pub(crate) fn prestat_dir_name(cx: &mut Ctx<'_>, fd: u32, ptr: u32, len: u32) -> Res {
    match cx.wasi.fds.get(fd)?.kind {
        Kind::Dir {
            preopen: Some(name),
            ..
        } if (len as usize) < name.len() => Err(Errno::NameTooLong.into()),
        Kind::Dir {
            preopen: Some(name),
            ..
        } => cx.put(ptr, name.as_bytes()),
        _ => Err(Errno::BadF.into()),
    }
}

pub(crate) fn readdir(cx: &mut Ctx<'_>, fd: u32, buf: u32, len: u32, cookie: u64, out: u32) -> Res {
    let room = cx.range(buf, len as usize)?.len();
    cx.range(out, 4)?;
    let ino = cx.wasi.fds.dir(fd)?;
    let mut bytes = Vec::new();
    let mut entries = 0;
    // A last entry may be cut: that the buffer is full tells the guest to ask again.
    for (next, child, name) in cx.wasi.vfs.dir(ino)?.list(cookie) {
        if bytes.len() >= room {
            break;
        }
        let child = child.unwrap_or(ino);
        let kind = cx.wasi.vfs.get(child)?.file_type();
        let mut head = [0; DIRENT_SIZE];
        head[0..8].copy_from_slice(&next.to_le_bytes());
        head[8..16].copy_from_slice(&child.to_le_bytes());
        head[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
        head[20] = kind as u8;
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(name.as_bytes());
        entries += 1;
    }
    bytes.truncate(room);
    cx.charge(cost::HOST_PER_ENTRY * entries)?;
    cx.charge_bytes(bytes.len())?;
    cx.put(buf, &bytes)?;
    cx.put_u32(out, bytes.len() as u32)
}

/// Succeeds on any open descriptor: data lives in memory, there is nothing to flush or advise.
pub(crate) fn check_open(cx: &mut Ctx<'_>, fd: u32) -> Res {
    cx.wasi.fds.get(fd)?;
    Ok(())
}

/// No descriptor is a socket.
pub(crate) fn no_socket(cx: &mut Ctx<'_>, fd: u32) -> Res {
    cx.wasi.fds.get(fd)?;
    Err(Errno::NotSock.into())
}

/// Opens `ino`, creating nothing.
pub(crate) fn open(
    cx: &mut Ctx<'_>,
    ino: Ino,
    rights: u64,
    inheriting: u64,
    flags: u16,
) -> Res<u32> {
    let kind = match cx.wasi.vfs.get(ino)?.node {
        Node::Dir(_) => Kind::Dir { ino, preopen: None },
        Node::File(_) => Kind::File { ino, pos: 0 },
    };
    let fd = cx.wasi.fds.insert(Fd {
        kind,
        rights,
        inheriting,
        flags,
    })?;
    cx.wasi.vfs.opened(ino)?;
    Ok(fd)
}

pub(crate) fn empty_file() -> Node {
    Node::File(Content::Owned(Vec::new()))
}
