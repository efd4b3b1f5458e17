//! `sungrid quote`: what a job would cost, and when it could start.

use serde::Serialize;
use sungrid_chain_client::{Policy, Quote};
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
        Error::Usage("the chain has no price for these terms: lower --fuel-limit, --traffic-limit or --price".into())
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
                "{} units in {} batches, up to {} replicas each, at {} per SUNS·hour",
                quoted.units,
                quoted.batches,
                quote.replicas,
                units::isc(spec.price)
            ),
            held(&quote),
            cost(&quote, spec.price),
            start(&quote, quoted.wait_blocks),
        ];
        lines.extend(settled(&quote));
        lines.extend(rounds(&spec.policy));
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

fn held(quote: &Quote) -> String {
    format!(
        "held     {} for the worst case and {} deposit; what is not used comes back",
        units::isc(quote.escrow),
        units::isc(quote.deposit),
    )
}

/// What is to be expected, what it costs at most, and what a bid like others' would come to.
fn cost(quote: &Quote, bid: u128) -> String {
    let thousandths = quote.results.div_ceil(1_000);
    let mut text = format!(
        "cost     {} expected, {} at most: {}.{:03} results of a batch are paid on average, {} at most; units below their \
         limits cost less",
        units::isc(quote.expected),
        units::isc(quote.escrow),
        thousandths / 1_000,
        thousandths % 1_000,
        quote.replicas,
    );
    if quote.spot > bid {
        text += &format!(
            "\n         others paid {} lately, at which it would be {} expected; better-paid jobs go first",
            units::isc(quote.spot),
            units::isc(quote.at_spot)
        );
    }
    text
}

fn start(quote: &Quote, blocks: Option<u64>) -> String {
    match (quote.wait, blocks) {
        (Some(0), _) => "start    at once".into(),
        (Some(wait), Some(blocks)) => {
            let ahead = match quote.ahead {
                0 => String::new(),
                ahead => format!(" and {ahead} replicas of jobs that bid as much or more are done"),
            };
            format!(
                "start    in about {} ({blocks} blocks) at most, when workers have done what they have in hand{ahead}",
                units::seconds(wait)
            )
        }
        _ => "start    not with the workers there are now".into(),
    }
}

fn settled(quote: &Quote) -> Option<String> {
    let seconds = units::seconds(quote.settled?);
    Some(format!(
        "settled  a first batch in about {seconds}, computed at its limits and checked as the policy says"
    ))
}

/// What a batch takes when it has started, where that is not what its limits say.
fn rounds(policy: &Policy) -> Option<String> {
    let is_quorum = matches!(policy, Policy::Quorum(_));
    is_quorum.then(|| {
        "takes    twice as long as a batch is computed, and about a minute: who is to find the same is drawn when the first result is \
         sealed; as much again where somebody disagrees"
            .into()
    })
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
            results: 1_100_001,
            expected: 2 * ISC,
            at_spot: 3 * ISC,
            spot: ISC / 2,
            least_blocks: 0,
            wait: Some(0),
            settled: Some(720),
            ahead: 0,
            replicas: 2,
            survey: Survey::default(),
        };
        assert!(held(&quote).contains("4 ISC for the worst case and 1 ISC deposit"));
        let text = cost(&quote, ISC / 2);
        assert!(text.contains("2 ISC expected, 4 ISC at most: 1.101 results of a batch"));
        assert!(!text.contains("lately"));
        let low = cost(&quote, ISC / 4);
        assert!(low.contains("others paid 0.5 ISC lately, at which it would be 3 ISC expected"));
        assert_eq!(start(&quote, Some(0)), "start    at once");
        let text = settled(&quote).unwrap();
        assert!(text.contains(&units::seconds(720)), "{text}");
        quote.wait = Some(40);
        let text = start(&quote, Some(14));
        assert!(text.contains("(14 blocks)") && !text.contains("bid as much"));
        quote.ahead = 7;
        assert!(
            start(&quote, Some(14)).contains("and 7 replicas of jobs that bid as much or more")
        );
        (quote.wait, quote.settled) = (None, None);
        assert_eq!(settled(&quote), None);
        assert!(start(&quote, None).contains("not with the workers there are now"));
    }
}
