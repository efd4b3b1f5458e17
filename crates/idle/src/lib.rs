//! Is this machine idle, and may work run on it?
//!
//! Two parts that know nothing of each other's business: [`Sensors`] read the machine, and a [`Machine`], which has neither
//! clock nor I/O, decides by a [`Policy`] what work may do. Readings and reasons are plain data, so that whoever runs the
//! work can show why it rests.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use sungrid_idle::{Kin, Machine, Policy, Sensors, State};
//!
//! let policy = Policy::default();
//! let (mut sensors, mut machine) = (Sensors::system(&policy, &Kin::default()), Machine::new(policy)?);
//! let start = Instant::now();
//! // Every half second:
//! let readings = sensors.read(start.elapsed());
//! let work_in_hand = false;
//! match machine.step(start.elapsed(), readings, work_in_hand) {
//!     State::Idle | State::Running => { /* take work, thaw what is frozen */ }
//!     State::Owner | State::Suspended => { /* freeze */ }
//!     State::Vacating => { /* hand everything back; kill it once `machine.must_kill()` */ }
//! }
//! for reason in machine.standing().reasons {
//!     println!("{reason}");
//! }
//! # Ok::<(), sungrid_idle::PolicyError>(())
//! ```
//!
//! # States
//!
//! ```text
//!            calm, no input for start_after             work
//!   Owner ───────────────────────────────▶ Idle ◀─────────────▶ Running
//!     ▲ ◀───────────── any rule broken ──────┘     no work       │   ▲
//!     │                                               any rule   │   │ calm, no input
//!     │ no work left                                  broken     ▼   │ for resume_after
//!     └──────────────── Vacating ◀──────────────────────────── Suspended
//!                                 suspended for vacate_after
//! ```
//! *Calm* means that no rule but the one on input was broken for `resume_after`, and that the machine was looked at all the time.
//!
//! # What is known, and what is not
//!
//! A reading is [`Known`](Reading::Known) or [`Unknown`](Reading::Unknown) with the reason. On a desktop what is unknown breaks its
//! rule: better no work than an annoyed owner. On a server it does not.
//!
//! | reading | Linux | Windows | macOS |
//! |---|---|---|---|
//! | input | X11 `MIT-SCREEN-SAVER`, Wayland `ext-idle-notify-v1`, GNOME's idle monitor, logind, terminals | `GetLastInputInfo` | `CGEventSource` |
//! | CPU of others | `/proc/stat` less the process tree | system less own process | host less own processes |
//! | memory of others | `/proc/meminfo` less the process tree | all that is used | all that is used |
//! | power, battery | `/sys/class/power_supply` | `GetSystemPowerStatus` | IOKit: mains or battery |
//! | temperature | `/sys/class/thermal`, `/sys/class/hwmon` | unknown | unknown |
//! | metered network | NetworkManager | unknown | unknown |
//! | screen lock | logind | unknown | unknown |
//! | exclusive programs | `/proc/*/comm` | unknown | unknown |
//! | local time | yes | yes | yes |
#![deny(missing_docs)]

#[cfg(any(unix, windows))]
mod clock;
#[cfg(target_os = "linux")]
pub mod linux;
mod machine;
#[cfg(target_os = "macos")]
mod macos;
mod policy;
mod reading;
mod rules;
mod sensor;
#[cfg(windows)]
mod windows;

pub use machine::{MAX_GAP, Machine, Standing, State};
pub use policy::{Mode, Policy, PolicyError, ScreenLock, Window, WindowError};
pub use reading::{Input, LocalTime, Power, Reading, Readings};
pub use rules::{Reason, Rule, Value};
pub use sensor::{Kin, Sensor, Sensors};
