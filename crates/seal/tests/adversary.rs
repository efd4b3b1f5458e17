//! Those who break it: other keys, cut, longer, reordered, swapped and changed content; names that were not sealed.

use std::{collections::BTreeMap, io::Cursor};

use proptest::prelude::*;
use sungrid_manifest::{File, Manifest, UnitOutput, hash};
use sungrid_seal::{
    JobKey, LeftBehind, OpenError, StreamError, is_sealed, open_output, opened_bytes, opened_size,
    seal_output, sealed_size,
};

const CHUNK: usize = 64 << 10;
const HEAD: usize = 48;
const MAC: usize = 16;

fn key(n: u8) -> JobKey {
    JobKey::from_bytes([n; 32])
}

/// Content that repeats nowhere.
fn content(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let seed = key(9).seal(vec![]);
    for (at, block) in bytes.chunks_mut(32).enumerate() {
        let word = hash(&[&seed[..], &at.to_le_bytes()].concat());
        block.copy_from_slice(&word.0[..block.len()]);
    }
    bytes
}

/// Opens both ways, which must agree.
fn open(key: &JobKey, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut streamed = Vec::new();
    let outcome = match key.open_stream(sealed, &mut streamed) {
        Ok(size) => {
            assert_eq!(size, streamed.len() as u64);
            Ok(streamed)
        }
        Err(StreamError::Open(error)) => Err(error),
        Err(other) => panic!("{other}"),
    };
    let at_once = key.open(sealed.to_vec());
    assert_eq!(at_once.is_ok(), outcome.is_ok());
    if let Ok(bytes) = &at_once {
        assert_eq!(Some(bytes), outcome.as_ref().ok());
    }
    at_once
}

#[test]
fn every_size_comes_back_and_streams_are_the_same_bytes() {
    for size in [
        0,
        1,
        15,
        16,
        17,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        3 * CHUNK + 7,
    ] {
        let bytes = content(size);
        let sealed = key(1).seal(bytes.clone());
        assert_eq!(sealed.len() as u64, sealed_size(size as u64));
        assert_eq!(opened_size(sealed.len() as u64), Some(size as u64));
        assert!(is_sealed(&sealed));
        let mut streamed = Vec::new();
        let read = key(1).seal_stream(Cursor::new(&bytes), &mut streamed);
        assert_eq!(read.expect("seals"), size as u64);
        assert_eq!(streamed, sealed, "{size} bytes");
        assert_eq!(open(&key(1), &sealed).expect("opens"), bytes);
    }
}

#[test]
fn a_format_that_others_can_write() {
    // Computed by another program: Python with the packages blake3 and cryptography, after the documentation.
    let expected = "73756e677269642f7365616c65642f31\
        6f440f1e133f2008b36682b3d0f0ecf5c9d8ee9a52653bd0becd541270c4f8ba\
        179f0582419a6708197372ac34a895ba622a6eb7499297";
    assert_eq!(hex::encode(key(7).seal(b"a scene".to_vec())), expected);
    let files = BTreeMap::from([("patient-7.txt".into(), vec![])]);
    let left = LeftBehind {
        files,
        ..LeftBehind::default()
    };
    let (output, _) = seal_output(&key(7), left).expect("seals");
    assert_eq!(
        output.files[0].name,
        "zlzLrdI4QGUrR9fPKXy7GamozcveNZHOHCbUgII"
    );
}

#[test]
fn replicas_agree_and_nobody_else_can_tell_by_guessing() {
    assert_eq!(key(1).seal(b"yes".to_vec()), key(1).seal(b"yes".to_vec()));
    let (guess, other) = (key(2).seal(b"yes".to_vec()), key(1).seal(b"no!".to_vec()));
    let sealed = key(1).seal(b"yes".to_vec());
    for different in [guess, other] {
        assert_ne!(sealed[16..], different[16..]);
    }
    assert_ne!(key(1).input_hash(b"args"), key(2).input_hash(b"args"));
    assert_ne!(key(1).input_hash(b"args"), hash(b"args"));
    // No two contents share a key: equal beginnings look different.
    let (one, two) = (content(CHUNK + 1), content(CHUNK + 2));
    let (one, two) = (key(1).seal(one), key(1).seal(two));
    assert_ne!(one[HEAD..HEAD + 32], two[HEAD..HEAD + 32]);
}

#[test]
fn another_key_opens_nothing() {
    for size in [0, 5, CHUNK + 5] {
        let sealed = key(1).seal(content(size));
        assert_eq!(open(&key(2), &sealed), Err(OpenError::Broken));
    }
    assert_eq!(format!("{:?}", key(1)), "JobKey(..)");
}

#[test]
fn what_is_cut_or_longer_does_not_open() {
    let sealed = key(1).seal(content(2 * CHUNK + 100));
    let ends = [
        0,
        1,
        15,
        16,
        47,
        48,
        63,
        64,
        HEAD + CHUNK,
        HEAD + CHUNK + MAC,
    ];
    let late = [
        HEAD + 2 * (CHUNK + MAC),
        sealed.len() - MAC,
        sealed.len() - 1,
    ];
    for end in ends.into_iter().chain(late) {
        assert!(open(&key(1), &sealed[..end]).is_err(), "cut at {end}");
    }
    for more in [vec![0], vec![0; MAC], vec![7; CHUNK + MAC]] {
        let longer = [&sealed[..], &more].concat();
        assert_eq!(open(&key(1), &longer), Err(OpenError::Broken));
    }
    let empty = key(1).seal(vec![]);
    for end in 0..empty.len() {
        assert!(open(&key(1), &empty[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn chunks_keep_their_places() {
    let sealed = key(1).seal(content(3 * CHUNK));
    let chunk = |at: usize| &sealed[HEAD + at * (CHUNK + MAC)..HEAD + (at + 1) * (CHUNK + MAC)];
    let put = |order: &[usize]| {
        let chunks: Vec<&[u8]> = order.iter().map(|at| chunk(*at)).collect();
        [&sealed[..HEAD], &chunks.concat()].concat()
    };
    assert_eq!(put(&[0, 1, 2]), sealed);
    for order in [
        &[1, 0, 2][..],
        &[0, 2, 1],
        &[0, 1],
        &[0, 2],
        &[0, 0, 2],
        &[0, 1, 2, 2],
        &[2],
    ] {
        assert!(open(&key(1), &put(order)).is_err(), "{order:?}");
    }
    // Of another content under the same key.
    let other = key(1).seal(content(3 * CHUNK - 1));
    let swapped = [&sealed[..HEAD], &other[HEAD..]].concat();
    assert_eq!(open(&key(1), &swapped), Err(OpenError::Broken));
    let spliced = [put(&[0, 1]), other[HEAD + 2 * (CHUNK + MAC)..].to_vec()].concat();
    assert_eq!(open(&key(1), &spliced), Err(OpenError::Broken));
}

#[test]
fn every_changed_bit_is_found() {
    let sealed = key(1).seal(b"a low-entropy answer: yes".to_vec());
    for at in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(open(&key(1), &changed).is_err(), "bit {at}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_sealed() {
    /// Another file the second time.
    struct Changing(Cursor<Vec<u8>>, u32);
    impl std::io::Read for Changing {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(to)
        }
    }
    impl std::io::Seek for Changing {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.1 += 1;
            if self.1 == 2 {
                self.0.get_mut()[0] ^= 1;
            }
            self.0.seek(to)
        }
    }
    let file = Changing(Cursor::new(content(10)), 0);
    let outcome = key(1).seal_stream(file, std::io::sink());
    assert!(matches!(outcome, Err(StreamError::Changed)));
}

fn left() -> LeftBehind {
    LeftBehind {
        exit: 3,
        stdout: b"hello".to_vec(),
        stderr: vec![],
        files: BTreeMap::from([
            ("b/second.txt".into(), b"2".to_vec()),
            ("patient-7.txt".into(), content(CHUNK)),
            ("leer".into(), vec![]),
        ]),
    }
}

#[test]
fn an_output_shows_neither_names_nor_content_and_comes_back() {
    let (output, contents) = seal_output(&key(1), left()).expect("seals");
    let shown = output.encode().expect("a manifest like any other");
    for hidden in [&b"patient"[..], b"second", b"hello", b"leer"] {
        let mut all = contents.iter().chain([&shown.bytes]);
        assert!(!all.any(|bytes| bytes.windows(hidden.len()).any(|w| w == hidden)));
    }
    let again = seal_output(&key(1), left()).expect("seals").0;
    assert_eq!(again, output, "replicas agree");
    let opened = open_output(&key(1), &output).expect("opens");
    let names: Vec<&str> = opened.files.iter().map(|file| &*file.name).collect();
    assert_eq!(names, ["b/second.txt", "leer", "patient-7.txt"]);
    assert_eq!(opened_bytes(&output), Ok(5 + 1 + CHUNK as u64));
    for file in opened.contents() {
        let sealed = contents.iter().find(|bytes| hash(bytes) == file.hash);
        let bytes = key(1).open(sealed.expect("it is there").clone());
        let expected = match &*file.name {
            "stdout" => left().stdout,
            name => left().files[name.strip_prefix("out/").expect("below out")].clone(),
        };
        assert_eq!(bytes.expect("opens"), expected);
    }
}

#[test]
fn names_that_nobody_sealed_or_no_folder_takes_do_not_open() {
    let (output, _) = seal_output(&key(1), left()).expect("seals");
    assert_eq!(open_output(&key(2), &output), Err(OpenError::Name(0)));
    let with = |name: &str| {
        let file = File::new(name, hash(b""), 64);
        open_output(&key(1), &UnitOutput::new(0, None, None, vec![file]))
    };
    for name in ["plain.txt", "", "AAAA", "../../etc/passwd"] {
        assert_eq!(with(name), Err(OpenError::Name(0)), "{name}");
    }
    // Each character counts.
    let name = output.files[0].name.clone();
    for at in 0..name.len() {
        let mut changed = name.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("letters");
        assert_eq!(with(&changed), Err(OpenError::Name(0)), "character {at}");
    }
    // Whoever has the key may seal any name; it is refused as it would be without sealing.
    for name in ["../up", "/absolute", "a//b", "c:\\x"] {
        let mut bad = left();
        bad.files.insert(name.into(), vec![]);
        assert!(seal_output(&key(1), bad).is_err(), "{name}");
    }
    let mut twice = output.clone();
    twice.files.push(output.files[0].clone());
    assert_eq!(open_output(&key(1), &twice), Err(OpenError::Names));
}

#[test]
fn the_longest_name_is_stated() {
    let named = |length: usize| {
        let files = BTreeMap::from([("n".repeat(length), vec![])]);
        let left = LeftBehind {
            files,
            ..LeftBehind::default()
        };
        seal_output(&key(1), left)
    };
    let (output, _) = named(175).expect("the longest");
    assert_eq!(output.files[0].name.len(), 255);
    assert!(named(176).is_err());
}

proptest! {
    #[test]
    fn sizes_are_told_both_ways(size in 0u64..1 << 40) {
        prop_assert_eq!(opened_size(sealed_size(size)), Some(size));
    }

    #[test]
    fn no_size_opens_to_one_that_does_not_seal_to_it(sealed in 0u64..1 << 20) {
        if let Some(size) = opened_size(sealed) {
            prop_assert_eq!(sealed_size(size), sealed);
        }
    }

    #[test]
    fn anything_is_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(open(&key(1), &bytes).is_err());
        let begun = [&b"sungrid/sealed/1"[..], &bytes].concat();
        prop_assert!(open(&key(1), &begun).is_err());
    }
}
