//! What the simulated market offers: jobs, and what their units really take, from a seed alone.

use std::f64::consts::TAU;

use sp_core::H256;
use sungrid_chain_client::{AccountId, Constraints, Job, JobSpec, JobState, Policy};
use sungrid_idle::LocalTime;
use sungrid_primitives::{
    ISC,
    suns::{CPU_1, LANE_FUEL_PER_SECOND},
    traits::CPU_1_ID,
};
use sungrid_worker::schedule::energy::Rules;

/// Milliseconds between blocks.
pub(crate) const BLOCK_MS: u64 = 3_000;
pub(crate) const BLOCKS_PER_HOUR: u32 = 1_200;

/// A stream of choices: splitmix64, so that every seed is as good as any other.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The choices that follow from some numbers.
    pub(crate) fn of(numbers: &[u64]) -> Self {
        let mut dice = Self(0);
        for number in numbers {
            dice.0 ^= *number;
            dice.0 = dice.roll();
        }
        dice
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn within(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.unit()
    }

    /// Even over logarithms.
    fn scaled(&mut self, least: f64, most: f64) -> f64 {
        self.within(least.ln(), most.ln()).exp()
    }

    /// A normal deviate (Box and Muller).
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

/// A run of a real program: what a unit took here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) input: u64,
    pub(crate) fuel: u64,
    pub(crate) micros: u64,
    pub(crate) peak_memory: u64,
}

/// Where the fuel of a unit comes from.
#[derive(Clone, Debug)]
enum Law {
    /// So much for an input of 64 KiB, to a power of its size, spread by so much around it.
    Drawn { fuel: f64, power: f64, spread: f64 },
    /// One of these.
    Recorded(Vec<Run>),
}

/// A program and how it behaves.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) id: H256,
    law: Law,
    /// Fuel per second to that of the measurement.
    speed: f64,
    /// Most fuel that its requesters ask for, to what it takes.
    boast: f64,
    peak_memory: u64,
    memory_limit: u64,
    /// Of its batches, how many come to nothing.
    pub(crate) unpaid: f64,
    /// Seconds to fetch and compile it.
    pub(crate) prepare: f64,
    /// Its fuel changes to so many times as much and back, every so many hours.
    drift: Option<(f64, f64)>,
}

/// A unit as it really is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub(crate) fuel: u64,
    /// Seconds on a lane of a machine that does nothing else.
    pub(crate) seconds: f64,
    pub(crate) peak_memory: u64,
}

/// A job of the trace.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) arrives: u32,
    pub(crate) image: usize,
    pub(crate) input: u64,
    pub(crate) job: Job,
    /// Batches per block that others take while it is open.
    pub(crate) rivals: f64,
}

/// A market and a machine in it.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) lanes: usize,
    pub(crate) lane_speed: u64,
    pub(crate) lane_watts: u32,
    pub(crate) kwh_price: u128,
    pub(crate) rules: Rules,
    /// What of the machine is left by its owner, by the hour.
    pub(crate) left: fn(f64) -> f64,
    make: fn(&mut Dice) -> Vec<Image>,
    /// Jobs per hour, and batches of each at most.
    jobs: (f64, f64),
    /// Seconds of one batch, about.
    batch_seconds: f64,
    /// Each job brings a program of its own.
    fresh: bool,
}

fn always(_: f64) -> f64 {
    1.0
}

/// A desktop whose owner compiles now and then: for twenty minutes of each hour hardly anything is left.
fn now_and_then(hour: f64) -> f64 {
    if hour.fract() < 1.0 / 3.0 { 0.12 } else { 1.0 }
}

/// Power of a roof of 1 kW that is not used otherwise, W, from 8 in the morning on.
pub(crate) fn sun(hour: f64) -> f64 {
    let hour = (8.0 + hour) % 24.0;
    let height = ((hour - 6.0) / 12.0 * TAU / 2.0).sin();
    // Clouds come by every forty minutes.
    let clouds = if (hour * 1.5).fract() < 0.3 {
        0.25
    } else {
        1.0
    };
    if (6.0..18.0).contains(&hour) {
        140.0 * height * clouds - 20.0
    } else {
        -50.0
    }
}

/// The moment of the week at an hour of the simulation.
pub(crate) fn moment(hour: f64) -> LocalTime {
    LocalTime {
        weekday: 0,
        minute: ((8.0 + hour) * 60.0 % 1_440.0) as u16,
    }
}

fn drawn(dice: &mut Dice, number: u64) -> Image {
    let peak_memory = dice.scaled(16e6, 400e6) as u64;
    Image {
        id: H256::from_low_u64_be(number + 1),
        law: Law::Drawn {
            fuel: dice.scaled(0.3e9, 12e9),
            power: dice.within(0.2, 1.0),
            spread: dice.within(0.05, 0.25),
        },
        speed: 1.0,
        boast: dice.within(1.2, 1.6),
        peak_memory,
        memory_limit: peak_memory + (64 << 20),
        unpaid: 0.01,
        prepare: dice.within(1.0, 8.0),
        drift: None,
    }
}

fn several(dice: &mut Dice, change: impl Fn(u64, &mut Dice, &mut Image)) -> Vec<Image> {
    (0..12)
        .map(|number| {
            let mut image = drawn(dice, number);
            change(number, dice, &mut image);
            image
        })
        .collect()
}

fn honest(dice: &mut Dice) -> Vec<Image> {
    several(dice, |_, _, _| {})
}

/// Every other program's requesters ask for far more fuel and memory than it takes.
fn boasters(dice: &mut Dice) -> Vec<Image> {
    several(dice, |number, dice, image| {
        if number % 2 == 0 {
            image.boast = dice.scaled(5.0, 40.0);
            image.memory_limit = dice.scaled(1.5e9, 4e9) as u64;
        }
    })
}

/// Memory-bound programs burn their fuel slowly.
fn uneven(dice: &mut Dice) -> Vec<Image> {
    several(dice, |_, dice, image| image.speed = dice.scaled(0.2, 1.6))
}

fn unpaid(dice: &mut Dice) -> Vec<Image> {
    several(dice, |number, _, image| {
        if number % 3 == 0 {
            image.unpaid = 0.7;
        }
    })
}

fn drifting(dice: &mut Dice) -> Vec<Image> {
    several(dice, |_, dice, image| {
        image.boast *= 8.0;
        image.drift = Some((8.0, dice.within(0.7, 1.5)));
    })
}

const RECORDED: &str = include_str!("recorded.csv");

/// Programs that were run on a real machine, see `record.rs`. Their requesters ask for what the longest run took, and a
/// little more.
fn recorded(dice: &mut Dice) -> Vec<Image> {
    let mut images: Vec<(String, Vec<Run>)> = Vec::new();
    for line in RECORDED.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(',');
        let name = fields.next().unwrap_or_default().to_owned();
        let mut number = || fields.next().and_then(|field| field.trim().parse().ok());
        let Some(run) = (|| {
            Some(Run {
                input: number()?,
                fuel: number()?,
                micros: number()?,
                peak_memory: number()?,
            })
        })() else {
            panic!("recorded.csv: {line}")
        };
        match images.iter_mut().find(|(known, _)| *known == name) {
            Some((_, runs)) => runs.push(run),
            None => images.push((name, vec![run])),
        }
    }
    let numbered = images.into_iter().zip(100u64..);
    numbered
        .map(|((_, runs), number)| {
            let peak_memory = runs.iter().map(|run| run.peak_memory).max().unwrap_or(0);
            Image {
                law: Law::Recorded(runs),
                boast: 1.2,
                peak_memory,
                memory_limit: peak_memory + (64 << 20),
                ..drawn(dice, number)
            }
        })
        .collect()
}

/// Fuel per second of a lane of the machine that was recorded.
fn recorded_speed() -> u64 {
    let line = RECORDED.lines().find(|line| line.contains("of the kernel"));
    let speed = line.and_then(|line| line.rsplit(',').next()?.trim().parse().ok());
    speed.expect("recorded.csv has the speed of its machine")
}

impl Image {
    fn typical(&self) -> f64 {
        match &self.law {
            Law::Drawn { fuel, .. } => *fuel,
            // The limit has to do for the longest.
            Law::Recorded(runs) => runs.iter().map(|run| run.fuel).max().unwrap_or(1) as f64,
        }
    }

    /// The unit of a job at an hour.
    pub(crate) fn unit(
        &self,
        order: &Order,
        scenario: &Scenario,
        hour: f64,
        dice: &mut Dice,
    ) -> Unit {
        let limit = order.job.spec.fuel_limit;
        let (fuel, seconds, peak_memory) = match &self.law {
            Law::Drawn {
                fuel,
                power,
                spread,
            } => {
                let size = order.input as f64 / 65_536.0;
                let drift = match self.drift {
                    Some((factor, hours)) if (hour / hours) as u64 % 2 == 1 => factor,
                    _ => 1.0,
                };
                let fuel = fuel * drift * size.powf(*power) * (spread * dice.normal()).exp();
                let fuel = fuel.clamp(1e5, limit as f64);
                let speed = scenario.lane_speed as f64 * self.speed;
                (fuel as u64, fuel / speed, self.peak_memory)
            }
            Law::Recorded(runs) => {
                // A job is about inputs of one size.
                let near = runs.iter().filter(|run| run.input == order.input);
                let near: Vec<&Run> = near.collect();
                let run = near[(dice.roll() % near.len() as u64) as usize];
                let noise = (0.05 * dice.normal()).exp();
                (
                    run.fuel.min(limit),
                    run.micros as f64 / 1e6 * noise,
                    run.peak_memory,
                )
            }
        };
        Unit {
            fuel,
            seconds,
            peak_memory,
        }
    }
}

impl Scenario {
    /// All of them, in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        let base = Self {
            name: "honest",
            about: "limits are close to what is used",
            lanes: 4,
            lane_speed: 2_000_000_000,
            lane_watts: 15,
            kwh_price: 0,
            rules: Rules::default(),
            left: always,
            make: honest,
            jobs: (150.0, 24.0),
            batch_seconds: 40.0,
            fresh: false,
        };
        let sunny = Rules {
            own_sun: true,
            lane_watts: 15,
            metered: true,
            ..Rules::default()
        };
        vec![
            base.clone(),
            Self {
                name: "boasters",
                about: "half of the limits are far above what is used",
                make: boasters,
                ..base.clone()
            },
            Self {
                name: "uneven",
                about: "some programs burn their fuel slowly",
                make: uneven,
                ..base.clone()
            },
            Self {
                name: "unpaid",
                about: "of a third of the programs most batches come to nothing",
                make: unpaid,
                ..base.clone()
            },
            Self {
                name: "owner",
                about: "for a third of each hour the owner needs the machine; long batches",
                left: now_and_then,
                make: boasters,
                batch_seconds: 240.0,
                jobs: (30.0, 24.0),
                ..base.clone()
            },
            Self {
                name: "drift",
                about: "what a program takes changes eightfold and back every hour or so",
                make: drifting,
                ..base.clone()
            },
            Self {
                name: "newcomers",
                about: "every job is a program of its own",
                make: boasters,
                fresh: true,
                ..base.clone()
            },
            Self {
                name: "sun",
                about: "own power only, from eight in the morning on",
                make: boasters,
                rules: sunny,
                ..base.clone()
            },
            Self {
                name: "recorded",
                about: "programs run on a real machine, each input as often as any",
                make: recorded,
                lane_speed: recorded_speed(),
                ..base
            },
        ]
    }

    /// The programs and jobs of a seed.
    pub(crate) fn trace(&self, seed: u64, hours: u32) -> (Vec<Image>, Vec<Order>) {
        let name = self
            .name
            .bytes()
            .fold(0, |all, byte| all << 5 ^ u64::from(byte));
        let mut dice = Dice::of(&[seed, name]);
        let mut images = (self.make)(&mut dice);
        let mut orders = Vec::new();
        let mut at = 0.0;
        loop {
            // Poisson arrivals.
            at -= (1.0 - dice.unit()).ln() / self.jobs.0;
            let arrives = (at * f64::from(BLOCKS_PER_HOUR)) as u32;
            if arrives >= hours * BLOCKS_PER_HOUR {
                return (images, orders);
            }
            let image = (dice.roll() % images.len() as u64) as usize;
            let image = if self.fresh {
                let mut copy = images[image].clone();
                copy.id = H256::from_low_u64_be(1_000 + orders.len() as u64);
                images.push(copy);
                images.len() - 1
            } else {
                image
            };
            orders.push(self.order(&images[image], image, arrives, &mut dice));
        }
    }

    fn order(&self, image: &Image, place: usize, arrives: u32, dice: &mut Dice) -> Order {
        let (input, at_size) = match &image.law {
            Law::Drawn { power, .. } => {
                let input = dice.scaled(4_096.0, 4e6);
                (input as u64, (input / 65_536.0).powf(*power))
            }
            Law::Recorded(runs) => (runs[(dice.roll() % runs.len() as u64) as usize].input, 1.0),
        };
        let used = image.typical() * at_size;
        let fuel_limit = (used * image.boast * 1.5).clamp(1e6, 4e12) as u64;
        let seconds = used / self.lane_speed as f64;
        let batch_size = (self.batch_seconds / seconds).clamp(1.0, 256.0) as u32;
        let batches = dice.scaled(2.0, self.jobs.1) as u32;
        let price = (dice.scaled(0.1, 0.6) * ISC as f64) as u128;
        let spec = JobSpec {
            image: image.id,
            input: H256::zero(),
            units: batch_size * batches,
            batch_size,
            price,
            fuel_limit,
            memory_limit: image.memory_limit,
            // Traces know nothing of what units leave: what is compared is computing.
            traffic_limit: 0,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: H256::zero(),
            deadline: u32::MAX,
            endpoint: Vec::new(),
            constraints: Constraints::default(),
            after: None,
        };
        let job = Job {
            class: Default::default(),
            batches: spec.batches(),
            cuts: Vec::new(),
            rate: spec.rate(&CPU_1).expect("a CPU job"),
            unit_charge: spec.unit_charge(&CPU_1).expect("a CPU job"),
            price,
            spec,
            requester: AccountId::new([0; 32]),
            state: JobState::Open,
            next_batch: 0,
            window: Vec::new(),
            waiting: 0,
            in_flight: 0,
            settled: 0,
            failed: 0,
            fuel: 0,
            escrow: 0,
            paid: 0,
            deposit: 0,
            series: None,
            successors: Vec::new(),
        };
        // Others look at the price, and at the limits' word.
        let word = job.rate as f64 * price as f64 / ISC as f64 / 1e6;
        Order {
            arrives,
            image: place,
            input,
            job,
            rivals: (word * 0.25).min(0.5),
        }
    }
}

/// Seconds in which a batch must be committed, from its claim on: the chain's rule.
pub(crate) fn due_seconds(job: &Job) -> f64 {
    let virtual_time = job.spec.fuel_limit as f64 / LANE_FUEL_PER_SECOND as f64;
    120.0 + 2.0 * virtual_time * f64::from(job.spec.batch_size)
}
