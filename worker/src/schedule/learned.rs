//! The policy that learns what images need.
//!
//! Of each image it predicts the fuel of a unit from the size of its input and its limit, how fast this machine burns that
//! fuel, what of the limits' charge is really charged, and how often a batch is paid. An image that was never seen
//! starts from what all of them taught. Jobs are ranked by income per second less energy; of an image that is little known the
//! better end of what is likely counts, so that it gets tried (L. Li et al., *A contextual-bandit approach to personalized
//! news article recommendation*, WWW 2010). What would be late, by the worse end of what is likely, is not taken.

use std::{collections::HashMap, path::PathBuf, time::Instant};

use serde::{Deserialize, Serialize};
use sungrid_primitives::{
    ContentHash,
    suns::{LANE_FUEL_PER_SECOND, MICRO, SECONDS_PER_HOUR},
};
use tracing::{debug, warn};

use super::{
    Choice, Done, Load, Machine, Offer, Scheduler,
    experience::{self, KEEP_EVERY},
    regression::{Regression, Vector},
};
use crate::rank::{self, IDLE_BLOCKS};

/// Images that are remembered; the one not met for longest is forgotten first.
pub(super) const IMAGES: usize = 512;
/// Standard deviations of doubt in favour of what is little known. More, and it tries for long what pays little; none, and it
/// never learns better of an image that disappointed once.
const HOPE: f64 = 0.5;
/// Standard deviations by which a batch may take longer than expected and still be in time.
const CAUTION: f64 = 2.0;
/// Seconds from a claim to its commit deadline beside twice its virtual time: the chain's `CommitSlack`.
const COMMIT_SLACK: f64 = 120.0;
/// Of that, what fetching and the commitment itself take.
const MARGIN: f64 = 30.0;
/// Blocks that lanes have work for when capacity is kept free for what pays more than what would fit. Fewer, and lanes stand
/// still while it comes free; more, and small jobs go before better ones that need more room.
const WAIT_BLOCKS: u64 = 3;
/// Least fuel of any unit: what a start costs.
const LEAST_FUEL: f64 = 100_000.0;
/// Weight of a new observation in a mean.
const STEP: f64 = 0.2;
/// Weight of a batch in the pace of the machine.
const PACE_STEP: f64 = 0.3;
/// A machine is never taken for so much slower, or faster, than it was measured.
const PACE: (f64, f64) = (1.0 / 64.0, 4.0);

/// A mean of logarithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mean {
    value: f64,
    seen: u32,
}

impl Mean {
    const MOST: f64 = 16.0;

    fn learn(&mut self, ratio: f64) {
        let value = ratio.ln();
        if value.is_finite() {
            // The first ones as they come, then ever more of what was.
            let step = STEP.max(1.0 / (f64::from(self.seen) + 1.0));
            self.value += step * (value.clamp(-Self::MOST, Self::MOST) - self.value);
            self.seen = self.seen.saturating_add(1);
        }
    }

    fn ratio(&self) -> f64 {
        self.value.exp()
    }

    fn is_sound(&self) -> bool {
        self.value.abs() <= Self::MOST
    }
}

/// What is known of an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    /// ln fuel of a unit.
    fuel: Regression,
    /// Its fuel per second to that of the measurement.
    speed: Mean,
    /// Its charge per fuel to that of a lane at the limits.
    rate: Mean,
    /// Batches paid and not paid, fading.
    paid: f64,
    unpaid: f64,
    /// When it was met last, by the count of meetings.
    pub(super) met: u64,
}

impl Known {
    fn new(weights: Vector) -> Self {
        Self {
            fuel: Regression::new(weights),
            speed: Mean::default(),
            rate: Mean::default(),
            paid: 0.0,
            unpaid: 0.0,
            met: 0,
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        let count = |count: f64| (0.0..=1e6).contains(&count);
        self.fuel.is_sound()
            && self.speed.is_sound()
            && self.rate.is_sound()
            && count(self.paid)
            && count(self.unpaid)
    }

    /// Of batches, how many are paid: nearly all, until it shows otherwise.
    fn chance(&self) -> f64 {
        (self.paid + 9.0) / (self.paid + self.unpaid + 10.0)
    }
}

/// All that was learned: what survives a restart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lessons {
    /// What images have in common.
    pub(super) all: Regression,
    pub(super) images: HashMap<ContentHash, Known>,
    /// Batches learned from.
    pub(super) met: u64,
}

impl Default for Lessons {
    fn default() -> Self {
        Self {
            // Until something is known, a unit is expected to take its limit.
            all: Regression::new([LANE_LN, 0.0, 1.0]),
            images: HashMap::new(),
            met: 0,
        }
    }
}

/// ln of [`LANE_FUEL_PER_SECOND`], by which limits are scaled.
const LANE_LN: f64 = 20.723_265_836_946_41;

fn features(fuel_limit: u64, input: Option<u64>) -> Vector {
    let kib = input.unwrap_or(0) as f64 / 1024.0;
    let limit = (fuel_limit as f64).max(LEAST_FUEL);
    [1.0, kib.ln_1p(), limit.ln() - LANE_LN]
}

/// What a unit is expected to come to.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    /// Fuel, at the better end of what is likely.
    fuel: f64,
    /// Seconds on a lane for that fuel.
    seconds: f64,
    /// Seconds at the worse end.
    late_seconds: f64,
    /// Charge per fuel to that of a lane at the limits: above 1 where traffic is what costs.
    rate: f64,
    chance: f64,
}

/// Ranks by experience with images.
#[derive(Debug)]
pub struct Learned {
    lessons: Lessons,
    /// How fast the machine is now to what its images' experience says: its owner may use it, or it is hot.
    pace: f64,
    /// Where it is written down.
    path: Option<PathBuf>,
    dirty: bool,
    kept: Option<Instant>,
}

impl Learned {
    /// Goes on from what is written down in a file, if that can be read; without a file nothing survives the process.
    pub fn new(path: Option<PathBuf>) -> Self {
        let lessons = match path.as_deref().map(experience::load) {
            Some(Ok(lessons)) => {
                debug!(images = lessons.images.len(), "experience read");
                lessons
            }
            Some(Err(error)) => {
                warn!(%error, "no experience with images; learning anew");
                Lessons::default()
            }
            None => Lessons::default(),
        };
        Self {
            lessons,
            pace: 1.0,
            path,
            dirty: false,
            kept: None,
        }
    }

    /// Images of which something is known.
    pub fn images(&self) -> usize {
        self.lessons.images.len()
    }

    fn known(&self, image: &ContentHash) -> Known {
        let known = self.lessons.images.get(image).copied();
        known.unwrap_or_else(|| Known::new(self.lessons.all.weights()))
    }

    fn estimate(
        &self,
        image: &ContentHash,
        fuel_limit: u64,
        input: Option<u64>,
        lane_speed: u64,
    ) -> Estimate {
        let known = self.known(image);
        let x = features(fuel_limit, input);
        let expected = known.fuel.expect(&x);
        let bounded = |ln: f64| {
            let limit = (fuel_limit as f64).max(LEAST_FUEL);
            // What is no number counts as the limit.
            if ln.is_finite() {
                ln.exp().clamp(LEAST_FUEL, limit)
            } else {
                limit
            }
        };
        // Of an image that was never run nothing is known but the limit: no hope beyond it.
        let hope = match known.fuel.seen() {
            0 => 0.0,
            _ => HOPE * expected.doubt.sqrt(),
        };
        // The mean of what is spread evenly over logarithms lies above their middle.
        let spread = match known.fuel.seen() {
            0 => 0.0,
            _ => expected.noise.min(1.0) / 2.0,
        };
        let fuel = bounded(expected.mean + spread + hope);
        let late = CAUTION * (expected.noise + expected.doubt).sqrt();
        let speed = (lane_speed.max(1) as f64 * known.speed.ratio() * self.pace).max(1.0);
        Estimate {
            fuel,
            seconds: fuel / speed,
            late_seconds: bounded(expected.mean + late) / speed,
            rate: known.rate.ratio(),
            chance: known.chance(),
        }
    }

    fn of(&self, load: &Load, lane_speed: u64) -> Estimate {
        self.estimate(&load.image, load.fuel_limit, load.input, lane_speed)
    }

    /// Planck per second of a batch, energy deducted.
    fn worth(&self, offer: &Offer<'_>, units: f64, unit: &Estimate, machine: &Machine) -> f64 {
        let seconds = units * unit.seconds;
        // Of units that move much, the charge is above that of their lane; it never is above that of the limits.
        let charge = unit.fuel / LANE_FUEL_PER_SECOND as f64 * offer.job.rate as f64 * unit.rate;
        let suns_seconds = charge.min(offer.job.unit_charge as f64) / MICRO as f64;
        let income =
            units * suns_seconds * offer.job.price as f64 / SECONDS_PER_HOUR as f64 * unit.chance;
        let kwh = seconds * f64::from(machine.lane_watts) / 3.6e6;
        let fetch = rank::fetch_ms(&offer.seen, machine.fetch_rate, machine.block_ms);
        let idle = (IDLE_BLOCKS as f64 * machine.block_ms as f64 + fetch as f64) / 1_000.0;
        (income - kwh * machine.kwh_price as f64) / (seconds + idle).max(1e-6)
    }
}

impl Scheduler for Learned {
    fn choose(&mut self, offers: &[Offer<'_>], machine: &Machine) -> Vec<Choice> {
        let speed = machine.lane_speed;
        let mut ranked: Vec<(f64, &Offer<'_>, Estimate, f64)> = offers
            .iter()
            .filter_map(|offer| {
                let spec = &offer.job.spec;
                let units = f64::from(spec.batch_size.min(spec.units).max(1));
                let unit = self.estimate(&spec.image, spec.fuel_limit, offer.input, speed);
                let worth = self.worth(offer, units, &unit, machine);
                // Also leaves out what is no number.
                (worth > 0.0).then_some((worth, offer, unit, units))
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.id.cmp(&b.1.id)));
        let lanes = machine.lanes.max(1) as f64;
        let mut queued: f64 = machine
            .hand
            .iter()
            .map(|load| load.units as f64 * self.of(load, speed).seconds)
            .sum();
        let block = machine.block_ms as f64 / 1_000.0;
        let mut room = machine.room;
        let mut free = machine.free.unwrap_or(u64::MAX);
        let mut chosen = Vec::new();
        for (_, offer, unit, units) in ranked {
            let virtual_time = offer.job.batch_seconds() as f64;
            let fetch = rank::fetch_ms(&offer.seen, machine.fetch_rate, machine.block_ms);
            let due = COMMIT_SLACK - MARGIN + 2.0 * virtual_time - fetch as f64 / 1_000.0;
            // Lanes share a batch, but a unit is on one of them from its beginning to its end.
            // An idle machine has nothing to lose by what is only likely to be in time.
            let seconds = if queued > 0.0 {
                unit.late_seconds
            } else {
                unit.seconds
            };
            let batch = (units * seconds).max(lanes * seconds);
            let spare = due * lanes - queued;
            let in_time = if batch > 0.0 { spare / batch } else { f64::MAX };
            // Saturates; what is below zero is none.
            let batches = in_time as usize;
            if batches == 0 {
                continue;
            }
            let fitting = machine
                .free
                .map_or(u64::MAX, |_| free / offer.job.rate.max(1));
            let has_work = queued > WAIT_BLOCKS as f64 * block * lanes;
            if fitting == 0 && offer.seen.prepared && has_work {
                break;
            }
            let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
            let taken = batches.min(offer.open).min(room).min(fitting);
            free = free.saturating_sub(offer.job.rate.saturating_mul(taken as u64));
            room -= taken;
            queued += taken as f64 * units * unit.seconds;
            let job = offer.id;
            chosen.push(Choice { job, batches });
        }
        chosen
    }

    fn learn(&mut self, done: &Done) {
        let (units, fuel) = (done.units as f64, done.fuel as f64);
        let makes_sense = |seconds: f64| seconds.is_finite() && seconds > 0.0;
        if done.units == 0 || done.fuel == 0 || !done.seconds.is_none_or(makes_sense) {
            return;
        }
        let expected = self.estimate(&done.image, done.fuel_limit, done.input, done.lane_speed);
        self.lessons.met = self.lessons.met.saturating_add(1);
        let x = features(done.fuel_limit, done.input);
        let ln = (fuel / units).ln();
        self.lessons.all.learn(&x, ln);
        let mut known = self.known(&done.image);
        known.fuel.learn(&x, ln);
        let at_limits = fuel / LANE_FUEL_PER_SECOND as f64 * done.rate as f64;
        known.rate.learn(done.charge as f64 / at_limits);
        known.met = self.lessons.met;
        if let Some(seconds) = done.seconds {
            let burnt = fuel / seconds;
            // What the image takes and what the machine lacks now cannot be told apart by one batch; the image's part is what
            // stays.
            known
                .speed
                .learn(burnt / (done.lane_speed.max(1) as f64 * self.pace));
            if known.speed.seen > 1 {
                let should = fuel / expected.fuel.max(1.0) * expected.seconds;
                let step = should / seconds;
                if step.is_finite() && step > 0.0 {
                    self.pace = (self.pace * step.powf(PACE_STEP)).clamp(PACE.0, PACE.1);
                }
            }
        }
        self.lessons.images.insert(done.image, known);
        self.bound();
        self.dirty = true;
    }

    fn ended(&mut self, image: ContentHash, paid: bool) {
        if let Some(known) = self.lessons.images.get_mut(&image) {
            const FADE: f64 = 0.99;
            known.paid = known.paid * FADE + f64::from(u8::from(paid));
            known.unpaid = known.unpaid * FADE + f64::from(u8::from(!paid));
            self.dirty = true;
        }
    }

    fn keep(&mut self, now: bool) {
        let due = self.kept.is_none_or(|kept| kept.elapsed() >= KEEP_EVERY);
        let Some(path) = &self.path else { return };
        if !self.dirty || !(due || now) {
            return;
        }
        self.kept = Some(Instant::now());
        match experience::store(path, &self.lessons) {
            Ok(()) => self.dirty = false,
            Err(error) => debug!(%error, path = %path.display(), "experience not written down"),
        }
    }
}

impl Learned {
    /// Forgets what was not met for longest.
    fn bound(&mut self) {
        let images = &mut self.lessons.images;
        if images.len() > IMAGES
            && let Some(oldest) = images
                .iter()
                .min_by_key(|(image, known)| (known.met, **image))
                .map(|(image, _)| *image)
        {
            images.remove(&oldest);
        }
    }
}
