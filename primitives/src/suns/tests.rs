use proptest::prelude::*;

use super::*;

const PROFILES: [Profile; 4] = [CPU_1, GPU_1, STORAGE_1, NETWORK_1];

fn any_profile() -> impl Strategy<Value = Profile> {
    prop::sample::select(PROFILES.to_vec())
}

/// Ordinary figures, and the ends of the range.
fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..1u64 << 44,
        2 => any::<u64>(),
        1 => prop::sample::select(vec![0, 1, u64::MAX - 1, u64::MAX]),
    ]
}

fn from_amounts(amounts: [u64; 8]) -> Resources {
    let [
        fuel_per_second,
        memory,
        storage,
        bandwidth,
        gpu_flops,
        gpu_memory,
        gpu_bandwidth,
        addresses,
    ] = amounts;
    Resources {
        fuel_per_second,
        memory,
        storage,
        bandwidth,
        gpu_flops,
        gpu_memory,
        gpu_bandwidth,
        addresses,
    }
}

fn resources() -> impl Strategy<Value = Resources> {
    prop::array::uniform8(amount()).prop_map(from_amounts)
}

/// A machine made for a profile: so many SUNS of everything, and up to half of that more.
fn machine_for(profile: Profile) -> impl Strategy<Value = Resources> {
    (1..1u64 << 20, prop::array::uniform8(0..1u64 << 19)).prop_map(move |(suns, more)| {
        let mut amounts = profile.contains.amounts();
        for (amount, more) in amounts.iter_mut().zip(more) {
            *amount = amount.saturating_mul(suns.saturating_add(more.min(suns / 2)));
        }
        from_amounts(amounts)
    })
}

/// What of it the profile knows: a task that needs more has no charge at all.
fn within(profile: &Profile, resources: Resources) -> Resources {
    let mut amounts = resources.amounts();
    for (amount, per_suns) in amounts.iter_mut().zip(profile.contains.amounts()) {
        *amount *= u64::from(per_suns > 0);
    }
    from_amounts(amounts)
}

/// A share of each amount, in 2^16ths, and the rest.
fn cut(whole: &Resources, shares: [u16; 8]) -> (Resources, Resources) {
    let mut parts = whole.amounts();
    let mut rest = parts;
    for ((part, rest), share) in parts.iter_mut().zip(&mut rest).zip(shares) {
        *part = ((u128::from(*part) * u128::from(share)) >> 16) as u64;
        *rest -= *part;
    }
    (from_amounts(parts), from_amounts(rest))
}

#[test]
fn one_suns_is_one_suns() {
    for profile in PROFILES {
        assert_eq!(profile.capacity(&profile.contains), 1_000_000);
        assert_eq!(profile.charge(&profile.contains), Some(1_000_000));
    }
    // One lane of a desktop: an eighth. Memory dominates when it is the larger share.
    assert_eq!(CPU_1.unit_rate(1 << 20), Some(125_000));
    assert_eq!(CPU_1.unit_rate(4 << 30), Some(500_000));
    // Two Gfuel at 125 000 µSUNS are 250 000 µSUNS·s.
    assert_eq!(CPU_1.unit_charge(2_000_000_000, 0, 0), Some(250_000));
    // A second of 20 Mbit/s, of which a unit that computes for longer takes nothing more.
    assert_eq!(CPU_1.traffic_charge(2_500_000), Some(1_000_000));
    assert_eq!(CPU_1.traffic_charge(1), Some(1));
    let (gfuel, megabyte) = (1_000_000_000, 1_000_000);
    assert_eq!(CPU_1.unit_charge(4 * gfuel, 0, megabyte), Some(500_000));
    assert_eq!(CPU_1.unit_charge(gfuel, 0, megabyte), Some(400_000));
    assert_eq!(CPU_1.unit_charge(0, 0, megabyte), Some(400_000));
    // One SUNS for an hour costs the price.
    assert_eq!(
        cost(MICRO * SECONDS_PER_HOUR, 7 * crate::ISC),
        7 * crate::ISC
    );
}

#[test]
fn declared_sizes_fit_the_cards_they_are_meant_for() {
    // Requirement S19. A card of 24 GiB as they are sold: 71 TFLOP/s, 936 GB/s. Its memory decides.
    let card = Resources {
        gpu_flops: 71_000_000_000_000,
        gpu_memory: 24 << 30,
        gpu_bandwidth: 936_000_000_000,
        ..Resources::NONE
    };
    // A small one: 4 GiB, 10 TFLOP/s, 128 GB/s.
    let small = Resources {
        gpu_flops: 10_000_000_000_000,
        gpu_memory: 4 << 30,
        gpu_bandwidth: 128_000_000_000,
        ..Resources::NONE
    };
    let suns = |n: u64| n * MICRO as u64;
    let (llama, cosy_voice, flux) = (suns(30), suns(5), suns(30));
    assert_eq!(GPU_1.capacity(&card), suns(30));
    assert_eq!(GPU_1.capacity(&small), suns(5));
    for size in [llama, flux] {
        assert!(size <= GPU_1.capacity(&card));
        assert!(size > GPU_1.capacity(&small));
    }
    assert!(cosy_voice <= GPU_1.capacity(&small));
    // 30 SUNS hold 24 GB of weights, so placement by SUNS honours the memory that they stand for.
    let weights = Resources {
        gpu_memory: 24_000_000_000,
        ..Resources::NONE
    };
    assert!(GPU_1.charge(&weights).is_some_and(|charge| charge <= llama));
}

#[test]
fn a_resource_outside_the_profile_has_no_charge() {
    let memory = Resources {
        gpu_memory: 1,
        ..Resources::NONE
    };
    assert_eq!(CPU_1.charge(&memory), None);
    assert_eq!(CPU_1.charge_over(&memory, 1), None);
    for profile in [GPU_1, STORAGE_1, NETWORK_1] {
        assert_eq!(profile.unit_rate(0), None, "only Cpu/1 has lanes");
    }
    let offline = Profile {
        contains: Resources {
            bandwidth: 0,
            ..CPU_1.contains
        },
    };
    assert_eq!(offline.unit_charge(8, 0, 0), Some(1));
    assert_eq!(offline.unit_charge(8, 0, 1), None);
    let nothing = Profile {
        contains: Resources::NONE,
    };
    assert_eq!(nothing.capacity(&CPU_1.contains), 0);
}

#[test]
fn a_task_beyond_counting_does_not_fit_because_both_sides_saturate() {
    let addresses = |addresses| Resources {
        addresses,
        ..Resources::NONE
    };
    let profile = Profile {
        contains: addresses(1),
    };
    assert_eq!(profile.capacity(&addresses(u64::MAX - 1)), u64::MAX);
    assert_eq!(profile.charge(&addresses(u64::MAX)), None);
}

#[test]
fn virtual_time_is_that_of_fuel_or_of_bytes() {
    let seconds = |units, fuel, traffic| {
        let rate = CPU_1.unit_rate(1 << 30).expect("a CPU task");
        let charge = CPU_1.unit_charge(fuel, 1 << 30, traffic);
        virtual_seconds(units, fuel, rate, charge.expect("a CPU task"))
    };
    // A lane of eight has an eighth of 20 Mbit/s: 312,500 bytes a second.
    assert_eq!(seconds(4, LANE_FUEL_PER_SECOND, 0), Some(4));
    assert_eq!(seconds(4, LANE_FUEL_PER_SECOND, 312_500), Some(4));
    assert_eq!(seconds(4, LANE_FUEL_PER_SECOND, 625_000), Some(8));
    assert_eq!(seconds(3, 1, 1_000), Some(1));
    assert_eq!(seconds(1, 3 * LANE_FUEL_PER_SECOND + 1, 0), Some(4));
    // Beyond counting is beyond any limit, and nothing divides by zero.
    assert_eq!(virtual_seconds(1_024, 1, 1, u128::MAX), None);
    assert_eq!(virtual_seconds(1, 1, 1, u128::MAX), None);
    assert_eq!(virtual_seconds(1, 1, 0, 1), None);
    let longest = virtual_seconds(u32::MAX, u64::MAX, u64::MAX, 0);
    assert_eq!(longest, None);
}

#[test]
fn cost_saturates_instead_of_wrapping() {
    assert_eq!(cost(u128::MAX, u128::MAX), u128::MAX);
    assert_eq!(cost(0, u128::MAX), 0);
    assert_eq!(cost(1, 1), 1);
    assert_eq!(cost(u128::MAX, MICRO * SECONDS_PER_HOUR), u128::MAX);
    assert_eq!(
        cost(u128::MAX, MICRO * SECONDS_PER_HOUR - 1),
        u128::MAX - u128::MAX / (MICRO * SECONDS_PER_HOUR)
    );
}

proptest! {
    #[test]
    fn charges_within_capacity_fit_every_resource(
        (profile, machine) in any_profile().prop_flat_map(|profile| {
            (Just(profile), prop_oneof![machine_for(profile), resources()])
        }),
        shares in prop::collection::vec(prop::array::uniform8(any::<u16>()), 1..12),
    ) {
        let capacity = u128::from(profile.capacity(&machine));
        let machine = within(&profile, machine);
        // Each task wants up to a quarter of every resource, so together they want more than there is.
        let (mut total, mut needed) = (0u128, [0u128; 8]);
        for share in shares {
            let (task, _) = cut(&machine, share.map(|share| share / 4));
            let Some(charge) = profile.charge(&task).map(u128::from) else {
                continue;
            };
            if total + charge <= capacity {
                total += charge;
                for (sum, amount) in needed.iter_mut().zip(task.amounts()) {
                    *sum += u128::from(amount);
                }
            }
        }
        for (needed, has) in needed.into_iter().zip(machine.amounts()) {
            prop_assert!(needed <= u128::from(has));
        }
    }

    #[test]
    fn whatever_is_admitted_fits(
        profile in any_profile(), machine in resources(), task in resources()
    ) {
        let task = within(&profile, task);
        if profile.charge(&task).is_some_and(|charge| charge <= profile.capacity(&machine)) {
            for (needed, has) in task.amounts().into_iter().zip(machine.amounts()) {
                prop_assert!(needed <= has);
            }
        }
    }

    #[test]
    fn splitting_a_machine_gains_nothing(
        profile in any_profile(), machine in resources(), shares in prop::array::uniform8(any::<u16>())
    ) {
        let (a, b) = cut(&machine, shares);
        prop_assert!(profile.capacity(&a) + profile.capacity(&b) <= profile.capacity(&machine));
    }

    #[test]
    fn splitting_a_task_saves_nothing(
        profile in any_profile(), task in resources(), shares in prop::array::uniform8(any::<u16>()),
        time: u64, price in 0..1u128 << 60
    ) {
        let task = within(&profile, task);
        let (a, b) = cut(&task, shares);
        let Some(whole) = profile.charge_over(&task, time) else {
            return Ok(());
        };
        let charges = [&a, &b].map(|part| profile.charge_over(part, time).expect("less than the whole"));
        prop_assert!(charges[0] + charges[1] >= whole);
        prop_assert!(cost(charges[0], price) + cost(charges[1], price) >= cost(whole, price));
    }

    #[test]
    fn splitting_time_or_fuel_saves_nothing(
        profile in any_profile(), task in resources(), f in amount(), g in amount(), price in 0..1u128 << 60
    ) {
        let Some(both) = f.checked_add(g) else {
            return Ok(());
        };
        let (_, task) = cut(&within(&profile, task), [1 << 15; 8]);
        let charge = |time| profile.charge_over(&task, time);
        if let (Some(whole), Some(first), Some(second)) = (charge(both), charge(f), charge(g)) {
            prop_assert!(first + second >= whole);
            prop_assert!(cost(first, price) + cost(second, price) >= cost(whole, price));
        }
    }

    #[test]
    fn splitting_a_unit_saves_nothing(
        (f, g) in (amount(), amount()), (a, b) in (amount(), amount()), memory in amount(), price in 0..1u128 << 60
    ) {
        let (Some(fuel), Some(traffic)) = (f.checked_add(g), a.checked_add(b)) else {
            return Ok(());
        };
        // Its work to one and its bytes to the other included.
        let unit = |fuel, traffic| CPU_1.unit_charge(fuel, memory, traffic);
        if let (Some(whole), Some(first), Some(second)) = (unit(fuel, traffic), unit(f, a), unit(g, b)) {
            prop_assert!(first + second >= whole);
            prop_assert!(cost(first, price) + cost(second, price) >= cost(whole, price));
        }
    }

    #[test]
    fn units_charged_within_capacity_fit_every_resource(
        machine in machine_for(CPU_1), seconds in 1..1u64 << 17,
        shares in prop::collection::vec((any::<u16>(), 1..1u64 << 33, any::<u16>(), any::<u16>()), 1..16),
    ) {
        // What a machine has over so many seconds; of fuel and bandwidth each unit wants up to a quarter.
        let over = |rate: u64| u128::from(rate) * u128::from(seconds);
        let share = |whole: u128, share: u16| ((whole * u128::from(share)) >> 18) as u64;
        let bytes = over(machine.bandwidth) / 8;
        let capacity = over(CPU_1.capacity(&machine));
        let (mut charged, mut fuel, mut traffic, mut memory) = (0u128, 0u128, 0u128, 0u128);
        for (work, held, bytes_in, bytes_out) in shares {
            let work = share(over(machine.fuel_per_second), work);
            let moved = share(bytes, bytes_in) / 2 + share(bytes, bytes_out) / 2;
            let charge = CPU_1.unit_charge(work, held, moved).expect("within Cpu/1");
            if charged + charge <= capacity {
                charged += charge;
                fuel += u128::from(work);
                traffic += u128::from(moved);
                memory += u128::from(held) * u128::from(work);
            }
        }
        prop_assert!(fuel <= over(machine.fuel_per_second));
        prop_assert!(traffic * 8 <= over(machine.bandwidth));
        prop_assert!(memory <= over(machine.memory) * u128::from(LANE_FUEL_PER_SECOND));
    }

    #[test]
    fn a_unit_is_charged_for_its_dominant_resource_and_no_other(
        fuel in amount(), memory in amount(), traffic in amount(), more in amount()
    ) {
        let bandwidth = u128::from(CPU_1.contains.bandwidth);
        let moved = CPU_1.traffic_charge(traffic).expect("within Cpu/1");
        prop_assert!(moved * bandwidth >= u128::from(traffic) * 8 * MICRO);
        prop_assert!(moved == 0 || (moved - 1) * bandwidth < u128::from(traffic) * 8 * MICRO);
        if let Some(computed) = CPU_1.unit_charge(fuel, memory, 0) {
            prop_assert_eq!(CPU_1.unit_charge(fuel, memory, traffic), Some(computed.max(moved)));
            let larger = CPU_1.unit_charge(fuel, memory, traffic.saturating_add(more));
            prop_assert!(larger >= Some(computed.max(moved)));
        }
    }

    /// A requester whose data is large cannot have honest machines miss deadlines: lane and line of a claim are its part of the machine,
    /// and do the work in its virtual time.
    #[test]
    fn a_batch_fits_into_its_virtual_time(
        units in 1..=1_024u32,
        fuel in 1..1u64 << 44,
        memory in 1..1u64 << 36,
        traffic in 0..1u64 << 40,
    ) {
        let rate = CPU_1.unit_rate(memory).expect("a CPU task");
        let charge = CPU_1.unit_charge(fuel, memory, traffic).expect("a CPU task");
        let seconds = virtual_seconds(units, fuel, rate, charge).expect("within 64 bits");
        let seconds = u128::from(seconds);
        let units_wide = u128::from(units);
        prop_assert!(seconds * u128::from(LANE_FUEL_PER_SECOND) >= units_wide * u128::from(fuel));
        // Bits that the claim's part of the line moves, times a million.
        let line = u128::from(CPU_1.contains.bandwidth) * u128::from(rate);
        prop_assert!(seconds * line >= units_wide * u128::from(traffic) * 8 * MICRO);
        // What is charged is taken for so long.
        prop_assert!(seconds * u128::from(rate) + units_wide >= units_wide * charge);
        // And no longer than it has to be: a second less does for one or the other not.
        let short = seconds - 1;
        let is_late = short * u128::from(LANE_FUEL_PER_SECOND) < units_wide * u128::from(fuel)
            || short * u128::from(rate) < units_wide * charge;
        prop_assert!(is_late);
    }

    #[test]
    fn more_of_anything_never_takes_a_shorter_time(
        (units, more_units) in (1..=512u32, 0..=512u32),
        (fuel, more_fuel) in (1..1u64 << 44, 0..1u64 << 44),
        (traffic, more_traffic) in (0..1u64 << 40, 0..1u64 << 40),
        memory in 1..1u64 << 36,
    ) {
        let rate = CPU_1.unit_rate(memory).expect("a CPU task");
        let seconds = |units, fuel, traffic| {
            let charge = CPU_1.unit_charge(fuel, memory, traffic).expect("a CPU task");
            virtual_seconds(units, fuel, rate, charge).expect("within 64 bits")
        };
        let least = seconds(units, fuel, traffic);
        prop_assert!(seconds(units + more_units, fuel, traffic) >= least);
        prop_assert!(seconds(units, fuel, traffic + more_traffic) >= least);
        prop_assert!(seconds(units, fuel + more_fuel, traffic) >= least);
        // Two batches of halves take no less than one of both: nobody gains time by cutting an order otherwise.
        let parts = seconds(units, fuel, traffic) + seconds(more_units.max(1), fuel, traffic);
        prop_assert!(parts >= seconds(units + more_units.max(1), fuel, traffic));
    }

    #[test]
    fn rounding_never_favours_the_caller(
        profile in any_profile(), machine in resources(), task in resources(), time: u64
    ) {
        let each = |resources: &Resources| {
            let known = profile.contains.amounts().into_iter().zip(resources.amounts());
            known
                .filter(|(per_suns, _)| *per_suns > 0)
                .map(|(per_suns, amount)| (u128::from(per_suns), u128::from(amount) * MICRO))
                .collect::<Vec<_>>()
        };
        // A seller has what he is counted for, and not a µSUNS more could be.
        let capacity = u128::from(profile.capacity(&machine));
        prop_assert!(each(&machine).iter().all(|(per_suns, has)| capacity * per_suns <= *has));
        prop_assert!(each(&machine).iter().any(|(per_suns, has)| (capacity + 1) * per_suns > *has));
        // A buyer is counted for what he needs, and not a µSUNS too many.
        let task = within(&profile, task);
        if let Some(charge) = profile.charge(&task).map(u128::from) {
            prop_assert!(each(&task).iter().all(|(per_suns, needs)| charge * per_suns >= *needs));
            prop_assert!(
                charge == 0 || each(&task).iter().any(|(per_suns, needs)| (charge - 1) * per_suns < *needs)
            );
            let second = u128::from(LANE_FUEL_PER_SECOND);
            let over = profile.charge_over(&task, time).expect("it has a charge");
            prop_assert!(over * second >= charge * u128::from(time));
            prop_assert!(over == 0 || (over - 1) * second < charge * u128::from(time));
        }
    }

    #[test]
    fn cost_is_the_exact_quotient_rounded_up(charge in 0..1u128 << 60, price in 0..1u128 << 60) {
        prop_assert_eq!(cost(charge, price), (charge * price).div_ceil(MICRO * SECONDS_PER_HOUR));
    }

    #[test]
    fn a_larger_charge_or_price_never_costs_less(
        charge: u128, more in 0..u128::MAX, price: u128, dearer in 0..u128::MAX
    ) {
        prop_assert!(cost(charge, price) <= cost(charge.saturating_add(more), price));
        prop_assert!(cost(charge, price) <= cost(charge, price.saturating_add(dearer)));
    }
}
