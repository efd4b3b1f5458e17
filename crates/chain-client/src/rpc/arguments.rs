//! Calls as they encode, by argument name.

use subxt::{dynamic::Value, ext::scale_value::Composite};
use sungrid_primitives::capacity::Shape;

use super::values::{
    attributes, class, leaf, list, marks, number, opening, option, profile, resources, spec,
    statement, summary,
};
use crate::{Call, TaskClass};

/// The arguments of a call.
pub(super) fn arguments(call: &Call) -> Composite<()> {
    let account = |id: &crate::AccountId| Value::from_bytes(id);
    let fields: Vec<(&str, Value)> = match call {
        Call::PublishImage {
            manifest,
            class: number,
        } => {
            let known = TaskClass::ALL.get(usize::from(*number));
            vec![
                ("manifest", Value::from_bytes(manifest)),
                ("class", class(known.unwrap_or(&TaskClass::General))),
            ]
        }
        Call::RetireImage { manifest } => vec![("manifest", Value::from_bytes(manifest))],
        Call::SubmitJob(job) => vec![("spec", spec(job))],
        Call::RepeatJob {
            spec: order,
            every,
            times,
        } => vec![
            ("spec", spec(order)),
            ("every", number(*every)),
            ("times", number(*times)),
        ],
        Call::RaiseBid { job, price } => {
            vec![("job", number(*job)), ("price", number(*price))]
        }
        Call::CancelJob(job) | Call::CleanUp(job) | Call::Claim(job) | Call::ResumeJob(job) => {
            vec![("job", number(*job))]
        }
        Call::Commit {
            job,
            batch,
            units,
            digest,
            commitment,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("units", number(*units)),
            ("digest", Value::from_bytes(digest)),
            ("commitment", Value::from_bytes(commitment)),
        ],
        Call::Challenge { job, batch }
        | Call::Decline { job, batch }
        | Call::HandBack { job, batch }
        | Call::CallWitnesses { job, batch } => {
            vec![("job", number(*job)), ("batch", number(*batch))]
        }
        Call::Attest { job, batch, seal } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("seal", Value::from_bytes(seal)),
        ],
        Call::Testify {
            job,
            batch,
            found,
            salt,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("found", option(found.map(Value::from_bytes))),
            ("salt", Value::from_bytes(salt)),
        ],
        Call::Acknowledge { job, below } => {
            vec![("job", number(*job)), ("below", number(*below))]
        }
        Call::Rate {
            job,
            batch,
            operator,
            stars,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("operator", account(operator)),
            ("stars", number(*stars)),
        ],
        Call::Reveal { job, batch, reveal } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("summary", summary(&reveal.summary)),
            ("salt", Value::from_bytes(reveal.salt)),
            ("bundle", Value::from_bytes(reveal.bundle)),
        ],
        Call::PlantCanaries { seals } | Call::UprootCanaries { seals } => {
            let seals = seals.iter().map(Value::from_bytes);
            vec![("seals", Value::unnamed_composite(seals))]
        }
        Call::ExposeCanary {
            job,
            batch,
            answer,
            salt,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("answer", summary(answer)),
            ("salt", Value::from_bytes(salt)),
        ],
        Call::ExposeCutCanary {
            job,
            batch,
            leaves,
            salt,
        } => vec![
            ("job", number(*job)),
            ("batch", number(*batch)),
            ("leaves", list(leaves, leaf)),
            ("salt", Value::from_bytes(salt)),
        ],
        Call::Register(r) => vec![
            ("worker", account(&r.worker)),
            ("endpoint", Value::from_bytes(&r.endpoint)),
            ("attributes", attributes(&r.attributes)),
            ("environment", Value::from_bytes(r.environment)),
            ("profile", profile(r.profile)),
            ("resources", resources(&r.resources)),
            ("bond", number(r.bond)),
            ("proof", Value::from_bytes(r.proof)),
        ],
        Call::UpdateWorker {
            worker,
            endpoint,
            attributes: a,
        } => vec![
            ("worker", account(worker)),
            ("endpoint", Value::from_bytes(endpoint)),
            ("attributes", attributes(a)),
        ],
        Call::SetCapacity {
            worker,
            resources: r,
        } => vec![("worker", account(worker)), ("resources", resources(r))],
        Call::SetEnvironment {
            worker,
            environment,
        } => vec![
            ("worker", account(worker)),
            ("environment", Value::from_bytes(environment)),
        ],
        Call::BondMore { worker, amount } | Call::Unbond { worker, amount } => {
            vec![("worker", account(worker)), ("amount", number(*amount))]
        }
        Call::RotateKey { worker, key, proof } => vec![
            ("worker", account(worker)),
            ("key", account(key)),
            ("proof", Value::from_bytes(proof)),
        ],
        Call::OfferWorker { worker, to, price } => vec![
            ("worker", account(worker)),
            ("to", account(to)),
            ("price", number(*price)),
        ],
        Call::AcceptWorker {
            worker,
            price,
            key,
            proof,
        } => vec![
            ("worker", account(worker)),
            ("price", number(*price)),
            ("key", account(key)),
            ("proof", Value::from_bytes(proof)),
        ],
        Call::Alive { block } => vec![("block", number(*block))],
        Call::ReportAbsence { worker, block } => {
            vec![("worker", account(worker)), ("block", number(*block))]
        }
        Call::StartProof => vec![],
        Call::CommitProof {
            seed,
            shape: Shape { lanes, segments },
            root,
        } => {
            let shape = [("lanes", number(*lanes)), ("segments", number(*segments))];
            vec![
                ("seed", Value::from_bytes(seed)),
                ("shape", Value::named_composite(shape)),
                ("root", Value::from_bytes(root)),
            ]
        }
        Call::OpenProof(openings) => vec![("openings", list(openings, opening))],
        Call::ForgetRating(operator) => vec![("operator", account(operator))],
        Call::SettleProof(worker)
        | Call::ForgetTrust(worker)
        | Call::Pause(worker)
        | Call::Resume(worker)
        | Call::RetractOffer(worker)
        | Call::Leave(worker)
        | Call::Withdraw(worker)
        | Call::WithdrawUnbonded(worker) => {
            vec![("worker", account(worker))]
        }
        Call::BondAuditor | Call::ResignAuditor | Call::WithdrawAuditor => vec![],
        Call::AttestAttribute {
            worker,
            statement: said,
        } => vec![("worker", account(worker)), ("statement", statement(said))],
        Call::RetractAttestation { worker, attributes } => vec![
            ("worker", account(worker)),
            ("attributes", marks(attributes)),
        ],
        Call::OpenPool { worker, commission } => vec![
            ("worker", account(worker)),
            ("commission", number(*commission)),
        ],
        Call::SetCommission { pool, commission } => {
            vec![("pool", number(*pool)), ("commission", number(*commission))]
        }
        Call::Delegate { pool, amount } | Call::Undelegate { pool, amount } => {
            vec![("pool", number(*pool)), ("amount", number(*amount))]
        }
        Call::WithdrawDelegation(pool) | Call::ClaimIncome(pool) | Call::ClosePool(pool) => {
            vec![("pool", number(*pool))]
        }
        Call::ClaimRewards => vec![],
        Call::ClaimRewardsFor(who) => vec![("account", account(who))],
        Call::Transfer { to, amount } => vec![
            ("dest", Value::unnamed_variant("Id", [account(to)])),
            ("value", number(*amount)),
        ],
    };
    Composite::Named(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
