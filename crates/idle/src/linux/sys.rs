//! `/sys`: power and heat.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{entries, file_name};
use crate::{
    reading::{Power, Reading, Readings},
    sensor::Sensor,
};

/// Temperatures that a sensor reports while it has none, in thousandths of a degree, lie outside.
const PLAUSIBLE: std::ops::Range<i64> = -40_000..150_000;

/// A file of one line, where it is there.
fn line(path: PathBuf) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

/// Mains and batteries.
pub struct PowerSupply(PathBuf);

impl PowerSupply {
    /// Of the machine with this `/sys`.
    pub fn new(sys: &Path) -> Self {
        Self(sys.join("class/power_supply"))
    }
}

impl Sensor for PowerSupply {
    fn name(&self) -> &'static str {
        "power"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn read(&mut self, readings: &mut Readings) {
        let supplies = match entries(&self.0) {
            Ok(supplies) => supplies,
            Err(error) => {
                let why = format!("{}: {error}", self.0.display());
                readings.power = Reading::Unknown(why.clone());
                readings.battery = Reading::Unknown(why);
                return;
            }
        };
        let (mut plugged, mut discharging, mut unsure) = (false, false, false);
        let mut charge = 100;
        let mut batteries = false;
        for supply in supplies {
            // A mouse has a battery, too.
            if line(supply.join("scope")).as_deref() == Some("Device") {
                continue;
            }
            match line(supply.join("type")).as_deref() {
                Some("Battery") => {
                    batteries = true;
                    match line(supply.join("status")).as_deref() {
                        Some("Discharging") => discharging = true,
                        Some("Charging" | "Full" | "Not charging") => {}
                        _ => unsure = true,
                    }
                    let own = line(supply.join("capacity")).and_then(|text| text.parse().ok());
                    charge = charge.min(own.unwrap_or(0));
                }
                Some("Mains" | "USB" | "Wireless") => {
                    plugged |= line(supply.join("online"))
                        .is_some_and(|online| online != "0" && !online.is_empty());
                }
                // An uninterruptible supply says by its own battery what it does.
                Some("UPS") => {
                    discharging |= line(supply.join("status")).as_deref() == Some("Discharging")
                }
                _ => {}
            }
        }
        // A weak charger is plugged while the battery goes down: that is still the wall.
        readings.power = match (plugged, discharging) {
            (true, _) => Reading::Known(Power::Mains),
            (false, true) => Reading::Known(Power::Battery),
            (false, false) if unsure => {
                Reading::unknown("the battery does not say whether it is charged")
            }
            (false, false) => Reading::Known(Power::Mains),
        };
        readings.battery = Reading::Known(if batteries { charge } else { 100 });
    }
}

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

/// The hottest sensor.
pub struct Temperature(PathBuf);

impl Temperature {
    /// Of the machine with this `/sys`.
    pub fn new(sys: &Path) -> Self {
        Self(sys.join("class"))
    }

    /// Every sensor, by the name of what it measures, and what it reports in thousandths of a degree.
    fn each(&self) -> Vec<(String, i64)> {
        let mut found = Vec::new();
        let mut note = |name: Option<String>, path: PathBuf| {
            let degrees = line(path).and_then(|text| text.parse().ok());
            let plausible = degrees.filter(|degrees| PLAUSIBLE.contains(degrees));
            found.extend(plausible.map(|degrees| (name.unwrap_or_default(), degrees)));
        };
        for zone in entries(&self.0.join("thermal")).unwrap_or_default() {
            if file_name(&zone).starts_with("thermal_zone") {
                note(line(zone.join("type")), zone.join("temp"));
            }
        }
        for chip in entries(&self.0.join("hwmon")).unwrap_or_default() {
            for path in entries(&chip).unwrap_or_default() {
                let name = file_name(&path);
                if name.starts_with("temp") && name.ends_with("_input") {
                    note(line(chip.join("name")), path);
                }
            }
        }
        found
    }

    fn hottest(&self) -> Option<i64> {
        self.each().into_iter().map(|(_, degrees)| degrees).max()
    }

    /// That of the processor, °C, or of the hottest sensor where none is called one; rounded up.
    pub fn processor(&self) -> Option<i32> {
        let is_processor = |name: &str| PROCESSORS.iter().any(|known| name.starts_with(known));
        let all = self.each().into_iter();
        let hottest = all.max_by_key(|(name, degrees)| (is_processor(name), *degrees));
        hottest.map(|(_, degrees)| whole(degrees))
    }
}

/// Whole degrees, rounded up, as a limit is an upper one; what is plausible fits.
fn whole(thousandths: i64) -> i32 {
    (thousandths + 999).div_euclid(1_000) as i32
}

impl Sensor for Temperature {
    fn name(&self) -> &'static str {
        "temperature"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self, readings: &mut Readings) {
        readings.temperature = match self.hottest() {
            Some(thousandths) => Reading::Known(whole(thousandths)),
            None => {
                Reading::unknown("this machine has no temperature sensor that the system knows")
            }
        };
    }
}
