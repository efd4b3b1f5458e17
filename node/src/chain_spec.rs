//! The chains that the node knows by name.

use sc_chain_spec::{ChainSpecExtension, Properties};
use sc_service::ChainType;
use sungrid_runtime::{WASM_BINARY, configs::system::SS58Prefix, opaque::Block};

/// Data beside the genesis that a specification may carry.
#[derive(Default, Clone, serde::Serialize, serde::Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Extensions {
    /// Blocks whose hash is known, so that a wrong fork is refused.
    pub(crate) fork_blocks: sc_client_api::ForkBlocks<Block>,
    /// Blocks that must not be imported.
    pub(crate) bad_blocks: sc_client_api::BadBlocks<Block>,
    /// Where a light client may start; filled in by `sync_state_genSyncSpec`.
    pub(crate) light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// A chain's specification.
pub(crate) type ChainSpec = sc_service::GenericChainSpec<Extensions>;

/// How wallets show amounts and addresses.
fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "ISC".into());
    properties.insert("tokenDecimals".into(), 12.into());
    properties.insert("ss58Format".into(), SS58Prefix::get().into());
    properties
}

fn wasm() -> Result<&'static [u8], String> {
    WASM_BINARY.ok_or_else(|| {
        "this node was built without its WASM runtime (SKIP_WASM_BUILD was set): build it again \
         without, or give a chain specification file with --chain"
            .into()
    })
}

/// One validator, Alice, on this machine.
pub(crate) fn development() -> Result<ChainSpec, String> {
    Ok(ChainSpec::builder(wasm()?, Extensions::default())
        .with_name("Sungrid Development")
        .with_id("sungrid_dev")
        .with_chain_type(ChainType::Development)
        .with_genesis_config_preset_name(sp_genesis_builder::DEV_RUNTIME_PRESET)
        .with_properties(properties())
        .build())
}

/// Two validators, Alice and Bob, anywhere.
pub(crate) fn local_testnet() -> Result<ChainSpec, String> {
    Ok(ChainSpec::builder(wasm()?, Extensions::default())
        .with_name("Sungrid Local Testnet")
        .with_id("sungrid_local")
        .with_protocol_id("sungrid-local")
        .with_chain_type(ChainType::Local)
        .with_genesis_config_preset_name(sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET)
        .with_properties(properties())
        .build())
}

/// The specification that `--chain id` names: a known chain, or a file.
pub(crate) fn load(id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
    Ok(Box::new(match id {
        "dev" => development()?,
        "" | "local" => local_testnet()?,
        path => ChainSpec::from_json_file(path.into()).map_err(|error| {
            format!(
                "no chain is called `{path}` and no specification could be read from a file of that \
                 name ({error}): use `dev`, `local` or the path of a chain specification"
            )
        })?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_chain_is_explained() {
        let error = load("nowhere").expect_err("there is no such chain");
        assert!(
            error.contains("`nowhere`") && error.contains("`dev`"),
            "{error}"
        );
    }

    #[test]
    fn the_token_is_described() {
        let properties = properties();
        assert_eq!(properties["tokenSymbol"], "ISC");
        assert_eq!(properties["tokenDecimals"], 12);
        assert_eq!(properties["ss58Format"], 42);
    }
}
