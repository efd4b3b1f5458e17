//! What the machine says of itself, for the dashboard and the metrics page.

use std::{fs, path::Path};

/// Where Linux shows its sensors.
const SYSTEM: &str = "/sys/class";
/// Names under which processors report their temperature.
const PROCESSORS: [&str; 7] = [
    "coretemp",
    "k10temp",
    "zenpower",
    "x86_pkg_temp",
    "cpu_thermal",
    "cpu-thermal",
    "soc_thermal",
];

/// Temperature of the processor in °C, if the machine tells.
pub fn temperature() -> Option<u32> {
    temperature_below(Path::new(SYSTEM))
}

fn temperature_below(root: &Path) -> Option<u32> {
    let mut processor = None;
    let mut anything = None;
    let mut note = |name: &str, celsius: u32| {
        anything = anything.max(Some(celsius));
        if PROCESSORS.iter().any(|known| name.starts_with(known)) {
            processor = processor.max(Some(celsius));
        }
    };
    for chip in entries(&root.join("hwmon")) {
        let name = word(&chip.join("name")).unwrap_or_default();
        for input in entries(&chip) {
            let file = input.file_name().unwrap_or_default().to_string_lossy();
            if file.starts_with("temp")
                && file.ends_with("_input")
                && let Some(celsius) = celsius(&input)
            {
                note(&name, celsius);
            }
        }
    }
    for zone in entries(&root.join("thermal")) {
        let name = word(&zone.join("type")).unwrap_or_default();
        if let Some(celsius) = celsius(&zone.join("temp")) {
            note(&name, celsius);
        }
    }
    processor.or(anything)
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    items.map(|item| item.path()).collect()
}

fn word(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// Whole degrees of a file in thousandths. Sensors that are not connected report nonsense.
fn celsius(path: &Path) -> Option<u32> {
    let thousandths: i64 = word(path)?.parse().ok()?;
    let celsius = u32::try_from(thousandths / 1_000).ok()?;
    (1..150).contains(&celsius).then_some(celsius)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("creates");
        fs::write(path, text).expect("writes");
    }

    #[test]
    fn the_processor_is_found_among_other_sensors() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        assert_eq!(temperature_below(root), None);
        write(root, "hwmon/hwmon0/name", "nvme\n");
        write(root, "hwmon/hwmon0/temp1_input", "71850\n");
        assert_eq!(temperature_below(root), Some(71));
        write(root, "hwmon/hwmon1/name", "coretemp\n");
        write(root, "hwmon/hwmon1/temp1_input", "48000\n");
        write(root, "hwmon/hwmon1/temp2_input", "52999\n");
        write(root, "hwmon/hwmon1/temp2_crit", "100000\n");
        // Not connected, and nonsense.
        write(root, "hwmon/hwmon1/temp3_input", "-128000\n");
        write(root, "hwmon/hwmon1/temp4_input", "255000\n");
        write(root, "hwmon/hwmon1/temp5_input", "hot\n");
        assert_eq!(temperature_below(root), Some(52));
    }

    #[test]
    fn a_thermal_zone_will_do() {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), "thermal/thermal_zone0/type", "cpu-thermal\n");
        write(root.path(), "thermal/thermal_zone0/temp", "61500\n");
        assert_eq!(temperature_below(root.path()), Some(61));
    }
}
