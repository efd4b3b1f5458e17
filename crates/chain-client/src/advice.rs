//! Errors of the pallets in words: what happened and what to do.

/// Advice for an error that a user can run into; `None` leaves it to the pallet's own documentation.
pub(crate) fn advice(pallet: &str, error: &str) -> Option<&'static str> {
    Some(match (pallet, error) {
        ("Token", "FundsUnavailable") | ("Balances", "InsufficientBalance") => {
            "the account has not enough free ISC: transfer some to it, or ask for less"
        }
        ("Token", "BelowMinimum") | ("Balances", "ExistentialDeposit") => {
            "the receiving account would stay below the existential deposit: send more"
        }
        ("Token", "NotExpendable") | ("Balances", "Expendability") => {
            "the payment would leave the account below the existential deposit: keep some ISC on it"
        }
        ("Images", "UnknownImage") | ("Market", "UnknownImage") => {
            "the image is not published: run `sungrid image publish`"
        }
        ("Market", "PriceBelowFloor") => "the bid is below the price floor: bid at least the floor",
        ("Market", "NoSuchJob" | "UnknownJob") => "there is no such job, or it was cleaned up",
        ("Market", "NotRequester") => "only the account that submitted the job may do this",
        ("Market", "BidNotRaised") => "a bid can only be raised: give more than the job bids now",
        ("Market", "NothingUnclaimed") => {
            "every batch of the job has been claimed, at the bid of that time"
        }
        ("Market", "NotRepeatable") => "a job that comes after another one cannot be repeated",
        ("Market", "BadInterval") => {
            "a series has 20 or more blocks between starts, and no more than a job may have until its deadline"
        }
        ("Market", "BadTimes") => "a series has 1 to 1,000 starts",
        ("Market", "NoPredecessor") => {
            "there is no job of the number that this one should come after, or it was cleaned up"
        }
        ("Market", "PredecessorFailed") => {
            "the job that this one should come after ended without all of its outputs: submit it again first"
        }
        ("Market", "OutputsGone") => {
            "the job that this one should come after ended too long ago, or you gave a delivery receipt for it: workers need not \
             have its outputs any more"
        }
        ("Market", "UnevenUnits") => {
            "the units of the job before must divide evenly among this one's, at most 256 for each"
        }
        ("Market", "TooManySuccessors") => "eight jobs come after that one, which is all that may",
        ("Market", "NotEnded") => {
            "the job has not ended: `sungrid job cancel` ends it, `sungrid job watch` waits for its end"
        }
        ("Market", "RetentionNotOver") => {
            "its requester removes it once it has given a delivery receipt (`sungrid job collect`), anybody an hour after its end"
        }
        ("Market", "InputOfOthers") => {
            "a job that comes after this one has not ended: try again later"
        }
        ("Market", "DeadlineTooNear") => {
            "the deadline leaves no time to challenge a result (optimistic), or to draw who checks it (quorum): choose a later one, \
             shorter batches, or another policy"
        }
        ("Verification", "NotStanding" | "ChallengeTooLate") => {
            "only a revealed result of an optimistic job can be challenged, once, before its window ends"
        }
        ("Market", "InputMissing") => {
            "workers cannot get the job's input: its requester serves it (`sungrid job watch`) and resumes it (`sungrid job resume`)"
        }
        ("Verification", "StillRegistered") => {
            "it is a worker, or has one: only what is known of those who have left can be forgotten"
        }
        ("Canaries", "NotKeeper") => {
            "only keepers plant and expose canaries: a referendum admits them (`canaries.admit`)"
        }
        ("Canaries", "TooManyPlanted") => {
            "a keeper has 256 planted answers at most: expose or uproot some"
        }
        ("Canaries", "PlantedTooLate") => {
            "an answer counts only for jobs that are submitted after it was planted"
        }
        ("Canaries", "NothingToCheck") => {
            "the batch has no accepted result yet, or an answer was held against it already; of one that was cut all parts have to be decided"
        }
        ("Auditors", "NotAdmitted") => {
            "only auditors do this: a referendum admits them (`auditors.admit`)"
        }
        ("Auditors", "AlreadyBonded") => "the auditor has bonded already: it may attest",
        ("Auditors", "NotBonded") => "bond first: `sungrid auditor bond`",
        ("Auditors", "Resigned") => {
            "the auditor has resigned: what it attested counts until it expires, and no more is added"
        }
        ("Auditors", "NotResigned") => "resign first: `sungrid auditor resign`",
        ("Auditors", "CoolingDown") => {
            "the bond answers until all that the auditor attested has expired: `sungrid auditor list` says until when"
        }
        ("Auditors", "UnknownWorker") => {
            "there is no worker with this key: `sungrid worker list` names them"
        }
        ("Auditors", "NotDeclared") => {
            "its operator declares another value: `sungrid worker show` says which; have it corrected first"
        }
        ("Auditors", "NothingToRetract") => "you stand for none of these attributes of the worker",
        ("Capacity", "TooSoon") => "the last run began less than five minutes ago: wait",
        ("Capacity", "Undecided") => {
            "the worker has a commitment that is not opened: its daemon opens it; when its hour is over `sungrid worker settle` ends it"
        }
        ("Capacity", "LaneTooSlow") => {
            "a lane has to show 2 Gfuel/s: prove fewer lanes (`lanes` in worker.toml)"
        }
        ("Capacity", "NothingToSettle") => {
            "no commitment of this worker is over its time: there is nothing to settle"
        }
        ("Verification", "NothingDeclined") => {
            "no worker says that the input is missing: there is nothing to resume"
        }
        ("Verification", "NotDelivered") => {
            "only outputs of decided batches can be confirmed: wait for the job, or name fewer batches"
        }
        ("Verification", "AlreadyReceived") => "a receipt for these batches is on chain already",
        ("Verification", "NotSettled") => {
            "only outputs of an accepted batch are owed: wait until it is settled"
        }
        ("Verification", "CallTooLate") => {
            "witnesses can be called for as long as workers keep outputs for you after the batch was accepted, and no longer"
        }
        ("Verification", "AlreadyCalled") => {
            "witnesses are at it: `sungrid job witness` follows them until they are done"
        }
        ("Verification", "AlreadyWitnessed") => {
            "witnesses have said what they found: if they have the outputs, `sungrid job collect` fetches them"
        }
        ("Market", "OutputsInQuestion") => {
            "witnesses are at work on outputs of this job: try again when they are done"
        }
        ("Workers", "Liable") => {
            "the worker's bond answers for outputs that it delivered lately: keep serving them, and try again in an hour and a quarter"
        }
        ("Verification", "NotRatable") => {
            "only a completed job can be rated, before its records are removed"
        }
        ("Verification", "BadRating") => "a rating is 1 to 5 stars",
        ("Verification", "SelfRating") => "nobody rates itself",
        ("Verification", "NotServed") => "this operator's workers found no result of the job",
        ("Verification", "AlreadyRated") => "this operator was rated for this job already",
        _ => return None,
    })
}
