//! What one host call sees: the guest's memory, the run's state, and the fuel left.

use super::Wasi;
use super::types::Errno;
use crate::cost;
use crate::task::MAX_PATH;
use std::ops::Range;

/// Most scatter/gather entries of one call; POSIX systems allow 1,024.
const MAX_IOVECS: u32 = 1_024;

/// Why a run ends inside a host call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("exit {0}")]
    Exit(u32),
    #[error("out of fuel")]
    OutOfFuel,
    #[error("output limit")]
    OutputLimit,
    #[error("wall clock")]
    WallClock,
    #[error("cancelled")]
    Cancelled,
    #[error("{0}")]
    Host(String),
}

/// Why a host call does not succeed: told to the guest, or the end of the run.
#[derive(Debug)]
pub(crate) enum Fault {
    Errno(Errno),
    Stop(Stop),
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(crate) type Res<T = ()> = Result<T, Fault>;

/// The guest's buffers of a vectored read or write, checked to lie in memory.
pub(crate) struct IoVecs {
    pub(crate) ranges: Vec<Range<usize>>,
    /// Sum of lengths, saturated to 32 bits: the most a call can report.
    pub(crate) total: u64,
}

pub(crate) struct Ctx<'a> {
    pub(crate) mem: &'a mut [u8],
    pub(crate) wasi: &'a mut Wasi,
    /// Fuel left plus one, see `run.rs`.
    pub(crate) fuel: u64,
}

impl Ctx<'_> {
    /// Takes fuel before the work is done, so that no work is free.
    pub(crate) fn charge(&mut self, cost: u64) -> Res {
        if self.fuel <= cost {
            return Err(Stop::OutOfFuel.into());
        }
        self.fuel -= cost;
        Ok(())
    }

    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Res {
        self.charge((bytes as u64).saturating_mul(cost::HOST_PER_BYTE))
    }

    /// Virtual nanoseconds since the run began: one per fuel unit, plus what the guest slept.
    pub(crate) fn elapsed(&self) -> u64 {
        self.wasi
            .budget
            .saturating_sub(self.fuel)
            .saturating_add(self.wasi.slept)
    }

    /// The wall clock the guest sees, in nanoseconds since 1970.
    pub(crate) fn realtime(&self) -> u64 {
        super::EPOCH_NANOS.saturating_add(self.elapsed())
    }

    pub(crate) fn range(&self, ptr: u32, len: usize) -> Res<Range<usize>> {
        let start = ptr as usize;
        let end = start.checked_add(len).ok_or(Errno::Fault)?;
        if end > self.mem.len() {
            return Err(Errno::Fault.into());
        }
        Ok(start..end)
    }

    pub(crate) fn slice(&self, ptr: u32, len: usize) -> Res<&[u8]> {
        let range = self.range(ptr, len)?;
        Ok(&self.mem[range])
    }

    pub(crate) fn put(&mut self, ptr: u32, bytes: &[u8]) -> Res {
        let range = self.range(ptr, bytes.len())?;
        self.mem[range].copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn put_u32(&mut self, ptr: u32, value: u32) -> Res {
        self.put(ptr, &value.to_le_bytes())
    }

    pub(crate) fn put_u64(&mut self, ptr: u32, value: u64) -> Res {
        self.put(ptr, &value.to_le_bytes())
    }

    fn array<const N: usize>(&self, ptr: u32) -> Res<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.slice(ptr, N)?);
        Ok(out)
    }

    pub(crate) fn get_u8(&self, ptr: u32) -> Res<u8> {
        Ok(self.array::<1>(ptr)?[0])
    }

    pub(crate) fn get_u16(&self, ptr: u32) -> Res<u16> {
        self.array(ptr).map(u16::from_le_bytes)
    }

    pub(crate) fn get_u32(&self, ptr: u32) -> Res<u32> {
        self.array(ptr).map(u32::from_le_bytes)
    }

    pub(crate) fn get_u64(&self, ptr: u32) -> Res<u64> {
        self.array(ptr).map(u64::from_le_bytes)
    }

    /// Reads a path argument.
    pub(crate) fn path(&mut self, ptr: u32, len: u32) -> Res<String> {
        if len as usize > MAX_PATH {
            return Err(Errno::NameTooLong.into());
        }
        self.charge_bytes(len as usize)?;
        let bytes = self.slice(ptr, len as usize)?;
        if bytes.contains(&0) {
            return Err(Errno::IlSeq.into());
        }
        String::from_utf8(bytes.to_vec()).map_err(|_| Errno::IlSeq.into())
    }

    /// Reads and checks an array of buffers. No buffer is touched unless all of them are in memory.
    pub(crate) fn iovecs(&mut self, ptr: u32, count: u32) -> Res<IoVecs> {
        if count > MAX_IOVECS {
            return Err(Errno::Inval.into());
        }
        self.charge_bytes(count as usize * 8)?;
        self.range(ptr, count as usize * 8)?;
        let mut ranges = Vec::with_capacity(count as usize);
        let mut total = 0u64;
        for i in 0..count {
            // In range, as checked above, so neither addition wraps.
            let at = ptr + i * 8;
            let (buf, len) = (self.get_u32(at)?, self.get_u32(at + 4)?);
            // A call reports its length in 32 bits; what does not fit is left to the next call.
            let len = u64::from(len).min(u64::from(u32::MAX) - total);
            total += len;
            ranges.push(self.range(buf, len as usize)?);
        }
        Ok(IoVecs { ranges, total })
    }

    /// Copies `data` into the guest's buffers in order; returns how much fitted.
    pub(crate) fn scatter(mem: &mut [u8], iovecs: &IoVecs, mut data: &[u8]) -> u32 {
        let mut moved = 0;
        for range in &iovecs.ranges {
            let n = range.len().min(data.len());
            mem[range.start..range.start + n].copy_from_slice(&data[..n]);
            data = &data[n..];
            moved += n;
        }
        // `iovecs` bounds the sum to 32 bits.
        moved as u32
    }
}
