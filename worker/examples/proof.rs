//! How fast this machine gets through the kernel of capacity proofs, beside the one by which capacity is measured.
//!
//! `cargo run -p sungrid-worker --example proof -- [LANES] [SECONDS]`
//!
//! The kernels run in the executor, whose code is as fast in a development build as in any other.

use std::time::{Duration, Instant};

use sp_core::H256;
use sungrid_executor::{Cancel, Engine};
use sungrid_primitives::capacity::{STEP_FUEL, STEPS};
use sungrid_worker::{
    engine::{WasmRunner, lane_speed},
    prove::{Extent, Kernel},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let lanes = arguments.next().transpose()?.unwrap_or(1).max(1);
    let seconds = arguments.next().transpose()?.unwrap_or(5);
    let engine = Engine::new(None)?;
    let kernel = Kernel::load(&WasmRunner::new(engine.clone())).await?;
    for round in 0..3u8 {
        let measured = lane_speed(&engine, lanes as usize)?;
        let started = Instant::now();
        let extent = Extent::For(Duration::from_secs(seconds.into()));
        let seed = H256::repeat_byte(round);
        let proof = kernel.run(seed, lanes, extent, &Cancel::default()).await?;
        let millis = started.elapsed().as_millis() as u64;
        let opening = Instant::now();
        let openings = kernel
            .open(&proof, &H256::repeat_byte(9), &Cancel::default())
            .await?;
        let steps = u64::from(proof.shape.segments) * u64::from(STEPS);
        println!(
            "{lanes} lanes: measured {} Mfuel/s a lane, proven {} Mfuel/s a lane ({} Msteps/s, {STEP_FUEL} fuel each); \
             {} openings in {} ms",
            measured / 1_000_000,
            proof.shape.lane_fuel_per_second(millis) / 1_000_000,
            steps / millis.max(1) / 1_000,
            openings.len(),
            opening.elapsed().as_millis(),
        );
    }
    Ok(())
}
