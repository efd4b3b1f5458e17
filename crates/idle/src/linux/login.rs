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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::dbus::tests::answer;
    use std::{
        collections::HashMap,
        io::{Read, Write},
        os::unix::net::{UnixListener, UnixStream},
        sync::{Arc, Mutex},
        thread,
    };
    use tempfile::TempDir;

    type Answers = HashMap<&'static str, Vec<u8>>;

    /// A bus on which somebody answers for everybody, as the test says; what it does not know is an error.
    struct Town {
        folder: TempDir,
        answers: Arc<Mutex<Answers>>,
        /// Whoever is connected: to hang up on.
        callers: Arc<Mutex<Vec<UnixStream>>>,
    }

    impl Town {
        fn new() -> Self {
            let town = Self {
                folder: TempDir::new().expect("a folder"),
                answers: Arc::default(),
                callers: Arc::default(),
            };
            let listener = UnixListener::bind(town.bus()).expect("binds");
            let (answers, callers) = (town.answers.clone(), town.callers.clone());
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let stream = stream.expect("a caller");
                    callers
                        .lock()
                        .unwrap()
                        .push(stream.try_clone().expect("twice"));
                    let answers = answers.clone();
                    // It ends when the caller hangs up, or is hung up on.
                    thread::spawn(move || drop(serve(stream, &answers)));
                }
            });
            town
        }

        fn bus(&self) -> PathBuf {
            self.folder.path().join("bus")
        }

        fn say(&self, name: &'static str, variant: &[u8]) {
            self.answers.lock().unwrap().insert(name, variant.into());
        }

        fn hang_up(&self) {
            for caller in self.callers.lock().unwrap().drain(..) {
                caller
                    .shutdown(std::net::Shutdown::Both)
                    .expect("was there");
            }
        }
    }

    fn serve(mut stream: UnixStream, answers: &Mutex<Answers>) -> std::io::Result<()> {
        let mut line = Vec::new();
        while !line.ends_with(b"BEGIN\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            line.push(byte[0]);
            if line.ends_with(b"EXTERNAL\r\n") {
                stream.write_all(b"DATA\r\n")?;
            } else if line.ends_with(b"DATA\r\n") {
                stream.write_all(b"OK 0\r\n")?;
            }
        }
        loop {
            let mut fixed = [0; 16];
            stream.read_exact(&mut fixed)?;
            let number =
                |at: usize| u32::from_le_bytes(fixed[at..at + 4].try_into().expect("four"));
            let rest = (16 + number(12)).next_multiple_of(8) - 16 + number(4);
            let mut message = vec![0; rest as usize];
            stream.read_exact(&mut message)?;
            let asked = |name: &str| {
                let name = format!("{name}\0");
                message
                    .windows(name.len())
                    .any(|part| part == name.as_bytes())
            };
            let serial = number(8);
            let reply = match answers.lock().unwrap().iter().find(|(name, _)| asked(name)) {
                _ if asked("Hello") => answer(2, serial, b"s", b"\x04\0\0\0:1.7\0"),
                Some((&"GetIdletime", body)) => answer(2, serial, b"t", body),
                Some((_, body)) => answer(2, serial, b"v", body),
                None => answer(3, serial, b"", b""),
            };
            stream.write_all(&reply)?;
        }
    }

    fn flag(value: bool) -> Vec<u8> {
        vec![1, b'b', 0, 0, value.into(), 0, 0, 0]
    }

    fn long(value: u64) -> Vec<u8> {
        // The number begins at a multiple of eight.
        [b"\x01t\0\0\0\0\0\0".as_slice(), &value.to_le_bytes()].concat()
    }

    fn session(path: &str) -> Vec<u8> {
        // The structure begins at a multiple of eight, each length at one of four.
        let mut bytes = b"\x04(so)\0\0\0\x02\0\0\0c2\0\0".to_vec();
        bytes.extend((path.len() as u32).to_le_bytes());
        bytes.extend(path.as_bytes());
        bytes.push(0);
        bytes
    }

    fn read(sensor: &mut dyn Sensor) -> Readings {
        let mut readings = Readings::default();
        sensor.read(&mut readings);
        readings
    }

    #[test]
    fn logind_tells_of_input_and_of_the_lock() {
        let town = Town::new();
        let mut login = Login::new(&town.bus());
        town.say("IdleHint", &flag(false));
        assert_eq!(read(&mut login).input["logind"], Input::Recent);
        town.say("IdleHint", &flag(true));
        town.say("IdleSinceHintMonotonic", &long(monotonic() - 90_000_000));
        let Input::Whole(ago) = read(&mut login).input["logind"] else {
            panic!("it is idle");
        };
        assert!((90..100).contains(&ago.as_secs()), "{ago:?}");
        // No seat, somebody there, the screen locked, nobody there.
        assert!(matches!(read(&mut login).locked, Reading::Unknown(_)));
        town.say(
            "ActiveSession",
            &session("/org/freedesktop/login1/session/c2"),
        );
        town.say("LockedHint", &flag(false));
        assert_eq!(read(&mut login).locked, Reading::Known(false));
        town.say("LockedHint", &flag(true));
        assert_eq!(read(&mut login).locked, Reading::Known(true));
        town.say("LockedHint", &flag(false));
        town.say("ActiveSession", &session("/"));
        assert_eq!(read(&mut login).locked, Reading::Known(true));
    }

    #[test]
    fn a_bus_that_starts_anew_is_asked_again_and_one_that_is_gone_left_alone() {
        let town = Town::new();
        let mut login = Login::new(&town.bus());
        town.say("IdleHint", &flag(false));
        assert_eq!(read(&mut login).input["logind"], Input::Recent);
        town.hang_up();
        assert_eq!(read(&mut login).input["logind"], Input::Recent);
        // Gone for good: the reason names it, and it is not tried again at every look.
        let bus = town.bus();
        std::fs::remove_file(&bus).expect("was there");
        town.hang_up();
        for _ in 0..3 {
            let Input::Unknown(why) = &read(&mut login).input["logind"] else {
                panic!("nobody answers");
            };
            assert!(why.contains(&*bus.to_string_lossy()), "{why}");
        }
    }

    #[test]
    fn what_networkmanager_guesses_counts_and_what_it_does_not_know_does_not() {
        let town = Town::new();
        let mut network = Network::new(&town.bus());
        for (word, expected) in [
            (1, Some(true)),
            (2, Some(false)),
            (3, Some(true)),
            (4, Some(false)),
            (0, None),
        ] {
            town.say("Metered", &[1, b'u', 0, 0, word, 0, 0, 0]);
            assert_eq!(
                read(&mut network).metered.known().copied(),
                expected,
                "{word}"
            );
        }
    }

    #[test]
    fn gnome_tells_milliseconds() {
        let town = Town::new();
        let mut gnome = Gnome::new(&town.bus());
        assert!(matches!(read(&mut gnome).input["gnome"], Input::Unknown(_)));
        town.say("GetIdletime", &77_500_u64.to_le_bytes());
        let ago = Duration::from_millis(77_500);
        assert_eq!(read(&mut gnome).input["gnome"], Input::Whole(ago));
    }
}
