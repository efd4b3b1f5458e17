//! Whose floor a price is at.

use sp_core::H256;
use sungrid_chain_client::memory::{FLOOR, MemoryChain};
use sungrid_cli::{
    Error,
    tariff::{Origin, Tariff},
};

#[tokio::test]
async fn a_chain_that_is_asked_names_its_own_floor() {
    let chain = MemoryChain::new(H256::zero(), &[]);
    let tariff = Tariff::of_chain(&chain).await.expect("it has Cpu/1");
    // A tenth of the genesis's, so that one is not taken for the other.
    assert_eq!((tariff.floor, tariff.origin), (FLOOR, Origin::Chain));
    assert_eq!(Tariff::GENESIS.floor, 10 * FLOOR);
    // An hour of one lane is an eighth of a SUNS·hour.
    let price = tariff
        .price(3_600_000_000_000, 1 << 20, 0)
        .expect("a price");
    assert_eq!(
        (price.cost_planck, price.floor_planck, price.floor_of),
        (FLOOR / 8, FLOOR, Origin::Chain)
    );
    let words = price.words();
    assert!(
        words.contains("at this chain's floor of 0.01 ISC") && !words.contains("genesis"),
        "{words}"
    );
    let report = serde_json::to_value(price).expect("encodes");
    assert_eq!(report["floor_of"], "chain");
}

/// Not a price of the genesis that looks like the chain's.
#[tokio::test]
async fn a_chain_that_does_not_answer_has_no_price() {
    let chain = MemoryChain::new(H256::zero(), &[]);
    chain.set_connected(false);
    let error = Tariff::of_chain(&chain).await.expect_err("nobody answers");
    assert!(matches!(error, Error::Chain(_)), "{error}");
}
