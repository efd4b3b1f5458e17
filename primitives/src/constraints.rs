//! Who may work on a job: the one place where it is decided, on chain and off [S20 I4 N3 N16].

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, bounded::BoundedVec};

use crate::{
    attributes::{
        Architecture, Attribute, Attributes, CARBON_UNKNOWN, EnergySource, Region, TaskClass, Tiers,
    },
    jurisdiction::{self, Jurisdiction},
};

/// Most jurisdictions that a job can list.
pub const MAX_JURISDICTIONS: u32 = 8;
/// Most regions that a job can list.
pub const MAX_REGIONS: u32 = 4;

/// Who may work on a job. An empty list allows everybody.
#[derive(
    Clone,
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default)
)]
pub struct Constraints {
    /// ISO 3166-1 alpha-2 codes that the job may run in (requirement I4).
    pub jurisdictions: BoundedVec<Jurisdiction, ConstU32<MAX_JURISDICTIONS>>,
    /// Regions that it may run in, byte for byte.
    pub regions: BoundedVec<Region, ConstU32<MAX_REGIONS>>,
    /// Instruction sets that it may run on.
    pub architectures: BoundedVec<Architecture, ConstU32<4>>,
    /// Energy sources that it may run on (requirement N3).
    pub energy: BoundedVec<EnergySource, ConstU32<9>>,
    /// Most carbon intensity, gCO2/kWh.
    pub max_carbon: Option<u16>,
    /// Least tier of each attribute.
    pub tiers: Tiers,
    /// Accepted results in a row, since its last fault, that a worker must have in the job's environment: see
    /// [`Trust::streak`](crate::policy::Trust::streak).
    pub min_streak: u32,
    /// Whether the replicas of a batch must be in different jurisdictions. They always have different
    /// operators.
    pub distinct_jurisdictions: bool,
}

/// A constraint that a worker does not meet, in the order in which they are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Unmet {
    /// It does not serve the job's class.
    Class,
    /// It is in another jurisdiction.
    Jurisdiction,
    /// It is in another region.
    Region,
    /// It has another instruction set.
    Architecture,
    /// It runs on other power.
    Energy,
    /// Its power emits too much.
    Carbon,
    /// Nobody who is trusted enough stands for this attribute.
    Tier(Attribute),
    /// It has had too few results accepted since its last fault.
    Streak,
}

/// Constraints that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// A jurisdiction is not an ISO 3166-1 alpha-2 code, or is listed twice.
    Jurisdiction,
    /// Replicas in different jurisdictions are wanted, of fewer jurisdictions than replicas.
    TooFewJurisdictions,
}

fn allows<Item: PartialEq>(listed: &[Item], item: &Item) -> bool {
    listed.is_empty() || listed.contains(item)
}

impl Constraints {
    /// Everything that keeps a worker from a job of this class with these constraints. `streak` is that of its trust in the
    /// job's environment; it does not matter where [`min_streak`](Self::min_streak) is 0.
    pub fn unmet(
        &self,
        class: TaskClass,
        attributes: &Attributes,
        tiers: &Tiers,
        streak: u32,
    ) -> impl Iterator<Item = Unmet> + use<> {
        let said = [
            (attributes.classes.contains(&class), Unmet::Class),
            (
                allows(&self.jurisdictions, &attributes.jurisdiction),
                Unmet::Jurisdiction,
            ),
            (allows(&self.regions, &attributes.region), Unmet::Region),
            (
                allows(&self.architectures, &attributes.architecture),
                Unmet::Architecture,
            ),
            (allows(&self.energy, &attributes.energy), Unmet::Energy),
            (
                self.max_carbon.is_none_or(|most| {
                    attributes.carbon != CARBON_UNKNOWN && attributes.carbon <= most
                }),
                Unmet::Carbon,
            ),
        ];
        let said = said.into_iter().filter(|(met, _)| !met);
        said.map(|(_, unmet)| unmet)
            .chain(tiers.lacking(&self.tiers).map(Unmet::Tier))
            .chain((streak < self.min_streak).then_some(Unmet::Streak))
    }

    /// Whether they ask for what others say of a worker, tiers or a streak, and not for what it says of itself alone.
    pub fn asks_for_record(&self) -> bool {
        self.min_streak > 0 || self.tiers != Tiers::default()
    }

    /// Whether a job whose batches need `replicas` can have these constraints.
    ///
    /// # Errors
    /// What makes no sense about them.
    pub fn validate(&self, replicas: u32) -> Result<(), Unsound> {
        let listed = &self.jurisdictions;
        let each_once = |(at, code): (usize, &Jurisdiction)| {
            jurisdiction::is_assigned(*code) && !listed.iter().take(at).any(|other| other == code)
        };
        if !listed.iter().enumerate().all(each_once) {
            return Err(Unsound::Jurisdiction);
        }
        let enough = listed.is_empty() || listed.len() as u64 >= u64::from(replicas);
        if self.distinct_jurisdictions && !enough {
            return Err(Unsound::TooFewJurisdictions);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Tier;

    fn list<Item, const N: u32>(items: &[Item]) -> BoundedVec<Item, ConstU32<N>>
    where
        Item: Clone,
    {
        BoundedVec::truncate_from(items.to_vec())
    }

    fn worker() -> Attributes {
        Attributes {
            jurisdiction: *b"DE",
            region: list(b"DE-BY"),
            architecture: Architecture::X86_64,
            energy: EnergySource::Solar,
            carbon: 20,
            classes: list(&[TaskClass::Rendering]),
        }
    }

    fn unmet(constraints: &Constraints, tiers: Tiers) -> Vec<Unmet> {
        constraints
            .unmet(TaskClass::Rendering, &worker(), &tiers, 5)
            .collect()
    }

    #[test]
    fn each_constraint_alone_decides() {
        let none = Constraints::default();
        assert_eq!(unmet(&none, Tiers::default()), []);
        type Change = fn(&mut Constraints, bool);
        let rules: [(Change, Unmet); 7] = [
            (
                |c, met| c.jurisdictions = list(&[*b"FR", if met { *b"DE" } else { *b"CH" }]),
                Unmet::Jurisdiction,
            ),
            (
                |c, met| c.regions = list(&[list(if met { b"DE-BY" } else { b"DE-BE" })]),
                Unmet::Region,
            ),
            (
                |c, met| {
                    let other = if met {
                        Architecture::X86_64
                    } else {
                        Architecture::Riscv64
                    };
                    c.architectures = list(&[Architecture::Aarch64, other]);
                },
                Unmet::Architecture,
            ),
            (
                |c, met| {
                    let other = if met {
                        EnergySource::Solar
                    } else {
                        EnergySource::Fossil
                    };
                    c.energy = list(&[EnergySource::Wind, other]);
                },
                Unmet::Energy,
            ),
            (
                |c, met| c.max_carbon = Some(if met { 20 } else { 19 }),
                Unmet::Carbon,
            ),
            (
                |c, met| {
                    if !met {
                        c.tiers.energy = Tier::Attested;
                    }
                },
                Unmet::Tier(Attribute::Energy),
            ),
            (
                |c, met| c.min_streak = if met { 5 } else { 6 },
                Unmet::Streak,
            ),
        ];
        for (change, rule) in rules {
            let mut constraints = Constraints::default();
            change(&mut constraints, true);
            assert_eq!(unmet(&constraints, Tiers::default()), [], "{rule:?}");
            change(&mut constraints, false);
            assert_eq!(unmet(&constraints, Tiers::default()), [rule]);
        }
    }

    #[test]
    fn who_says_nothing_of_its_carbon_is_within_no_limit() {
        let mut silent = worker();
        silent.carbon = CARBON_UNKNOWN;
        let mut constraints = Constraints::default();
        let mut unmet = |most| {
            constraints.max_carbon = most;
            let unmet = constraints.unmet(TaskClass::Rendering, &silent, &Tiers::default(), 0);
            unmet.collect::<Vec<_>>()
        };
        assert_eq!(unmet(None), []);
        for most in [0, 1_000, u16::MAX] {
            assert_eq!(unmet(Some(most)), [Unmet::Carbon], "{most}");
        }
    }

    #[test]
    fn everything_unmet_is_told_in_order() {
        let constraints = Constraints {
            jurisdictions: list(&[*b"FR"]),
            max_carbon: Some(0),
            tiers: Tiers::default().map(|_| Tier::Attested),
            min_streak: 6,
            ..Constraints::default()
        };
        let tiers = Tiers {
            region: Tier::Attested,
            carbon: Tier::Attested,
            architecture: Tier::Attested,
            ..Tiers::default()
        };
        assert_eq!(
            unmet(&constraints, tiers),
            [
                Unmet::Jurisdiction,
                Unmet::Carbon,
                Unmet::Tier(Attribute::Jurisdiction),
                Unmet::Tier(Attribute::Energy),
                Unmet::Streak
            ]
        );
    }

    #[test]
    fn a_class_that_is_not_listed_is_not_served() {
        let none = Constraints::default();
        for class in TaskClass::ALL {
            let mut unmet = none.unmet(class, &worker(), &Tiers::default(), 0);
            assert_eq!(unmet.next().is_none(), class == TaskClass::Rendering);
        }
    }

    #[test]
    fn a_tier_is_demanded_of_one_attribute() {
        let mut constraints = Constraints::default();
        constraints.tiers.jurisdiction = Tier::Attested;
        let mut tiers = Tiers {
            energy: Tier::Attested,
            ..Tiers::default()
        };
        assert_eq!(
            unmet(&constraints, tiers),
            [Unmet::Tier(Attribute::Jurisdiction)]
        );
        tiers.jurisdiction = Tier::Attested;
        assert_eq!(unmet(&constraints, tiers), []);
    }

    #[test]
    fn nonsense_is_named() {
        let mut constraints = Constraints {
            jurisdictions: list(&[*b"DE", *b"FR"]),
            distinct_jurisdictions: true,
            ..Constraints::default()
        };
        assert_eq!(constraints.validate(2), Ok(()));
        assert_eq!(constraints.validate(3), Err(Unsound::TooFewJurisdictions));
        constraints.jurisdictions = list(&[]);
        assert_eq!(constraints.validate(3), Ok(()));
        for bad in [vec![*b"de"], vec![*b"XX"], vec![*b"DE", *b"FR", *b"DE"]] {
            constraints.jurisdictions = list(&bad);
            assert_eq!(constraints.validate(2), Err(Unsound::Jurisdiction));
        }
    }
}
