//! Functions on paths.

use super::context::{Ctx, Res};
use super::fd;
use super::types::*;
use super::vfs::{Dir, Ino, Node, Target};
use crate::cost;

/// Reads a path argument and follows it from an open directory.
fn resolve(cx: &mut Ctx<'_>, fd: u32, ptr: u32, len: u32) -> Res<Target> {
    let path = cx.path(ptr, len)?;
    let base = cx.wasi.fds.dir(fd)?;
    let parts = path.split('/').count() as u64;
    cx.charge(parts.saturating_mul(cost::HOST_PER_COMPONENT))?;
    Ok(cx.wasi.vfs.resolve(base, &path)?)
}

pub(crate) struct OpenArgs {
    pub(crate) fd: u32,
    pub(crate) path: u32,
    pub(crate) path_len: u32,
    pub(crate) oflags: u32,
    pub(crate) rights: u64,
    pub(crate) inheriting: u64,
    pub(crate) fdflags: u32,
    pub(crate) out: u32,
}

pub(crate) fn open(cx: &mut Ctx<'_>, args: OpenArgs) -> Res {
    cx.range(args.out, 4)?;
    let flags = u16::try_from(args.fdflags).map_err(|_| Errno::Inval)?;
    if args.oflags > 15 || flags & !fdflags::ALL != 0 {
        return Err(Errno::Inval.into());
    }
    let target = resolve(cx, args.fd, args.path, args.path_len)?;
    let wants = |flag| args.oflags & flag != 0;
    let writes = args.rights & rights::FD_WRITE != 0;
    cx.charge(cost::HOST_PER_INODE)?;

    let ino = match &target {
        Target::Entry {
            parent,
            name,
            ino: None,
            must_be_dir,
        } => {
            if !wants(oflags::CREAT) {
                return Err(Errno::NoEnt.into());
            }
            if *must_be_dir || wants(oflags::DIRECTORY) {
                return Err(Errno::IsDir.into());
            }
            let now = cx.realtime();
            cx.wasi.vfs.create(*parent, name, fd::empty_file(), now)?
        }
        found => {
            if wants(oflags::CREAT) && wants(oflags::EXCL) {
                return Err(Errno::Exist.into());
            }
            found.existing()?
        }
    };
    let inode = cx.wasi.vfs.get(ino)?;
    let (kind, writable) = (inode.file_type(), inode.writable);
    match kind {
        FileType::Directory => {
            if writes || wants(oflags::TRUNC) || wants(oflags::CREAT) {
                return Err(Errno::IsDir.into());
            }
        }
        _ if wants(oflags::DIRECTORY) => return Err(Errno::NotDir.into()),
        _ => {
            if !writable && (writes || wants(oflags::TRUNC)) {
                return Err(Errno::RoFs.into());
            }
            if wants(oflags::TRUNC) {
                fd::resize(cx, ino, 0)?;
            }
        }
    }
    let opened = fd::open(cx, ino, args.rights, args.inheriting, flags)?;
    cx.put_u32(args.out, opened)
}

pub(crate) fn create_directory(cx: &mut Ctx<'_>, fd: u32, ptr: u32, len: u32) -> Res {
    match resolve(cx, fd, ptr, len)? {
        Target::Entry {
            parent,
            name,
            ino: None,
            ..
        } => {
            cx.charge(cost::HOST_PER_INODE)?;
            let now = cx.realtime();
            cx.wasi
                .vfs
                .create(parent, &name, Node::Dir(Dir::default()), now)?;
            Ok(())
        }
        _ => Err(Errno::Exist.into()),
    }
}

pub(crate) fn filestat_get(cx: &mut Ctx<'_>, fd: u32, ptr: u32, len: u32, out: u32) -> Res {
    let ino = resolve(cx, fd, ptr, len)?.existing()?;
    fd::put_filestat(cx, out, ino)
}

pub(crate) fn filestat_set_times(
    cx: &mut Ctx<'_>,
    fd: u32,
    (ptr, len): (u32, u32),
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Res {
    let ino = resolve(cx, fd, ptr, len)?.existing()?;
    fd::set_times(cx, ino, atim, mtim, flags)
}

pub(crate) fn unlink_file(cx: &mut Ctx<'_>, fd: u32, ptr: u32, len: u32) -> Res {
    let target = resolve(cx, fd, ptr, len)?;
    let ino = target.existing()?;
    let Target::Entry {
        parent,
        name,
        must_be_dir,
        ..
    } = target
    else {
        return Err(Errno::IsDir.into());
    };
    match cx.wasi.vfs.get(ino)?.file_type() {
        FileType::Directory => Err(Errno::IsDir.into()),
        _ if must_be_dir => Err(Errno::NotDir.into()),
        _ => remove(cx, parent, &name, ino),
    }
}

pub(crate) fn remove_directory(cx: &mut Ctx<'_>, fd: u32, ptr: u32, len: u32) -> Res {
    let target = resolve(cx, fd, ptr, len)?;
    let ino = target.existing()?;
    let Target::Entry { parent, name, .. } = target else {
        return Err(Errno::Inval.into());
    };
    if !cx.wasi.vfs.dir(ino)?.is_empty() {
        return Err(Errno::NotEmpty.into());
    }
    remove(cx, parent, &name, ino)
}

fn remove(cx: &mut Ctx<'_>, parent: Ino, name: &str, ino: Ino) -> Res {
    let now = cx.realtime();
    Ok(cx.wasi.vfs.remove(parent, name, ino, now)?)
}

pub(crate) fn rename(
    cx: &mut Ctx<'_>,
    fd: u32,
    (ptr, len): (u32, u32),
    to_fd: u32,
    (to_ptr, to_len): (u32, u32),
) -> Res {
    let from = resolve(cx, fd, ptr, len)?;
    let to = resolve(cx, to_fd, to_ptr, to_len)?;
    let ino = from.existing()?;
    let (
        Target::Entry { parent, name, .. },
        Target::Entry {
            parent: to_parent,
            name: to_name,
            ino: old,
            must_be_dir,
        },
    ) = (from, to)
    else {
        return Err(Errno::Inval.into());
    };
    let vfs = &cx.wasi.vfs;
    if vfs.get(parent)?.writable != vfs.get(to_parent)?.writable {
        return Err(Errno::XDev.into());
    }
    if !vfs.get(parent)?.writable {
        return Err(Errno::RoFs.into());
    }
    if old == Some(ino) {
        return Ok(());
    }
    let is_dir = vfs.dir(ino).is_ok();
    if must_be_dir && !is_dir {
        return Err(Errno::NotDir.into());
    }
    if is_dir && vfs.is_within(to_parent, ino) {
        return Err(Errno::Inval.into());
    }
    if let Some(old) = old {
        match (is_dir, vfs.dir(old)) {
            (true, Ok(dir)) if !dir.is_empty() => return Err(Errno::NotEmpty.into()),
            (true, Err(_)) => return Err(Errno::NotDir.into()),
            (false, Ok(_)) => return Err(Errno::IsDir.into()),
            _ => {}
        }
    }
    let (entries, height) = vfs.subtree(ino);
    cx.charge(entries.saturating_mul(cost::HOST_PER_ENTRY))?;
    // Checked before the destination goes: a rename that fails changes nothing.
    cx.wasi.vfs.check_room(to_parent, height)?;
    let now = cx.realtime();
    if let Some(old) = old {
        cx.wasi.vfs.remove(to_parent, &to_name, old, now)?;
    }
    Ok(cx
        .wasi
        .vfs
        .rename(ino, (parent, &name), (to_parent, to_name), now)?)
}

/// There are no links: creating one is not supported, and nothing is one.
pub(crate) fn no_links(cx: &mut Ctx<'_>, fd: u32) -> Res {
    cx.wasi.fds.dir(fd)?;
    Err(Errno::NotSup.into())
}

pub(crate) fn readlink(cx: &mut Ctx<'_>, fd: u32, ptr: u32, len: u32) -> Res {
    resolve(cx, fd, ptr, len)?.existing()?;
    Err(Errno::Inval.into())
}
