//! SUNS: one integer for a machine's capacity and for a task's needs (protocol section 3).
//!
//! A [`Profile`] fixes what one SUNS contains. A seller's capacity is the *minimum* over resources,
//! a buyer's charge the *maximum* (dominant share). From that follows, and the property tests below
//! hold: if the charges on a machine sum to at most its capacity, every single resource fits;
//! splitting a machine never gains capacity; splitting a task never saves charge. Rounding favours
//! the protocol: capacity down, charge and cost up.
//!
//! | quantity | unit |
//! |---|---|
//! | capacity, charge rate | µSUNS |
//! | charge | µSUNS·s of virtual time |
//! | price | planck per SUNS·hour |

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
}

impl Resources {
    fn amounts(&self) -> [u64; 7] {
        [
            self.fuel_per_second,
            self.memory,
            self.storage,
            self.bandwidth,
            self.gpu_flops,
            self.gpu_memory,
            self.gpu_bandwidth,
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
        gpu_flops: 0,
        gpu_memory: 0,
        gpu_bandwidth: 0,
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
    /// `None` if the task needs a resource that this profile does not contain.
    pub fn charge(&self, needs: &Resources) -> Option<u64> {
        let mut most = 0;
        for (per_suns, amount) in self.contains.amounts().into_iter().zip(needs.amounts()) {
            if amount == 0 {
                continue;
            }
            if per_suns == 0 {
                return None;
            }
            most = most.max(saturate(
                (u128::from(amount) * MICRO).div_ceil(u128::from(per_suns)),
            ));
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

    /// Charge of one unit, in µSUNS·s, from what was metered: `SUNS({1 Gfuel/s, M}) × F / 1 Gfuel/s`,
    /// rounded up. No wall clock enters (requirement X1), so any replica can recompute it.
    pub fn unit_charge(&self, fuel: u64, peak_memory: u64) -> Option<u128> {
        let rate = self.unit_rate(peak_memory)?;
        Some((u128::from(rate) * u128::from(fuel)).div_ceil(u128::from(LANE_FUEL_PER_SECOND)))
    }
}

/// Price of a charge in planck, rounded up; saturates at `u128::MAX`.
///
/// `charge` in µSUNS·s, `price` in planck per SUNS·hour.
pub fn cost(charge: u128, price: u128) -> u128 {
    const DIVISOR: u128 = MICRO * SECONDS_PER_HOUR;
    // Split so that the product of the remainders cannot overflow where the result still fits.
    let (whole, rest) = (price / DIVISOR, price % DIVISOR);
    let Some(from_whole) = charge.checked_mul(whole) else {
        return u128::MAX;
    };
    let from_rest = match charge.checked_mul(rest) {
        Some(product) => product.div_ceil(DIVISOR),
        // `rest < DIVISOR`, so dividing first loses less than one planck per DIVISOR of charge.
        None => (charge / DIVISOR).saturating_add(1).saturating_mul(rest),
    };
    from_whole.saturating_add(from_rest)
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cpu(fuel: u64, memory: u64, storage: u64, bandwidth: u64) -> Resources {
        Resources {
            fuel_per_second: fuel,
            memory,
            storage,
            bandwidth,
            ..Default::default()
        }
    }

    fn amounts() -> impl Strategy<Value = Resources> {
        (0..1u64 << 40, 0..1u64 << 40, 0..1u64 << 46, 0..1u64 << 40)
            .prop_map(|(f, m, s, b)| cpu(f, m, s, b))
    }

    fn add(a: Resources, b: Resources) -> Resources {
        cpu(
            a.fuel_per_second + b.fuel_per_second,
            a.memory + b.memory,
            a.storage + b.storage,
            a.bandwidth + b.bandwidth,
        )
    }

    #[test]
    fn one_suns_is_one_suns() {
        assert_eq!(CPU_1.capacity(&CPU_1.contains), 1_000_000);
        assert_eq!(CPU_1.charge(&CPU_1.contains), Some(1_000_000));
        // One lane of a desktop: an eighth. Memory dominates when it is the larger share.
        assert_eq!(CPU_1.unit_rate(1 << 20), Some(125_000));
        assert_eq!(CPU_1.unit_rate(4 << 30), Some(500_000));
        // Two Gfuel at 125 000 µSUNS are 250 000 µSUNS·s.
        assert_eq!(CPU_1.unit_charge(2_000_000_000, 0), Some(250_000));
        // One SUNS for an hour costs the price.
        assert_eq!(
            cost(MICRO * SECONDS_PER_HOUR, 7 * crate::ISC),
            7 * crate::ISC
        );
    }

    #[test]
    fn a_resource_outside_the_profile_has_no_charge() {
        assert_eq!(
            CPU_1.charge(&Resources {
                gpu_memory: 1,
                ..Default::default()
            }),
            None
        );
        assert_eq!(
            Profile {
                contains: Resources::default()
            }
            .capacity(&CPU_1.contains),
            0
        );
    }

    #[test]
    fn cost_saturates_instead_of_wrapping() {
        assert_eq!(cost(u128::MAX, u128::MAX), u128::MAX);
        assert_eq!(cost(0, u128::MAX), 0);
        assert_eq!(cost(1, 1), 1);
    }

    proptest! {
        #[test]
        fn charges_within_capacity_fit_every_resource(
            machine in amounts(), tasks in prop::collection::vec(amounts(), 1..6)
        ) {
            let total: u128 = tasks.iter().map(|t| u128::from(CPU_1.charge(t).unwrap_or(u64::MAX))).sum();
            if total <= u128::from(CPU_1.capacity(&machine)) {
                let sum = tasks.iter().fold(Resources::default(), |a, t| add(a, *t));
                for (needed, has) in sum.amounts().into_iter().zip(machine.amounts()) {
                    prop_assert!(needed <= has);
                }
            }
        }

        #[test]
        fn splitting_a_machine_gains_nothing(a in amounts(), b in amounts()) {
            prop_assert!(CPU_1.capacity(&a) + CPU_1.capacity(&b) <= CPU_1.capacity(&add(a, b)));
        }

        #[test]
        fn splitting_a_task_saves_nothing(a in amounts(), b in amounts()) {
            prop_assert!(CPU_1.charge(&a).unwrap() + CPU_1.charge(&b).unwrap() >= CPU_1.charge(&add(a, b)).unwrap());
        }

        #[test]
        fn splitting_a_unit_saves_nothing(f in 0..1u64 << 50, g in 0..1u64 << 50, m in 0..1u64 << 40, price in 0..1u128 << 60) {
            let whole = CPU_1.unit_charge(f + g, m).unwrap();
            let parts = [CPU_1.unit_charge(f, m).unwrap(), CPU_1.unit_charge(g, m).unwrap()];
            prop_assert!(parts[0] + parts[1] >= whole);
            prop_assert!(cost(parts[0], price) + cost(parts[1], price) >= cost(whole, price));
        }

        #[test]
        fn cost_is_the_exact_quotient_rounded_up(charge in 0..1u128 << 60, price in 0..1u128 << 60) {
            prop_assert_eq!(cost(charge, price), (charge * price).div_ceil(MICRO * SECONDS_PER_HOUR));
        }
    }
}
