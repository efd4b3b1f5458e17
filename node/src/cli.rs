//! The command line.

use sc_cli::RunCmd;

/// What the node is started with.
#[derive(Debug, clap::Parser)]
pub(crate) struct Cli {
    /// What to do instead of running the node.
    #[command(subcommand)]
    pub(crate) subcommand: Option<Subcommand>,

    /// How to run the node.
    #[clap(flatten)]
    pub(crate) run: RunCmd,
}

/// What the node can do beside running.
// Clap builds one of these per process; boxing the large ones buys nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    /// Make and inspect keys, and put them into a node's keystore.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Sign a message with a key.
    Sign(sc_cli::SignCmd),

    /// Check the signature of a message.
    Verify(sc_cli::VerifyCmd),

    /// Search for a seed whose address contains given text.
    Vanity(sc_cli::VanityCmd),

    /// Write a chain specification. `export-chain-spec` does the same with fewer surprises; tools
    /// still call this one.
    #[deprecated(note = "build-spec has been superseded by export-chain-spec upstream")]
    #[allow(deprecated)]
    BuildSpec(sc_cli::BuildSpecCmd),

    /// Write a chain specification.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Import a block again and check it.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Write blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Write the state of a block as a chain specification.
    ExportState(sc_cli::ExportStateCmd),

    /// Read blocks from a file.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Delete the chain's database.
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Go back some blocks; never behind finality.
    Revert(sc_cli::RevertCmd),

    /// Show what the database knows of the chain.
    ChainInfo(sc_cli::ChainInfoCmd),
}
