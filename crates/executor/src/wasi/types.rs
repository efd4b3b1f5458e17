//! Numbers and layouts of `wasi_snapshot_preview1` (WebAssembly/WASI, `phases/snapshot/docs.md`).

/// Error numbers that these functions return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    BadF = 8,
    Exist = 20,
    Fault = 21,
    FBig = 22,
    IlSeq = 25,
    Inval = 28,
    IsDir = 31,
    MFile = 33,
    NameTooLong = 37,
    NoEnt = 44,
    NoSys = 52,
    NotDir = 54,
    NotEmpty = 55,
    NotSock = 57,
    NotSup = 58,
    Overflow = 61,
    RoFs = 69,
    SPipe = 70,
    XDev = 75,
    NotCapable = 76,
}

/// Kinds of files, as `filetype` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FileType {
    /// Standard streams: neither a terminal, which would make runtimes interactive, nor seekable.
    Unknown = 0,
    Directory = 3,
    Regular = 4,
}

pub(crate) mod rights {
    pub(crate) const FD_READ: u64 = 1 << 1;
    pub(crate) const FD_SEEK: u64 = 1 << 2;
    pub(crate) const FD_TELL: u64 = 1 << 5;
    pub(crate) const FD_WRITE: u64 = 1 << 6;
    /// All 30 rights of the snapshot.
    pub(crate) const ALL: u64 = (1 << 30) - 1;
}

pub(crate) mod oflags {
    pub(crate) const CREAT: u32 = 1;
    pub(crate) const DIRECTORY: u32 = 2;
    pub(crate) const EXCL: u32 = 4;
    pub(crate) const TRUNC: u32 = 8;
}

pub(crate) mod fdflags {
    pub(crate) const APPEND: u16 = 1;
    /// `append`, `dsync`, `nonblock`, `rsync`, `sync`.
    pub(crate) const ALL: u16 = 31;
}

pub(crate) mod fstflags {
    pub(crate) const ATIM: u32 = 1;
    pub(crate) const ATIM_NOW: u32 = 2;
    pub(crate) const MTIM: u32 = 4;
    pub(crate) const MTIM_NOW: u32 = 8;
}

pub(crate) const WHENCE_SET: u32 = 0;
pub(crate) const WHENCE_CUR: u32 = 1;
pub(crate) const WHENCE_END: u32 = 2;

pub(crate) const CLOCK_REALTIME: u32 = 0;
pub(crate) const CLOCK_THREAD_CPUTIME: u32 = 3;

pub(crate) const EVENT_CLOCK: u8 = 0;
pub(crate) const EVENT_FD_READ: u8 = 1;
pub(crate) const EVENT_FD_WRITE: u8 = 2;
pub(crate) const SUBSCRIPTION_ABSTIME: u16 = 1;

/// Bytes of a `subscription`, an `event`, a `dirent` header.
pub(crate) const SUBSCRIPTION_SIZE: u32 = 48;
pub(crate) const EVENT_SIZE: u32 = 32;
pub(crate) const DIRENT_SIZE: usize = 24;
