//! The settings file as `init` writes it: every setting with its meaning, those without a value as a comment.

use super::{Config, ConfigError, EXAMPLES, MEANINGS, Setting, layers, schema};

/// The lists of meanings, each with the section that it is for; that without a section is for whatever no other list has.
const LISTS: &[(&str, &[(&str, &str)])] = &[
    ("", MEANINGS),
    ("idle", &crate::idle::MEANINGS),
    ("schedule", &crate::schedule::settings::MEANINGS),
];

impl Config {
    /// The text of a settings file, every setting with its meaning.
    pub fn to_text(&self) -> Result<String, ConfigError> {
        let wrong = |error: toml::ser::Error| ConfigError::Value {
            name: "settings",
            reason: error.to_string(),
        };
        let table = toml::Table::try_from(self).map_err(wrong)?;
        let mut text = format!(
            "# Settings of a Sungrid worker; `sungrid-worker doctor` checks them. A variable of the environment wins over a setting:\n\
             # {} over `lanes`, {} over `region` in [declared].\n",
            layers::variable("lanes"),
            layers::variable("declared.region"),
        );
        let mut section = String::new();
        for setting in schema::settings::<Self>() {
            if setting.section != section {
                section.clone_from(&setting.section);
                text.push_str(&format!("\n[{section}]"));
            }
            let path = setting.path();
            text.push('\n');
            if let Some(meaning) = meaning(&setting) {
                text.push_str(&format!("# {meaning}\n"));
            }
            match value_at(&table, &path) {
                Some(value) => text.push_str(&format!("{} = {value}\n", setting.name)),
                None => {
                    let example = of(EXAMPLES, &path, setting.name).unwrap_or("\"\"");
                    text.push_str(&format!("# {} = {example}\n", setting.name));
                }
            }
        }
        Ok(text)
    }
}

/// What stands above a setting.
fn meaning(setting: &Setting) -> Option<&'static str> {
    let section = |wanted: &str| {
        LISTS
            .iter()
            .filter(|(known, _)| *known == wanted)
            .find_map(|(_, list)| of(list, &setting.path(), setting.name))
    };
    section(&setting.section).or_else(|| section(""))
}

/// What a list says of a setting, by its path or by its name.
fn of<'a>(list: &[(&str, &'a str)], path: &str, name: &str) -> Option<&'a str> {
    let at = |wanted: &str| list.iter().find(|(known, _)| *known == wanted);
    at(path).or_else(|| at(name)).map(|(_, text)| *text)
}

fn value_at<'a>(table: &'a toml::Table, path: &str) -> Option<&'a toml::Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((section, rest)) => value_at(table.get(section)?.as_table()?, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_meaning_and_every_unset_one_a_working_example() {
        for setting in schema::settings::<Config>() {
            assert!(
                meaning(&setting).is_some(),
                "`{}` has no meaning in the file that init writes",
                setting.path()
            );
        }
        let text = Config::default().to_text().expect("encodes");
        let filled: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest)
                    if rest
                        .split_once(" = ")
                        .is_some_and(|(name, _)| is_name(name)) =>
                {
                    rest
                }
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(filled.contains("\nmetrics = "), "{filled}");
        let config: Config = toml::from_str(&filled).expect("every example can be used");
        assert!(config.genesis.is_some() && config.bond_isc.is_some());
    }

    fn is_name(text: &str) -> bool {
        text.chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '_')
    }
}
