//! Arguments of `sungrid auditor`.

use clap::{Args, Subcommand, ValueEnum};
use sungrid_chain_client::AccountId;

pub(super) const EXAMPLES: &str = "\
Examples:
  sungrid auditor list                              who stands for how many attributes of which workers
  sungrid --key my.key auditor bond                 once a referendum has admitted you
  sungrid --key my.key auditor attest WORKER --jurisdiction DE --energy hydro
  sungrid --key my.key auditor retract WORKER energy
  sungrid --key my.key auditor resign               then, when all that you attested has expired:
  sungrid --key my.key auditor withdraw

What you attest is what you have seen: your bond answers for it as long as it counts.";

/// Commands of `auditor`.
#[derive(Debug, Subcommand)]
pub enum AuditorCommand {
    /// List the auditors, and what each stands for.
    #[command(after_help = "Example:\n  sungrid auditor list")]
    List,
    /// Put down the bond of an admitted auditor.
    #[command(after_help = "Example:\n  sungrid --key my.key auditor bond")]
    Bond,
    /// Stand for attributes of a worker for the attestation period, each with the value that you found: the chain refuses
    /// what its operator does not declare.
    #[command(
        after_help = "Example:\n  sungrid --key my.key auditor attest WORKER --jurisdiction DE --energy hydro"
    )]
    Attest {
        /// The worker key's address.
        worker: AccountId,
        /// What you found.
        #[command(flatten)]
        found: FoundArgs,
    },
    /// Take your word for attributes of a worker back.
    #[command(after_help = "Example:\n  sungrid --key my.key auditor retract WORKER energy")]
    Retract {
        /// The worker key's address.
        worker: AccountId,
        /// Which.
        #[arg(required = true, value_enum, value_name = "ATTRIBUTE")]
        attributes: Vec<AttributeName>,
    },
    /// Attest no more. What you attested counts until it expires, and your bond answers for it.
    #[command(after_help = "Example:\n  sungrid --key my.key auditor resign")]
    Resign,
    /// Get the bond back, after all that you attested has expired.
    #[command(after_help = "Example:\n  sungrid --key my.key auditor withdraw")]
    Withdraw,
}

/// Values of attributes.
#[derive(Clone, Debug, Default, Args)]
#[group(required = true, multiple = true)]
pub struct FoundArgs {
    /// The country where it stands, such as DE.
    #[arg(long, value_name = "CC")]
    pub jurisdiction: Option<String>,
    /// The region, as the operator names it, such as DE-BY.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The architecture: x86_64, aarch64, riscv64 or other.
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Its power: grid, solar, wind, hydro, geothermal, biomass, nuclear, fossil or unknown.
    #[arg(long, value_name = "SOURCE")]
    pub energy: Option<String>,
    /// The carbon intensity of its power, gCO2/kWh.
    #[arg(long, value_name = "GRAMS")]
    pub gco2: Option<u16>,
}

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AttributeName {
    /// The country.
    Jurisdiction,
    /// The region.
    Region,
    /// The architecture.
    Arch,
    /// The source of power.
    Energy,
    /// The carbon intensity.
    Gco2,
}
