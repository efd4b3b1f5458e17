//! `sungrid price`: what is sold, and for how much.

use serde::Serialize;
use sungrid_chain_client::Chain;
use sungrid_primitives::{
    suns::{Profile, Resources},
    traits::{ProfileId, ProfileKind},
};

use crate::{Error, context::Context, output::table, units};

/// A profile as it trades.
#[derive(Debug, Serialize)]
struct Listed {
    /// Kind and version.
    profile: String,
    /// One SUNS of it.
    contains: Resources,
    /// Least price, planck per SUNS·hour; nothing trades in it without one.
    floor_planck: Option<u128>,
    /// What settled work paid lately, planck per SUNS·hour.
    spot_planck: Option<u128>,
    /// Whether jobs can be charged in it: fuel meters them.
    meters_jobs: bool,
}

pub(super) async fn run(context: &Context) -> Result<(), Error> {
    let listed = list(&*context.chain().await?).await?;
    context.out.result(&listed, || text(&listed));
    Ok(())
}

/// All versions of all kinds: a version is never taken away.
async fn list(chain: &dyn Chain) -> Result<Vec<Listed>, Error> {
    let kinds = [
        (ProfileKind::Cpu, "cpu"),
        (ProfileKind::Gpu, "gpu"),
        (ProfileKind::Storage, "storage"),
        (ProfileKind::Network, "network"),
    ];
    let mut listed = Vec::new();
    for (kind, name) in kinds {
        for version in 1.. {
            let id = ProfileId { kind, version };
            let Some(Profile { contains }) = chain.profile(id).await? else {
                break;
            };
            let spot = chain.spot(id).await?;
            let floor = match spot {
                Some(_) => Some(chain.price_floor(id).await?),
                None => None,
            };
            listed.push(Listed {
                profile: format!("{name}/{version}"),
                contains,
                floor_planck: floor,
                spot_planck: spot,
                meters_jobs: Profile { contains }.unit_rate(0).is_some(),
            });
        }
    }
    Ok(listed)
}

fn text(listed: &[Listed]) -> String {
    let price = |planck: Option<u128>| planck.map_or("none".into(), units::isc);
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|one| {
            vec![
                one.profile.clone(),
                price(one.floor_planck),
                price(one.spot_planck),
                if one.meters_jobs { "yes" } else { "no" }.into(),
                contents(&one.contains),
            ]
        })
        .collect();
    let header = [
        "PROFILE",
        "LEAST, PER SUNS·HOUR",
        "PAID LATELY",
        "JOBS",
        "ONE SUNS CONTAINS",
    ];
    table(&header, &rows)
}

fn contents(one: &Resources) -> String {
    let decimal = |amount: u64, unit: &str| {
        let (amount, prefix) = match amount {
            1_000_000_000_000.. => (amount as f64 / 1e12, "T"),
            1_000_000_000.. => (amount as f64 / 1e9, "G"),
            _ => (amount as f64 / 1e6, "M"),
        };
        format!("{amount} {prefix}{unit}")
    };
    let amounts = [
        (one.fuel_per_second, decimal(one.fuel_per_second, "fuel/s")),
        (one.memory, format!("{} memory", units::bytes(one.memory))),
        (one.storage, decimal(one.storage, "B storage")),
        (one.bandwidth, decimal(one.bandwidth, "bit/s")),
        (one.gpu_flops, decimal(one.gpu_flops, "FLOP/s")),
        (
            one.gpu_memory,
            format!("{} GPU memory", units::bytes(one.gpu_memory)),
        ),
        (
            one.gpu_bandwidth,
            format!("{} of GPU memory", decimal(one.gpu_bandwidth, "B/s")),
        ),
        (one.addresses, format!("{} public address", one.addresses)),
    ];
    let there = amounts.into_iter().filter(|(amount, _)| *amount > 0);
    there.map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use sp_core::H256;
    use sungrid_chain_client::memory::MemoryChain;
    use sungrid_primitives::suns::{CPU_1, CPU_1_GENESIS_FLOOR, GPU_1, NETWORK_1, STORAGE_1};

    use super::*;

    #[tokio::test]
    async fn every_profile_of_the_chain_is_listed_with_its_own_prices() {
        let chain = MemoryChain::new(H256::zero(), &[]);
        let listed = list(&chain).await.unwrap();
        let [cpu] = &listed[..] else {
            panic!("{listed:?}");
        };
        assert_eq!((&*cpu.profile, cpu.contains), ("cpu/1", CPU_1.contains));
        let floor = chain
            .price_floor(sungrid_primitives::traits::CPU_1_ID)
            .await
            .unwrap();
        assert_eq!(
            (cpu.floor_planck, cpu.spot_planck),
            (Some(floor), Some(floor))
        );
        assert!(cpu.meters_jobs);
        // WHEN work was paid better
        chain.edit(|state| state.spot.price = 3 * floor);
        let listed = list(&chain).await.unwrap();
        assert_eq!(listed[0].spot_planck, Some(3 * floor));
        assert_eq!(listed[0].floor_planck, Some(floor));
    }

    #[test]
    fn what_has_no_price_or_no_meter_says_so() {
        let row = |profile: &str, of: Profile, floor| Listed {
            profile: profile.into(),
            contains: of.contains,
            floor_planck: floor,
            spot_planck: floor.map(|floor| 2 * floor),
            meters_jobs: of.unit_rate(0).is_some(),
        };
        let text = text(&[
            row("cpu/1", CPU_1, Some(CPU_1_GENESIS_FLOOR)),
            row("gpu/1", GPU_1, None),
            row("storage/1", STORAGE_1, Some(1)),
            row("network/1", NETWORK_1, Some(1)),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        let has = |line: usize, all: &[&str]| {
            let line = lines[line];
            assert!(all.iter().all(|one| line.contains(one)), "{line}");
        };
        has(
            1,
            &[
                "cpu/1",
                "0.1 ISC",
                "0.2 ISC",
                "yes",
                "8 Gfuel/s",
                "20 Mbit/s",
            ],
        );
        has(
            2,
            &["gpu/1", "none", "no", "2 TFLOP/s", "25 GB/s of GPU memory"],
        );
        has(3, &["storage/1", "no", "1 TB storage, 20 Mbit/s"]);
        has(4, &["network/1", "no", "100 Mbit/s, 1 public address"]);
        assert!(!lines[4].contains("fuel"));
    }
}
