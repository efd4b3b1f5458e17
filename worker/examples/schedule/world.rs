//! A worker in a simulated market, block by block: the schedulers are the real ones, the rest stands for the daemon and the chain.

use std::collections::{BTreeMap, VecDeque};

use sungrid_primitives::{
    JobId,
    suns::{CPU_1, LANE_FUEL_PER_SECOND, MICRO, cost},
};
use sungrid_worker::{
    rank::Experience,
    schedule::{
        Done, FirstCome, Greedy, Learned, Load, Machine, Offer, Policy, Scheduler,
        energy::{Allowance, Reading},
    },
};

use crate::trace::{
    BLOCK_MS, BLOCKS_PER_HOUR, Dice, Image, Order, Scenario, Unit, due_seconds, moment, sun,
};

/// Blocks from the end of a batch to the verdict that sets its capacity free.
const VERDICT: u32 = 4;
/// Jobs that are prepared at the same time, as the daemon does.
const PREPARING: usize = 2;

/// What a policy came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Planck.
    pub(crate) income: u128,
    pub(crate) paid: u64,
    pub(crate) missed: u64,
    /// Batches that came to nothing for another reason.
    pub(crate) unpaid: u64,
    /// kWh of busy lanes.
    pub(crate) energy: f64,
    /// Of it, what was bought.
    pub(crate) bought: f64,
}

impl Outcome {
    /// Of all batches claimed, how many missed their deadline.
    pub(crate) fn miss_rate(&self) -> f64 {
        self.missed as f64 / (self.paid + self.missed + self.unpaid).max(1) as f64
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.income += other.income;
        self.paid += other.paid;
        self.missed += other.missed;
        self.unpaid += other.unpaid;
        self.energy += other.energy;
        self.bought += other.bought;
    }
}

pub(crate) fn scheduler(policy: Policy) -> Box<dyn Scheduler> {
    match policy {
        Policy::FirstCome => Box::new(FirstCome),
        Policy::Greedy => Box::new(Greedy),
        Policy::Learned => Box::new(Learned::new(None)),
    }
}

/// An order on the market.
struct Open {
    order: usize,
    left: u32,
    next: u32,
    /// The block from which on it is prepared.
    prepared: Option<u32>,
    seen: Experience,
}

/// A claimed batch.
struct Batch {
    job: JobId,
    order: usize,
    due: f64,
    /// What no lane has begun.
    waiting: VecDeque<Unit>,
    running: usize,
    done: Vec<Unit>,
    /// Seconds on lanes.
    busy: f64,
}

/// A unit on a lane.
struct Running {
    batch: u64,
    unit: Unit,
    /// Seconds of a machine that does nothing else.
    left: f64,
}

struct World<'a> {
    scenario: &'a Scenario,
    images: &'a [Image],
    orders: &'a [Order],
    seed: u64,
    scheduler: Box<dyn Scheduler>,
    open: BTreeMap<JobId, Open>,
    hand: BTreeMap<u64, Batch>,
    next: u64,
    lanes: Vec<Option<Running>>,
    /// Capacity of decided batches that is not free yet.
    held: VecDeque<(u32, u64)>,
    outcome: Outcome,
}

/// Plays a trace with one policy.
pub(crate) fn play(scenario: &Scenario, policy: Policy, seed: u64, hours: u32) -> Outcome {
    let (images, orders) = scenario.trace(seed, hours);
    let mut world = World {
        scenario,
        images: &images,
        orders: &orders,
        seed,
        scheduler: scheduler(policy),
        open: BTreeMap::new(),
        hand: BTreeMap::new(),
        next: 0,
        lanes: (0..scenario.lanes).map(|_| None).collect(),
        held: VecDeque::new(),
        outcome: Outcome::default(),
    };
    let mut arrived = 0;
    for block in 0..hours * BLOCKS_PER_HOUR {
        while orders
            .get(arrived)
            .is_some_and(|order| order.arrives <= block)
        {
            let open = Open {
                order: arrived,
                left: orders[arrived].job.batches,
                next: 0,
                prepared: None,
                seen: Experience::default(),
            };
            world.open.insert(arrived as JobId, open);
            arrived += 1;
        }
        world.rivals(block);
        world.work(block);
        world.seek(block);
    }
    world.outcome
}

impl World<'_> {
    fn hour(block: u32) -> f64 {
        f64::from(block) / f64::from(BLOCKS_PER_HOUR)
    }

    fn seconds(block: u32) -> f64 {
        f64::from(block) * BLOCK_MS as f64 / 1_000.0
    }

    /// Others take batches, too, whatever this worker does.
    fn rivals(&mut self, block: u32) {
        for (id, open) in &mut self.open {
            let mut dice = Dice::of(&[self.seed, (*id).into(), block.into(), 1]);
            if dice.unit() < self.orders[open.order].rivals {
                open.left = open.left.saturating_sub(1);
            }
        }
        self.open.retain(|_, open| open.left > 0);
    }

    /// What lanes do between two blocks.
    fn work(&mut self, block: u32) {
        let (now, length) = (Self::seconds(block), BLOCK_MS as f64 / 1_000.0);
        // What is too late is let go.
        let late: Vec<u64> = self
            .hand
            .iter()
            .filter(|(_, batch)| now > batch.due)
            .map(|(key, _)| *key)
            .collect();
        for key in late {
            self.outcome.missed += 1;
            self.end(key, block, false);
            for lane in &mut self.lanes {
                if lane.as_ref().is_some_and(|running| running.batch == key) {
                    *lane = None;
                }
            }
        }
        let left = (self.scenario.left)(Self::hour(block));
        let mut busy = 0.0;
        for lane in 0..self.lanes.len() {
            let mut time = length;
            while time > 1e-9 {
                if self.lanes[lane].is_none() {
                    let Some((key, batch)) = self
                        .hand
                        .iter_mut()
                        .find(|(_, batch)| !batch.waiting.is_empty())
                    else {
                        break;
                    };
                    let unit = batch.waiting.pop_front().expect("there is one");
                    batch.running += 1;
                    self.lanes[lane] = Some(Running {
                        batch: *key,
                        unit,
                        left: unit.seconds,
                    });
                }
                let Some(running) = &mut self.lanes[lane] else {
                    break;
                };
                let takes = (running.left / left).min(time);
                running.left -= takes * left;
                time -= takes;
                busy += takes;
                let (key, unit, ended) = (running.batch, running.unit, running.left <= 1e-9);
                let batch = self.hand.get_mut(&key).expect("in hand while it runs");
                batch.busy += takes;
                if ended {
                    self.lanes[lane] = None;
                    batch.running -= 1;
                    batch.done.push(unit);
                    if batch.running == 0 && batch.waiting.is_empty() {
                        self.finished(key, block);
                    }
                }
            }
        }
        let kwh = busy * f64::from(self.scenario.lane_watts) / 3.6e6;
        self.outcome.energy += kwh;
        let own = sun(Self::hour(block)).max(0.0) * length / 3.6e6;
        self.outcome.bought += (kwh - own).max(0.0);
    }

    fn finished(&mut self, key: u64, block: u32) {
        let batch = &self.hand[&key];
        let (order, image) = (&self.orders[batch.order], self.orders[batch.order].image);
        let spec = &order.job.spec;
        let charge = |unit: &Unit| {
            let charge = CPU_1.unit_charge(unit.fuel, unit.peak_memory, 0);
            charge.unwrap_or(0)
        };
        let done = Done {
            image: spec.image,
            fuel_limit: spec.fuel_limit,
            rate: order.job.rate,
            input: Some(order.input),
            units: batch.done.len() as u64,
            fuel: batch.done.iter().map(|unit| u128::from(unit.fuel)).sum(),
            charge: batch.done.iter().map(charge).sum(),
            seconds: Some(batch.busy),
            lane_speed: self.scenario.lane_speed,
        };
        if let Some(open) = self.open.get_mut(&batch.job) {
            open.seen.fuel += done.fuel;
            open.seen.charge += done.charge;
            open.seen.units += done.units;
        }
        self.scheduler.learn(&done);
        let mut dice = Dice::of(&[self.seed, batch.job.into(), key, 2]);
        let paid = dice.unit() >= self.images[image].unpaid;
        if paid {
            self.outcome.paid += 1;
            self.outcome.income += cost(done.charge, order.job.price);
        } else {
            self.outcome.unpaid += 1;
        }
        self.end(key, block, paid);
    }

    /// A batch is decided; its capacity comes back with the verdict.
    fn end(&mut self, key: u64, block: u32, paid: bool) {
        if let Some(batch) = self.hand.remove(&key) {
            let job = &self.orders[batch.order].job;
            self.scheduler.ended(job.spec.image, paid);
            self.held.push_back((block + VERDICT, job.rate));
        }
    }

    /// As the daemon's `seek`.
    fn seek(&mut self, block: u32) {
        let scenario = self.scenario;
        while self.held.front().is_some_and(|(until, _)| *until <= block) {
            self.held.pop_front();
        }
        let busy = self.lanes.iter().flatten().count();
        let reading = Reading {
            // What is left while the lanes run.
            surplus_watts: Some(
                sun(Self::hour(block)) - busy as f64 * f64::from(scenario.lane_watts),
            ),
            carbon: None,
        };
        let most = 4 * scenario.lanes;
        let taken = self.hand.len();
        let most = match scenario
            .rules
            .allow(Some(moment(Self::hour(block))), Some(reading), busy)
        {
            Allowance::All => most,
            Allowance::Lanes(lanes) => most.min(lanes),
            Allowance::None(_) => return,
        };
        let mut room = most.saturating_sub(taken);
        let lanes_fuel = scenario.lane_speed * scenario.lanes as u64;
        let capacity =
            (u128::from(lanes_fuel) * MICRO / u128::from(8 * LANE_FUEL_PER_SECOND)) as u64;
        let in_hand = self
            .hand
            .values()
            .map(|batch| self.orders[batch.order].job.rate);
        let mut committed: u64 = in_hand.chain(self.held.iter().map(|(_, rate)| *rate)).sum();
        let free = |committed: u64| match committed {
            0 => capacity,
            _ => (capacity * 8 / 10).saturating_sub(committed),
        };
        if room == 0 || free(committed) == 0 {
            return;
        }
        let machine = Machine {
            lanes: scenario.lanes,
            lane_speed: scenario.lane_speed,
            // What is missing costs a block here, whatever its size.
            fetch_rate: u64::MAX,
            block_ms: BLOCK_MS,
            room,
            free: Some(free(committed)),
            hand: self
                .hand
                .values()
                .map(|batch| {
                    let order = &self.orders[batch.order];
                    Load {
                        image: order.job.spec.image,
                        units: (batch.waiting.len() + batch.running) as u64,
                        fuel_limit: order.job.spec.fuel_limit,
                        input: Some(order.input),
                    }
                })
                .collect(),
            lane_watts: scenario.lane_watts,
            kwh_price: scenario.kwh_price,
        };
        let is_prepared = |open: &Open| open.prepared.is_some_and(|at| at <= block);
        let offers: Vec<Offer<'_>> = self
            .open
            .iter()
            .map(|(id, open)| {
                let order = &self.orders[open.order];
                let prepared = is_prepared(open);
                Offer {
                    id: *id,
                    job: &order.job,
                    seen: Experience {
                        prepared,
                        ..open.seen
                    },
                    input: prepared.then_some(order.input),
                    open: open.left as usize,
                }
            })
            .collect();
        let chosen = self.scheduler.choose(&offers, &machine);
        let waits = |open: &&Open| open.prepared.is_some_and(|at| at > block);
        let mut preparing = self.open.values().filter(waits).count();
        for choice in chosen {
            if room == 0 {
                break;
            }
            let Some(open) = self.open.get_mut(&choice.job) else {
                continue;
            };
            let order = &self.orders[open.order];
            let image = &self.images[order.image];
            match open.prepared {
                None if preparing < PREPARING => {
                    let blocks = image.prepare * 1_000.0 / BLOCK_MS as f64;
                    open.prepared = Some(block + blocks.ceil() as u32);
                    preparing += 1;
                    continue;
                }
                Some(at) if at <= block => {}
                _ => continue,
            }
            let mut wanted = choice.batches.min(room);
            while wanted > 0 && open.left > 0 && order.job.rate <= free(committed) {
                wanted -= 1;
                room -= 1;
                committed += order.job.rate;
                open.left -= 1;
                // What a batch holds does not depend on who takes it, and when.
                let mut dice = Dice::of(&[self.seed, choice.job.into(), open.next.into(), 3]);
                open.next += 1;
                let hour = Self::hour(order.arrives);
                let units = (0..order.job.spec.batch_size)
                    .map(|_| image.unit(order, scenario, hour, &mut dice))
                    .collect();
                self.hand.insert(
                    self.next,
                    Batch {
                        job: choice.job,
                        order: open.order,
                        due: Self::seconds(block) + due_seconds(&order.job),
                        waiting: units,
                        running: 0,
                        done: Vec::new(),
                        busy: 0.0,
                    },
                );
                self.next += 1;
            }
        }
        self.open.retain(|_, open| open.left > 0);
    }
}
