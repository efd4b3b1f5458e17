//! What a run here would cost on the grid.

use serde::Serialize;
use sungrid_chain_client::Chain;
use sungrid_primitives::{
    suns::{CPU_1, CPU_1_GENESIS_FLOOR, Profile, cost},
    traits::CPU_1_ID,
};

use crate::{Error, context::Context, units};

/// Where a floor comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A chain that was asked.
    Chain,
    /// What this program knows of the genesis.
    Genesis,
}

/// The least that a chain lets workers be paid.
#[derive(Clone, Copy, Debug)]
pub struct Tariff {
    profile: Profile,
    /// Planck per SUNS·hour.
    pub floor: u128,
    /// Who says so.
    pub origin: Origin,
}

/// What one replica of one unit costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// µSUNS·s.
    pub charge: u128,
    /// At the floor, rounded up.
    pub cost_planck: u128,
    /// Planck per SUNS·hour.
    pub floor_planck: u128,
    /// Whose floor it is.
    pub floor_of: Origin,
}

impl Tariff {
    /// What the genesis says.
    pub const GENESIS: Self = Self {
        profile: CPU_1,
        floor: CPU_1_GENESIS_FLOOR,
        origin: Origin::Genesis,
    };

    /// Of the chain, if the user named a node; else of the genesis.
    ///
    /// # Errors
    /// [`Error::Chain`] if the node that was named does not answer.
    pub async fn of(context: &Context) -> Result<Self, Error> {
        if context.global.node.is_empty() {
            return Ok(Self::GENESIS);
        }
        let chain = context.chain().await?;
        Self::of_chain(&*chain).await
    }

    /// What a chain says.
    ///
    /// # Errors
    /// [`Error::Chain`]; [`Error::Usage`] if it has no such profile.
    pub async fn of_chain(chain: &dyn Chain) -> Result<Self, Error> {
        let profile = chain.profile(CPU_1_ID).await?;
        Ok(Self {
            profile: profile
                .ok_or_else(|| Error::Usage("this chain has no profile Cpu/1".into()))?,
            floor: chain.price_floor(CPU_1_ID).await?,
            origin: Origin::Chain,
        })
    }

    /// The price of what was metered, `traffic` being bytes in and out; `None` if the profile cannot charge it.
    pub fn price(&self, fuel: u64, peak_memory: u64, traffic: u64) -> Option<Price> {
        let charge = self.profile.unit_charge(fuel, peak_memory, traffic)?;
        Some(Price {
            charge,
            cost_planck: cost(charge, self.floor),
            floor_planck: self.floor,
            floor_of: self.origin,
        })
    }

    /// What a unit with so much memory takes of a machine while it runs, µSUNS; `None` as for [`Self::price`].
    pub fn needs(&self, memory: u64) -> Option<u64> {
        self.profile.unit_rate(memory)
    }
}

impl Price {
    /// The price in words.
    pub fn words(&self) -> String {
        let whose = match self.floor_of {
            Origin::Chain => "this chain's floor",
            Origin::Genesis => "the floor of the genesis, since no --node was asked,",
        };
        format!(
            "{} for each replica, at {whose} of {} per SUNS·hour",
            units::isc(self.cost_planck),
            units::isc(self.floor_planck)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_primitives::ISC;

    #[test]
    fn an_hour_of_one_lane_costs_its_share_of_a_suns() {
        // One Gfuel/s of eight is an eighth of a SUNS; an hour of it is 3.6 Tfuel.
        let price = Tariff::GENESIS
            .price(3_600_000_000_000, 1 << 20, 1 << 30)
            .unwrap();
        assert_eq!(price.charge, 3_600 * 125_000);
        assert_eq!(price.cost_planck, CPU_1_GENESIS_FLOOR / 8);
        assert_eq!(Tariff::GENESIS.needs(1 << 20), Some(125_000));
        // Four GiB of eight are half of one.
        assert_eq!(Tariff::GENESIS.needs(4 << 30), Some(500_000));
        let words = price.words();
        assert!(words.starts_with("0.0125 ISC for each replica"), "{words}");
        assert!(words.contains("genesis"), "{words}");
        // The least costs something.
        assert_eq!(Tariff::GENESIS.price(1, 0, 0).unwrap().cost_planck, 28);
        // 9 GB are an hour of 20 Mbit/s.
        let moved = Tariff::GENESIS.price(1, 1 << 20, 9_000_000_000).unwrap();
        assert_eq!(moved.cost_planck, CPU_1_GENESIS_FLOOR);
        assert_eq!(CPU_1_GENESIS_FLOOR, ISC / 10);
    }
}
