//! What calls and storage keys take, as values with names.

use subxt::dynamic::Value;
use sungrid_primitives::{
    capacity::{Opening, Path},
    merkle::UnitLeaf,
    receipt::BatchSummary,
    suns::Resources,
    traits::{ProfileId, ProfileKind},
};

use crate::{
    Architecture, Attributes, Constraints, EnergySource, JobSpec, PerAttribute, Policy, Statement,
    TaskClass, Tier, Tiers,
};

pub(in crate::rpc) fn number(n: impl Into<u128>) -> Value {
    Value::u128(n.into())
}

pub(in crate::rpc) fn option(value: Option<Value>) -> Value {
    match value {
        Some(value) => Value::unnamed_variant("Some", [value]),
        None => unit_variant("None"),
    }
}

pub(in crate::rpc) fn unit_variant(name: &str) -> Value {
    Value::unnamed_variant(name, [])
}

/// A profile as a storage key or an argument.
pub(in crate::rpc) fn profile(id: ProfileId) -> Value {
    let kind = match id.kind {
        ProfileKind::Cpu => "Cpu",
        ProfileKind::Gpu => "Gpu",
        ProfileKind::Storage => "Storage",
        ProfileKind::Network => "Network",
    };
    Value::named_composite([
        ("kind", unit_variant(kind)),
        ("version", number(id.version)),
    ])
}

pub(in crate::rpc) fn resources(r: &Resources) -> Value {
    Value::named_composite([
        ("fuel_per_second", number(r.fuel_per_second)),
        ("memory", number(r.memory)),
        ("storage", number(r.storage)),
        ("bandwidth", number(r.bandwidth)),
        ("gpu_flops", number(r.gpu_flops)),
        ("gpu_memory", number(r.gpu_memory)),
        ("gpu_bandwidth", number(r.gpu_bandwidth)),
        ("addresses", number(r.addresses)),
    ])
}

pub(in crate::rpc) fn architecture(architecture: &Architecture) -> Value {
    unit_variant(match architecture {
        Architecture::X86_64 => "X86_64",
        Architecture::Aarch64 => "Aarch64",
        Architecture::Riscv64 => "Riscv64",
        Architecture::Other => "Other",
    })
}

pub(in crate::rpc) fn energy(source: &EnergySource) -> Value {
    unit_variant(match source {
        EnergySource::Unknown => "Unknown",
        EnergySource::Grid => "Grid",
        EnergySource::Solar => "Solar",
        EnergySource::Wind => "Wind",
        EnergySource::Hydro => "Hydro",
        EnergySource::Geothermal => "Geothermal",
        EnergySource::Biomass => "Biomass",
        EnergySource::Nuclear => "Nuclear",
        EnergySource::Fossil => "Fossil",
    })
}

pub(in crate::rpc) fn class(class: &TaskClass) -> Value {
    unit_variant(match class {
        TaskClass::General => "General",
        TaskClass::Rendering => "Rendering",
        TaskClass::Science => "Science",
        TaskClass::Learning => "Learning",
        TaskClass::Media => "Media",
    })
}

fn per_attribute(values: PerAttribute<Value>) -> Value {
    Value::named_composite([
        ("jurisdiction", values.jurisdiction),
        ("region", values.region),
        ("architecture", values.architecture),
        ("energy", values.energy),
        ("carbon", values.carbon),
    ])
}

pub(in crate::rpc) fn tiers(tiers: &Tiers) -> Value {
    per_attribute(tiers.map(|tier| {
        unit_variant(match tier {
            Tier::Declared => "Declared",
            Tier::Attested => "Attested",
        })
    }))
}

/// Some of the attributes.
pub(in crate::rpc) fn marks(marks: &PerAttribute<bool>) -> Value {
    per_attribute(marks.map(Value::bool))
}

/// What an auditor stands for.
pub(in crate::rpc) fn statement(statement: &Statement) -> Value {
    let (name, value) = match statement {
        Statement::Jurisdiction(code) => ("Jurisdiction", Value::from_bytes(code)),
        Statement::Region(region) => ("Region", Value::from_bytes(region)),
        Statement::Architecture(one) => ("Architecture", architecture(one)),
        Statement::Energy(source) => ("Energy", energy(source)),
        Statement::Carbon(grams) => ("Carbon", number(*grams)),
    };
    Value::unnamed_variant(name, [value])
}

pub(in crate::rpc) fn list<Item>(items: &[Item], item: impl Fn(&Item) -> Value) -> Value {
    Value::unnamed_composite(items.iter().map(item))
}

pub(in crate::rpc) fn attributes(a: &Attributes) -> Value {
    Value::named_composite([
        ("jurisdiction", Value::from_bytes(a.jurisdiction)),
        ("region", Value::from_bytes(&a.region)),
        ("architecture", architecture(&a.architecture)),
        ("energy", energy(&a.energy)),
        ("carbon", number(a.carbon)),
        ("classes", list(&a.classes, class)),
    ])
}

pub(in crate::rpc) fn constraints(c: &Constraints) -> Value {
    let max_carbon = match c.max_carbon {
        Some(most) => Value::unnamed_variant("Some", [number(most)]),
        None => unit_variant("None"),
    };
    Value::named_composite([
        (
            "jurisdictions",
            list(&c.jurisdictions, |code| Value::from_bytes(code)),
        ),
        (
            "regions",
            list(&c.regions, |region| Value::from_bytes(region)),
        ),
        ("architectures", list(&c.architectures, architecture)),
        ("energy", list(&c.energy, energy)),
        ("max_carbon", max_carbon),
        ("tiers", tiers(&c.tiers)),
        ("min_streak", number(c.min_streak)),
        (
            "distinct_jurisdictions",
            Value::bool(c.distinct_jurisdictions),
        ),
    ])
}

/// An order as an argument.
pub(in crate::rpc) fn spec(s: &JobSpec) -> Value {
    let policy = match s.policy {
        Policy::Optimistic => unit_variant("Optimistic"),
        Policy::Replicate(count) => Value::unnamed_variant("Replicate", [number(count)]),
        Policy::Adaptive => unit_variant("Adaptive"),
        Policy::Quorum(trust) => Value::unnamed_variant("Quorum", [number(trust)]),
    };
    let after = match s.after {
        Some(job) => Value::unnamed_variant("Some", [number(job)]),
        None => unit_variant("None"),
    };
    Value::named_composite([
        ("image", Value::from_bytes(s.image)),
        ("input", Value::from_bytes(s.input)),
        ("units", number(s.units)),
        ("batch_size", number(s.batch_size)),
        ("price", number(s.price)),
        ("fuel_limit", number(s.fuel_limit)),
        ("memory_limit", number(s.memory_limit)),
        ("traffic_limit", number(s.traffic_limit)),
        ("policy", policy),
        ("profile", profile(s.profile)),
        ("environment", Value::from_bytes(s.environment)),
        ("deadline", number(s.deadline)),
        ("endpoint", Value::from_bytes(&s.endpoint)),
        ("constraints", constraints(&s.constraints)),
        ("after", after),
    ])
}

pub(in crate::rpc) fn summary(summary: &BatchSummary) -> Value {
    Value::named_composite([
        ("root", Value::from_bytes(summary.root)),
        ("fuel", number(summary.fuel)),
        ("charge", number(summary.charge)),
    ])
}

pub(in crate::rpc) fn leaf(leaf: &UnitLeaf) -> Value {
    Value::named_composite([
        ("unit", number(leaf.unit)),
        ("output", Value::from_bytes(leaf.output)),
        ("fuel", number(leaf.fuel)),
        ("peak_memory", number(leaf.peak_memory)),
        ("bytes_in", number(leaf.bytes_in)),
        ("bytes_out", number(leaf.bytes_out)),
        ("exit", number(leaf.exit)),
    ])
}

pub(in crate::rpc) fn opening(opening: &Opening) -> Value {
    let path = |path: &Path| list(path, |hash| Value::from_bytes(hash));
    Value::named_composite([
        ("start", list(&opening.start, |word| number(*word))),
        ("before", path(&opening.before)),
        ("after", path(&opening.after)),
    ])
}
