//! `sungrid quote`: what a job would cost, and when it could start.

use serde::Serialize;
use sungrid_chain_client::Quote;
use sungrid_manifest::Manifest;

use super::{explain, job};
use crate::{
    Error, args::OrderArgs, context::Context, package::Package, submit::Submission, units,
};

pub(super) async fn run(context: &Context, order: OrderArgs) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Quoted<'a> {
        units: u32,
        batches: u32,
        /// Bid, planck per SUNS·hour.
        bid: u128,
        #[serde(flatten)]
        quote: &'a Quote,
        /// The wait in blocks.
        wait_blocks: Option<u64>,
        reasons: Vec<String>,
    }
    let plan = job::plan(context, &order).await?;
    let chain = context.chain().await?;
    let manifest = Package::of(&context.data, &plan.image, &order.manifest)?.image;
    let digest = manifest.encode()?.hash;
    let environment = order.terms.environment;
    let spec = Submission::terms(&*chain, &plan, digest, &manifest, environment).await?;
    let quote = chain.quote(&spec).await?.ok_or_else(|| {
        Error::Usage("the chain has no price for these terms: lower --fuel-limit or --price".into())
    })?;
    let block_ms = chain.params().await?.block_ms.max(1);
    let blocks = |seconds: u64| seconds.saturating_mul(1_000).div_ceil(block_ms);
    let quoted = Quoted {
        units: spec.units,
        batches: spec.batches(),
        bid: spec.price,
        wait_blocks: quote.wait.map(blocks),
        reasons: explain::reasons(&quote.survey, quote.replicas, &spec),
        quote: &quote,
    };
    context.out.result(&quoted, || {
        let mut lines = vec![
            format!(
                "{} units in {} batches, {} replicas each, at {} per SUNS·hour",
                quoted.units,
                quoted.batches,
                quote.replicas,
                units::isc(spec.price)
            ),
            cost(&quote),
            start(&quote, quoted.wait_blocks),
        ];
        lines.extend(
            quoted
                .reasons
                .iter()
                .map(|reason| format!("         {reason}")),
        );
        lines.join("\n")
    });
    Ok(())
}

fn cost(quote: &Quote) -> String {
    format!(
        "held     {} for the worst case and {} deposit; what is not used comes back\n\
         cost     at most {} at what settled work paid lately, {} per SUNS·hour; units below their limits cost less",
        units::isc(quote.escrow),
        units::isc(quote.deposit),
        units::isc(quote.at_spot),
        units::isc(quote.spot)
    )
}

fn start(quote: &Quote, blocks: Option<u64>) -> String {
    match (quote.wait, blocks) {
        (Some(0), _) => "start    at once".into(),
        (Some(wait), Some(blocks)) => format!(
            "start    in about {} ({blocks} blocks), when busy workers have done what they have in hand",
            units::seconds(wait)
        ),
        _ => "start    not with the workers there are now".into(),
    }
}

#[cfg(test)]
mod tests {
    use sungrid_chain_client::Survey;
    use sungrid_primitives::ISC;

    use super::*;

    #[test]
    fn money_and_time_are_said_in_words() {
        let mut quote = Quote {
            escrow: 4 * ISC,
            deposit: ISC,
            at_spot: 3 * ISC,
            spot: ISC / 2,
            wait: Some(0),
            replicas: 2,
            survey: Survey::default(),
        };
        let text = cost(&quote);
        assert!(text.contains("4 ISC for the worst case and 1 ISC deposit"));
        assert!(text.contains("at most 3 ISC at what settled work paid lately, 0.5 ISC per"));
        assert_eq!(start(&quote, Some(0)), "start    at once");
        quote.wait = Some(40);
        assert!(start(&quote, Some(14)).contains("(14 blocks)"));
        quote.wait = None;
        assert!(start(&quote, None).contains("not with the workers there are now"));
    }
}
