//! Puts a job on chain: image, escrow, inputs, terms.

use std::{path::PathBuf, sync::Arc};

use sungrid_access::{Scope, card};
use sungrid_chain_client::{
    BlockNumber, Call, Chain, JobSpec, Keypair, Policy, SubmitError, Until,
};
use sungrid_data_plane::DataPlane;
use sungrid_manifest::{Image, JobInput, Manifest, limits::UNIT_CONTENT_BYTES};
use sungrid_primitives::{
    ContentHash,
    environment::EnvironmentId,
    job::{MAX_BATCH_UNITS, batch_count},
    suns::virtual_seconds,
    traits::CPU_1_ID,
};
use sungrid_seal::sealed_output_size;

use crate::{
    Error,
    before::Before,
    context,
    folder::{DataFolder, JobFolder, JobRecord, Task, now},
    output::Output,
    plan::Plan,
    requester::Requester,
    sealed,
    series::Follower,
    serve::{self, Served, Serving},
    units,
};

/// Batches that a job of many units is cut into, if the user says nothing: enough for a fleet to share,
/// few enough that claims, commits and reveals stay a small part of the work.
const DEFAULT_BATCHES: u32 = 64;

/// Seconds until a job ends in any case, if the user says nothing; cut to what the chain allows.
const DEFAULT_DEADLINE: u64 = 24 * 3_600;
/// Blocks that may pass until an order is on chain.
const BLOCKS_TO_SUBMIT: u64 = 5;

/// What submission needs beside the plan.
pub struct Submission<'a> {
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// Who pays.
    pub key: &'a Keypair,
    /// Where records go.
    pub data: &'a DataFolder,
    /// Where reports go.
    pub out: &'a Output,
    /// Address of the node, for the record.
    pub node: String,
    /// Where to serve inputs.
    pub serving: Serving,
    /// Environment to run in; `None` chooses.
    pub environment: Option<EnvironmentId>,
}

impl Submission<'_> {
    /// Submits a job and returns its requester, which serves the inputs from now on.
    ///
    /// # Errors
    /// [`Error::TooLittle`] before anything is sent; [`Error::UnknownImage`], [`Error::Submit`] and all that
    /// reading and storing inputs can bring. A job that is not on chain leaves nothing behind.
    pub async fn submit(
        &self,
        plan: &Plan,
        image_hash: ContentHash,
        image: &Image,
        code: PathBuf,
        task: Task,
    ) -> Result<Requester, Error> {
        let call = |spec| Call::SubmitJob(Box::new(spec));
        let placed = self.place(plan, image_hash, image, code, task, call);
        let (served, slot, record, input) = placed.await?;
        let limit = image.limits.output;
        Requester::new(self.chain.clone(), served, slot, record, input, limit)
    }

    /// Submits an order that is repeated every so many blocks.
    ///
    /// # Errors
    /// Those of [`Self::submit`].
    pub async fn repeat(
        &self,
        plan: &Plan,
        image_hash: ContentHash,
        image: &Image,
        code: PathBuf,
        every: BlockNumber,
        times: u32,
    ) -> Result<Follower, Error> {
        let call = |spec| Call::RepeatJob {
            spec: Box::new(spec),
            every,
            times,
        };
        let placed = self.place(plan, image_hash, image, code, Task::Files, call);
        let (served, slot, mut record, _) = placed.await?;
        // Nothing is to be served before the first job.
        served.plane.shutdown().await;
        record.recurs = true;
        slot.save(&record)?;
        Follower::new(self.chain.clone(), slot, image.limits.output)
    }

    /// Stores what workers need and sends the order.
    async fn place(
        &self,
        plan: &Plan,
        image_hash: ContentHash,
        image: &Image,
        code: PathBuf,
        task: Task,
        call: impl FnOnce(JobSpec) -> Call,
    ) -> Result<(Served, JobFolder, JobRecord, JobInput), Error> {
        let chain = &*self.chain;
        let mut spec = Self::terms(chain, plan, image_hash, image, self.environment).await?;
        let profile = self
            .chain
            .profile(spec.profile)
            .await?
            .ok_or_else(|| Error::Usage("this chain has no profile Cpu/1".into()))?;
        self.check_balance(&spec, &profile).await?;

        let key = sealed::key_for(chain, self.data, plan).await?;
        let slot = self.data.new_slot()?;
        if let Some(key) = &key
            && let Err(error) = slot.save_key(key)
        {
            return Err(discard(slot, error));
        }
        let opened = serve::open(&self.chain, &slot, &self.serving).await;
        let mut served = match opened {
            Ok(served) => served,
            Err(error) => return Err(discard(slot, error)),
        };
        let plane = served.plane.clone();
        // Workers know the address once the order is on chain; before that, this says whose outputs it may ask for.
        let card = card::sign(self.key, &self.chain.genesis(), &plane.endpoint_id());
        plane
            .set_card(card)
            .map_err(|error| Error::Usage(error.to_string()))?;
        let offered = serve::offer(&plane, image, &code, plan, key.as_ref(), &slot).await;
        let saved = offered.and_then(|(input, address)| {
            slot.save_input(&input.encode()?.bytes)?;
            Ok((address, input))
        });
        let (address, input) = match saved {
            Ok(saved) => saved,
            Err(error) => {
                plane.shutdown().await;
                return Err(discard(slot, error));
            }
        };
        if let Err(error) = self.check_before(&plane, &slot, &spec, &input).await {
            plane.shutdown().await;
            return Err(discard(slot, error));
        }
        spec.input = address;
        spec.endpoint = plane.address().to_bytes();
        let mut record = JobRecord {
            version: 1,
            genesis: self.chain.genesis(),
            node: self.node.clone(),
            job: None,
            requester: self.key.account(),
            spec,
            profile,
            serving: self.serving.resumable(&plane),
            created: now(),
            task,
            accepted: Default::default(),
            cuts: Vec::new(),
            raised_prices: Default::default(),
            recurs: false,
            ended: None,
        };
        slot.save(&record)?;
        // A worker may ask in the moment in which the order has a number and this machine does not know it yet.
        let (placing, scope) = Scope::placing();
        if let Err(error) = served.share(&scope, &record.spec, &input).await {
            plane.shutdown().await;
            return Err(discard(slot, error));
        }
        let call = call(record.spec.clone());
        let included = match self.chain.submit(self.key, call, Until::InBlock).await {
            Ok(included) => included,
            Err(error) => {
                plane.shutdown().await;
                // It may be in a block after all: the record stays, and is found by its terms.
                if matches!(error, SubmitError::Unknown { .. }) {
                    return Err(error.into());
                }
                return Err(discard(slot, error.into()));
            }
        };
        record.job = included.job().or(included.series());
        if let Some(job) = record.job {
            placing.is(job);
        }
        slot.save(&record)?;
        Ok((served, slot, record, input))
    }

    /// Refuses what workers would decline once they have the outputs of the job before, if that one is complete.
    async fn check_before(
        &self,
        plane: &DataPlane,
        slot: &JobFolder,
        spec: &JobSpec,
        input: &JobInput,
    ) -> Result<(), Error> {
        let Some(after) = spec.after else {
            return Ok(());
        };
        if !self
            .chain
            .job(after)
            .await?
            .is_some_and(|job| job.is_complete())
        {
            return Ok(());
        }
        let before = Before::fetch(&*self.chain, plane, slot, after).await?;
        before.check(input, spec)
    }

    /// The terms of a job: what the plan leaves open comes from the chain and the image. `input` and
    /// `endpoint` are still empty.
    ///
    /// # Errors
    /// [`Error::Usage`] if the chain would refuse them, [`Error::Chain`].
    pub async fn terms(
        chain: &dyn Chain,
        plan: &Plan,
        image_hash: ContentHash,
        image: &Image,
        environment: Option<EnvironmentId>,
    ) -> Result<JobSpec, Error> {
        let usage = |text: String| Err(Error::Usage(text));
        let floor = chain.price_floor(CPU_1_ID).await?;
        let price = plan.terms.price.unwrap_or(floor);
        if price < floor {
            return usage(format!(
                "the bid of {} per SUNS·hour is below the floor of {}: bid at least the floor, or leave --price out",
                units::isc(price),
                units::isc(floor)
            ));
        }
        let params = chain.params().await?;
        let fuel_limit = plan.terms.fuel_limit.unwrap_or(image.limits.fuel);
        let memory_limit = plan.terms.memory_limit.unwrap_or(image.limits.memory);
        if fuel_limit == 0 || memory_limit == 0 {
            return usage("--fuel-limit and --memory-limit must be above 0".into());
        }
        let profile = chain.profile(CPU_1_ID).await?;
        let profile =
            profile.ok_or_else(|| Error::Usage("this chain has no profile Cpu/1".into()))?;
        let traffic = Traffic::of(chain, plan, image).await?;
        let rate = profile.unit_rate(memory_limit).unwrap_or(u64::MAX);
        let seconds_of = |units: u32| {
            let bytes = traffic.limit(plan, units);
            let charge = profile.unit_charge(fuel_limit, memory_limit, bytes)?;
            virtual_seconds(units, fuel_limit, rate, charge)
        };
        let fits =
            |units: u32| seconds_of(units).is_some_and(|all| all <= params.max_batch_seconds);
        // More units take longer, though each has a smaller part of what they share.
        let (mut fitting, mut above) = (0, MAX_BATCH_UNITS + 1);
        while above - fitting > 1 {
            let between = fitting + (above - fitting) / 2;
            match fits(between) {
                true => fitting = between,
                false => above = between,
            }
        }
        if fitting == 0 {
            return usage(format!(
                "a unit at its limits takes longer than {}, the longest batch that the chain takes: {} on one lane, and {} over its part of \
                 a line; lower --fuel-limit or --traffic-limit",
                units::seconds(params.max_batch_seconds),
                units::fuel(fuel_limit.into()),
                units::bytes(traffic.limit(plan, 1)),
            ));
        }
        let count = plan.count;
        let default = || {
            count
                .div_ceil(plan.terms.batches.unwrap_or(DEFAULT_BATCHES).max(1))
                .min(fitting)
        };
        let batch_size = plan.terms.batch_size.unwrap_or_else(default).min(count);
        if !(1..=MAX_BATCH_UNITS).contains(&batch_size) || !fits(batch_size) {
            return usage(format!(
                "--batch-size must be 1 to {fitting} with these limits of fuel and bytes"
            ));
        }
        let traffic_limit = traffic.limit(plan, batch_size);
        let input = plan.most_traffic(batch_size);
        if traffic_limit < input {
            return usage(format!(
                "--traffic-limit {traffic_limit} is below the {input} bytes that the largest unit gets alone: raise it, or leave it out"
            ));
        }
        let head = chain.head().await?;
        let seconds = plan.terms.deadline.unwrap_or(DEFAULT_DEADLINE);
        let blocks = (seconds.saturating_mul(1_000)).div_ceil(params.block_ms.max(1));
        let allowed = u64::from(params.max_job_blocks.saturating_sub(1));
        if plan.terms.deadline.is_some() && blocks > allowed {
            return usage(format!(
                "--deadline is too far away: this chain allows {}",
                units::seconds(allowed * params.block_ms / 1_000)
            ));
        }
        let constraints = plan.terms.constraints.clone();
        let policy = plan.terms.policy.unwrap_or(Policy::Adaptive);
        let replicas = policy.paid_results();
        if constraints.validate(replicas).is_err() {
            return usage(format!(
                "--distinct-jurisdictions with {replicas} replicas needs {replicas} countries: name more with --jurisdiction, or none"
            ));
        }
        let environment = match environment {
            Some(environment) => environment,
            None => favoured_environment(chain).await?,
        };
        let spec = JobSpec {
            image: image_hash,
            input: ContentHash::zero(),
            units: count,
            batch_size,
            price,
            fuel_limit,
            memory_limit,
            traffic_limit,
            policy,
            profile: CPU_1_ID,
            environment,
            after: plan.after,
            deadline: head.number.saturating_add(blocks.min(allowed) as u32),
            endpoint: vec![],
            constraints,
        };
        let asks_for_time = matches!(spec.policy, Policy::Optimistic | Policy::Quorum(_));
        if asks_for_time && let Some(quote) = chain.quote(&spec).await? {
            let left = u64::from(spec.deadline.saturating_sub(head.number));
            // The transaction comes a few blocks later.
            let least = quote.least_blocks.saturating_add(BLOCKS_TO_SUBMIT);
            if left <= least {
                let seconds = least.saturating_add(1).saturating_mul(params.block_ms) / 1_000;
                return usage(format!(
                    "--deadline is too near: with {} and batches of this length the chain starts nothing in the last {}, so allow more \
                     than that, or order smaller batches",
                    units::policy(&spec.policy),
                    units::seconds(seconds)
                ));
            }
        }
        Ok(spec)
    }

    async fn check_balance(
        &self,
        spec: &JobSpec,
        profile: &sungrid_primitives::suns::Profile,
    ) -> Result<(), Error> {
        let params = self.chain.params().await?;
        let escrow = spec.escrow(profile).ok_or_else(|| {
            Error::Usage(
                "these limits cost more than any balance: lower --fuel-limit or --traffic-limit"
                    .into(),
            )
        })?;
        let batches = u128::from(batch_count(spec.units, spec.batch_size));
        let deposit = params
            .job_deposit
            .saturating_add(params.batch_deposit.saturating_mul(batches));
        let account = self.chain.account(&self.key.account()).await?;
        let what = format!(
            "{} in escrow for the worst case, most of which usually comes back, and {} deposit",
            units::isc(escrow),
            units::isc(deposit)
        );
        context::can_pay(self.key, &account, escrow.saturating_add(deposit), &what)
    }
}

/// Bytes in and out that a unit may have.
enum Traffic {
    /// As many as the order says.
    Given(u64),
    /// As many as the largest input has, and so many that it gathers, and that the image may leave.
    Beside(u64),
}

impl Traffic {
    async fn of(chain: &dyn Chain, plan: &Plan, image: &Image) -> Result<Self, Error> {
        if let Some(limit) = plan.terms.traffic_limit {
            return Ok(Self::Given(limit));
        }
        let most_left = match plan.encrypt {
            true => sealed_output_size(image.limits.output),
            false => image.limits.output,
        };
        let gathered = match plan.after {
            None => 0,
            // No unit of the earlier job left more than its own limit.
            Some(job) => chain.job(job).await?.map_or(0, |before| {
                let each = before.spec.units.div_ceil(plan.count);
                before.spec.traffic_limit.saturating_mul(each.into())
            }),
        };
        let most_gathered = gathered.min(UNIT_CONTENT_BYTES);
        Ok(Self::Beside(most_gathered.saturating_add(most_left)))
    }

    /// The limit where batches have so many units, which share some files.
    fn limit(&self, plan: &Plan, batch_size: u32) -> u64 {
        match self {
            Self::Given(limit) => *limit,
            Self::Beside(bytes) => plan.most_traffic(batch_size).saturating_add(*bytes),
        }
    }
}

/// Removes a slot of a job that never was; the error that led here matters more than one of removing.
fn discard(slot: JobFolder, error: Error) -> Error {
    if let Err(leftover) = slot.discard() {
        eprintln!("warning: {leftover}");
    }
    error
}

/// The environment to run in: of those that the chain accepts, the one most active workers have.
///
/// # Errors
/// [`Error::Chain`]; [`Error::Usage`] if the chain accepts none.
pub async fn favoured_environment(chain: &dyn Chain) -> Result<EnvironmentId, Error> {
    let accepted = chain.environments().await?;
    let workers = chain.workers().await?;
    let popularity = |environment: &EnvironmentId| {
        workers
            .iter()
            .filter(|(_, worker)| worker.environment == *environment)
            .count()
    };
    // Equal ones in a fixed order, so that two runs choose the same.
    accepted
        .into_iter()
        .max_by_key(|e| (popularity(e), *e))
        .ok_or_else(|| {
            Error::Usage(
                "this chain accepts no execution environment yet: governance must add one".into(),
            )
        })
}

/// Makes sure that an image is known to the chain: publishes it unless it is. Returns whether it was
/// published now.
///
/// # Errors
/// [`Error::RetiredImage`], [`Error::Submit`], [`Error::Chain`].
pub async fn publish(
    chain: &dyn Chain,
    key: &Keypair,
    hash: ContentHash,
    class: u8,
) -> Result<bool, Error> {
    match chain.image(&hash).await? {
        Some(image) if image.usable => return Ok(false),
        Some(_) => return Err(Error::RetiredImage(crate::image_cid(&hash))),
        None => {}
    }
    let call = Call::PublishImage {
        manifest: hash,
        class,
    };
    match chain.submit(key, call, Until::InBlock).await {
        Ok(_) => Ok(true),
        // Somebody else was faster, which is as good.
        Err(error) => match chain.image(&hash).await? {
            Some(image) if image.usable => Ok(false),
            _ => Err(error.into()),
        },
    }
}
