//! Every rule of every manifest, exact bytes, and bytes from strangers.

use codec::Encode;
use proptest::prelude::*;
use sp_core::{Pair, sr25519};
use sungrid_manifest::{
    Blob, Bundle, File, Image, ImageKind, JobInput, Limits, Manifest, ManifestError, Problem,
    ProfileName, UnitInput, UnitOutput, UnitSpec, hash, limits,
};
use sungrid_primitives::{
    ContentHash,
    job::MAX_UNITS,
    receipt::{BatchSummary, Receipt, SignedReceipt},
    suns::CPU_1,
};

fn digest(byte: u8) -> ContentHash {
    ContentHash::repeat_byte(byte)
}

fn image() -> Image {
    Image {
        version: 1,
        kind: ImageKind::WasiCommand,
        name: "renderer".into(),
        code: digest(1),
        args: vec!["render".into()],
        profile: ProfileName::Cpu1,
        limits: Limits {
            fuel: 1_000,
            memory: 1 << 20,
            output: 1 << 16,
        },
        class: 1,
        licence: "MIT".into(),
        files: vec![],
    }
}

fn input() -> JobInput {
    JobInput::new(
        vec![File::new("scene.txt", digest(2), 10)],
        vec![
            UnitSpec {
                args: vec!["0".into()],
                files: vec![],
            },
            UnitSpec {
                args: vec!["1".into()],
                files: vec![File::new("mesh/a.obj", digest(3), 20)],
            },
        ],
    )
}

fn output() -> UnitOutput {
    let stdout = Blob {
        hash: digest(4),
        size: 5,
    };
    UnitOutput::new(
        0,
        Some(stdout),
        None,
        vec![
            File::new("tile", digest(6), 7),
            File::new("log", digest(8), 9),
        ],
    )
}

fn receipt() -> SignedReceipt {
    let receipt = Receipt {
        genesis: digest(1),
        job: 2,
        unit: 0,
        image: digest(4),
        input: digest(5),
        output: digest(6),
        fuel: 7,
        peak_memory: 8,
        bytes_in: 11,
        bytes_out: 12,
        exit: 0,
        environment: digest(9),
        anchor: digest(10),
    };
    // sr25519 signatures are randomised; a fixed one keeps the snapshot exact.
    SignedReceipt {
        receipt,
        worker: [11; 32],
        signature: [12; 64],
    }
}

fn bundle() -> Bundle {
    Bundle::new([(receipt(), output())])
}

fn problem<M: Manifest>(manifest: &M) -> (String, Problem) {
    match manifest.encode() {
        Err(ManifestError::Invalid { field, problem, .. }) => (field, problem),
        Err(other) => panic!("expected an invalid field, got {other}"),
        Ok(_) => panic!("expected an invalid field, but it encodes"),
    }
}

fn link(byte: &str) -> String {
    format!("d82a58250001551e20{}", byte.repeat(32))
}

#[test]
fn encodings_are_exact() {
    let cases = [
        (
            image().encode(),
            format!(
                "a9646172677381 6672656e646572 64636f6465{} 646b696e646c776173692d636f6d6d616e64 \
                 646e616d656872656e6465726572 65636c61737301 \
                 666c696d697473a3 646675656c1903e8 666d656d6f72791a00100000 666f75747075741a00010000 \
                 676c6963656e6365634d4954 6770726f66696c65656370752f31 6776657273696f6e01",
                link("01")
            ),
        ),
        (
            input().encode(),
            format!(
                "a4 65636f756e7402 65756e69747382 a2 646172677381 6130 6566696c657380 \
                 a2 646172677381 6131 6566696c657381 a3 63636964{} 646e616d656a6d6573682f612e6f626a 6473697a6514 \
                 6673686172656481 a3 63636964{} 646e616d65697363656e652e747874 6473697a650a \
                 6776657273696f6e01",
                link("03"),
                link("02")
            ),
        ),
        (
            input().unit(1).expect("two units").encode(),
            format!(
                "a5 646172677381 6131 64756e697401 6566696c657381 a3 63636964{} \
                 646e616d656a6d6573682f612e6f626a 6473697a6514 65756e69747302 \
                 6673686172656481 a3 63636964{} 646e616d65697363656e652e747874 6473697a650a",
                link("03"),
                link("02")
            ),
        ),
        (
            output().encode(),
            format!(
                "a5 646578697400 6566696c657382 \
                 a3 63636964{} 646e616d65636c6f67 6473697a6509 \
                 a3 63636964{} 646e616d656474696c65 6473697a6507 \
                 66737464657272f6 667374646f7574a2 63636964{} 6473697a6505 6776657273696f6e01",
                link("08"),
                link("06"),
                link("04")
            ),
        ),
    ];
    for (at, (encoded, expected)) in cases.into_iter().enumerate() {
        let encoded = encoded.expect("a valid manifest");
        assert_eq!(
            hex::encode(&encoded.bytes),
            expected.replace([' ', '\n'], ""),
            "case {at}"
        );
        assert_eq!(encoded.hash, hash(&encoded.bytes));
    }
    let encoded = bundle().encode().expect("a valid bundle");
    let output = hex::encode(output().encode().expect("a valid output").bytes);
    let receipt = hex::encode(receipt().encode());
    assert_eq!(
        hex::encode(&encoded.bytes),
        format!(
            "a3676f75747075747381{output}6776657273696f6e0168726563656970747381 59{:04x}{receipt}",
            receipt.len() / 2
        )
        .replace(' ', "")
    );
}

#[test]
fn what_is_encoded_decodes_to_the_same() {
    let image = image();
    assert_eq!(Image::decode(&image.encode().unwrap().bytes), Ok(image));
    let input = input();
    assert_eq!(
        JobInput::decode(&input.encode().unwrap().bytes),
        Ok(input.clone())
    );
    for unit in 0..2 {
        let unit = input.unit(unit).unwrap();
        assert_eq!(UnitInput::decode(&unit.encode().unwrap().bytes), Ok(unit));
    }
    assert_eq!(input.unit(2), None);
    let output = output();
    assert_eq!(
        UnitOutput::decode(&output.encode().unwrap().bytes),
        Ok(output)
    );
    let bundle = bundle();
    let decoded = Bundle::decode(&bundle.encode().unwrap().bytes).unwrap();
    assert_eq!(decoded.receipts().unwrap(), [receipt()]);
    assert_eq!(decoded, bundle);
}

#[test]
fn names_that_could_leave_the_directory_or_clash_are_refused() {
    let with = |name: &str| JobInput::new(vec![File::new(name, digest(1), 1)], input().units);
    let text = String::from;
    for (name, expected) in [
        ("", Problem::Empty),
        ("/etc/passwd", Problem::Absolute(text("/etc/passwd"))),
        ("..", Problem::Climbs(text(".."))),
        ("a/../../b", Problem::Climbs(text("a/../../b"))),
        ("./a", Problem::Climbs(text("./a"))),
        ("a//b", Problem::Climbs(text("a//b"))),
        ("a/", Problem::Climbs(text("a/"))),
        ("a\0b", Problem::Characters(text("a\0b"))),
        ("a\nb", Problem::Characters(text("a\nb"))),
        ("a\u{85}b", Problem::Characters(text("a\u{85}b"))),
        ("..\\b", Problem::Characters(text("..\\b"))),
        ("C:b", Problem::Characters(text("C:b"))),
        (
            "1/2/3/4/5/6/7/8/9",
            Problem::TooDeep(text("1/2/3/4/5/6/7/8/9")),
        ),
    ] {
        assert_eq!(problem(&with(name)), (text("shared[0].name"), expected));
    }
    let long = "n".repeat(limits::NAME_BYTES + 1);
    assert!(matches!(problem(&with(&long)).1, Problem::TooLong { .. }));
    for fine in ["a", "1/2/3/4/5/6/7/8", "…/ü.obj", "a..b", ".hidden"] {
        with(fine).encode().expect("a plain relative path");
    }
}

#[test]
fn one_tree_holds_shared_and_own_files() {
    let file = |name: &str| File::new(name, digest(1), 1);
    let job = |shared: &[&str], own: &[&str]| {
        let unit = UnitSpec {
            args: vec![],
            files: own.iter().map(|n| file(n)).collect(),
        };
        JobInput::new(shared.iter().map(|n| file(n)).collect(), vec![unit])
    };
    let duplicate = Problem::Duplicate("a".into());
    let both = Problem::FileAndDirectory("a".into());
    for (shared, own, expected) in [
        (&["a", "a"][..], &[][..], &duplicate),
        (&[], &["a", "a"], &duplicate),
        (&["a"], &["a"], &duplicate),
        (&["a", "a/b"], &[], &both),
        (&["a/b", "a"], &[], &both),
        (&["a/b/c", "a"], &[], &both),
        (&["a"], &["a/b"], &both),
        (&["a/b"], &["a"], &both),
    ] {
        let job = job(shared, own);
        assert_eq!(&problem(&job).1, expected, "{shared:?} {own:?}");
        // A unit input is checked by itself, too: a receipt may name one that no job lists.
        assert_eq!(&problem(&job.unit(0).unwrap()).1, expected);
    }
    job(&["a/b", "a/c"], &["a/d", "e"])
        .encode()
        .expect("no clash");
}

#[test]
fn counts_and_sizes_are_bounded() {
    let unit = UnitSpec::default;
    let named = |count: usize| -> Vec<File> {
        (0..count)
            .map(|n| File::new(format!("f{n}"), digest(1), 1))
            .collect()
    };
    let none = JobInput::new(vec![], vec![]);
    assert!(matches!(
        problem(&none).1,
        Problem::OutOfRange { value: 0, .. }
    ));
    let shared = JobInput::new(named(limits::SHARED_FILES + 1), vec![unit()]);
    assert!(matches!(problem(&shared).1, Problem::TooMany { .. }));
    let files = UnitSpec {
        args: vec![],
        files: named(limits::UNIT_FILES + 1),
    };
    let own = JobInput::new(vec![], vec![unit(), files]);
    let (field, rule) = problem(&own);
    assert_eq!(field, "units[1].files");
    assert!(matches!(rule, Problem::TooMany { .. }));

    // The sum counts, and it saturates instead of wrapping around to something small.
    let half = limits::UNIT_CONTENT_BYTES / 2;
    for (a, b, fits) in [
        (half, half, true),
        (half, half + 1, false),
        (u64::MAX, u64::MAX, false),
    ] {
        let spec = UnitSpec {
            args: vec![],
            files: vec![File::new("b", digest(1), b)],
        };
        let job = JobInput::new(vec![File::new("a", digest(1), a)], vec![spec]);
        assert_eq!(job.encode().is_ok(), fits, "{a} + {b}");
    }
}

#[test]
fn arguments_are_bounded() {
    let with = |args: Vec<String>| {
        JobInput::new(
            vec![],
            vec![UnitSpec {
                args,
                files: vec![],
            }],
        )
    };
    let at = |n: usize| format!("units[0].args[{n}]");
    assert_eq!(
        problem(&with(vec!["a".into(), "b\0".into()])),
        (at(1), Problem::ZeroByte)
    );
    let long = "x".repeat(limits::ARG_BYTES + 1);
    assert!(matches!(
        problem(&with(vec![long])).1,
        Problem::TooLong { .. }
    ));
    let many = vec![String::new(); limits::ARGS + 1];
    assert!(matches!(problem(&with(many)).1, Problem::TooMany { .. }));
    let full = "x".repeat(limits::ARG_BYTES);
    let fit = limits::ALL_ARGS_BYTES / limits::ARG_BYTES;
    with(vec![full.clone(); fit])
        .encode()
        .expect("exactly at the limit");
    let (field, rule) = problem(&with(vec![full; fit + 1]));
    assert_eq!(field, "units[0].args");
    assert!(matches!(rule, Problem::TooLong { .. }));
}

#[test]
fn an_image_states_sane_limits() {
    let change = |edit: fn(&mut Image)| {
        let mut image = image();
        edit(&mut image);
        problem(&image).0
    };
    assert_eq!(change(|i| i.version = 2), "version");
    assert_eq!(change(|i| i.name.clear()), "name");
    assert_eq!(change(|i| i.name = "a\u{1b}[2J".into()), "name");
    assert_eq!(change(|i| i.name = "n".repeat(129)), "name");
    assert_eq!(change(|i| i.licence.clear()), "licence");
    assert_eq!(change(|i| i.limits.fuel = 0), "limits.fuel");
    assert_eq!(change(|i| i.limits.memory = 1), "limits.memory");
    assert_eq!(change(|i| i.limits.memory = u64::MAX), "limits.memory");
    assert_eq!(change(|i| i.limits.output = u64::MAX), "limits.output");
    assert_eq!(change(|i| i.class = 5), "class");
}

#[test]
fn outputs_are_sorted_and_bounded() {
    let mut swapped = output();
    swapped.files.swap(0, 1);
    assert!(matches!(problem(&swapped).1, Problem::Unsorted(_)));
    let mut empty = output();
    empty.stdout = Some(Blob {
        hash: digest(1),
        size: 0,
    });
    assert_eq!(problem(&empty).0, "stdout.size");
    let mut big = output();
    big.files[0].size = limits::OUTPUT_BYTES;
    assert!(matches!(problem(&big).1, Problem::TooBig { .. }));
    let mut climbing = output();
    climbing.files[0].name = "../log".into();
    assert!(matches!(problem(&climbing).1, Problem::Climbs(_)));
    let mut newer = output();
    newer.version = 9;
    assert_eq!(problem(&newer).1, Problem::Version(9));
}

#[test]
fn a_bundle_has_a_receipt_for_every_output() {
    let mut short = bundle();
    short.outputs.clear();
    assert!(matches!(problem(&short).1, Problem::CountMismatch { .. }));
    assert!(matches!(
        problem(&Bundle::new([])).1,
        Problem::OutOfRange { .. }
    ));
    let mut bad = bundle();
    bad.outputs[0].files[0].name = "/log".into();
    assert_eq!(problem(&bad).0, "outputs[0].files[0].name");

    // Inside the bytes: a receipt that is too short for one.
    let bytes = bundle().encode().unwrap().bytes;
    let receipt = receipt().encode();
    let start = bytes
        .windows(receipt.len())
        .position(|w| w == receipt)
        .unwrap();
    let mut cut = bytes.clone();
    cut.truncate(bytes.len() - 1);
    cut[start - 2..start].copy_from_slice(&(receipt.len() as u16 - 1).to_be_bytes());
    assert!(matches!(
        Bundle::decode(&cut),
        Err(ManifestError::Invalid {
            problem: Problem::NotAReceipt,
            ..
        })
    ));
}

#[test]
fn a_million_units_that_are_alike_take_no_more_bytes_than_one() {
    let unit = |arg: &str| UnitSpec {
        args: vec![arg.into()],
        files: vec![],
    };
    let job = JobInput::alike(vec![], unit("tile={unit}"), MAX_UNITS);
    let bytes = job.encode().expect("valid").bytes;
    assert!(bytes.len() < 100);
    assert_eq!(JobInput::decode(&bytes), Ok(job.clone()));
    // What a unit sees is what it would see if every unit had been written out.
    let last = job.unit(MAX_UNITS - 1).expect("a unit");
    assert_eq!(last.args, ["tile=1048575"]);
    assert_eq!(last.units, MAX_UNITS);
    let two = JobInput::new(vec![], vec![unit("tile=0"), unit("tile=1")]);
    let alike = JobInput::alike(vec![], unit("tile={unit}"), 2);
    for index in 0..2 {
        assert_eq!(alike.unit(index), two.unit(index));
    }
    assert_eq!(job.unit(MAX_UNITS), None);
    // Units that differ are all there, and none beyond the limit.
    for (units, count, field) in [
        (2, 3, "units"),
        (2, 1, "units"),
        (1, MAX_UNITS + 1, "count"),
        (1, 0, "count"),
    ] {
        let job = JobInput {
            count,
            ..JobInput::new(vec![], vec![unit(""); units])
        };
        let (found, rule) = problem(&job);
        assert_eq!(found, field);
        assert!(matches!(rule, Problem::OutOfRange { .. }));
    }
    // The longest index counts.
    let full = format!("{}{{unit}}", "x".repeat(limits::ARG_BYTES - 6));
    JobInput::alike(vec![], unit(&full), 1_000_000)
        .encode()
        .expect("six digits fit");
    assert_eq!(
        problem(&JobInput::alike(vec![], unit(&full), 1_000_001)).0,
        "units[0].args[0]"
    );
}

#[test]
fn bytes_that_are_too_many_are_not_even_parsed() {
    let bytes = vec![0xff; limits::IMAGE_BYTES + 1];
    let expected = ManifestError::TooLarge {
        what: Image::WHAT,
        size: bytes.len(),
        limit: limits::IMAGE_BYTES,
    };
    assert_eq!(Image::decode(&bytes), Err(expected));
    let units = vec![
        UnitSpec {
            args: vec!["x".repeat(limits::ARG_BYTES)],
            files: vec![]
        };
        limits::JOB_INPUT_BYTES / limits::ARG_BYTES
    ];
    assert!(matches!(
        JobInput::new(vec![], units).encode(),
        Err(ManifestError::TooLarge { .. })
    ));
}

#[test]
fn a_second_spelling_of_the_same_value_is_refused() {
    let bytes = output().encode().unwrap().bytes;
    let text = hex::encode(&bytes);
    // `version 1` as a two-byte integer; exit code as a five-byte one.
    for (from, to) in [
        ("6776657273696f6e01", "6776657273696f6e1801"),
        ("646578697400", "64657869741a00000000"),
    ] {
        assert!(text.contains(from));
        let other = hex::decode(text.replace(from, to)).unwrap();
        assert!(UnitOutput::decode(&other).is_err(), "{to}");
    }
    // Trailing bytes, a missing field, an unknown field, a foreign hash function, a manifest as a file.
    let long = [&bytes[..], &[0]].concat();
    assert!(UnitOutput::decode(&long).is_err());
    for (from, to) in [
        ("a56465786974", "a46465786974"),
        ("6465786974", "6465786975"),
        ("1e20", "1220"),
        ("01551e20", "01711e20"),
    ] {
        assert!(text.contains(from));
        let other = hex::decode(text.replacen(from, to, 1)).unwrap();
        assert!(
            matches!(
                UnitOutput::decode(&other),
                Err(ManifestError::Malformed { .. })
            ),
            "{to}"
        );
    }
}

#[test]
fn errors_say_what_to_do() {
    let mut image = image();
    image.version = 7;
    assert_eq!(
        image.encode().unwrap_err().to_string(),
        "an image manifest, version: version 7 is unknown here, expected 1: update this program"
    );
    let error = Image::decode(b"hello").unwrap_err().to_string();
    assert!(
        error.contains("check that the CID names what you meant"),
        "{error}"
    );
}

fn decode_all(bytes: &[u8]) {
    let _ = Image::decode(bytes);
    let _ = JobInput::decode(bytes);
    let _ = UnitInput::decode(bytes);
    let _ = UnitOutput::decode(bytes);
    let _ = Bundle::decode(bytes);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decode_all(&bytes);
    }

    /// Valid manifests with a few bytes changed get much deeper into the decoder than noise does;
    /// whatever still decodes must encode to the very same bytes.
    #[test]
    fn damaged_manifests_never_panic_and_stay_canonical(
        which in 0..5usize, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let mut bytes = match which {
            0 => image().encode(),
            1 => input().encode(),
            2 => input().unit(1).unwrap().encode(),
            3 => output().encode(),
            _ => bundle().encode(),
        }.unwrap().bytes;
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        decode_all(&bytes);
        if let Ok(m) = Image::decode(&bytes) { prop_assert_eq!(m.encode().unwrap().bytes, bytes.clone()); }
        if let Ok(m) = JobInput::decode(&bytes) { prop_assert_eq!(m.encode().unwrap().bytes, bytes.clone()); }
        if let Ok(m) = UnitOutput::decode(&bytes) { prop_assert_eq!(m.encode().unwrap().bytes, bytes.clone()); }
        if let Ok(m) = Bundle::decode(&bytes) { prop_assert_eq!(m.encode().unwrap().bytes, bytes.clone()); }
    }
}

#[test]
fn a_signed_receipt_survives_its_bundle() {
    let key = sr25519::Pair::from_seed(&[1; 32]);
    let signed = SignedReceipt::sign(receipt().receipt, &key);
    let bytes = Bundle::new([(signed, output())]).encode().unwrap().bytes;
    let read = Bundle::decode(&bytes).unwrap().receipts().unwrap();
    assert!(read[0].verify());
}

#[test]
fn a_unit_counts_its_own_files_and_its_part_of_the_shared_ones() {
    let traffic = |input: &JobInput, unit, batch| input.unit(unit).expect("a unit").traffic(batch);
    let input = input();
    // 10 bytes are shared; the second unit has 20 of its own.
    for (batch, first, second) in [(0, 10, 30), (1, 10, 30), (2, 5, 25), (1_024, 5, 25)] {
        assert_eq!(traffic(&input, 0, batch), first, "batches of {batch}");
        assert_eq!(traffic(&input, 1, batch), second, "batches of {batch}");
        assert_eq!(input.most_traffic(batch), second);
    }
    // What an earlier job left is the unit's own: 5 bytes of stdout, 7 and 9 of files.
    let mut unit = input.unit(1).expect("a unit");
    unit.gather([(7, &output())]);
    assert_eq!(unit.traffic(2), 25 + 21);
    // Sizes are what somebody says: no sum of them wraps.
    let file = |size| File::new("huge", digest(1), size);
    let huge = UnitSpec {
        args: vec![],
        files: vec![file(u64::MAX), file(u64::MAX)],
    };
    let huge = JobInput::alike(vec![file(u64::MAX), file(1)], huge, 1);
    assert_eq!(traffic(&huge, 0, 1), u64::MAX);
    assert_eq!(huge.most_traffic(1), u64::MAX);
}

proptest! {
    /// Whoever computes a batch may have to fetch what is shared, so its units pay for it once; cut into jobs or smaller batches they pay
    /// for it more often, and the batch that a worker cuts counts as it was ordered.
    #[test]
    fn a_batch_pays_for_what_its_units_share(
        shared in any::<u64>(), units in 1..=MAX_UNITS, batch in 1u32..=1_024, less in 1u32..=1_024
    ) {
        let files = vec![File::new("shared", digest(1), shared)];
        let of = |units, batch| {
            let input = JobInput::alike(files.clone(), UnitSpec::default(), units);
            u128::from(input.unit(0).expect("a unit").traffic(batch))
        };
        let batch = batch.min(units);
        prop_assert!(of(units, batch) * u128::from(batch) >= u128::from(shared));
        prop_assert!(of(units, batch) == 0 || (of(units, batch) - 1) * u128::from(batch) < u128::from(shared));
        prop_assert!(of(units, less.min(batch)) >= of(units, batch));
        prop_assert!(of(less.min(units), batch) >= of(units, batch));
    }
}

#[test]
fn the_outputs_of_one_job_become_the_inputs_of_the_next() {
    // GIVEN a bundle whose root the chain accepted
    let mut signed = receipt();
    signed.receipt.output = output().encode().expect("valid").hash;
    let bundle = Bundle::new([(signed, output())]);
    let leaves = [signed.receipt.leaf()];
    let mut accepted = BatchSummary::of(&leaves, &CPU_1).expect("little");
    let outputs = bundle
        .clone()
        .outputs_of(&accepted)
        .expect("the accepted ones");
    let mut other = bundle.clone();
    other.outputs[0].exit += 1;
    assert_eq!(
        other.outputs_of(&accepted),
        None,
        "not what the receipt names"
    );
    accepted.root = digest(9);
    assert_eq!(bundle.clone().outputs_of(&accepted), None, "another result");
    // WHEN they are gathered
    let mut unit = input().unit(1).expect("two units");
    let own = unit.files.len();
    unit.gather([(7, &outputs[0])]);
    // THEN they stand beside its own files, as in the requester's folder
    unit.encode().expect("valid");
    let names: Vec<_> = unit.files[own..]
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    let expected: Vec<_> = outputs[0]
        .contents()
        .map(|file| format!("before/7/{}", file.name))
        .collect();
    assert_eq!(names, expected);
    assert!(names.contains(&"before/7/stdout"));
    assert!(names.iter().any(|name| name.starts_with("before/7/out/")));
}
