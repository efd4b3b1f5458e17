//! `sungrid job explain`: why a job is not running (requirement X5).

use serde::Serialize;
use sungrid_chain_client::{Batch, Declines, Explanation, JobSpec, Rejected, Rejection, Survey};
use sungrid_primitives::{
    BatchIndex, JobId, attributes::Attribute, constraints::Unmet, policy::Policy,
};

use crate::{Error, context::Context, requester::state_name, units};

pub(super) async fn run(context: &Context, job: JobId) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Explained<'a> {
        job: JobId,
        state: String,
        #[serde(flatten)]
        explanation: &'a Explanation,
        /// What the bid lacks to the spot price, planck per SUNS·hour.
        gap: u128,
        reasons: Vec<String>,
        /// Of how many batches the only result stands, and why.
        standing: Option<&'a str>,
    }
    let chain = context.chain().await?;
    let record = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
    let explanation = chain.explain(job).await?.ok_or(Error::UnknownJob(job))?;
    let mut reasons = reasons(&explanation.survey, explanation.needed, &record.spec);
    reasons.extend(missing_input(job, &chain.declines(job).await?));
    let standing = standing(&record.spec.policy, &chain.batches(Some(job)).await?);
    let explained = Explained {
        job,
        state: state_name(&record),
        gap: explanation.gap(),
        reasons,
        standing: standing.as_deref(),
        explanation: &explanation,
    };
    context.out.result(&explained, || {
        let mut lines = vec![
            format!("job {job}, {}", explained.state),
            demand(&explanation),
        ];
        lines.extend(standing.clone());
        if explanation.wanting > 0 {
            lines.extend(explained.reasons.iter().cloned());
            lines.push(price(&explanation));
        }
        lines.join("\n")
    });
    Ok(())
}

/// Of how many batches the only result stands, until when, and why nobody is to blame.
pub(crate) fn standing(policy: &Policy, batches: &[(JobId, BatchIndex, Batch)]) -> Option<String> {
    let until = batches.iter().filter_map(|(.., batch)| batch.standing);
    let count = u32::try_from(until.clone().count()).unwrap_or(u32::MAX);
    let last = until.max()?;
    let what = by_number(count, "result stands", "results stand");
    let why = match policy {
        Policy::Optimistic => "anybody may challenge it until then",
        _ => "whoever is caught with another one by then is paid for neither unchecked",
    };
    Some(format!(
        "{count} {what}, the last until block {last}: {why}"
    ))
}

/// Who says that the job's input is missing, and what to do about it.
pub(crate) fn missing_input(job: JobId, declines: &Declines) -> Option<String> {
    let count = u32::try_from(declines.operators.len()).unwrap_or(u32::MAX);
    let who = by_number(count, "operator", "operators");
    match (declines.paused, count) {
        (_, 0) => None,
        (false, _) => Some(format!(
            "{count} {who} could not get its input lately: is `sungrid job watch {job}` running, where workers reach it?"
        )),
        (true, _) => Some(format!(
            "it is paused: {count} {who} could not get its input. Serve it with `sungrid job watch {job}`, where workers \
             reach it, then `sungrid job resume {job}`"
        )),
    }
}

/// One of two forms, by number.
fn by_number<'a>(count: u32, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn demand(explanation: &Explanation) -> String {
    match explanation.wanting {
        0 => "no batch of it wants a worker now".into(),
        wanting => format!(
            "{wanting} {} a worker; {} replicas of each must agree, by different operators",
            by_number(wanting, "batch wants", "batches want"),
            explanation.replicas
        ),
    }
}

fn price(explanation: &Explanation) -> String {
    let bid = units::isc(explanation.bid);
    match explanation.gap() {
        0 => format!("it bids {bid} per SUNS·hour, no less than what settled work paid lately"),
        gap => format!(
            "it bids {bid} per SUNS·hour, {} less than what settled work paid lately: better-paid jobs go first",
            units::isc(gap)
        ),
    }
}

/// What each constraint costs in workers, and whether enough are left: `needed` operators.
pub(super) fn reasons(survey: &Survey, needed: u32, spec: &JobSpec) -> Vec<String> {
    let of = match survey.truncated {
        true => format!("the first {} workers", survey.workers),
        false => format!(
            "{} {}",
            survey.workers,
            by_number(survey.workers, "worker", "workers")
        ),
    };
    let constraints = survey.constraints.iter();
    let mut lines: Vec<String> = constraints
        .map(|rejected| {
            let Rejected { workers, alone, .. } = *rejected;
            let text = format!("{workers} of {of} {}", rejection(rejected, spec));
            match alone {
                0 => text,
                _ if alone == workers => format!("{text}, and would do otherwise"),
                _ => format!("{text}; {alone} would do otherwise"),
            }
        })
        .collect();
    let Survey {
        suitable,
        busy,
        operators,
        free_operators,
        ..
    } = *survey;
    let mut left = format!(
        "{suitable} of {of} {} all it asks for",
        by_number(suitable, "has", "have")
    );
    if busy > 0 {
        left += &format!(", {busy} of them busy");
    }
    let short = if operators < needed {
        Some((operators, ""))
    } else {
        (free_operators < needed).then_some((free_operators, " free"))
    };
    if let Some((there, free)) = short {
        let operators = by_number(there, "operator", "operators");
        let are = by_number(needed, "is", "are");
        left += &format!(": {there} {operators}{free}, {needed} {are} needed");
    }
    lines.push(left);
    lines
}

fn unmet(constraint: Unmet, workers: u32, spec: &JobSpec) -> String {
    let verb = |one, many| by_number(workers, one, many);
    let constraints = &spec.constraints;
    match constraint {
        Unmet::Class => format!("{} not serve the class of its image", verb("does", "do")),
        Unmet::Jurisdiction => {
            let allowed = constraints.jurisdictions.iter();
            let allowed: Vec<_> = allowed.map(|code| String::from_utf8_lossy(code)).collect();
            format!(
                "{} outside the allowed jurisdictions ({})",
                verb("is", "are"),
                allowed.join(", ")
            )
        }
        Unmet::Region => format!("{} outside the allowed regions", verb("is", "are")),
        Unmet::Architecture => format!("{} another architecture", verb("has", "have")),
        Unmet::Energy => format!("{} on other power", verb("runs", "run")),
        Unmet::Carbon => format!(
            "{} more than {} gCO2/kWh",
            verb("emits", "emit"),
            constraints.max_carbon.unwrap_or_default()
        ),
        Unmet::Tier(attribute) => format!(
            "{} no auditor who stands for {}",
            verb("has", "have"),
            match attribute {
                Attribute::Jurisdiction => "the jurisdiction",
                Attribute::Region => "the region",
                Attribute::Architecture => "the architecture",
                Attribute::Energy => "the source of power",
                Attribute::Carbon => "the carbon intensity",
            }
        ),
        Unmet::Streak => format!(
            "{} fewer than {} accepted results in a row",
            verb("has", "have"),
            constraints.min_streak
        ),
    }
}

fn rejection(rejected: &Rejected, spec: &JobSpec) -> String {
    let verb = |one, many| by_number(rejected.workers, one, many);
    match rejected.reason {
        Rejection::Unavailable => format!(
            "{} no work: paused, leaving, resting after a missed deadline, or bonded too little",
            verb("takes", "take")
        ),
        Rejection::Environment => format!("{} another execution environment", verb("runs", "run")),
        Rejection::Profile => format!("{} in another profile", verb("is measured", "are measured")),
        Rejection::Constraint(constraint) => unmet(constraint, rejected.workers, spec),
        Rejection::TooSmall => format!(
            "{} smaller than one unit of it ({} of memory)",
            verb("is", "are"),
            units::bytes(spec.memory_limit)
        ),
        Rejection::Unproven => format!(
            "{} proven too little of {} capacity for one unit of it",
            verb("has", "have"),
            verb("its", "their")
        ),
        Rejection::Busy => format!("{} busy", verb("is", "are")),
        Rejection::Late => format!(
            "{} too late to start a batch: no time would be left to challenge its result, or to draw who checks it",
            verb("comes", "come")
        ),
        Rejection::Paused => format!(
            "{} until it is resumed: operators could not get its input",
            verb("waits", "wait")
        ),
        Rejection::Resting => format!(
            "{} from it for some minutes: {} could not get its input, or handed a batch back",
            verb("rests", "rest"),
            verb("its operator", "their operators")
        ),
        Rejection::SameOperator => format!(
            "{} of {} that had the batches in question already",
            verb("is", "are"),
            verb("an operator", "operators")
        ),
        Rejection::SameJurisdiction => format!(
            "{} where another one is that had the batches in question",
            verb("is", "are")
        ),
        Rejection::NotDrawn => format!(
            "{} not drawn yet for the checks that are wanted; all are after half a minute or so",
            verb("is", "are")
        ),
    }
}

#[cfg(test)]
mod tests {
    use sp_core::H256;
    use sungrid_chain_client::{Constraints, Policy};
    use sungrid_primitives::{ISC, traits::CPU_1_ID};

    use super::*;

    fn spec() -> JobSpec {
        JobSpec {
            image: H256::zero(),
            input: H256::zero(),
            units: 1,
            batch_size: 1,
            price: ISC,
            fuel_limit: 1,
            memory_limit: 64 << 20,
            traffic_limit: 1 << 20,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: H256::zero(),
            deadline: 1,
            endpoint: vec![],
            after: None,
            constraints: Constraints {
                jurisdictions: vec![*b"DE", *b"FR"].try_into().expect("few"),
                min_streak: 7,
                ..Constraints::default()
            },
        }
    }

    fn survey(workers: &[&[Rejection]]) -> Survey {
        let mut survey = Survey::default();
        for rejections in workers {
            survey.count(rejections);
        }
        survey
    }

    #[test]
    fn every_constraint_is_a_sentence() {
        use Rejection::*;
        let mut survey = survey(&[
            &[Constraint(Unmet::Jurisdiction)],
            &[Constraint(Unmet::Jurisdiction), Constraint(Unmet::Streak)],
            &[Constraint(Unmet::Tier(Attribute::Energy))],
            &[Unavailable],
            &[Busy],
            &[Environment, Profile, TooSmall],
        ]);
        survey.operators = 1;
        assert_eq!(
            reasons(&survey, 2, &spec()),
            [
                "1 of 6 workers takes no work: paused, leaving, resting after a missed deadline, or bonded too little, and would do otherwise",
                "1 of 6 workers runs another execution environment",
                "1 of 6 workers is measured in another profile",
                "2 of 6 workers are outside the allowed jurisdictions (DE, FR); 1 would do otherwise",
                "1 of 6 workers has no auditor who stands for the source of power, and would do otherwise",
                "1 of 6 workers has fewer than 7 accepted results in a row",
                "1 of 6 workers is smaller than one unit of it (64.0 MiB of memory)",
                "1 of 6 workers has all it asks for, 1 of them busy: 1 operator, 2 are needed",
            ]
        );
        survey.truncated = true;
        assert!(reasons(&survey, 2, &spec())[0].starts_with("1 of the first 6 workers takes"));
    }

    #[test]
    fn what_keeps_workers_from_single_batches_is_said_too() {
        use Rejection::*;
        let survey = survey(&[
            &[Unproven],
            &[Late],
            &[Paused, Resting],
            &[Resting, SameOperator],
            &[SameOperator, SameJurisdiction],
            &[NotDrawn],
        ]);
        assert_eq!(
            reasons(&survey, 1, &spec()),
            [
                "1 of 6 workers has proven too little of its capacity for one unit of it, and would do otherwise",
                "1 of 6 workers comes too late to start a batch: no time would be left to challenge its result, or to draw who checks it, and would do otherwise",
                "1 of 6 workers waits until it is resumed: operators could not get its input",
                "2 of 6 workers rest from it for some minutes: their operators could not get its input, or handed a batch back",
                "2 of 6 workers are of operators that had the batches in question already",
                "1 of 6 workers is where another one is that had the batches in question",
                "1 of 6 workers is not drawn yet for the checks that are wanted; all are after half a minute or so, and would do otherwise",
                "0 of 6 workers have all it asks for: 0 operators, 1 is needed",
            ]
        );
    }

    #[test]
    fn enough_operators_that_are_busy_are_told_from_too_few() {
        let mut survey = survey(&[&[Rejection::Busy], &[]]);
        (survey.operators, survey.free_operators) = (2, 1);
        assert_eq!(
            reasons(&survey, 2, &spec()),
            ["2 of 2 workers have all it asks for, 1 of them busy: 1 operator free, 2 are needed"]
        );
        survey.free_operators = 2;
        assert_eq!(
            reasons(&survey, 2, &spec()),
            ["2 of 2 workers have all it asks for, 1 of them busy"]
        );
    }

    #[test]
    fn the_price_says_what_is_missing() {
        let mut explanation = Explanation {
            wanting: 1,
            needed: 2,
            replicas: 2,
            survey: Survey::default(),
            bid: ISC,
            floor: 1,
            spot: 3 * ISC,
        };
        assert!(price(&explanation).contains("2 ISC less than what settled work paid"));
        assert!(demand(&explanation).starts_with("1 batch wants a worker; 2 replicas"));
        (explanation.spot, explanation.wanting) = (ISC, 0);
        assert!(price(&explanation).contains("no less than"));
        assert_eq!(demand(&explanation), "no batch of it wants a worker now");
    }
}
