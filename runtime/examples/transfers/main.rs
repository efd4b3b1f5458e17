//! Signed transfers per second of this runtime against one of the same SDK pallets without ours.
//!
//! `cargo run -p sungrid-runtime --example transfers [-- --json]`
//!
//! Whole blocks of transfers run natively, in turns, in one process; only the ratio says something, and it says it about
//! this profile. The runtime without our pallets has none of governance, sessions and consensus either, so what they
//! take of a block counts against us.

#[path = "../../tests/common/mod.rs"]
mod common;
mod plain;

use std::{
    env,
    time::{Duration, Instant},
};

use common::{Chain, signed_by};
use serde_json::json;
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sungrid_runtime::{Executive, RuntimeCall, UncheckedExtrinsic, constants::currency::ISC};

/// Transfers in a block.
const TRANSFERS: u32 = 1_000;
/// Blocks of each runtime. The first of both warm the caches up and do not count.
const TURNS: u32 = 8;

fn transfer() -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: Bob.to_account_id().into(),
        value: ISC / 1_000,
    })
}

fn main() {
    let mut plain = plain::Chain::start();
    let key = Alice.pair();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    Chain::start("development").run(|chain| {
        chain.block(Vec::new);
        for turn in 0..TURNS {
            let transactions: Vec<UncheckedExtrinsic> = (0..TRANSFERS)
                .map(|n| signed_by(&key, turn * TRANSFERS + n, transfer()))
                .collect();
            let start = Instant::now();
            chain.open();
            for transaction in transactions {
                Executive::apply_extrinsic(transaction)
                    .expect("the transaction is valid")
                    .expect("the transaction succeeds");
            }
            chain.close();
            ours.push(start.elapsed());
            theirs.push(plain.block(TRANSFERS));
        }
    });
    let (ours, theirs) = (per_second(ours), per_second(theirs));
    let ratio = ours / theirs;
    println!("with our pallets {ours:.0}/s, without {theirs:.0}/s: {ratio:.3}");
    if env::args().any(|argument| argument == "--json") {
        println!(
            "{}",
            json!({ "ours_per_s": ours, "plain_per_s": theirs, "ratio": ratio })
        );
    }
}

/// Transfers per second of the median block.
fn per_second(mut blocks: Vec<Duration>) -> f64 {
    blocks.remove(0);
    blocks.sort_unstable();
    f64::from(TRANSFERS) / blocks[blocks.len() / 2].as_secs_f64()
}
