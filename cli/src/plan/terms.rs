//! What a job file asks of price, limits, verification and workers.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use sp_core::{ConstU32, bounded::BoundedVec};
use sungrid_chain_client::{Constraints, Policy, Region, Tier, Tiers};
use sungrid_primitives::jurisdiction::is_assigned;

use super::JobFile;
use crate::{Error, units};

/// Terms that were asked for; what is missing comes from the chain and the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Planck per SUNS·hour.
    pub price: Option<u128>,
    /// Units per batch.
    pub batch_size: Option<u32>,
    /// Batches to cut a job into, if the size of one is not stated.
    pub batches: Option<u32>,
    /// How results are verified.
    pub policy: Option<Policy>,
    /// Most fuel of a unit.
    pub fuel_limit: Option<u64>,
    /// Most memory of a unit, bytes.
    pub memory_limit: Option<u64>,
    /// Most bytes of a unit, in and out.
    pub traffic_limit: Option<u64>,
    /// Seconds until the job ends in any case.
    pub deadline: Option<u64>,
    /// Who may take it.
    pub constraints: Constraints,
}

impl JobFile {
    pub(super) fn terms(&self) -> Result<Terms, Error> {
        let usage = |error: units::NotAnAmount| Error::Usage(error.to_string());
        let price = self
            .price
            .as_deref()
            .map(units::parse_isc)
            .transpose()
            .map_err(usage)?;
        let fuel = self
            .fuel_limit
            .as_deref()
            .map(units::parse_fuel)
            .transpose()
            .map_err(usage)?;
        let memory = self.memory_limit.as_deref().map(units::parse_bytes);
        let traffic = self.traffic_limit.as_deref().map(units::parse_bytes);
        let deadline = self.deadline.as_deref().map(units::parse_seconds);
        let policy = self.policy.as_deref().map(units::parse_policy);
        Ok(Terms {
            price,
            batch_size: self.batch_size,
            batches: None,
            policy: policy.transpose().map_err(usage)?,
            fuel_limit: fuel,
            memory_limit: memory.transpose().map_err(usage)?,
            traffic_limit: traffic.transpose().map_err(usage)?,
            deadline: deadline.transpose().map_err(usage)?,
            constraints: self.constraints()?,
        })
    }

    fn constraints(&self) -> Result<Constraints, Error> {
        let country = |text: &str| match text.as_bytes() {
            [a, b] => Some([a.to_ascii_uppercase(), b.to_ascii_uppercase()])
                .filter(|code| is_assigned(*code)),
            _ => None,
        };
        let tier: Tier = match &self.min_tier {
            None => Tier::Declared,
            Some(text) => word(text).ok_or_else(|| {
                Error::Usage(format!("`{text}` is no tier: use declared or attested"))
            })?,
        };
        let of = |constrained: bool| if constrained { tier } else { Tier::Declared };
        Ok(Constraints {
            // The chain refuses a country that is listed twice.
            jurisdictions: listed(
                &self.jurisdictions,
                "country code: use two letters of ISO 3166-1, such as DE",
                country,
            )?,
            regions: listed(
                &self.regions,
                "region: use at most 32 bytes, such as DE-BY",
                |text| Region::try_from(text.as_bytes().to_vec()).ok(),
            )?,
            architectures: listed(
                &self.architectures,
                "architecture: use x86_64, aarch64, riscv64 or other",
                word,
            )?,
            energy: listed(
                &self.energy,
                "source of energy: use grid, solar, wind, hydro, geothermal, biomass, nuclear, fossil or unknown",
                word,
            )?,
            max_carbon: self.max_gco2,
            tiers: Tiers {
                jurisdiction: of(!self.jurisdictions.is_empty()),
                region: of(!self.regions.is_empty()),
                architecture: of(!self.architectures.is_empty()),
                energy: of(!self.energy.is_empty()),
                carbon: of(self.max_gco2.is_some()),
            },
            min_streak: self.min_streak.unwrap_or_default(),
            distinct_jurisdictions: self.distinct_jurisdictions,
        })
    }
}

/// A word as settings files spell it.
fn word<Word: DeserializeOwned>(text: &str) -> Option<Word> {
    serde_json::from_value(text.to_ascii_lowercase().into()).ok()
}

/// What was listed, each once, within what the chain takes. `what` completes the sentence "… is no …".
fn listed<Item: Ord, const N: u32>(
    texts: &[String],
    what: &str,
    read: impl Fn(&str) -> Option<Item>,
) -> Result<BoundedVec<Item, ConstU32<N>>, Error> {
    let items = texts
        .iter()
        .map(|text| read(text).ok_or_else(|| Error::Usage(format!("`{text}` is no {what}"))))
        .collect::<Result<BTreeSet<_>, _>>()?;
    let items: Vec<Item> = items.into_iter().collect();
    let count = items.len();
    items.try_into().map_err(|_| {
        Error::Usage(format!(
            "{count} entries in one list are too many: a job can name {N}"
        ))
    })
}
