//! What services on D-Bus know: logind, NetworkManager, GNOME.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::dbus::{Arg, Bus, BusError};
use crate::{
    reading::{Input, Reading, Readings},
    sensor::Sensor,
};

/// How long a bus that is not there is left alone: long enough to cost nothing, short enough to be there when a session starts.
const RETRY: Duration = Duration::from_secs(10);

/// A connection that is made when it is needed, and again when it breaks.
struct Line {
    path: PathBuf,
    bus: Option<Bus>,
    failed: Option<(Instant, String)>,
}

impl Line {
    fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            bus: None,
            failed: None,
        }
    }

    /// Asks once, and once more over a new connection if an old one broke. The text says why there is no answer.
    fn ask<T>(&mut self, ask: impl Fn(&mut Bus) -> Result<T, BusError>) -> Result<T, String> {
        if let Some((at, why)) = &self.failed
            && at.elapsed() < RETRY
        {
            return Err(why.clone());
        }
        let is_old = self.bus.is_some();
        let mut result = self.once(&ask);
        if is_old && result.as_ref().is_err_and(BusError::is_closed) {
            result = self.once(&ask);
        }
        self.failed = None;
        result.map_err(|error| {
            let why = match &error {
                BusError::Answer(_) => error.to_string(),
                _ => format!("{}: {error}", self.path.display()),
            };
            if error.is_broken() {
                self.failed = Some((Instant::now(), why.clone()));
            }
            why
        })
    }

    fn once<T>(&mut self, ask: impl Fn(&mut Bus) -> Result<T, BusError>) -> Result<T, BusError> {
        let mut bus = match self.bus.take() {
            Some(bus) => bus,
            None => Bus::connect(&self.path)?,
        };
        let result = ask(&mut bus);
        if !result.as_ref().is_err_and(BusError::is_broken) {
            self.bus = Some(bus);
        }
        result
    }
}

const LOGIN: &str = "org.freedesktop.login1";

/// Input and screen lock as systemd-logind knows them. It hears of input by the desktop, which tells once nobody has touched anything for
/// as long as its own settings say, and by terminals; with nobody logged in, nothing is touched.
pub struct Login {
    line: Line,
}

/// What logind says of input.
enum Hint {
    /// Not idle, or not for long enough for the desktop to say so.
    Busy,
    /// Idle since this moment of the monotonic clock, in µs; 0: for ever.
    Since(u64),
}

impl Login {
    /// Over this system bus.
    pub fn new(bus: &Path) -> Self {
        Self {
            line: Line::new(bus),
        }
    }

    fn hint(bus: &mut Bus) -> Result<Hint, BusError> {
        let (path, interface) = ("/org/freedesktop/login1", "org.freedesktop.login1.Manager");
        match bus.property(LOGIN, path, interface, "IdleHint")? {
            Arg::Bool(false) => return Ok(Hint::Busy),
            Arg::Bool(true) => {}
            _ => return Err(BusError::Malformed("an IdleHint that is none")),
        }
        match bus.property(LOGIN, path, interface, "IdleSinceHintMonotonic")? {
            Arg::Number(since) => Ok(Hint::Since(since)),
            _ => Err(BusError::Malformed(
                "an IdleSinceHintMonotonic that is none",
            )),
        }
    }

    /// Whether whoever sits at the first seat has locked the screen; nobody there counts as locked.
    fn locked(bus: &mut Bus) -> Result<bool, BusError> {
        let (seat, interface) = (
            "/org/freedesktop/login1/seat/seat0",
            "org.freedesktop.login1.Seat",
        );
        let session = match bus.property(LOGIN, seat, interface, "ActiveSession")? {
            Arg::Struct(fields) => match fields.into_iter().nth(1) {
                Some(Arg::Text(path)) => path,
                _ => return Err(BusError::Malformed("an ActiveSession that is none")),
            },
            _ => return Err(BusError::Malformed("an ActiveSession that is none")),
        };
        if session == "/" {
            return Ok(true);
        }
        let interface = "org.freedesktop.login1.Session";
        match bus.property(LOGIN, &session, interface, "LockedHint")? {
            Arg::Bool(locked) => Ok(locked),
            _ => Err(BusError::Malformed("a LockedHint that is none")),
        }
    }
}

/// The monotonic clock as systemd reads it, µs.
fn monotonic() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes the structure it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    // Neither is negative.
    (now.tv_sec as u64).saturating_mul(1_000_000) + now.tv_nsec as u64 / 1_000
}

impl Sensor for Login {
    fn name(&self) -> &'static str {
        "logind"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self, readings: &mut Readings) {
        let input = match self.line.ask(Self::hint) {
            Ok(Hint::Busy) => Input::Recent,
            Ok(Hint::Since(since)) => {
                Input::Whole(Duration::from_micros(monotonic().saturating_sub(since)))
            }
            Err(why) => Input::Unknown(why),
        };
        readings.input.insert("logind", input);
        readings.locked = match self.line.ask(Self::locked) {
            Ok(locked) => Reading::Known(locked),
            Err(why) => Reading::Unknown(why),
        };
    }
}

/// Whether traffic costs money, as NetworkManager knows or guesses it.
pub struct Network {
    line: Line,
}

impl Network {
    /// Over this system bus.
    pub fn new(bus: &Path) -> Self {
        Self {
            line: Line::new(bus),
        }
    }
}

impl Sensor for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self, readings: &mut Readings) {
        const MANAGER: &str = "org.freedesktop.NetworkManager";
        let asked = self.line.ask(|bus| {
            bus.property(
                MANAGER,
                "/org/freedesktop/NetworkManager",
                MANAGER,
                "Metered",
            )
        });
        let advice = "if no network of this machine costs by volume, set `on_metered = true`";
        readings.metered = match asked {
            // Yes, and guessed yes.
            Ok(Arg::Number(1 | 3)) => Reading::Known(true),
            Ok(Arg::Number(2 | 4)) => Reading::Known(false),
            Ok(_) => Reading::unknown(format!("NetworkManager does not know; {advice}")),
            Err(why) => Reading::unknown(format!("NetworkManager: {why}; {advice}")),
        };
    }
}

/// Input as GNOME's compositor sees it, over the session's bus.
pub struct Gnome {
    line: Line,
}

impl Gnome {
    /// Over this session bus.
    pub fn new(bus: &Path) -> Self {
        Self {
            line: Line::new(bus),
        }
    }
}

impl Sensor for Gnome {
    fn name(&self) -> &'static str {
        "gnome"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self, readings: &mut Readings) {
        const MONITOR: &str = "org.gnome.Mutter.IdleMonitor";
        let path = "/org/gnome/Mutter/IdleMonitor/Core";
        let asked = self
            .line
            .ask(|bus| bus.call(MONITOR, path, MONITOR, "GetIdletime", &[]));
        let input = match asked {
            Ok(Some(Arg::Number(ms))) => Input::Whole(Duration::from_millis(ms)),
            Ok(_) => Input::Unknown("an answer that is no time".into()),
            Err(why) => Input::Unknown(why),
        };
        readings.input.insert("gnome", input);
    }
}
