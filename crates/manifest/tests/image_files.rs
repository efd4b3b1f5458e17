//! Files that belong to an image.

use sungrid_manifest::{
    File, Image, ImageKind, JobInput, Limits, Manifest, ManifestError, Problem, ProfileName,
    UnitSpec, limits,
};
use sungrid_primitives::ContentHash;

fn digest(byte: u8) -> ContentHash {
    ContentHash::repeat_byte(byte)
}

fn image() -> Image {
    Image {
        version: 1,
        kind: ImageKind::WasiCommand,
        name: "python".into(),
        code: digest(1),
        args: vec!["python".into(), "/in/app/a.py".into()],
        profile: ProfileName::Cpu1,
        limits: Limits {
            fuel: 1_000,
            memory: 1 << 20,
            output: 1 << 16,
        },
        class: 0,
        licence: "MIT".into(),
        files: vec![],
    }
}

fn problem(image: &Image) -> (String, Problem) {
    match image.encode() {
        Err(ManifestError::Invalid { field, problem, .. }) => (field, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_image_may_have_files_that_no_job_touches() {
    let with = |files: Vec<File>| Image { files, ..image() };
    let lib = |name: &str, size| File::new(name, digest(5), size);

    // Without files the bytes are those of an image that knows of none.
    let plain = image().encode().expect("valid").bytes;
    let named = |bytes: &[u8]| bytes.windows(5).any(|word| word == b"files");
    assert!(!named(&plain));
    let full = with(vec![lib("a.py", 1), lib("lib/b.py", 2)]);
    let bytes = full.encode().expect("valid").bytes;
    assert!(named(&bytes));
    assert_eq!(Image::decode(&bytes), Ok(full.clone()));
    // An empty list is a second spelling of none.
    let mut spelled = plain.clone();
    spelled[0] += 1;
    let at = spelled
        .windows(5)
        .position(|word| word == b"class")
        .expect("a key")
        - 1;
    let empty = [&b"\x65files"[..], b"\x80"].concat();
    let after = at + 6 + 1;
    spelled.splice(after..after, empty);
    assert!(matches!(
        Image::decode(&spelled),
        Err(ManifestError::NotCanonical { .. })
    ));

    assert_eq!(problem(&with(vec![lib("../a.py", 1)])).0, "files[0].name");
    assert_eq!(problem(&with(vec![lib("b", 1), lib("a", 1)])).0, "files[1]");
    let big = vec![lib("a", limits::UNIT_CONTENT_BYTES), lib("b", 1)];
    assert_eq!(problem(&with(big)).0, "files");
    let many = (0..=limits::SHARED_FILES).map(|n| lib(&format!("{n:05}"), 1));
    assert_eq!(problem(&with(many.collect())).0, "files");

    // Jobs leave the folder alone, and only where there is one.
    let job = |shared: &str, own: &str| {
        let unit = UnitSpec {
            args: vec![],
            files: vec![lib(own, 4)],
        };
        JobInput::new(vec![lib(shared, 3)], vec![unit])
    };
    for name in ["app", "app/a.py", "app/other"] {
        for (job, field) in [
            (job(name, "x"), "shared[0].name"),
            (job("x", name), "units[0].files[0].name"),
        ] {
            assert!(image().admits(&job).is_ok());
            let error = full.admits(&job).expect_err("taken");
            let ManifestError::Invalid {
                field: found,
                problem,
                ..
            } = error
            else {
                panic!("{error}");
            };
            assert_eq!(
                (found.as_str(), &problem),
                (field, &Problem::OfTheImage(name.into()))
            );
        }
    }
    assert!(full.admits(&job("apple", "appendix/app")).is_ok());
    let all = with(vec![lib("a", limits::UNIT_CONTENT_BYTES - 7)]);
    assert!(all.admits(&job("x", "y")).is_ok());
    let more = with(vec![lib("a", limits::UNIT_CONTENT_BYTES - 6)]);
    assert!(more.admits(&job("x", "y")).is_err());
}
