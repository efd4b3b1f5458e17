//! Settings from a file, and over it from the environment. What neither the file nor the environment should say is an
//! error with a suggestion: a misspelt setting that is ignored costs money unnoticed.

use std::{collections::BTreeSet, path::Path};

use toml::{Table, Value};

use super::{
    Config, ConfigError,
    schema::{self, Kind, Setting},
};

/// What every variable of the environment that is a setting begins with.
pub const PREFIX: &str = "SUNGRID_WORKER_";
/// Variables with that prefix that are options of the command line instead.
const OPTIONS: [&str; 2] = ["SUNGRID_WORKER_DIR", "SUNGRID_WORKER_LOG"];

/// How a list is given to a variable when its items have commas of their own.
pub(crate) const AS_IN_FILE: &str =
    "in a variable, a list whose items have commas is written as in the file";

/// The variable that overrides a setting.
pub fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

/// The variables of this process that are text.
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Settings from a file's text and from variables, which win.
pub(super) fn read(
    path: &Path,
    text: &str,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let wrong = |error: toml::de::Error| ConfigError::Parse {
        path: path.into(),
        reason: error.to_string(),
    };
    let known = schema::settings::<Config>();
    let mut table: Table = toml::from_str(text).map_err(wrong)?;
    let mut unknown = Vec::new();
    find_unknown(&table, "", &known, text, &mut unknown);
    if !unknown.is_empty() {
        return Err(ConfigError::Unknown {
            path: path.into(),
            problems: unknown,
        });
    }
    let mut config = toml::from_str(text).map_err(wrong)?;

    let mut variables: Vec<_> = variables
        .filter(|(name, _)| name.starts_with(PREFIX) && !OPTIONS.contains(&name.as_str()))
        .collect();
    variables.sort_unstable();
    for (name, value) in variables {
        let setting = known.iter().find(|known| variable(&known.path()) == name);
        let Some(setting) = setting else {
            let all: Vec<String> = known.iter().map(|known| variable(&known.path())).collect();
            let all = all.iter().map(String::as_str).chain(OPTIONS);
            let hint = nearest(&name, all).map(|near| format!("; did you mean {near}?"));
            return Err(ConfigError::Variable {
                name,
                reason: format!("there is no such setting{}", hint.unwrap_or_default()),
            });
        };
        let variable = |reason: String| ConfigError::Variable {
            name: name.clone(),
            reason,
        };
        let meant = value_of(setting.kind, &value).map_err(variable)?;
        let is_split = meant.is_array() && !value.trim_start().starts_with('[');
        put(&mut table, setting, meant).map_err(variable)?;
        // After each one, so that the error names the variable that caused it.
        config = Config::deserialize_from(table.clone()).map_err(|error| {
            let hint = match is_split {
                true => format!("; {AS_IN_FILE}: {name}='[\"…\", \"…\"]'"),
                false => String::new(),
            };
            variable(format!("{}{hint}", error.message()))
        })?;
    }
    Ok(config)
}

impl Config {
    fn deserialize_from(table: Table) -> Result<Self, toml::de::Error> {
        table.try_into()
    }
}

/// What the text of a variable means for a setting.
fn value_of(kind: Kind, text: &str) -> Result<Value, String> {
    let as_in_file = || {
        let table: Table = toml::from_str(&format!("value = {text}")).ok()?;
        table.get("value").cloned()
    };
    match kind {
        Kind::Text => Ok(Value::String(text.into())),
        Kind::Integer => match text.trim().parse() {
            Ok(number) => Ok(Value::Integer(number)),
            Err(_) => Err(format!("`{text}` is no whole number")),
        },
        Kind::Number => match text.trim().parse() {
            Ok(number) => Ok(Value::Float(number)),
            Err(_) => Err(format!("`{text}` is no number")),
        },
        Kind::Switch => match text.trim() {
            "true" | "1" | "yes" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" => Ok(Value::Boolean(false)),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
        Kind::List if !text.trim_start().starts_with('[') => Ok(items(text)),
        Kind::List => as_in_file().ok_or_else(|| format!("`{text}` is no list")),
        // A word, a list, or what the file may say.
        Kind::Other => Ok(as_in_file().unwrap_or_else(|| match text.contains(',') {
            true => items(text),
            false => Value::String(text.into()),
        })),
    }
}

/// A list that is separated by commas.
fn items(text: &str) -> Value {
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    Value::Array(items.map(|item| Value::String(item.into())).collect())
}

fn put(table: &mut Table, setting: &Setting, value: Value) -> Result<(), String> {
    let mut place = table;
    for section in setting.section.split('.').filter(|part| !part.is_empty()) {
        let inner = place
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        place = inner
            .as_table_mut()
            .ok_or_else(|| format!("`{section}` is a section in the file, not a value"))?;
    }
    place.insert(setting.name.into(), value);
    Ok(())
}

fn find_unknown(
    table: &Table,
    section: &str,
    known: &[Setting],
    text: &str,
    problems: &mut Vec<String>,
) {
    let sections: BTreeSet<&str> = known.iter().map(|known| known.section.as_str()).collect();
    for (name, value) in table {
        let path = schema::join(section, name);
        if known.iter().any(|known| known.path() == path) {
            continue;
        }
        let is_section = |path: &str| {
            sections
                .iter()
                .any(|known| *known == path || known.starts_with(&format!("{path}.")))
        };
        if is_section(&path) {
            if let Value::Table(inner) = value {
                find_unknown(inner, &path, known, text, problems);
            }
            // A section that is given as a value: the type says what it should be.
            continue;
        }
        let place = line_of(text, section, name, value.is_table())
            .map_or_else(String::new, |line| format!("line {line}: "));
        if value.is_table() {
            let all = sections.iter().copied().filter(|known| !known.is_empty());
            let hint = nearest(&path, all).map(|near| format!("; did you mean [{near}]?"));
            problems.push(format!(
                "{place}there is no section [{path}]{}",
                hint.unwrap_or_default()
            ));
            continue;
        }
        problems.push(format!(
            "{place}there is no setting `{path}`{}",
            advice(section, name, known)
        ));
    }
}

/// Where the setting that was meant may be.
fn advice(section: &str, name: &str, known: &[Setting]) -> String {
    if let Some(elsewhere) = known.iter().find(|known| known.name == name) {
        return match elsewhere.section.as_str() {
            "" => format!("; `{name}` belongs to the top of the file, before the first section"),
            section => format!("; `{name}` belongs into the section [{section}]"),
        };
    }
    let here = known
        .iter()
        .filter(|known| known.section == section)
        .map(|known| known.name);
    let near = nearest(name, here).or_else(|| nearest(name, known.iter().map(|known| known.name)));
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// The known word that is closest to a misspelt one, if one is close.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).max(1);
    known
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// The line on which a setting, or a section, stands.
fn line_of(text: &str, section: &str, name: &str, is_section: bool) -> Option<usize> {
    let header = format!("[{}]", schema::join(section, name));
    let mut current = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            if is_section && line.starts_with(&header) {
                return Some(number + 1);
            }
            current = line.trim_matches(['[', ']']).into();
        }
        let here = line.split('=').next().unwrap_or_default().trim();
        if !is_section && current == section && here.trim_matches('"') == name {
            return Some(number + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use sungrid_chain_client::TaskClass;

    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| (String::from(*name), String::from(*value)));
        read(Path::new("worker.toml"), text, variables)
    }

    fn fails(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
        let error = load(text, variables).expect_err(text).to_string();
        for part in expected {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_variable_wins_over_the_file_whatever_its_kind() {
        let text = "lanes = 2\nlisted_only = false\n[declared]\nregion = \"Nord\"";
        let config = load(
            text,
            &[
                ("SUNGRID_WORKER_LANES", "5"),
                ("SUNGRID_WORKER_LISTED_ONLY", "true"),
                ("SUNGRID_WORKER_NODE", "wss://node"),
                ("SUNGRID_WORKER_METRICS", "127.0.0.1:9620"),
                ("SUNGRID_WORKER_EXTERNAL", "1.2.3.4:5, 6.7.8.9:10"),
                ("SUNGRID_WORKER_DECLARED_REGION", "12"),
                ("SUNGRID_WORKER_DECLARED_ENERGY", "wind"),
                ("SUNGRID_WORKER_DECLARED_CLASSES", "[\"science\"]"),
                // Not ours.
                ("SUNGRID_WORKER_DIR", "/elsewhere"),
                ("SUNGRID_PASSWORD", "secret"),
                ("PATH", "/bin"),
            ],
        )
        .expect("all of them are settings");
        assert_eq!(config.lanes, 5);
        assert!(config.listed_only);
        assert_eq!(config.node.to_vec(), ["wss://node"]);
        assert_eq!(config.metrics, "127.0.0.1:9620".parse().ok());
        assert_eq!(config.external.len(), 2);
        // A text that looks like a number stays a text.
        assert_eq!(config.declared.region, "12");
        assert_eq!(config.declared.classes, [TaskClass::Science]);
        // What nobody set stays what the file says.
        assert_eq!(load(text, &[]).expect("loads").lanes, 2);
    }

    #[test]
    fn lists_are_separated_by_commas_or_written_as_in_the_file() {
        let measures = |text| {
            let config = load("", &[("SUNGRID_WORKER_ISOLATION", text)]);
            serde_json::to_value(config.expect(text).isolation).expect("JSON")
        };
        let expected = serde_json::json!(["seccomp", "cgroup"]);
        assert_eq!(measures("seccomp,cgroup"), expected);
        assert_eq!(measures(r#"["seccomp", "cgroup"]"#), expected);
        assert_eq!(measures("required"), "required");
        let config = load(
            "node = \"ws://x\"",
            &[("SUNGRID_WORKER_NODE", "ws://a:1, wss://b")],
        );
        let nodes = config.expect("two").node;
        assert_eq!(nodes.to_vec(), ["ws://a:1", "wss://b"]);
        let hours = r#"["sat,sun 00:00-24:00", "mon-fri 18:00-08:00"]"#;
        let config = load(
            "",
            &[
                ("SUNGRID_WORKER_IDLE_HOURS", hours),
                ("SUNGRID_WORKER_SCHEDULE_HOURS", hours),
            ],
        )
        .expect("both are lists");
        assert_eq!(config.idle.hours.len(), 2);
        assert_eq!(config.schedule.hours[0], "sat,sun 00:00-24:00");
        // Cut inside an item, it is refused, with what to write.
        fails(
            "",
            &[("SUNGRID_WORKER_IDLE_HOURS", "sat,sun 00:00-24:00")],
            &["SUNGRID_WORKER_IDLE_HOURS='[\"…\", \"…\"]'", AS_IN_FILE],
        );
        fails(
            "",
            &[("SUNGRID_WORKER_ISOLATION", "seccomp,bars")],
            &["SUNGRID_WORKER_ISOLATION", "process, limits"],
        );
        let schedule = load(
            "",
            &[("SUNGRID_WORKER_SCHEDULE_HOURS", "sat,sun 00:00-24:00")],
        );
        let schedule = schedule.expect("text").schedule;
        let refused = schedule.rules(None).expect_err("`sat` is no hours");
        assert!(refused.to_string().contains(AS_IN_FILE), "{refused}");
    }

    #[test]
    fn every_setting_has_a_variable_of_its_own() {
        let settings = schema::settings::<Config>();
        let names: BTreeSet<String> = settings
            .iter()
            .map(|known| variable(&known.path()))
            .collect();
        assert_eq!(names.len(), settings.len());
        assert!(names.contains("SUNGRID_WORKER_DECLARED_JURISDICTION"));
        for option in OPTIONS {
            assert!(
                !names.contains(option),
                "{option} is an option and a setting"
            );
        }
    }

    #[test]
    fn a_wrong_variable_is_named_with_what_is_wrong() {
        fails(
            "",
            &[("SUNGRID_WORKER_LANE", "3")],
            &["SUNGRID_WORKER_LANE:", "did you mean SUNGRID_WORKER_LANES?"],
        );
        fails(
            "",
            &[("SUNGRID_WORKER_LANES", "many")],
            &["SUNGRID_WORKER_LANES", "`many` is no whole number"],
        );
        fails(
            "",
            &[("SUNGRID_WORKER_LISTED_ONLY", "perhaps")],
            &["SUNGRID_WORKER_LISTED_ONLY", "neither true nor false"],
        );
        fails(
            "",
            &[("SUNGRID_WORKER_DECLARED_CLASSES", "mining")],
            &["SUNGRID_WORKER_DECLARED_CLASSES", "mining"],
        );
        fails(
            "",
            &[("SUNGRID_WORKER_LISTEN", "nowhere")],
            &["SUNGRID_WORKER_LISTEN"],
        );
    }

    #[test]
    fn unknown_settings_are_all_named_with_line_and_suggestion() {
        fails(
            "node = \"ws://x\"\nlane = 3\nclasses = []\n[declared]\njurisdicton = \"DE\"\nmin_price = 1\n[declare]\nx = 1",
            &[],
            &[
                "line 2: there is no setting `lane`; did you mean `lanes`?",
                "line 3: there is no setting `classes`; `classes` belongs into the section [declared]",
                "line 5: there is no setting `declared.jurisdicton`; did you mean `jurisdiction`?",
                "line 6: there is no setting `declared.min_price`; `min_price` belongs to the top of the file",
                "line 7: there is no section [declare]; did you mean [declared]?",
            ],
        );
        // Nothing is close: no misleading advice.
        let error = load("zebra = 1", &[]).expect_err("unknown").to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn a_wrong_type_is_an_error_with_its_place() {
        fails("lanes = \"three\"", &[], &["worker.toml", "lanes"]);
        fails("declared = 3", &[], &["worker.toml", "declared"]);
        fails(
            "declared = 3",
            &[("SUNGRID_WORKER_LANES", "1")],
            &["declared"],
        );
    }
}
