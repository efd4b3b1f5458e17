//! What `docs/security.md` says that tests try is tried: every test and path that it names is in the tree, and no rule goes
//! without a test.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("in a workspace").to_path_buf()
}

/// The modules that each test is in: the parts of its file's path, and those that the file declares in itself.
type Tests = BTreeMap<String, Vec<Vec<String>>>;

fn collect(folder: &Path, above: &[String], tests: &mut Tests) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let stem = path.file_stem().expect("a name").to_string_lossy();
        if stem.starts_with('.') || ["target", "node_modules"].contains(&&*stem) {
            continue;
        }
        let place = [above, &[stem.into_owned()]].concat();
        if path.is_dir() {
            collect(&path, &place, tests);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            read(&fs::read_to_string(&path).expect("text"), place, tests);
        }
    }
}

fn read(source: &str, mut place: Vec<String>, tests: &mut Tests) {
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if let Some(module) = line
            .strip_suffix(" {")
            .and_then(|line| line.strip_prefix("mod "))
        {
            place.push(module.into());
        }
        if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| is_test) {
            let name = name.split(['(', '<']).next().unwrap_or_default();
            tests.entry(name.into()).or_default().push(place.clone());
            is_test = false;
        }
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A name that cannot be anything but that of a test: `module::test`, `module::*`, or words that make a sentence.
fn is_test_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:*".contains(c);
    text.chars().all(plain) && (text.contains("::") || text.matches('_').count() >= 2)
}

fn is_there(tests: &Tests, name: &str) -> bool {
    let mut modules: Vec<&str> = name.split("::").collect();
    let last = modules.pop().unwrap_or_default();
    let fits = |place: &Vec<String>| {
        let mut place = place.iter();
        modules
            .iter()
            .all(|module| place.any(|part| part == module))
    };
    match last {
        "*" => tests.values().flatten().any(fits),
        test => tests
            .get(test)
            .is_some_and(|places| places.iter().any(fits)),
    }
}

fn tests() -> Tests {
    let mut tests = Tests::new();
    collect(&root(), &[], &mut tests);
    tests
}

#[test]
fn every_test_and_path_that_the_security_table_names_exists() {
    let (tests, root) = (tests(), root());
    let document = fs::read_to_string(root.join("docs/security.md")).expect("it is there");
    for line in document.lines() {
        for text in quoted(line) {
            if is_test_name(text) {
                assert!(is_there(&tests, text), "no test is called {text}");
            }
            let is_path = text.contains('/') && !text.contains(' ') && !text.ends_with('/');
            if is_path && !text.starts_with('/') {
                assert!(root.join(text).exists(), "there is no {text}");
            }
        }
    }
}

#[test]
fn no_rule_of_the_security_table_goes_without_a_test() {
    let tests = tests();
    let document = fs::read_to_string(root().join("docs/security.md")).expect("it is there");
    let rows: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| rule |"))
        .collect();
    assert!(rows.len() > 100, "the table has {} rows", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [rule, _, what] = cells[..] else {
            panic!("not three cells: {row}");
        };
        let tried = quoted(what).any(|text| {
            is_test_name(text) && is_there(&tests, text)
                // All tests of that file.
                || text.ends_with(".rs")
        });
        assert!(tried, "nothing tries to break: {rule}");
    }
}

#[test]
fn a_name_that_is_not_there_is_noticed() {
    let mut tests = Tests::new();
    let source = "mod inner {\n#[test]\nfn a_liar_pays() {}\nfn nobody_asks_me() {}\n}";
    read(source, vec!["market".into(), "claim".into()], &mut tests);
    for known in [
        "a_liar_pays",
        "claim::a_liar_pays",
        "claim::inner::a_liar_pays",
        "market::*",
    ] {
        assert!(is_there(&tests, known), "{known}");
    }
    for unknown in [
        "nobody_asks_me",
        "a_liar_pays_nothing",
        "raise::a_liar_pays",
        "inner::claim::a_liar_pays",
        "raise::*",
    ] {
        assert!(!is_there(&tests, unknown), "{unknown}");
    }
    assert!(is_test_name("claim::tests::*") && is_test_name("a_liar_pays"));
    assert!(!is_test_name("note_live") && !is_test_name("pallets/market"));
}
