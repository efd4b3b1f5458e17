//! What wallets and generated clients rely on.

use frame_support::traits::PalletsInfoAccess;
use sp_runtime::traits::TransactionExtension;
use sungrid_runtime::{AllPalletsWithSystem, Runtime, RuntimeCall, TxExtension, VERSION};

#[test]
fn clients_find_the_versions_they_read() {
    let versions = Runtime::metadata_versions();
    for version in [14, 15, 16] {
        assert!(
            versions.contains(&version),
            "V{version} is missing in {versions:?}"
        );
    }
}

/// polkadot.js and subxt know these by name and refuse to sign what they do not know.
#[test]
fn transactions_carry_only_extensions_that_wallets_know() {
    let found: Vec<_> = <TxExtension as TransactionExtension<RuntimeCall>>::metadata()
        .into_iter()
        .map(|extension| extension.identifier)
        .collect();
    assert_eq!(
        found,
        [
            "AuthorizeCall",
            "CheckNonZeroSender",
            "CheckSpecVersion",
            "CheckTxVersion",
            "CheckGenesis",
            "CheckMortality",
            "CheckNonce",
            "CheckWeight",
            "ChargeTransactionPayment",
            "CheckMetadataHash",
            "WeightReclaim",
        ]
    );
}

#[test]
fn a_pallet_keeps_its_index() {
    let found: Vec<_> = AllPalletsWithSystem::infos()
        .into_iter()
        .map(|pallet| (pallet.index, pallet.name))
        .collect();
    for expected in [
        (0, "System"),
        (2, "Babe"),
        (4, "Balances"),
        (10, "Validators"),
        (11, "Session"),
        (14, "Grandpa"),
        (32, "Democracy"),
        (33, "Council"),
        (34, "TechnicalCommittee"),
        (35, "Treasury"),
        (50, "Suns"),
        (51, "Workers"),
        (52, "Images"),
        (53, "Market"),
        (54, "Verification"),
        (55, "Rewards"),
        (60, "Delegation"),
    ] {
        assert!(
            found.contains(&expected),
            "{expected:?} is not in {found:?}"
        );
    }
    assert!(found.iter().all(|(_, name)| *name != "Sudo"));
}

#[test]
fn the_version_names_the_chain() {
    assert_eq!(VERSION.spec_name, "sungrid");
    let prefix: u16 = <Runtime as frame_system::Config>::SS58Prefix::get();
    assert_eq!(prefix, 42);
}
