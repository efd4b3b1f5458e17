//! SUNS: one integer for a machine's capacity and for a task's needs (protocol section 3).
//!
//! A [`Profile`] fixes what one SUNS contains. A seller's capacity is the *minimum* over resources,
//! a buyer's charge the *maximum* (dominant share). From that follows, and property tests hold for
//! every profile: if the charges on a machine sum to at most its capacity, every single resource fits;
//! splitting a machine never gains capacity; splitting a task never saves charge. Rounding favours
//! the protocol: capacity down, charge and cost up.
//!
//! | quantity | unit |
//! |---|---|
//! | capacity, charge rate | µSUNS |
//! | charge | µSUNS·s of virtual time |
//! | price | planck per SUNS·hour |
//! | virtual time | nanoseconds: one per unit of fuel on one lane |
//!
//! The profiles of the genesis (requirement S19: an application declares its size in SUNS):
//!
//! | profile | 1 SUNS contains |
//! |---|---|
//! | [`CPU_1`] | 8 Gfuel/s, 8 GiB memory, 50 GB storage, 20 Mbit/s |
//! | [`GPU_1`] | 2 TFLOP/s, 0.8 GiB GPU memory, 25 GB/s GPU memory bandwidth |
//! | [`STORAGE_1`] | 1 TB storage, 20 Mbit/s |
//! | [`NETWORK_1`] | 100 Mbit/s, one public address |

pub mod spot;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// µSUNS in one SUNS.
pub const MICRO: u128 = 1_000_000;
/// Fuel that one lane of virtual time burns in a second: `T = F / 1 Gfuel/s`.
pub const LANE_FUEL_PER_SECOND: u64 = 1_000_000_000;
/// Seconds in the hour of "SUNS·hour".
pub const SECONDS_PER_HOUR: u128 = 3_600;

/// Amounts of every resource. Zero in a [`Profile`] means "not part of this profile".
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Resources {
    /// Fuel per second, all lanes together.
    pub fuel_per_second: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of storage.
    pub storage: u64,
    /// Bits per second of network bandwidth.
    pub bandwidth: u64,
    /// GPU FLOP/s, FP16 in, FP32 accumulate.
    pub gpu_flops: u64,
    /// Bytes of GPU memory.
    pub gpu_memory: u64,
    /// Bytes per second of GPU memory bandwidth.
    pub gpu_bandwidth: u64,
    /// Public network addresses (requirement C15).
    pub addresses: u64,
}

impl Resources {
    /// Nothing of anything.
    pub const NONE: Self = Self {
        fuel_per_second: 0,
        memory: 0,
        storage: 0,
        bandwidth: 0,
        gpu_flops: 0,
        gpu_memory: 0,
        gpu_bandwidth: 0,
        addresses: 0,
    };

    fn amounts(&self) -> [u64; 8] {
        [
            self.fuel_per_second,
            self.memory,
            self.storage,
            self.bandwidth,
            self.gpu_flops,
            self.gpu_memory,
            self.gpu_bandwidth,
            self.addresses,
        ]
    }
}

/// What one SUNS contains. Versioned on chain; a version never changes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Profile {
    /// The contents of one SUNS.
    pub contains: Resources,
}

/// `Cpu/1`: about one good 8-core desktop.
pub const CPU_1: Profile = Profile {
    contains: Resources {
        fuel_per_second: 8 * LANE_FUEL_PER_SECOND,
        memory: 8 << 30,
        storage: 50_000_000_000,
        bandwidth: 20_000_000,
        ..Resources::NONE
    },
};

/// The least price of a SUNS·hour of [`CPU_1`] at genesis, planck. Referenda change it: ask a chain for its own.
pub const CPU_1_GENESIS_FLOOR: u128 = crate::ISC / 10;

/// `Gpu/1`: a thirtieth of a card with 24 GiB.
pub const GPU_1: Profile = Profile {
    contains: Resources {
        gpu_flops: 2_000_000_000_000,
        // 0.8 GiB, rounded down to whole bytes: rounded up, a card of 24 GiB would have less than 30 SUNS.
        gpu_memory: (4 << 30) / 5,
        gpu_bandwidth: 25_000_000_000,
        ..Resources::NONE
    },
};

/// `Storage/1`: a terabyte, durable and reachable.
pub const STORAGE_1: Profile = Profile {
    contains: Resources {
        storage: 1_000_000_000_000,
        bandwidth: 20_000_000,
        ..Resources::NONE
    },
};

/// `Network/1`: a public address and the bandwidth to serve from it.
pub const NETWORK_1: Profile = Profile {
    contains: Resources {
        bandwidth: 100_000_000,
        addresses: 1,
        ..Resources::NONE
    },
};

impl Profile {
    /// Seller's side, in µSUNS: the scarcest resource decides; rounded down.
    ///
    /// A profile that contains nothing has no capacity.
    pub fn capacity(&self, machine: &Resources) -> u64 {
        let shares = self.contains.amounts().into_iter().zip(machine.amounts());
        shares
            .filter(|(per_suns, _)| *per_suns > 0)
            .map(|(per_suns, amount)| saturate(u128::from(amount) * MICRO / u128::from(per_suns)))
            .min()
            .unwrap_or(0)
    }

    /// Buyer's side, in µSUNS: the dominant resource decides; rounded up.
    ///
    /// `None` if the task needs a resource that this profile does not contain, or so much of one that no
    /// machine could be counted to have it.
    pub fn charge(&self, needs: &Resources) -> Option<u64> {
        let mut most = 0;
        for (per_suns, amount) in self.contains.amounts().into_iter().zip(needs.amounts()) {
            if amount == 0 {
                continue;
            }
            if per_suns == 0 {
                return None;
            }
            let share = (u128::from(amount) * MICRO).div_ceil(u128::from(per_suns));
            // No saturation: capacity saturates, and a task must not fit because both do.
            most = most.max(u64::try_from(share).ok()?);
        }
        Some(most)
    }

    /// Charge rate, in µSUNS, of one running unit: one lane and its memory.
    pub fn unit_rate(&self, memory: u64) -> Option<u64> {
        self.charge(&Resources {
            fuel_per_second: LANE_FUEL_PER_SECOND,
            memory,
            ..Default::default()
        })
    }

    /// Charge of a task over virtual time (nanoseconds), in µSUNS·s: `SUNS(needs) × T`, rounded up.
    ///
    /// `None` as for [`Self::charge`].
    pub fn charge_over(&self, needs: &Resources, virtual_time: u64) -> Option<u128> {
        Some(over(self.charge(needs)?, virtual_time))
    }

    /// Charge of bytes that are moved, in µSUNS·s: what a SUNS would take for them, rounded up.
    ///
    /// `None` if there are any and the profile contains no bandwidth.
    pub fn traffic_charge(&self, bytes: u64) -> Option<u128> {
        match (bytes, self.contains.bandwidth) {
            (0, _) => Some(0),
            (_, 0) => None,
            (bytes, per_suns) => Some((u128::from(bytes) * 8 * MICRO).div_ceil(per_suns.into())),
        }
    }

    /// Charge of one unit, in µSUNS·s, from what was metered: that of its lane and memory, `SUNS({1 Gfuel/s, M}) × F / 1 Gfuel/s`, or
    /// that of its traffic, bytes in and out, whichever is more; both rounded up. So units that share a machine for a second are
    /// charged for at least what they take of each resource. No wall clock enters (requirement X1), and any replica can recompute it.
    ///
    /// `None` as for [`Self::charge`].
    pub fn unit_charge(&self, fuel: u64, peak_memory: u64, traffic: u64) -> Option<u128> {
        let computing = over(self.unit_rate(peak_memory)?, fuel);
        Some(computing.max(self.traffic_charge(traffic)?))
    }
}

/// Seconds for which units at their limits take what a claim takes of a machine: virtual time, which deadlines are made of. What their
/// fuel takes on one lane; or what their bytes take on the part of a line that goes with `rate` µSUNS, if they are charged for those
/// (`unit_charge`, [`Profile::unit_charge`]). Rounded up: whoever gets the batch has no less time than it takes.
///
/// `None` beyond `u64`, and without a rate.
pub fn virtual_seconds(units: u32, fuel: u64, rate: u64, unit_charge: u128) -> Option<u64> {
    let units = u128::from(units);
    // Neither product exceeds 96 bits, unless the charge is one of no 64-bit limits.
    let seconds = if unit_charge > over(rate, fuel) {
        let charge = units.checked_mul(unit_charge)?;
        let rate = u128::from(rate);
        charge.checked_div(rate)? + u128::from(!charge.is_multiple_of(rate))
    } else {
        (units * u128::from(fuel)).div_ceil(u128::from(LANE_FUEL_PER_SECOND))
    };
    u64::try_from(seconds).ok()
}

/// A lane burns a unit of fuel per nanosecond, so the same quotient serves fuel and virtual time.
fn over(rate: u64, virtual_time: u64) -> u128 {
    (u128::from(rate) * u128::from(virtual_time)).div_ceil(u128::from(LANE_FUEL_PER_SECOND))
}

/// Price of a charge in planck: the exact quotient, rounded up; saturates at `u128::MAX`.
///
/// `charge` in µSUNS·s, `price` in planck per SUNS·hour.
pub fn cost(charge: u128, price: u128) -> u128 {
    let (floor, is_exact) = quotient(charge, price);
    floor.saturating_add(u128::from(!is_exact))
}

/// The same, rounded down: of a charge that is billed in parts, all but one are billed so, and cost together no more than it.
pub fn cost_of_part(charge: u128, price: u128) -> u128 {
    quotient(charge, price).0
}

/// Price of a charge in whole planck, and whether nothing is left; saturates at `u128::MAX`.
fn quotient(charge: u128, price: u128) -> (u128, bool) {
    const DIVISOR: u128 = MICRO * SECONDS_PER_HOUR;
    let (whole, rest) = (price / DIVISOR, price % DIVISOR);
    let Some(from_whole) = charge.checked_mul(whole) else {
        return (u128::MAX, true);
    };
    // `rest < DIVISOR`, so neither product nor their sum exceeds `charge`, or `DIVISOR` squared.
    let small = (charge % DIVISOR) * rest;
    let from_rest = (charge / DIVISOR) * rest + small / DIVISOR;
    (
        from_whole.saturating_add(from_rest),
        small.is_multiple_of(DIVISOR),
    )
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
