//! The in-memory file system: `/in`, read only, and `/out`, writable, both deterministic.
//!
//! Inode numbers count up in order of creation and are never reused. Directories list in order of
//! creation, which for `/in` is the order of names: unlike sorted positions, those cookies stay
//! valid while the guest deletes what it lists. There are no links, so paths cannot loop.

use super::context::{Fault, Res, Stop};
use super::types::{Errno, FileType};
use crate::error::TaskError;
use crate::task::{MAX_DEPTH, MAX_NAME};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) type Ino = u64;

/// Cookies 0 and 1 stand for "." and "..".
const FIRST_COOKIE: u64 = 2;

#[derive(Debug)]
pub(crate) enum Content {
    /// An input: shared with the caller, never copied.
    Shared(Bytes),
    Owned(Vec<u8>),
}

impl Content {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Dir {
    names: BTreeMap<Arc<str>, (Ino, u64)>,
    order: BTreeMap<u64, Arc<str>>,
    created: u64,
}

#[derive(Debug)]
pub(crate) enum Node {
    Dir(Dir),
    File(Content),
}

#[derive(Debug)]
pub(crate) struct Inode {
    pub(crate) node: Node,
    /// The directory that lists it; `None` for roots and for what was unlinked.
    parent: Option<Ino>,
    pub(crate) linked: bool,
    opens: u32,
    pub(crate) writable: bool,
    pub(crate) atim: u64,
    pub(crate) mtim: u64,
}

impl Inode {
    pub(crate) fn file_type(&self) -> FileType {
        match self.node {
            Node::Dir(_) => FileType::Directory,
            Node::File(_) => FileType::Regular,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        match &self.node {
            Node::Dir(_) => 0,
            Node::File(content) => content.as_slice().len() as u64,
        }
    }
}

/// Where a path leads.
pub(crate) enum Target {
    /// An entry `name` of directory `parent`, which may not exist yet.
    Entry {
        parent: Ino,
        name: Arc<str>,
        ino: Option<Ino>,
        must_be_dir: bool,
    },
    /// The start itself or a directory reached by "." or "..".
    Dir(Ino),
}

impl Target {
    /// The inode, or `NoEnt`.
    pub(crate) fn existing(&self) -> Result<Ino, Errno> {
        match self {
            Self::Entry { ino, .. } => ino.ok_or(Errno::NoEnt),
            Self::Dir(ino) => Ok(*ino),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Vfs {
    inodes: BTreeMap<Ino, Inode>,
    next: Ino,
    pub(crate) input: Ino,
    pub(crate) output: Ino,
    /// Bytes held in output files and standard streams.
    used_bytes: u64,
    used_files: u32,
    max_bytes: u64,
    max_files: u32,
}

/// The first inode number of the file system; those below belong to the standard streams.
const FIRST_INO: Ino = 4;

impl Vfs {
    pub(crate) fn new(
        inputs: &BTreeMap<String, Bytes>,
        now: u64,
        max_bytes: u64,
        max_files: u32,
    ) -> Result<Self, TaskError> {
        let mut vfs = Self {
            inodes: BTreeMap::new(),
            next: FIRST_INO,
            input: 0,
            output: 0,
            used_bytes: 0,
            used_files: 0,
            max_bytes,
            max_files,
        };
        vfs.input = vfs.add(Node::Dir(Dir::default()), None, false, now);
        vfs.output = vfs.add(Node::Dir(Dir::default()), None, true, now);
        for (path, data) in inputs {
            vfs.insert_input(path, data, now)?;
        }
        Ok(vfs)
    }

    fn insert_input(&mut self, path: &str, data: &Bytes, now: u64) -> Result<(), TaskError> {
        let conflict = || TaskError::Conflict(path.to_owned());
        let mut dir = self.input;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let found = self.lookup(dir, part).map_err(|_| conflict())?;
            dir = match (found, parts.peek()) {
                (Some(ino), Some(_)) => ino,
                (None, Some(_)) => self.link_new(dir, part, Node::Dir(Dir::default()), false, now),
                (None, None) => self.link_new(
                    dir,
                    part,
                    Node::File(Content::Shared(data.clone())),
                    false,
                    now,
                ),
                (Some(_), None) => return Err(conflict()),
            };
        }
        Ok(())
    }

    fn add(&mut self, node: Node, parent: Option<Ino>, writable: bool, now: u64) -> Ino {
        let ino = self.next;
        self.next += 1;
        let inode = Inode {
            node,
            parent,
            linked: true,
            opens: 0,
            writable,
            atim: now,
            mtim: now,
        };
        self.inodes.insert(ino, inode);
        ino
    }

    fn link_new(&mut self, dir: Ino, name: &str, node: Node, writable: bool, now: u64) -> Ino {
        let ino = self.add(node, Some(dir), writable, now);
        self.link(dir, name.into(), ino);
        ino
    }

    fn link(&mut self, dir: Ino, name: Arc<str>, ino: Ino) {
        if let Some(Inode {
            node: Node::Dir(d), ..
        }) = self.inodes.get_mut(&dir)
        {
            let cookie = FIRST_COOKIE + d.created;
            d.created += 1;
            d.names.insert(name.clone(), (ino, cookie));
            d.order.insert(cookie, name);
        }
    }

    fn unlink_name(&mut self, dir: Ino, name: &str) {
        if let Some(Inode {
            node: Node::Dir(d), ..
        }) = self.inodes.get_mut(&dir)
            && let Some((_, cookie)) = d.names.remove(name)
        {
            d.order.remove(&cookie);
        }
    }

    /// The inode of an open descriptor or an entry. `BadF` only if the tables disagree, which a
    /// guest cannot bring about: descriptors keep their inodes alive.
    pub(crate) fn get(&self, ino: Ino) -> Result<&Inode, Errno> {
        self.inodes.get(&ino).ok_or(Errno::BadF)
    }

    pub(crate) fn get_mut(&mut self, ino: Ino) -> Result<&mut Inode, Errno> {
        self.inodes.get_mut(&ino).ok_or(Errno::BadF)
    }

    pub(crate) fn dir(&self, ino: Ino) -> Result<&Dir, Errno> {
        match &self.get(ino)?.node {
            Node::Dir(dir) => Ok(dir),
            Node::File(_) => Err(Errno::NotDir),
        }
    }

    pub(crate) fn file(&self, ino: Ino) -> Result<&[u8], Errno> {
        match &self.get(ino)?.node {
            Node::File(content) => Ok(content.as_slice()),
            Node::Dir(_) => Err(Errno::IsDir),
        }
    }

    fn lookup(&self, dir: Ino, name: &str) -> Result<Option<Ino>, Errno> {
        Ok(self.dir(dir)?.names.get(name).map(|(ino, _)| *ino))
    }

    /// Follows `path` from directory `base`, never above it.
    pub(crate) fn resolve(&self, base: Ino, path: &str) -> Result<Target, Errno> {
        self.dir(base)?;
        if path.is_empty() {
            return Err(Errno::NoEnt);
        }
        if path.starts_with('/') {
            return Err(Errno::NotCapable);
        }
        let must_be_dir = path.ends_with('/');
        // "a/." is the directory a, which has to be there: no entry of its parent that could be made, moved or removed.
        let names_itself = path.trim_end_matches('/').ends_with("/.");
        let mut above = Vec::new();
        let mut at = base;
        let mut parts = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .peekable();
        while let Some(part) = parts.next() {
            if part == ".." {
                at = above.pop().ok_or(Errno::NotCapable)?;
                continue;
            }
            if part.len() > MAX_NAME {
                return Err(Errno::NameTooLong);
            }
            let found = self.lookup(at, part)?;
            if parts.peek().is_none() && !names_itself {
                if let (true, Some(ino)) = (must_be_dir, found) {
                    self.dir(ino)?;
                }
                return Ok(Target::Entry {
                    parent: at,
                    name: part.into(),
                    ino: found,
                    must_be_dir,
                });
            }
            above.push(at);
            at = found.ok_or(Errno::NoEnt)?;
            self.dir(at)?;
        }
        Ok(Target::Dir(at))
    }

    fn depth(&self, mut ino: Ino) -> usize {
        let mut depth = 0;
        while let Some(parent) = self.inodes.get(&ino).and_then(|inode| inode.parent) {
            depth += 1;
            ino = parent;
        }
        depth
    }

    /// Creates an empty file or directory.
    pub(crate) fn create(&mut self, dir: Ino, name: &str, node: Node, now: u64) -> Res<Ino> {
        self.check_room(dir, 0)?;
        if self.used_files >= self.max_files {
            return Err(Stop::OutputLimit.into());
        }
        self.used_files += 1;
        self.get_mut(dir)?.mtim = now;
        Ok(self.link_new(dir, name, node, true, now))
    }

    /// Takes an entry out of its directory; what nothing refers to any more is freed.
    pub(crate) fn remove(&mut self, dir: Ino, name: &str, ino: Ino, now: u64) -> Result<(), Errno> {
        let parent = self.get_mut(dir)?;
        if !parent.writable {
            return Err(Errno::RoFs);
        }
        parent.mtim = now;
        self.unlink_name(dir, name);
        let inode = self.get_mut(ino)?;
        inode.linked = false;
        inode.parent = None;
        self.used_files = self.used_files.saturating_sub(1);
        self.free_if_unused(ino);
        Ok(())
    }

    /// Directories and files under `ino`, itself included, and how deep they nest.
    pub(crate) fn subtree(&self, ino: Ino) -> (u64, usize) {
        let (mut count, mut height) = (0, 0);
        let mut stack = vec![(ino, 0usize)];
        while let Some((ino, level)) = stack.pop() {
            count += 1;
            height = height.max(level);
            if let Some(Inode {
                node: Node::Dir(dir),
                ..
            }) = self.inodes.get(&ino)
            {
                stack.extend(dir.names.values().map(|(child, _)| (*child, level + 1)));
            }
        }
        (count, height)
    }

    /// Whether `ino` is `ancestor` or below it.
    pub(crate) fn is_within(&self, mut ino: Ino, ancestor: Ino) -> bool {
        loop {
            if ino == ancestor {
                return true;
            }
            match self.inodes.get(&ino).and_then(|inode| inode.parent) {
                Some(parent) => ino = parent,
                None => return false,
            }
        }
    }

    /// Whether an entry that nests `height` deep may be placed into `dir`.
    pub(crate) fn check_room(&self, dir: Ino, height: usize) -> Result<(), Errno> {
        let target = self.get(dir)?;
        if !target.writable {
            return Err(Errno::RoFs);
        }
        if !target.linked {
            return Err(Errno::NoEnt);
        }
        if self.depth(dir) + 1 + height > MAX_DEPTH {
            return Err(Errno::NameTooLong);
        }
        Ok(())
    }

    /// Moves an entry; the caller has checked types and room, and emptied the destination.
    pub(crate) fn rename(
        &mut self,
        ino: Ino,
        (from, old): (Ino, &str),
        (to, new): (Ino, Arc<str>),
        now: u64,
    ) -> Result<(), Errno> {
        self.unlink_name(from, old);
        self.link(to, new, ino);
        self.get_mut(ino)?.parent = Some(to);
        self.get_mut(from)?.mtim = now;
        self.get_mut(to)?.mtim = now;
        Ok(())
    }

    pub(crate) fn opened(&mut self, ino: Ino) -> Result<(), Errno> {
        self.get_mut(ino)?.opens += 1;
        Ok(())
    }

    pub(crate) fn closed(&mut self, ino: Ino) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.opens = inode.opens.saturating_sub(1);
            self.free_if_unused(ino);
        }
    }

    fn free_if_unused(&mut self, ino: Ino) {
        let unused = self
            .inodes
            .get(&ino)
            .is_some_and(|inode| !inode.linked && inode.opens == 0);
        if unused && let Some(inode) = self.inodes.remove(&ino) {
            self.used_bytes = self.used_bytes.saturating_sub(inode.size());
        }
    }

    /// Accounts for `bytes` more of output, or ends the run.
    pub(crate) fn take_bytes(&mut self, bytes: u64) -> Res {
        let used = self.used_bytes.saturating_add(bytes);
        if used > self.max_bytes {
            return Err(Stop::OutputLimit.into());
        }
        self.used_bytes = used;
        Ok(())
    }

    /// Sets a file's length, with zeroes where it grows.
    pub(crate) fn resize(&mut self, ino: Ino, size: u64, now: u64) -> Res {
        let old = self.file(ino)?.len() as u64;
        if !self.get(ino)?.writable {
            return Err(Errno::RoFs.into());
        }
        if size > old {
            self.take_bytes(size - old)?;
        } else {
            self.used_bytes = self.used_bytes.saturating_sub(old - size);
        }
        let inode = self.get_mut(ino)?;
        inode.mtim = now;
        if let Node::File(Content::Owned(data)) = &mut inode.node {
            if size > old {
                // In range of usize: it fits the output limit, hence memory.
                data.try_reserve((size - old) as usize)
                    .map_err(out_of_memory)?;
            }
            data.resize(size as usize, 0);
        }
        Ok(())
    }

    /// The bytes of a writable file that is at least `end` long afterwards.
    pub(crate) fn write_at(&mut self, ino: Ino, end: u64, now: u64) -> Res<&mut [u8]> {
        if end > self.file(ino)?.len() as u64 {
            self.resize(ino, end, now)?;
        }
        let inode = self.get_mut(ino)?;
        inode.mtim = now;
        match &mut inode.node {
            Node::File(Content::Owned(data)) => Ok(data),
            Node::File(Content::Shared(_)) => Err(Errno::RoFs.into()),
            Node::Dir(_) => Err(Errno::IsDir.into()),
        }
    }

    /// Takes all files under `/out`, by relative path.
    pub(crate) fn into_outputs(mut self) -> BTreeMap<String, Vec<u8>> {
        let mut outputs = BTreeMap::new();
        let mut stack = vec![(self.output, String::new())];
        while let Some((ino, path)) = stack.pop() {
            match self.inodes.remove(&ino).map(|inode| inode.node) {
                Some(Node::Dir(dir)) => {
                    for (name, (child, _)) in dir.names {
                        let path = if path.is_empty() {
                            name.to_string()
                        } else {
                            format!("{path}/{name}")
                        };
                        stack.push((child, path));
                    }
                }
                Some(Node::File(Content::Owned(data))) => {
                    outputs.insert(path, data);
                }
                Some(Node::File(Content::Shared(_))) | None => {}
            }
        }
        outputs
    }
}

impl Dir {
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Entries from `cookie` on: the cookie after each, its inode (or none for "." and ".."), its name.
    pub(crate) fn list(&self, cookie: u64) -> impl Iterator<Item = (u64, Option<Ino>, &str)> {
        let dots = [(1, None, "."), (2, None, "..")];
        let skip = usize::try_from(cookie).unwrap_or(usize::MAX);
        dots.into_iter().skip(skip).chain(
            self.order
                .range(cookie.max(FIRST_COOKIE)..)
                .filter_map(|(at, name)| Some((at + 1, Some(self.names.get(name)?.0), &**name))),
        )
    }
}

pub(crate) fn out_of_memory(_: std::collections::TryReserveError) -> Fault {
    Stop::Host("out of memory for the guest's output".to_owned()).into()
}
