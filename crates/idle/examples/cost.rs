//! What watching costs, and how fast an owner is noticed.
//!
//! ```sh
//! cargo run --release -p sungrid-idle --example cost                     # CPU, memory, and the time of each look
//! cargo run --release -p sungrid-idle --example cost -- --touch "xdotool mousemove_relative 1 1"
//! ```
//! With `--touch` a command stands for the owner: it is run now and then, and the time from before its start to the look that suspends
//! work is measured.

#[cfg(not(unix))]
fn main() {
    eprintln!("cost: counts processor time on Unix only");
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    match unix::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cost: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::{
        process::Command,
        sync::mpsc,
        thread,
        time::{Duration, Instant},
    };

    use sungrid_idle::{Kin, Machine, Mode, Policy, Readings, Sensors, State};

    const TICK: Duration = Duration::from_millis(500);
    const HELP: &str = "\
What watching costs, and how fast an owner is noticed.

Usage: cost [--seconds N] [--touch COMMAND] [--times N]

  --seconds N      how long to watch (30)
  --touch COMMAND  stands for the owner's input
  --times N        how often it comes (20)

Example: cost --touch \"xdotool mousemove_relative 1 1\"
";

    /// Processor time of this process so far.
    fn used() -> Duration {
        // SAFETY: all zeros are a valid value of this plain structure, which the call writes.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
            usage
        };
        let time = |t: libc::timeval| {
            Duration::new(t.tv_sec as u64, 0) + Duration::from_micros(t.tv_usec as u64)
        };
        time(usage.ru_utime) + time(usage.ru_stime)
    }

    fn memory() -> String {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.map_or("unknown".into(), |line| line.trim().into())
    }

    fn median(times: &mut [Duration]) -> Duration {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// As a service does: read, tell, wait.
    fn sense(policy: &Policy, tell: mpsc::Sender<(Readings, Duration)>) {
        let mut sensors = Sensors::system(policy, &Kin::default());
        let start = Instant::now();
        loop {
            let before = Instant::now();
            let readings = sensors.read(start.elapsed()).clone();
            if tell.send((readings, before.elapsed())).is_err() {
                return;
            }
            thread::sleep(TICK);
        }
    }

    pub(super) fn run() -> Result<(), String> {
        let (mut seconds, mut touch, mut times) = (30_u64, None, 20_usize);
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || {
                args.next()
                    .ok_or(format!("{arg} needs a value; see --help"))
            };
            let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
            match arg.as_str() {
                "--seconds" => seconds = number(value()?)?,
                "--times" => times = number(value()?)? as usize,
                "--touch" => touch = Some(value()?),
                "--help" | "-h" => {
                    print!("{HELP}");
                    return Ok(());
                }
                other => return Err(format!("unknown argument {other}; see --help")),
            }
        }
        // What cannot be read here must not keep the work from starting.
        let policy = Policy {
            mode: Mode::Server,
            max_foreign_cpu: 100,
            on_battery: true,
            on_metered: true,
            start_after_s: 10,
            resume_after_s: 10,
            ..Policy::default()
        };
        let (tell, readings) = mpsc::channel();
        let sensing = policy.clone();
        thread::spawn(move || sense(&sensing, tell));
        let mut machine = Machine::new(policy).map_err(|error| error.to_string())?;
        let start = Instant::now();
        let mut look = || -> Result<(State, Duration), String> {
            let (readings, took) = readings.recv().map_err(|_| "the sensors ended")?;
            Ok((machine.step(start.elapsed(), &readings, true), took))
        };
        // The first look connects to whatever there is.
        look()?;
        let (cpu, wall) = (used(), Instant::now());
        let mut looks = Vec::new();
        while wall.elapsed() < Duration::from_secs(seconds) {
            looks.push(look()?.1);
        }
        let share = (used() - cpu).as_secs_f64() / wall.elapsed().as_secs_f64();
        let most = looks.iter().max().copied().unwrap_or_default();
        println!("processor       {:.3} % of a core", share * 100.0);
        println!("memory          {}", memory());
        println!(
            "a look          {:.2?} median, {most:.2?} longest, of {}",
            median(&mut looks),
            looks.len()
        );
        let Some(touch) = touch else { return Ok(()) };
        let mut reactions = Vec::new();
        while reactions.len() < times {
            while look()?.0 != State::Running {}
            // At any moment between two looks.
            thread::sleep(TICK * (reactions.len() as u32 % 10) / 10);
            let before = Instant::now();
            let status = Command::new("sh").args(["-c", &touch]).status();
            if !status.map_err(|error| error.to_string())?.success() {
                return Err(format!("`{touch}` failed"));
            }
            loop {
                if look()?.0 == State::Suspended {
                    break;
                }
                if before.elapsed() > Duration::from_secs(60) {
                    return Err("nobody noticed it within a minute".into());
                }
            }
            reactions.push(before.elapsed());
        }
        let most = reactions.iter().max().copied().unwrap_or_default();
        println!(
            "reaction        {:.0?} median, {most:.0?} longest, of {}",
            median(&mut reactions),
            reactions.len()
        );
        Ok(())
    }
}
