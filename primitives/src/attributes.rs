//! What an operator says of a machine, and who stands for it (protocol section 4).

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, bounded::BoundedVec};

use crate::jurisdiction::Jurisdiction;

/// Bytes of a region's name.
pub const MAX_REGION_BYTES: u32 = 32;
/// How many task classes there are.
pub const CLASSES: u32 = 5;

/// A place within a jurisdiction. Names are compared byte by byte: ISO 3166-2 codes such as `DE-BY` keep
/// them comparable.
pub type Region = BoundedVec<u8, ConstU32<MAX_REGION_BYTES>>;

macro_rules! plain {
    ($($item:item)*) => {
        $(
            #[derive(
                Clone,
                Copy,
                Debug,
                PartialEq,
                Eq,
                PartialOrd,
                Ord,
                Encode,
                Decode,
                DecodeWithMemTracking,
                MaxEncodedLen,
                TypeInfo,
            )]
            #[cfg_attr(
                feature = "serde",
                derive(serde::Serialize, serde::Deserialize),
                serde(rename_all = "snake_case")
            )]
            $item
        )*
    };
}

plain! {
    /// Instruction set of a machine (requirement S8).
    pub enum Architecture {
        /// x86-64.
        X86_64,
        /// ARMv8 and newer, 64 bits.
        Aarch64,
        /// RISC-V, 64 bits.
        Riscv64,
        /// Anything else.
        Other,
    }

    /// Where a machine's power comes from (requirement N3).
    #[derive(Default)]
    pub enum EnergySource {
        /// Not declared.
        #[default]
        Unknown,
        /// The grid's mix.
        Grid,
        /// Sun.
        Solar,
        /// Wind.
        Wind,
        /// Water.
        Hydro,
        /// Earth's heat.
        Geothermal,
        /// Biomass.
        Biomass,
        /// Nuclear power.
        Nuclear,
        /// Coal, oil or gas.
        Fossil,
    }

    /// What an image is for; workers choose the classes that they serve (requirement N16).
    #[derive(Default)]
    pub enum TaskClass {
        /// Anything else.
        #[default]
        General,
        /// Pictures and films.
        Rendering,
        /// Simulation and analysis.
        Science,
        /// Training and inference.
        Learning,
        /// Media processing.
        Media,
    }

    /// What an auditor can stand for.
    pub enum Attribute {
        /// The jurisdiction.
        Jurisdiction,
        /// The region.
        Region,
        /// The architecture.
        Architecture,
        /// The energy source.
        Energy,
        /// The carbon intensity.
        Carbon,
    }

    /// Who stands for an attribute; a later one is worth more.
    #[derive(Default)]
    pub enum Tier {
        /// The operator alone.
        #[default]
        Declared,
        /// A bonded auditor.
        Attested,
    }
}

/// Something for each attribute that can be attested.
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
pub struct PerAttribute<Item> {
    /// Of the jurisdiction.
    pub jurisdiction: Item,
    /// Of the region.
    pub region: Item,
    /// Of the architecture.
    pub architecture: Item,
    /// Of the energy source.
    pub energy: Item,
    /// Of the carbon intensity.
    pub carbon: Item,
}

/// The tier of each attribute.
pub type Tiers = PerAttribute<Tier>;
/// Task classes, each at most once.
pub type Classes = BoundedVec<TaskClass, ConstU32<CLASSES>>;

impl TaskClass {
    /// All there are.
    pub const ALL: [Self; CLASSES as usize] = [
        Self::General,
        Self::Rendering,
        Self::Science,
        Self::Learning,
        Self::Media,
    ];
}

impl<Item> PerAttribute<Item> {
    /// The same, of another kind.
    pub fn map<Other>(self, mut change: impl FnMut(Item) -> Other) -> PerAttribute<Other> {
        PerAttribute {
            jurisdiction: change(self.jurisdiction),
            region: change(self.region),
            architecture: change(self.architecture),
            energy: change(self.energy),
            carbon: change(self.carbon),
        }
    }

    /// What belongs to the attribute that a statement is about.
    pub fn of_mut(&mut self, statement: &Statement) -> &mut Item {
        match statement {
            Statement::Jurisdiction(_) => &mut self.jurisdiction,
            Statement::Region(_) => &mut self.region,
            Statement::Architecture(_) => &mut self.architecture,
            Statement::Energy(_) => &mut self.energy,
            Statement::Carbon(_) => &mut self.carbon,
        }
    }
}

impl Tiers {
    /// The attributes that have a lower tier than `wanted` has for them.
    pub fn lacking(&self, wanted: &Self) -> impl Iterator<Item = Attribute> + use<> {
        [
            (
                self.jurisdiction,
                wanted.jurisdiction,
                Attribute::Jurisdiction,
            ),
            (self.region, wanted.region, Attribute::Region),
            (
                self.architecture,
                wanted.architecture,
                Attribute::Architecture,
            ),
            (self.energy, wanted.energy, Attribute::Energy),
            (self.carbon, wanted.carbon, Attribute::Carbon),
        ]
        .into_iter()
        .filter_map(|(tier, wanted, attribute)| (tier < wanted).then_some(attribute))
    }
}

/// The carbon intensity of a machine whose operator says nothing of it: over every limit. Silence must not pass for clean power.
pub const CARBON_UNKNOWN: u16 = u16::MAX;

/// What an operator says of a machine.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Attributes {
    /// Assigned ISO 3166-1 alpha-2 code, upper case.
    pub jurisdiction: Jurisdiction,
    /// Place within it; may be empty.
    pub region: Region,
    /// Instruction set.
    pub architecture: Architecture,
    /// Source of its power.
    pub energy: EnergySource,
    /// Carbon intensity of its power, gCO2/kWh, or [`CARBON_UNKNOWN`].
    pub carbon: u16,
    /// Task classes that it serves: at least one. A class that is not listed is not served, also one that the
    /// network gets later (requirement N16).
    pub classes: Classes,
}

/// One attribute and its value: what an auditor stands for.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Statement {
    /// The machine stands in this jurisdiction.
    Jurisdiction(Jurisdiction),
    /// In this region of it.
    Region(Region),
    /// It has this instruction set.
    Architecture(Architecture),
    /// It runs on this power.
    Energy(EnergySource),
    /// Of this carbon intensity, gCO2/kWh.
    Carbon(u16),
}

impl Statement {
    /// Whether the operator says the same.
    pub fn agrees_with(&self, declared: &Attributes) -> bool {
        match self {
            Self::Jurisdiction(jurisdiction) => *jurisdiction == declared.jurisdiction,
            Self::Region(region) => *region == declared.region,
            Self::Architecture(architecture) => *architecture == declared.architecture,
            Self::Energy(energy) => *energy == declared.energy,
            Self::Carbon(carbon) => *carbon == declared.carbon,
        }
    }
}

impl Attributes {
    /// Which attributes differ from those of `other`.
    pub fn differences(&self, other: &Self) -> PerAttribute<bool> {
        PerAttribute {
            jurisdiction: self.jurisdiction != other.jurisdiction,
            region: self.region != other.region,
            architecture: self.architecture != other.architecture,
            energy: self.energy != other.energy,
            carbon: self.carbon != other.carbon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> Attributes {
        Attributes {
            jurisdiction: *b"DE",
            region: BoundedVec::truncate_from(b"DE-BY".to_vec()),
            architecture: Architecture::X86_64,
            energy: EnergySource::Solar,
            carbon: 20,
            classes: BoundedVec::truncate_from(TaskClass::ALL.to_vec()),
        }
    }

    #[test]
    fn a_statement_is_about_one_attribute() {
        let declared = attributes();
        let statements = [
            Statement::Jurisdiction(*b"DE"),
            Statement::Region(declared.region.clone()),
            Statement::Architecture(Architecture::X86_64),
            Statement::Energy(EnergySource::Solar),
            Statement::Carbon(20),
        ];
        let mut moved = attributes();
        moved.jurisdiction = *b"AT";
        moved.region = Region::default();
        moved.architecture = Architecture::Other;
        moved.energy = EnergySource::Grid;
        moved.carbon = 21;
        for statement in &statements {
            assert!(statement.agrees_with(&declared) && !statement.agrees_with(&moved));
            let mut marks = PerAttribute::<bool>::default();
            *marks.of_mut(statement) = true;
            let fields = [
                marks.jurisdiction,
                marks.region,
                marks.architecture,
                marks.energy,
                marks.carbon,
            ];
            assert_eq!(fields.iter().filter(|mark| **mark).count(), 1);
        }
        assert_eq!(
            declared.differences(&moved),
            PerAttribute::<()>::default().map(|()| true)
        );
        assert_eq!(declared.differences(&declared), Default::default());
    }

    #[test]
    fn tiers_are_reached_one_by_one() {
        let low = Tiers::default();
        let high = low.map(|_| Tier::Attested);
        let lacking = |of: &Tiers, wanted: &Tiers| of.lacking(wanted).collect::<Vec<_>>();
        assert_eq!(lacking(&low, &low), []);
        assert_eq!(lacking(&high, &low), []);
        assert_eq!(lacking(&high, &high), []);
        let all = lacking(&low, &high);
        assert_eq!(all.len(), 5);
        for (at, attribute) in all.into_iter().enumerate() {
            let mut place = 0;
            let one = low.map(|_| {
                place += 1;
                if place == at + 1 {
                    Tier::Attested
                } else {
                    Tier::Declared
                }
            });
            assert_eq!(lacking(&low, &one), [attribute]);
            assert_eq!(lacking(&one, &one), []);
            assert_eq!(lacking(&one, &high).len(), 4);
        }
    }
}
