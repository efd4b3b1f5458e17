use super::*;
use proptest::prelude::*;

fn limits() -> Limits {
    Limits {
        fuel: 1_000,
        memory_bytes: 1 << 20,
        output_bytes: 100,
        output_files: 3,
        ..Limits::default()
    }
}

fn outcome() -> Outcome {
    Outcome {
        exit: Exit::Code(3),
        fuel: 999,
        peak_memory: 1 << 20,
        stdout: b"out".to_vec(),
        stderr: b"err".to_vec(),
        files: BTreeMap::from([
            ("a".to_owned(), b"contents".to_vec()),
            ("b/c".to_owned(), Vec::new()),
        ]),
    }
}

fn written(outcome: Outcome) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_outcome(&mut bytes, &Ok(outcome)).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> io::Result<Result<Outcome, RunError>> {
    read_outcome(&mut &*bytes, &limits())
}

#[test]
fn messages_round_trip() {
    let origin = Origin {
        hash: [7; 32],
        size: 99,
    };
    for purpose in [Purpose::Probe, Purpose::Compile(120), Purpose::Run(origin)] {
        let setup = Setup {
            purpose,
            parent: 42,
            memory: 1 << 40,
            lanes: 3,
            skip: vec![Measure::Seccomp, Measure::Cgroup],
        };
        let mut bytes = Vec::new();
        setup.write(&mut bytes).unwrap();
        assert_eq!(Setup::read(&mut &*bytes).unwrap(), setup);
    }
    let ready = Ready {
        environment: Environment([9; 32]),
        measures: vec![
            (Measure::Limits, Status::on("a")),
            (Measure::Cgroup, Status::off("b")),
        ],
    };
    let mut bytes = Vec::new();
    ready.write(&mut bytes).unwrap();
    assert_eq!(Ready::read(&mut &*bytes).unwrap(), ready);
    assert_eq!(read(&written(outcome())).unwrap().unwrap(), outcome());
    for code in [Ok(vec![1; 70_000]), Err("no".to_owned())] {
        let mut bytes = Vec::new();
        write_code(&mut bytes, &code).unwrap();
        assert_eq!(read_code(&mut &*bytes).unwrap(), code);
    }
}

#[test]
fn the_bytes_of_a_message_stay_what_they_are() {
    let small = Outcome {
        files: BTreeMap::from([("f".to_owned(), b"x".to_vec())]),
        ..outcome()
    };
    let mut expected = vec![0x3a, 0, 0, 0, 0, 3, 0, 0, 0];
    expected.extend(999u64.to_le_bytes());
    expected.extend((1u64 << 20).to_le_bytes());
    expected.extend(3u64.to_le_bytes());
    expected.extend(3u64.to_le_bytes());
    expected.extend([1, 0, 0, 0, 1, 0, 0, 0, b'f']);
    expected.extend(1u64.to_le_bytes());
    expected.extend(b"outerrx");
    // The frame's length is that of everything before the contents.
    expected[0] = (expected.len() - 4 - 7) as u8;
    assert_eq!(written(small), expected);
    assert_eq!(prelude(), *b"SGSB\x02\0\0\0");
}

#[test]
fn units_round_trip_and_what_is_shared_does_not_travel_again() {
    let shared = [
        Bytes::from(vec![5; 10_000]),
        Bytes::from_static(b""),
        Bytes::from(vec![6; 10]),
    ];
    let task = Task {
        args: vec!["program".into(), "ä".into()],
        env: vec![("A".into(), "1".into())],
        stdin: Bytes::from_static(b"in"),
        files: BTreeMap::from([
            ("own".to_owned(), Bytes::from(vec![5; 100])),
            ("sub/shared".to_owned(), shared[0].clone()),
        ]),
        seed: [3; 32],
    };
    let mut bytes = Vec::new();
    write_unit(&mut bytes, &task, &limits(), &shared).unwrap();
    assert!(bytes.len() < 1_000, "{}", bytes.len());
    let (read, bounds) = read_unit(&mut &*bytes, &shared).unwrap();
    assert_eq!(
        (read.args, read.env, read.stdin),
        (task.args, task.env, task.stdin)
    );
    assert_eq!((read.files, read.seed), (task.files, task.seed));
    assert_eq!(bounds, limits());
}

#[test]
fn what_the_limits_do_not_admit_is_malformed() {
    type Lie = fn(&mut Outcome);
    let lies: [Lie; 6] = [
        |o| o.fuel = 1_001,
        |o| o.peak_memory += 1,
        |o| o.stdout = vec![0; 101],
        |o| o.files = (0..4).map(|n| (n.to_string(), vec![])).collect(),
        |o| o.files = BTreeMap::from([("x".repeat(MAX_PATH + 1), vec![])]),
        |o| o.files = BTreeMap::from([("x".into(), vec![0; 95])]),
    ];
    for (i, lie) in lies.into_iter().enumerate() {
        let mut outcome = outcome();
        lie(&mut outcome);
        let error = read(&written(outcome)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{i}: {error}");
    }
}

#[test]
fn an_announced_length_takes_no_memory_by_itself() {
    // A frame of 4 GiB; machine code of 2^60 bytes.
    assert!(read(&u32::MAX.to_le_bytes()).is_err());
    let mut bytes = Vec::new();
    Writer::default()
        .u8(0)
        .u64(1 << 60)
        .send(&mut bytes)
        .unwrap();
    assert!(read_code(&mut &*bytes).unwrap().is_err());
    // As much as may be, announced and not sent: this ends, without a gigabyte.
    let mut bytes = Vec::new();
    Writer::default()
        .u8(0)
        .u64(MAX_CODE)
        .send(&mut bytes)
        .unwrap();
    let error = read_code(&mut &*bytes).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_child_s_words_do_not_reach_a_terminal_as_they_are() {
    assert_eq!(shown("a\u{1b}[31mb\nc\0"), "a [31mb c");
    assert_eq!(shown(&"x".repeat(10_000)).len(), 500);
    let mut bytes = Vec::new();
    let error = RunError::Host("\u{1b}]0;evil\u{7}".to_owned());
    write_outcome(&mut bytes, &Err(error)).unwrap();
    let reason = read(&bytes).unwrap().unwrap_err().to_string();
    assert!(
        reason.contains("evil") && !reason.contains('\u{1b}'),
        "{reason:?}"
    );
}

proptest! {
    /// Whatever a child writes, reading it ends without a panic, and what is accepted keeps the limits.
    #[test]
    fn any_answer_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        // An unreadable answer is one more possibility; only what is accepted has to hold.
        if let Ok(Ok(outcome)) = read(&bytes) {
            prop_assert!(outcome.fuel <= 1_000);
        }
        let _ = read_code(&mut &*bytes);
        let _ = read_loaded(&mut &*bytes);
        let _ = Ready::read(&mut &*bytes);
    }

    /// An honest answer with one byte changed anywhere: refused, or within the limits.
    #[test]
    fn a_changed_byte_gets_nothing_past_the_limits(at in 0usize..200, to in any::<u8>()) {
        let mut bytes = written(outcome());
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(Ok(read)) = read(&bytes) {
            let files: usize = read.files.values().map(Vec::len).sum();
            prop_assert!(read.fuel <= 1_000 && read.peak_memory <= 1 << 20);
            prop_assert!(read.files.len() <= 3);
            prop_assert!(read.stdout.len() + read.stderr.len() + files <= 100);
        }
    }
}
