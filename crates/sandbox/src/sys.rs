//! Handing open files to a child.

use std::fs::File;
use std::io::{self, Write};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// Most files of one message; the system's own bound is 253.
pub(crate) const MAX_FILES: usize = crate::shape::MAX_LANES + 1;
/// Room for that many in a control message, aligned as the system wants it.
const CONTROL_WORDS: usize = 256;

/// Whether a call that gives -1 on failure succeeded.
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Sends a few bytes, and open files with them.
pub(crate) fn send_files(
    socket: &UnixStream,
    bytes: &[u8],
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    if files.len() > MAX_FILES {
        return Err(io::Error::other("too many files for one message"));
    }
    let mut control = [0u64; CONTROL_WORDS];
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let size = (files.len() * size_of::<RawFd>()) as libc::c_uint;
    // SAFETY: a message of zeros is an empty one. All pointers outlive the call, and the control message is within
    // `control`, which has room for MAX_FILES and is aligned.
    let sent = unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if !files.is_empty() {
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(size) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            for (i, file) in files.iter().enumerate() {
                data.add(i).write_unaligned(file.as_raw_fd());
            }
        }
        libc::sendmsg(socket.as_raw_fd(), &raw const message, 0)
    };
    match usize::try_from(sent) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(sent) if sent < bytes.len() => {
            // The files went with the first byte.
            let mut socket = socket;
            socket.write_all(&bytes[sent..])
        }
        Ok(_) => Ok(()),
    }
}

/// Receives what [`send_files`] sent: fills `bytes`.
pub(crate) fn receive_files(socket: &UnixStream, bytes: &mut [u8]) -> io::Result<Vec<OwnedFd>> {
    let mut files = Vec::new();
    let mut filled = 0;
    while filled < bytes.len() {
        let mut control = [0u64; CONTROL_WORDS];
        let rest = &mut bytes[filled..];
        let mut part = libc::iovec {
            iov_base: rest.as_mut_ptr().cast(),
            iov_len: rest.len(),
        };
        #[cfg(target_os = "linux")]
        let flags = libc::MSG_CMSG_CLOEXEC;
        #[cfg(not(target_os = "linux"))]
        let flags = 0;
        // SAFETY: a message of zeros is an empty one; the buffers outlive the call, and are as long as said.
        let (message, received) = unsafe {
            let mut message: libc::msghdr = zeroed();
            message.msg_iov = &raw mut part;
            message.msg_iovlen = 1;
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = size_of_val(&control) as _;
            let received = libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags);
            (message, received)
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        if received == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // SAFETY: the system wrote whole control messages into `control`, which is still here; each file is ours alone.
        unsafe {
            let mut header = libc::CMSG_FIRSTHDR(&raw const message);
            while !header.is_null() {
                if (*header).cmsg_level == libc::SOL_SOCKET
                    && (*header).cmsg_type == libc::SCM_RIGHTS
                {
                    let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                    let data = libc::CMSG_DATA(header).cast::<RawFd>();
                    for i in 0..bytes / size_of::<RawFd>() {
                        files.push(OwnedFd::from_raw_fd(data.add(i).read_unaligned()));
                    }
                }
                header = libc::CMSG_NXTHDR(&raw const message, header);
            }
        }
        filled += received;
    }
    Ok(files)
}

/// An open file that has these contents for good and no name.
#[cfg(target_os = "linux")]
pub(crate) fn sealed(contents: &[u8]) -> io::Result<File> {
    // SAFETY: the name is a C string; the descriptor is ours alone.
    let mut file = unsafe {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        File::from_raw_fd(check(libc::memfd_create(c"code".as_ptr(), flags))?)
    };
    file.write_all(contents)?;
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: takes numbers only.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
    Ok(file)
}

/// An open file that has these contents and no name, and cannot be written by whom it is handed to.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sealed(contents: &[u8]) -> io::Result<File> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(contents)?;
    file.flush()?;
    File::open(file.path())
}

/// Closes everything from `first` on.
pub(crate) fn close_from(first: RawFd) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the caller has nothing open there. On failure (before Linux 5.9) the loop below does it.
        let closed =
            unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) == 0 };
        if closed {
            return;
        }
    }
    // SAFETY: as above; closing what is not open is an error without effect.
    unsafe {
        let most = match libc::sysconf(libc::_SC_OPEN_MAX) {
            most if most > 0 => most.min(65_536) as RawFd,
            _ => 1_024,
        };
        for file in first..most {
            libc::close(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};
    use std::os::fd::AsFd;

    #[test]
    fn files_travel_with_the_first_byte() {
        let (a, b) = UnixStream::pair().unwrap();
        let file = sealed(b"contents").unwrap();
        let many: Vec<_> = (0..MAX_FILES).map(|_| file.as_fd()).collect();
        send_files(&a, b"12345678", &many).unwrap();
        let mut bytes = [0; 8];
        let mut files = receive_files(&b, &mut bytes).unwrap();
        assert_eq!((&bytes, files.len()), (b"12345678", MAX_FILES));
        let mut got = File::from(files.pop().unwrap());
        got.rewind().unwrap();
        let mut text = String::new();
        got.read_to_string(&mut text).unwrap();
        assert_eq!(text, "contents");
        drop(a);
        assert!(receive_files(&b, &mut bytes).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_sealed_cannot_be_written_again() {
        let mut file = sealed(b"code").unwrap();
        file.rewind().unwrap();
        assert!(file.write_all(b"evil").is_err());
        assert!(file.set_len(0).is_err());
    }
}
