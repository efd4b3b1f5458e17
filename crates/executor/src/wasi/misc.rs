//! Arguments, clocks, randomness and polling.

use super::context::{Ctx, Res};
use super::fd::Kind;
use super::types::*;
use crate::cost;

/// Most subscriptions of one poll.
const MAX_SUBSCRIPTIONS: u32 = 1_024;

/// Resolution of all clocks: virtual time counts in nanoseconds.
const RESOLUTION_NANOS: u64 = 1;

/// Which of the two string lists a call is about.
#[derive(Clone, Copy)]
pub(crate) enum Strings {
    Args,
    Env,
}

fn strings(cx: &Ctx<'_>, which: Strings) -> std::sync::Arc<[Vec<u8>]> {
    match which {
        Strings::Args => cx.wasi.args.clone(),
        Strings::Env => cx.wasi.env.clone(),
    }
}

pub(crate) fn strings_get(cx: &mut Ctx<'_>, which: Strings, pointers: u32, buf: u32) -> Res {
    let strings = strings(cx, which);
    let total: usize = strings.iter().map(Vec::len).sum();
    cx.charge_bytes(total + strings.len() * 4)?;
    cx.range(pointers, strings.len() * 4)?;
    cx.range(buf, total)?;
    // Both ranges are in memory, so the additions stay below 2^32.
    let (mut pointer, mut at) = (pointers, buf);
    for string in strings.iter() {
        cx.put_u32(pointer, at)?;
        cx.put(at, string)?;
        pointer = pointer.wrapping_add(4);
        at = at.wrapping_add(string.len() as u32);
    }
    Ok(())
}

pub(crate) fn strings_sizes(cx: &mut Ctx<'_>, which: Strings, count: u32, size: u32) -> Res {
    let strings = strings(cx, which);
    cx.range(count, 4)?;
    cx.range(size, 4)?;
    // At most `MAX_ARGS_BYTES`.
    cx.put_u32(count, strings.len() as u32)?;
    cx.put_u32(size, strings.iter().map(|s| s.len() as u32).sum())
}

fn clock(cx: &Ctx<'_>, id: u32) -> Res<u64> {
    match id {
        CLOCK_REALTIME => Ok(cx.realtime()),
        // Monotonic, process and thread time.
        1..=CLOCK_THREAD_CPUTIME => Ok(cx.elapsed()),
        _ => Err(Errno::Inval.into()),
    }
}

pub(crate) fn clock_res_get(cx: &mut Ctx<'_>, id: u32, out: u32) -> Res {
    clock(cx, id)?;
    cx.put_u64(out, RESOLUTION_NANOS)
}

pub(crate) fn clock_time_get(cx: &mut Ctx<'_>, id: u32, out: u32) -> Res {
    let now = clock(cx, id)?;
    cx.put_u64(out, now)
}

pub(crate) fn random_get(cx: &mut Ctx<'_>, buf: u32, len: u32) -> Res {
    let range = cx.range(buf, len as usize)?;
    cx.charge(u64::from(len).saturating_mul(cost::HOST_PER_RANDOM_BYTE))?;
    cx.wasi.random.fill(&mut cx.mem[range]);
    Ok(())
}

struct Subscription {
    userdata: u64,
    kind: u8,
    /// Deadline in virtual nanoseconds of a clock.
    deadline: u64,
    errno: u16,
    ready: u64,
}

fn subscription(cx: &Ctx<'_>, at: u32) -> Res<Subscription> {
    let userdata = cx.get_u64(at)?;
    let kind = cx.get_u8(at + 8)?;
    let mut sub = Subscription {
        userdata,
        kind,
        deadline: 0,
        errno: 0,
        ready: 0,
    };
    match kind {
        EVENT_CLOCK => {
            let (id, timeout) = (cx.get_u32(at + 16)?, cx.get_u64(at + 24)?);
            let absolute = cx.get_u16(at + 40)? & SUBSCRIPTION_ABSTIME != 0;
            sub.deadline = match (id, absolute) {
                (CLOCK_REALTIME, true) => timeout.saturating_sub(super::EPOCH_NANOS),
                (1..=CLOCK_THREAD_CPUTIME, true) => timeout,
                (0..=CLOCK_THREAD_CPUTIME, false) => cx.elapsed().saturating_add(timeout),
                _ => {
                    sub.errno = Errno::Inval as u16;
                    0
                }
            };
        }
        EVENT_FD_READ | EVENT_FD_WRITE => match cx.wasi.fds.get(cx.get_u32(at + 16)?) {
            Ok(fd) => {
                sub.ready = match fd.kind {
                    Kind::Stdin { pos } => (cx.wasi.stdin.len() - pos) as u64,
                    Kind::File { ino, pos } => cx.wasi.vfs.get(ino)?.size().saturating_sub(pos),
                    _ => 0,
                };
            }
            Err(errno) => sub.errno = errno as u16,
        },
        _ => return Err(Errno::Inval.into()),
    }
    Ok(sub)
}

/// Never waits: files and streams are always ready, and sleeping moves the virtual clock
/// to the earliest deadline instead.
pub(crate) fn poll_oneoff(cx: &mut Ctx<'_>, subs: u32, events: u32, count: u32, out: u32) -> Res {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Inval.into());
    }
    cx.charge(u64::from(count) * cost::HOST_PER_ENTRY)?;
    cx.range(subs, (count * SUBSCRIPTION_SIZE) as usize)?;
    cx.range(events, (count * EVENT_SIZE) as usize)?;
    cx.range(out, 4)?;
    let subs = (0..count)
        .map(|i| subscription(cx, subs + i * SUBSCRIPTION_SIZE))
        .collect::<Res<Vec<_>>>()?;

    let waits = |sub: &&Subscription| sub.kind == EVENT_CLOCK && sub.errno == 0;
    if subs.iter().all(|sub| waits(&sub))
        && let Some(first) = subs.iter().map(|sub| sub.deadline).min()
    {
        let ahead = first.saturating_sub(cx.elapsed());
        cx.wasi.slept = cx.wasi.slept.saturating_add(ahead);
    }
    let now = cx.elapsed();
    let mut reported = 0;
    for sub in subs.iter().filter(|sub| !waits(sub) || sub.deadline <= now) {
        let mut event = [0; EVENT_SIZE as usize];
        event[0..8].copy_from_slice(&sub.userdata.to_le_bytes());
        event[8..10].copy_from_slice(&sub.errno.to_le_bytes());
        event[10] = sub.kind;
        event[16..24].copy_from_slice(&sub.ready.to_le_bytes());
        cx.put(events + reported * EVENT_SIZE, &event)?;
        reported += 1;
    }
    cx.put_u32(out, reported)
}
