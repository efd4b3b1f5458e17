//! `wasi_snapshot_preview1`, deterministic and in memory.
//!
//! | what | here |
//! |---|---|
//! | files | `/in` (read only, the task's files) and `/out` (writable); no links, permissions or devices |
//! | clocks | start at 2020-01-01 and at 0; one nanosecond passes per fuel unit |
//! | sleeping | returns at once and moves the clocks |
//! | randomness | BLAKE3 in extendable-output mode over the task's seed |
//! | sockets, signals | not supported |
//!
//! Every function checks every pointer before it has an effect, and pays fuel before it works.

mod context;
mod fd;
mod misc;
mod path;
#[cfg(test)]
mod tests;
mod types;
mod vfs;

pub(crate) use context::Stop;

use crate::error::TaskError;
use crate::run::State;
use crate::task::{Limits, Task};
use crate::{cost, run};
use bytes::Bytes;
use context::{Ctx, Fault, Res};
use misc::Strings;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::Errno;
use wasmtime::{Caller, Linker};

/// The import module.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

/// 2020-01-01T00:00:00Z, the guest's clock at its start: late enough for certificates and build tools
/// that reject 1970.
pub(crate) const EPOCH_NANOS: u64 = 1_577_836_800_000_000_000;

/// The world of one run.
#[derive(Debug)]
pub(crate) struct Wasi {
    args: Arc<[Vec<u8>]>,
    env: Arc<[Vec<u8>]>,
    stdin: Bytes,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    vfs: vfs::Vfs,
    fds: fd::Table,
    random: Random,
    /// Fuel at the start of the run, plus one.
    budget: u64,
    /// Virtual nanoseconds the guest slept.
    slept: u64,
}

#[derive(Debug)]
struct Random(blake3::OutputReader);

impl Random {
    fn new(seed: &[u8; 32]) -> Self {
        Self(
            blake3::Hasher::new_derive_key("sungrid executor random_get v1")
                .update(seed)
                .finalize_xof(),
        )
    }

    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }
}

impl Wasi {
    pub(crate) fn new(task: &Task, limits: &Limits, budget: u64) -> Result<Self, TaskError> {
        task.validate()?;
        let zero_ended = |text: String| {
            let mut bytes = text.into_bytes();
            bytes.push(0);
            bytes
        };
        let vfs = vfs::Vfs::new(
            &task.files,
            EPOCH_NANOS,
            limits.output_bytes,
            limits.output_files,
        )?;
        Ok(Self {
            args: task.args.iter().cloned().map(zero_ended).collect(),
            env: task
                .env
                .iter()
                .map(|(k, v)| zero_ended(format!("{k}={v}")))
                .collect(),
            stdin: task.stdin.clone(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            fds: fd::Table::new(vfs.input, vfs.output),
            vfs,
            random: Random::new(&task.seed),
            budget,
            slept: 0,
        })
    }

    /// Standard output, standard error and the files under `/out`.
    pub(crate) fn into_outputs(self) -> (Vec<u8>, Vec<u8>, BTreeMap<String, Vec<u8>>) {
        (self.stdout, self.stderr, self.vfs.into_outputs())
    }
}

/// Runs one host call: takes the fuel counter over, acts, and hands back what is left.
fn enter(
    caller: &mut Caller<'_, State>,
    act: impl FnOnce(&mut Ctx<'_>) -> Res,
) -> wasmtime::Result<i32> {
    caller.data_mut().control.check_in_host()?;
    let memory = run::memory(caller)?;
    let metered = caller.data().metered;
    let fuel = if metered {
        caller.get_fuel()?
    } else {
        u64::MAX
    };
    let (mem, state) = memory.data_and_store_mut(&mut *caller);
    let debt = state.meter.take_debt();
    let mut cx = Ctx {
        mem,
        wasi: &mut state.wasi,
        fuel,
    };
    let result = cx
        .charge(debt.saturating_add(cost::HOST_CALL))
        .and_then(|()| act(&mut cx));
    let left = cx.fuel;
    if metered {
        caller.set_fuel(left)?;
    }
    match result {
        Ok(()) => Ok(0),
        Err(Fault::Errno(errno)) => Ok(errno as i32),
        Err(Fault::Stop(stop)) => Err(stop.into()),
    }
}

/// Defines functions as `name(args) => |cx| body`.
macro_rules! define {
    ($linker:ident, $( $name:ident ( $($arg:ident : $ty:ty),* ) => |$cx:ident| $body:expr; )*) => {
        $(
            $linker.func_wrap(
                MODULE,
                stringify!($name),
                |mut caller: Caller<'_, State>, $($arg: $ty),*| enter(&mut caller, |$cx| $body),
            )?;
        )*
    };
}

/// Adds all 46 functions, so that every module that asks for WASI links.
pub(crate) fn add_to(l: &mut Linker<State>) -> wasmtime::Result<()> {
    define! { l,
        args_get(pointers: u32, buf: u32) => |cx| misc::strings_get(cx, Strings::Args, pointers, buf);
        args_sizes_get(count: u32, size: u32) => |cx| misc::strings_sizes(cx, Strings::Args, count, size);
        environ_get(pointers: u32, buf: u32) => |cx| misc::strings_get(cx, Strings::Env, pointers, buf);
        environ_sizes_get(count: u32, size: u32) => |cx| misc::strings_sizes(cx, Strings::Env, count, size);
        clock_res_get(id: u32, out: u32) => |cx| misc::clock_res_get(cx, id, out);
        clock_time_get(id: u32, _precision: u64, out: u32) => |cx| misc::clock_time_get(cx, id, out);
        random_get(buf: u32, len: u32) => |cx| misc::random_get(cx, buf, len);
        poll_oneoff(subs: u32, events: u32, count: u32, out: u32) => |cx| misc::poll_oneoff(cx, subs, events, count, out);
        sched_yield() => |_cx| Ok(());
        proc_raise(_signal: u32) => |_cx| Err(Errno::NoSys.into());

        fd_advise(f: u32, _offset: u64, _len: u64, _advice: u32) => |cx| fd::check_open(cx, f);
        fd_allocate(f: u32, offset: u64, len: u64) => |cx| fd::allocate(cx, f, offset, len);
        fd_close(f: u32) => |cx| fd::close(cx, f);
        fd_datasync(f: u32) => |cx| fd::check_open(cx, f);
        fd_fdstat_get(f: u32, out: u32) => |cx| fd::fdstat_get(cx, f, out);
        fd_fdstat_set_flags(f: u32, flags: u32) => |cx| fd::fdstat_set_flags(cx, f, flags);
        fd_fdstat_set_rights(f: u32, base: u64, inheriting: u64) => |cx| fd::fdstat_set_rights(cx, f, base, inheriting);
        fd_filestat_get(f: u32, out: u32) => |cx| fd::filestat_get(cx, f, out);
        fd_filestat_set_size(f: u32, size: u64) => |cx| fd::filestat_set_size(cx, f, size);
        fd_filestat_set_times(f: u32, atim: u64, mtim: u64, flags: u32) => |cx| fd::filestat_set_times(cx, f, atim, mtim, flags);
        fd_pread(f: u32, iovs: u32, count: u32, at: u64, out: u32) => |cx| fd::pread(cx, f, iovs, count, at, out);
        fd_prestat_get(f: u32, out: u32) => |cx| fd::prestat_get(cx, f, out);
        fd_prestat_dir_name(f: u32, ptr: u32, len: u32) => |cx| fd::prestat_dir_name(cx, f, ptr, len);
        fd_pwrite(f: u32, iovs: u32, count: u32, at: u64, out: u32) => |cx| fd::pwrite(cx, f, iovs, count, at, out);
        fd_read(f: u32, iovs: u32, count: u32, out: u32) => |cx| fd::read(cx, f, iovs, count, out);
        fd_readdir(f: u32, buf: u32, len: u32, cookie: u64, out: u32) => |cx| fd::readdir(cx, f, buf, len, cookie, out);
        fd_renumber(from: u32, to: u32) => |cx| fd::renumber(cx, from, to);
        fd_seek(f: u32, offset: i64, whence: u32, out: u32) => |cx| fd::seek(cx, f, offset, whence, out);
        fd_sync(f: u32) => |cx| fd::check_open(cx, f);
        fd_tell(f: u32, out: u32) => |cx| fd::seek(cx, f, 0, types::WHENCE_CUR, out);
        fd_write(f: u32, iovs: u32, count: u32, out: u32) => |cx| fd::write(cx, f, iovs, count, out);

        path_create_directory(f: u32, ptr: u32, len: u32) => |cx| path::create_directory(cx, f, ptr, len);
        path_filestat_get(f: u32, _lookup: u32, ptr: u32, len: u32, out: u32) => |cx| path::filestat_get(cx, f, ptr, len, out);
        path_filestat_set_times(f: u32, _lookup: u32, ptr: u32, len: u32, atim: u64, mtim: u64, flags: u32) => |cx| path::filestat_set_times(cx, f, (ptr, len), atim, mtim, flags);
        path_link(f: u32, _lookup: u32, _ptr: u32, _len: u32, _to: u32, _to_ptr: u32, _to_len: u32) => |cx| path::no_links(cx, f);
        path_open(f: u32, _lookup: u32, path: u32, path_len: u32, oflags: u32, rights: u64, inheriting: u64, fdflags: u32, out: u32) => |cx| path::open(cx, path::OpenArgs { fd: f, path, path_len, oflags, rights, inheriting, fdflags, out });
        path_readlink(f: u32, ptr: u32, len: u32, _buf: u32, _buf_len: u32, _out: u32) => |cx| path::readlink(cx, f, ptr, len);
        path_remove_directory(f: u32, ptr: u32, len: u32) => |cx| path::remove_directory(cx, f, ptr, len);
        path_rename(f: u32, ptr: u32, len: u32, to: u32, to_ptr: u32, to_len: u32) => |cx| path::rename(cx, f, (ptr, len), to, (to_ptr, to_len));
        path_symlink(_ptr: u32, _len: u32, f: u32, _to_ptr: u32, _to_len: u32) => |cx| path::no_links(cx, f);
        path_unlink_file(f: u32, ptr: u32, len: u32) => |cx| path::unlink_file(cx, f, ptr, len);

        sock_accept(f: u32, _flags: u32, _out: u32) => |cx| fd::no_socket(cx, f);
        sock_recv(f: u32, _iovs: u32, _count: u32, _flags: u32, _out: u32, _out_flags: u32) => |cx| fd::no_socket(cx, f);
        sock_send(f: u32, _iovs: u32, _count: u32, _flags: u32, _out: u32) => |cx| fd::no_socket(cx, f);
        sock_shutdown(f: u32, _how: u32) => |cx| fd::no_socket(cx, f);
    }
    l.func_wrap(
        MODULE,
        "proc_exit",
        |_: Caller<'_, State>, code: u32| -> wasmtime::Result<()> { Err(Stop::Exit(code).into()) },
    )?;
    Ok(())
}
