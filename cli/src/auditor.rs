//! What auditors stand for: as they type it, and as the chain has it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sungrid_chain_client::{
    AccountId, Attestation, Attestations, Attribute, BlockNumber, Chain, PerAttribute, Region,
    Statement,
};

use crate::{
    Error,
    args::{AttributeName, FoundArgs},
};

/// An attribute of a worker that somebody stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stands {
    /// The worker key.
    pub worker: AccountId,
    /// For which attribute.
    pub attribute: Attribute,
    /// First block at which it counts no more.
    pub until: BlockNumber,
}

/// An auditor with what it stands for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Who.
    pub auditor: AccountId,
    /// Held, planck; 0: it has not bonded yet.
    pub bond_planck: u128,
    /// First block at which its bond may be withdrawn, once it has resigned.
    pub free_at: Option<BlockNumber>,
    /// What it stands for and counts.
    pub attests: Vec<Stands>,
}

/// The attestations of a worker by attribute.
pub fn by_attribute(said: &Attestations) -> impl Iterator<Item = (Attribute, &Attestation)> {
    [
        (Attribute::Jurisdiction, &said.jurisdiction),
        (Attribute::Region, &said.region),
        (Attribute::Architecture, &said.architecture),
        (Attribute::Energy, &said.energy),
        (Attribute::Carbon, &said.carbon),
    ]
    .into_iter()
    .filter_map(|(attribute, said)| Some((attribute, said.as_ref()?)))
}

/// All auditors with what counts of their word.
///
/// # Errors
/// Those of the chain.
pub async fn list(chain: &dyn Chain) -> Result<Vec<Listed>, Error> {
    let now = chain.head().await?.number;
    let attestations = chain.attestations().await?;
    let mut auditors = Vec::new();
    for (account, auditor) in chain.auditors().await? {
        let counts = |said: &&Attestation| {
            said.auditor == account && said.admission == auditor.admission && now < said.until
        };
        let attests = attestations
            .iter()
            .flat_map(|(worker, said)| by_attribute(said).map(move |(of, said)| (worker, of, said)))
            .filter(|(.., said)| counts(said))
            .map(|(worker, attribute, said)| Stands {
                worker: worker.clone(),
                attribute,
                until: said.until,
            })
            .collect();
        auditors.push(Listed {
            bond_planck: auditor.bond,
            free_at: auditor.leaving,
            attests,
            auditor: account,
        });
    }
    Ok(auditors)
}

/// One statement for each value.
///
/// # Errors
/// [`Error::Usage`] for a value that is none.
pub fn statements(found: &FoundArgs) -> Result<Vec<Statement>, Error> {
    let mut statements = Vec::new();
    if let Some(text) = &found.jurisdiction {
        let code = text.to_ascii_uppercase().into_bytes().try_into();
        let code = code.map_err(|_| {
            Error::Usage(format!(
                "`{text}` is no country code: use two letters of ISO 3166-1, such as DE"
            ))
        })?;
        statements.push(Statement::Jurisdiction(code));
    }
    if let Some(text) = &found.region {
        let region = Region::try_from(text.as_bytes().to_vec()).map_err(|_| {
            Error::Usage(format!(
                "`{text}` is no region: use at most 32 bytes, such as DE-BY"
            ))
        })?;
        statements.push(Statement::Region(region));
    }
    if let Some(text) = &found.arch {
        let hint = "architecture: use x86_64, aarch64, riscv64 or other";
        statements.push(Statement::Architecture(word(text, hint)?));
    }
    if let Some(text) = &found.energy {
        let hint = "source of energy: use grid, solar, wind, hydro, geothermal, biomass, nuclear, fossil or unknown";
        statements.push(Statement::Energy(word(text, hint)?));
    }
    statements.extend(found.gco2.map(Statement::Carbon));
    Ok(statements)
}

/// A word as settings files spell it.
fn word<Word: DeserializeOwned>(text: &str, hint: &str) -> Result<Word, Error> {
    serde_json::from_value(text.to_ascii_lowercase().into())
        .map_err(|_| Error::Usage(format!("`{text}` is no {hint}")))
}

/// Which attributes are named.
pub fn marks(names: &[AttributeName]) -> PerAttribute<bool> {
    let named = |name| names.contains(&name);
    PerAttribute {
        jurisdiction: named(AttributeName::Jurisdiction),
        region: named(AttributeName::Region),
        architecture: named(AttributeName::Arch),
        energy: named(AttributeName::Energy),
        carbon: named(AttributeName::Gco2),
    }
}

#[cfg(test)]
mod tests {
    use sp_core::H256;
    use sungrid_chain_client::{Architecture, Auditor, EnergySource, memory::MemoryChain};

    use super::*;

    #[test]
    fn what_was_found_becomes_statements() {
        let found = FoundArgs {
            jurisdiction: Some("de".into()),
            region: Some("DE-BY".into()),
            arch: Some("X86_64".into()),
            energy: Some("hydro".into()),
            gco2: Some(24),
        };
        let region = Region::truncate_from(b"DE-BY".to_vec());
        assert_eq!(
            statements(&found).expect("all are values"),
            [
                Statement::Jurisdiction(*b"DE"),
                Statement::Region(region),
                Statement::Architecture(Architecture::X86_64),
                Statement::Energy(EnergySource::Hydro),
                Statement::Carbon(24),
            ]
        );
        let bad = |change: fn(&mut FoundArgs)| {
            let mut found = FoundArgs::default();
            change(&mut found);
            statements(&found).expect_err("no value").to_string()
        };
        assert!(bad(|f| f.jurisdiction = Some("DEU".into())).contains("country code"));
        assert!(bad(|f| f.region = Some("x".repeat(33))).contains("32 bytes"));
        assert!(bad(|f| f.arch = Some("z80".into())).contains("x86_64"));
        assert!(bad(|f| f.energy = Some("coal".into())).contains("fossil"));
    }

    #[test]
    fn names_become_marks() {
        let some = marks(&[AttributeName::Arch, AttributeName::Gco2]);
        assert!(some.architecture && some.carbon);
        assert!(!some.jurisdiction && !some.region && !some.energy);
    }

    #[tokio::test]
    async fn what_counts_no_more_is_not_listed() {
        let [auditor, worker, other] = [1, 2, 3].map(|n| AccountId::new([n; 32]));
        let chain = MemoryChain::new(H256::zero(), &[]);
        chain.advance(10);
        let said = |admission, until| {
            Some(Attestation {
                auditor: auditor.clone(),
                admission,
                until,
            })
        };
        chain.edit(|state| {
            let record = Auditor {
                admission: 4,
                bond: 5,
                leaving: None,
            };
            state.auditors.insert(auditor.clone(), record);
            let attestations = Attestations {
                jurisdiction: said(4, 11),
                // Of an earlier admission, and over.
                region: said(3, 11),
                energy: said(4, 10),
                carbon: Some(Attestation {
                    auditor: other.clone(),
                    admission: 4,
                    until: 11,
                }),
                ..Attestations::default()
            };
            state.attested.insert(worker.clone(), attestations);
        });
        let listed = list(&chain).await.expect("reads");
        let counts = Stands {
            worker,
            attribute: Attribute::Jurisdiction,
            until: 11,
        };
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].bond_planck, listed[0].free_at), (5, None));
        assert_eq!(listed[0].attests, [counts]);
    }
}
