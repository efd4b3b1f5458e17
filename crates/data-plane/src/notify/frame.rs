//! The bytes of a notification and of its answer.
//!
//! Request: version (1 byte), length of the message (2 bytes, big-endian), message; then the end of
//! the stream. Answer: version (1 byte), status (1 byte); then the end of the stream.

use bytes::Bytes;

/// Version of both frames. A receiver that does not know it answers with
/// [`Status::UnknownVersion`].
pub(crate) const VERSION: u8 = 1;
/// Most bytes of one message. Enough for a job id, unit range and a few hashes; content goes by
/// blob.
pub const MAX_NOTIFICATION: usize = 4096;
const HEADER: usize = 3;
/// Longest request frame.
pub(crate) const MAX_FRAME: usize = HEADER + MAX_NOTIFICATION;
/// Length of an answer.
pub(crate) const ANSWER: usize = 2;

/// What became of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// In the receiver's queue.
    Accepted = 0,
    /// The queue is full.
    QueueFull = 1,
    /// The sender is over its rate.
    RateLimited = 2,
    /// The frame is not well-formed.
    Malformed = 3,
    /// The version is not known.
    UnknownVersion = 4,
}

/// The request frame of a message, `None` when it is longer than [`MAX_NOTIFICATION`].
pub(crate) fn encode(message: &[u8]) -> Option<Vec<u8>> {
    if message.len() > MAX_NOTIFICATION {
        return None;
    }
    let mut frame = Vec::with_capacity(HEADER + message.len());
    frame.push(VERSION);
    // MAX_NOTIFICATION fits 16 bits.
    frame.extend_from_slice(&(message.len() as u16).to_be_bytes());
    frame.extend_from_slice(message);
    Some(frame)
}

/// The message in a request frame, or the status to answer with.
pub(crate) fn decode(frame: &[u8]) -> Result<Bytes, Status> {
    let (&version, rest) = frame.split_first().ok_or(Status::Malformed)?;
    if version != VERSION {
        return Err(Status::UnknownVersion);
    }
    let (length, message) = rest.split_first_chunk::<2>().ok_or(Status::Malformed)?;
    if usize::from(u16::from_be_bytes(*length)) != message.len() || message.len() > MAX_NOTIFICATION
    {
        return Err(Status::Malformed);
    }
    Ok(Bytes::copy_from_slice(message))
}

pub(crate) fn encode_answer(status: Status) -> [u8; ANSWER] {
    [VERSION, status as u8]
}

/// The status in an answer, `None` when it is none of ours.
pub(crate) fn decode_answer(answer: &[u8]) -> Option<Status> {
    Some(match answer {
        [VERSION, 0] => Status::Accepted,
        [VERSION, 1] => Status::QueueFull,
        [VERSION, 2] => Status::RateLimited,
        [VERSION, 3] => Status::Malformed,
        [VERSION, 4] => Status::UnknownVersion,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_exactly_these_bytes() {
        assert_eq!(
            encode(b"ok").as_deref(),
            Some([1, 0, 2, b'o', b'k'].as_slice())
        );
        assert_eq!(encode(b"").as_deref(), Some([1, 0, 0].as_slice()));
        let longest = encode(&[9; MAX_NOTIFICATION]).expect("allowed");
        assert_eq!(longest[..3], [1, 0x10, 0x00]);
        assert_eq!(longest.len(), MAX_FRAME);
        assert_eq!(encode_answer(Status::Accepted), [1, 0]);
        assert_eq!(encode_answer(Status::QueueFull), [1, 1]);
        assert_eq!(encode_answer(Status::RateLimited), [1, 2]);
        assert_eq!(encode_answer(Status::Malformed), [1, 3]);
        assert_eq!(encode_answer(Status::UnknownVersion), [1, 4]);
    }

    #[test]
    fn messages_round_trip() {
        for length in [0, 1, 255, 256, MAX_NOTIFICATION] {
            let message = vec![5; length];
            let frame = encode(&message).expect("allowed");
            assert_eq!(decode(&frame).as_deref(), Ok(message.as_slice()));
        }
        for status in [
            Status::Accepted,
            Status::QueueFull,
            Status::RateLimited,
            Status::Malformed,
            Status::UnknownVersion,
        ] {
            assert_eq!(decode_answer(&encode_answer(status)), Some(status));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(encode(&[0; MAX_NOTIFICATION + 1]), None);
        assert_eq!(decode(&[]), Err(Status::Malformed));
        assert_eq!(decode(&[2, 0, 0]), Err(Status::UnknownVersion));
        assert_eq!(decode(&[1]), Err(Status::Malformed));
        assert_eq!(decode(&[1, 0]), Err(Status::Malformed));
        assert_eq!(
            decode(&[1, 0, 1]),
            Err(Status::Malformed),
            "shorter than it says"
        );
        assert_eq!(
            decode(&[1, 0, 1, 7, 7]),
            Err(Status::Malformed),
            "longer than it says"
        );
        let mut over = vec![1, 0x10, 0x01];
        over.extend_from_slice(&[0; MAX_NOTIFICATION + 1]);
        assert_eq!(
            decode(&over),
            Err(Status::Malformed),
            "honest about being too long"
        );
        for answer in [&[][..], &[1], &[2, 0], &[1, 5], &[1, 0, 0]] {
            assert_eq!(decode_answer(answer), None);
        }
    }
}
