//! Strangers, impostors, workers elsewhere and parties against a data plane that serves a job.

use std::{sync::Arc, time::Duration};

use sp_core::H256;
use sungrid_access::{JobAccess, Offer, Part, Scope, card, key_name};
use sungrid_chain_client::{
    AccountId, Architecture, Attributes, Call, CallStage, Chain, Classes, Constraints,
    EnergySource, JobSpec, Keypair, Policy, Region, Registration, TaskClass, Testimony, Until,
    Witness, WitnessCall, memory::MemoryChain,
};
use sungrid_data_plane::{
    AccessPolicy, Asker, Config, DataPlane, FetchOptions, Hash, PeerFault, SecretError, Secrets,
};
use sungrid_primitives::{
    BatchIndex, ContentHash, ISC, JobId,
    registration::registration_payload,
    suns::{CPU_1, Resources},
    traits::CPU_1_ID,
};
use sungrid_seal::JobKey;

const ENVIRONMENT: H256 = H256::repeat_byte(0xe1);

fn key(name: &str) -> Keypair {
    Keypair::from_uri(name).expect("a development path")
}

/// A party with an endpoint, and a card if it has an account.
struct Party {
    key: Option<Keypair>,
    plane: DataPlane,
}

struct World {
    chain: MemoryChain,
    image: ContentHash,
    requester: Keypair,
    /// Serves the job, by the rules.
    host: DataPlane,
    access: Arc<JobAccess>,
    offers: Vec<Offer>,
}

async fn plane() -> DataPlane {
    DataPlane::spawn(Config::memory()).await.expect("up")
}

impl World {
    async fn new() -> Self {
        let requester = key("//Requester");
        let operators = ["//Operator0", "//Operator1", "//Operator2", "//Rival"].map(key);
        let funded: Vec<AccountId> = operators
            .iter()
            .chain([&requester])
            .map(Keypair::account)
            .collect();
        let chain = MemoryChain::new(ENVIRONMENT, &funded);
        let image = ContentHash::repeat_byte(1);
        let publish = Call::PublishImage {
            manifest: image,
            class: 0,
        };
        chain
            .submit(&requester, publish, Until::InBlock)
            .await
            .expect("publishes");
        // Nothing is remembered, so that what the chain says counts at once.
        let access = JobAccess::new(Arc::new(chain.clone())).remembering_for(Duration::ZERO);
        let access = Arc::new(access);
        let mut config = Config::memory();
        config.access = access.clone();
        config.secrets = access.clone();
        Self {
            chain,
            image,
            requester,
            host: DataPlane::spawn(config).await.expect("up"),
            access,
            offers: Vec::new(),
        }
    }

    async fn party(&self, name: &str) -> Party {
        let (key, plane) = (key(name), plane().await);
        let card = card::sign(&key, &self.chain.genesis(), &plane.endpoint_id());
        plane.set_card(card).expect("short enough");
        let key = Some(key);
        Party { key, plane }
    }

    async fn worker(&self, n: usize, jurisdiction: &[u8; 2]) -> Party {
        let party = self.party(&format!("//Worker{n}")).await;
        let (key, operator) = (
            party.key.clone().expect("has one"),
            self::key(&format!("//Operator{n}")),
        );
        let payload =
            registration_payload(&self.chain.genesis(), &operator.public(), &key.public());
        let registration = Registration {
            worker: key.account(),
            endpoint: party.plane.address().to_bytes(),
            attributes: Attributes {
                jurisdiction: *jurisdiction,
                region: Region::default(),
                architecture: Architecture::X86_64,
                energy: EnergySource::Wind,
                carbon: 0,
                classes: Classes::truncate_from(TaskClass::ALL.to_vec()),
            },
            environment: ENVIRONMENT,
            profile: CPU_1_ID,
            resources: Resources { ..CPU_1.contains },
            bond: 200 * ISC,
            proof: key.sign(&payload),
        };
        let call = Call::Register(Box::new(registration));
        self.chain
            .submit(&operator, call, Until::InBlock)
            .await
            .expect("registers");
        party
    }

    fn spec(&self, jurisdictions: &[[u8; 2]], after: Option<JobId>) -> JobSpec {
        let mut constraints = Constraints::default();
        for code in jurisdictions {
            constraints
                .jurisdictions
                .try_push(*code)
                .expect("few enough");
        }
        JobSpec {
            image: self.image,
            input: H256::repeat_byte(2),
            units: 4,
            batch_size: 1,
            price: ISC,
            fuel_limit: 1_000_000_000,
            memory_limit: 1 << 20,
            traffic_limit: 1 << 20,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: ENVIRONMENT,
            deadline: 10_000,
            endpoint: self.host.address().to_bytes(),
            constraints,
            after,
        }
    }

    async fn submit(&self, by: &Keypair, spec: JobSpec) -> JobId {
        let call = Call::SubmitJob(Box::new(spec));
        let included = self.chain.submit(by, call, Until::InBlock).await;
        included.expect("submits").job().expect("a job")
    }

    async fn claim(&self, job: JobId, by: &Party) -> BatchIndex {
        let key = by.key.as_ref().expect("has one");
        let included = self.chain.submit(key, Call::Claim(job), Until::InBlock);
        included.await.expect("claims").batch().expect("a batch")
    }

    /// Stores content and offers it as a part of a job.
    async fn offer(&mut self, job: JobId, part: Part) -> Hash {
        let hash = self.put(&format!("{part:?} of job {job}")).await;
        let content = [ContentHash::from(*hash.as_bytes())];
        let offer = self.access.offer(&Scope::of(job), part, content);
        self.offers.push(offer);
        hash
    }

    async fn put(&self, text: &str) -> Hash {
        let held = self.host.put_bytes(text.to_owned()).await.expect("stored");
        let hash = held.hash();
        self.host.pin(text, hash).await.expect("pinned");
        hash
    }

    /// The key that a party is told as a worker of a batch.
    async fn key(&self, party: &Party, job: JobId, batch: BatchIndex) -> Option<JobKey> {
        let from = [self.host.address()];
        match party.plane.ask_secret(&key_name(job, batch), &from).await {
            Ok(key) => Some(JobKey::from_bytes(key[..].try_into().expect("a key"))),
            Err(SecretError::Refused { .. }) => None,
            Err(other) => panic!("{other}"),
        }
    }

    /// Whether a party is served; it forgets what it got.
    async fn serves(&self, party: &Party, hash: Hash) -> bool {
        let from = [self.host.address()];
        let options = FetchOptions::up_to(1_000);
        let fetched = party.plane.fetch(hash, &from, options).await.map(drop);
        party.plane.collect_garbage().await.expect("collected");
        match fetched {
            Ok(()) => true,
            Err(error) => {
                let faults: Vec<_> = error.attempts().iter().map(|a| &a.fault).collect();
                assert_eq!(faults, [&PeerFault::Forbidden], "{error}");
                false
            }
        }
    }
}

#[tokio::test]
async fn inputs_are_for_workers_that_the_job_admits_and_own_files_for_who_holds_the_batch() {
    let mut world = World::new().await;
    let (here, elsewhere) = (world.worker(0, b"DE").await, world.worker(2, b"US").await);
    let stranger = Party {
        key: None,
        plane: plane().await,
    };
    let unregistered = world.party("//Nobody").await;
    // Somebody who copied the worker's card.
    let impostor = Party {
        key: None,
        plane: plane().await,
    };
    let copied = card::sign(
        here.key.as_ref().expect("has one"),
        &world.chain.genesis(),
        &here.plane.endpoint_id(),
    );
    impostor.plane.set_card(copied).expect("short enough");

    let spec = world.spec(&[*b"DE"], None);
    let job = world.submit(&world.requester, spec).await;
    let image = world.offer(job, Part::Image).await;
    let shared = world.offer(job, Part::Shared).await;
    let mut inputs = Vec::new();
    for batch in 0..4 {
        inputs.push(world.offer(job, Part::Inputs(batch)).await);
    }
    let never_offered = world.put("the requester's diary").await;

    for hash in [image, shared] {
        assert!(world.serves(&here, hash).await);
        for other in [&elsewhere, &stranger, &unregistered, &impostor] {
            assert!(!world.serves(other, hash).await, "{hash}");
        }
    }
    for hash in inputs.iter().chain([&never_offered]) {
        assert!(!world.serves(&here, *hash).await, "nothing is claimed yet");
    }
    let claimed = world.claim(job, &here).await;
    for (batch, hash) in (0..).zip(&inputs) {
        assert_eq!(
            world.serves(&here, *hash).await,
            batch == claimed,
            "{batch}"
        );
        assert!(!world.serves(&elsewhere, *hash).await);
        assert!(!world.serves(&impostor, *hash).await);
    }
    assert!(!world.serves(&here, never_offered).await);

    // A worker that moves out of the jurisdiction with its batch reads no further.
    let own = inputs[claimed as usize];
    let account = here.key.as_ref().expect("has one").account();
    let move_to = |code: &[u8; 2]| {
        world.chain.edit(|state| {
            let worker = state.workers.get_mut(&account).expect("registered");
            worker.attributes.jurisdiction = *code;
        });
    };
    move_to(b"US");
    assert!(!world.serves(&here, own).await);
    assert!(!world.serves(&here, shared).await);
    move_to(b"DE");
    assert!(world.serves(&here, own).await);

    // While the chain cannot be read, what it said last counts: parties go on, nobody joins them.
    world.chain.set_connected(false);
    assert!(world.serves(&here, own).await);
    assert!(!world.serves(&elsewhere, shared).await);
    assert!(!world.serves(&stranger, shared).await);
    world.chain.set_connected(true);

    // Too late to commit, it has no part in the batch any more; and when the job is over, nobody has.
    world.chain.advance_to(9_999);
    assert!(!world.serves(&here, own).await);
    assert!(world.serves(&here, shared).await);
    world.chain.advance_to(20_000);
    let ended = world.chain.job(job).await.expect("read");
    assert!(ended.is_none_or(|job| job.state.has_ended()));
    assert!(!world.serves(&here, shared).await);
    assert!(!world.serves(&here, image).await);
}

#[tokio::test]
async fn inputs_of_a_batch_that_was_cut_are_for_who_holds_any_part_of_it_and_for_nobody_else() {
    let mut world = World::new().await;
    let workers = [
        world.worker(0, b"DE").await,
        world.worker(1, b"DE").await,
        world.worker(2, b"DE").await,
    ];
    let [cuts, holds_rest, holds_other] = &workers;
    let spec = JobSpec {
        units: 16,
        batch_size: 8,
        ..world.spec(&[], None)
    };
    let job = world.submit(&world.requester, spec).await;
    let claim_only = async |world: &World, by: &Party, batch: BatchIndex| {
        let window = world.chain.edit(|state| {
            let job = state.jobs.get_mut(&job).expect("there");
            let window = job.window.clone();
            job.next_batch = 2;
            job.window = vec![batch];
            window
        });
        assert_eq!(world.claim(job, by).await, batch);
        world.chain.edit(|state| {
            let job = state.jobs.get_mut(&job).expect("there");
            job.window
                .extend(window.into_iter().filter(|n| *n != batch));
        });
    };
    let ordered = world.offer(job, Part::Inputs(0)).await;
    let other = world.offer(job, Part::Inputs(1)).await;
    // Who has computed the rest passes its inputs on under that batch's name.
    let rest = world.offer(job, Part::Inputs(2)).await;
    claim_only(&world, cuts, 0).await;
    claim_only(&world, holds_other, 1).await;
    let commit = Call::Commit {
        job,
        batch: 0,
        units: 3,
        digest: H256::repeat_byte(3),
        commitment: H256::repeat_byte(4),
    };
    let key = cuts.key.as_ref().expect("has one");
    let sealed = world.chain.submit(key, commit, Until::InBlock).await;
    sealed.expect("it is cut");
    assert!(
        !world.serves(holds_rest, ordered).await,
        "it has no part yet"
    );
    claim_only(&world, holds_rest, 2).await;
    for (party, expected) in [(cuts, true), (holds_rest, true), (holds_other, false)] {
        for hash in [ordered, rest] {
            assert_eq!(world.serves(party, hash).await, expected);
        }
        assert_eq!(world.serves(party, other).await, !expected);
    }
    // Who gives its part back has none.
    let key = holds_rest.key.as_ref().expect("has one");
    let back = Call::HandBack { job, batch: 2 };
    let back = world.chain.submit(key, back, Until::InBlock).await;
    back.expect("it is not late");
    for hash in [ordered, rest] {
        assert!(!world.serves(holds_rest, hash).await);
    }
}

#[tokio::test]
async fn a_claim_that_is_seen_a_moment_late_is_waited_for() {
    let mut world = World::new().await;
    let worker = world.worker(0, b"DE").await;
    let spec = JobSpec {
        units: 1,
        ..world.spec(&[], None)
    };
    let job = world.submit(&world.requester, spec).await;
    let own = world.offer(job, Part::Inputs(0)).await;
    // The node of who serves lags behind: the claim is in its chain only after the request.
    let access = JobAccess::new(Arc::new(world.chain.clone()));
    let content = [ContentHash::from(*own.as_bytes())];
    let _offer = access.offer(&Scope::of(job), Part::Inputs(0), content);
    let key = worker.key.as_ref().expect("has one");
    let id = worker.plane.endpoint_id();
    let asker = |card| Asker { id, card };
    let card = card::sign(key, &world.chain.genesis(), &id);
    let knows = asker(Some(card.into()));
    let (served, batch) = tokio::join!(access.allows(&knows, &own), async {
        tokio::task::yield_now().await;
        world.claim(job, &worker).await
    });
    assert!(served);
    assert_eq!(batch, 0);
    // Strangers are not waited for: the answer is there at once.
    let stranger = asker(None);
    let refused = tokio::time::timeout(Duration::ZERO, access.allows(&stranger, &own)).await;
    assert_eq!(refused, Ok(false));
}

#[tokio::test]
async fn an_application_is_everybody_s_unless_its_job_is_bound() {
    let mut world = World::new().await;
    let stranger = Party {
        key: None,
        plane: plane().await,
    };
    let spec = world.spec(&[], None);
    let job = world.submit(&world.requester, spec).await;
    let image = world.offer(job, Part::Image).await;
    let shared = world.offer(job, Part::Shared).await;
    assert!(world.serves(&stranger, image).await);
    assert!(!world.serves(&stranger, shared).await);
    world.offers.clear();
    assert!(!world.serves(&stranger, image).await, "withdrawn");
}

#[tokio::test]
async fn outputs_are_for_the_requester_and_for_what_comes_after() {
    let mut world = World::new().await;
    let (maker, elsewhere) = (world.worker(0, b"DE").await, world.worker(2, b"US").await);
    let requester = world.party("//Requester").await;
    let rival = world.party("//Rival").await;
    // The requester is known by the endpoint that its job names, without a card.
    let by_address = Party {
        key: None,
        plane: plane().await,
    };
    let mut spec = world.spec(&[*b"DE"], None);
    spec.endpoint = by_address.plane.address().to_bytes();
    let job = world.submit(&world.requester, spec).await;
    let outputs = world.offer(job, Part::Outputs(0)).await;
    for party in [&requester, &by_address] {
        assert!(world.serves(party, outputs).await);
    }
    for party in [&maker, &elsewhere, &rival] {
        assert!(!world.serves(party, outputs).await);
    }
    // A job of somebody else's gives nobody a part, nor does one that only says that it comes after.
    let spec = world.spec(&[], None);
    let others = world.submit(&key("//Rival"), spec).await;
    world.chain.edit(|state| {
        state.jobs.get_mut(&others).expect("is there").spec.after = Some(job);
        let first = state.jobs.get_mut(&job).expect("is there");
        first.successors.push(others);
    });
    for party in [&maker, &elsewhere, &rival] {
        assert!(!world.serves(party, outputs).await);
    }
    // The next job may run anywhere; what it gets may not leave.
    let spec = world.spec(&[], Some(job));
    let next = world.submit(&world.requester, spec).await;
    assert!(world.serves(&maker, outputs).await);
    assert!(!world.serves(&elsewhere, outputs).await);
    assert!(!world.serves(&rival, outputs).await);
    // With it ends what it gave.
    let cancel = Call::CancelJob(next);
    world
        .chain
        .submit(&world.requester, cancel, Until::InBlock)
        .await
        .expect("cancelled");
    world.chain.advance(1);
    assert!(!world.serves(&maker, outputs).await);
    assert!(world.serves(&requester, outputs).await);
}

#[tokio::test]
async fn who_asks_while_an_order_is_on_its_way_waits_for_its_number() {
    let world = World::new().await;
    let worker = world.worker(0, b"DE").await;
    let hash = world.put("the input").await;
    let content = [ContentHash::from(*hash.as_bytes())];
    let (placing, scope) = Scope::placing();
    let _offer = world.access.offer(&scope, Part::Shared, content);
    let place = async {
        // The worker's request is there before the order is.
        while world.host.stats().refused == 0 {
            tokio::task::yield_now().await;
        }
        let spec = world.spec(&[], None);
        placing.is(world.submit(&world.requester, spec).await);
    };
    // Refused once for want of a card, which does not take a number.
    let stranger = plane().await;
    let from = [world.host.address()];
    let options = FetchOptions::up_to(1_000);
    let unknown = Hash::new(b"something else");
    let (served, refused, ()) = tokio::join!(
        world.serves(&worker, hash),
        stranger.fetch(unknown, &from, options),
        place
    );
    assert!(served);
    refused.expect_err("never offered");

    // An order that fails is nobody's.
    let (placing, scope) = Scope::placing();
    let failed = world.put("of an order that failed").await;
    let content = [ContentHash::from(*failed.as_bytes())];
    let _offer = world.access.offer(&scope, Part::Shared, content);
    drop(placing);
    assert!(!world.serves(&worker, failed).await);
}

#[tokio::test]
async fn outputs_of_a_batch_are_for_the_witnesses_drawn_for_it_where_they_may_be() {
    let mut world = World::new().await;
    let workers = [
        world.worker(0, b"DE").await,
        world.worker(1, b"DE").await,
        world.worker(2, b"US").await,
    ];
    let [drawn, not_drawn, elsewhere] = &workers;
    let spec = world.spec(&[*b"DE"], None);
    let job = world.submit(&world.requester, spec).await;
    let other_job = world.submit(&world.requester, world.spec(&[], None)).await;
    let outputs = [
        world.offer(job, Part::Outputs(0)).await,
        world.offer(job, Part::Outputs(1)).await,
        world.offer(other_job, Part::Outputs(0)).await,
    ];
    // What all batches left alike, more of them than are looked at one by one.
    let same = world.put("a file that every unit leaves").await;
    for batch in 0..40 {
        let content = [ContentHash::from(*same.as_bytes())];
        let scope = Scope::of(job);
        let offer = world.access.offer(&scope, Part::Outputs(batch), content);
        world.offers.push(offer);
    }
    let input = world.offer(job, Part::Inputs(0)).await;
    for hash in outputs.iter().chain([&same]) {
        for worker in &workers {
            assert!(!world.serves(worker, *hash).await, "nobody is drawn yet");
        }
    }
    let call = |of: &[&Party]| WitnessCall {
        stage: CallStage::Sealing { until: 9_000 },
        seed: H256::repeat_byte(3),
        witnesses: of
            .iter()
            .map(|party| Witness {
                worker: party.key.as_ref().expect("has one").account(),
                operator: party.key.as_ref().expect("has one").account(),
                testimony: Testimony::Awaited,
            })
            .collect(),
    };
    world.chain.edit(|state| {
        let calls = &mut state.witness_calls;
        calls.insert((job, 0), call(&[drawn, elsewhere]));
    });
    // The one that is drawn and in place reads its batch, and neither another one nor what the batch got.
    assert!(world.serves(drawn, outputs[0]).await);
    assert!(world.serves(drawn, same).await);
    for hash in [outputs[1], outputs[2], input] {
        assert!(!world.serves(drawn, hash).await, "{hash}");
    }
    for other in [not_drawn, elsewhere] {
        for hash in outputs.iter().chain([&same, &input]) {
            assert!(!world.serves(other, *hash).await, "{hash}");
        }
    }
    // Drawn for the other batch, it reads that one; when the call is over, nothing.
    world.chain.edit(|state| {
        let calls = &mut state.witness_calls;
        calls.insert((job, 1), call(&[not_drawn]));
        calls.remove(&(job, 0));
    });
    assert!(world.serves(not_drawn, outputs[1]).await);
    assert!(!world.serves(not_drawn, outputs[0]).await);
    assert!(!world.serves(drawn, outputs[0]).await);
    assert!(!world.serves(drawn, same).await);
}

#[tokio::test]
async fn later_jobs_that_leave_the_same_hide_an_output_from_nobody_whom_it_is_owed_to() {
    let mut world = World::new().await;
    let (drawn, stranger) = (world.worker(0, b"DE").await, world.worker(1, b"DE").await);
    let requester = world.party("//Requester").await;
    let spec = world.spec(&[], None);
    let job = world.submit(&world.requester, spec).await;
    let same = world.put("ok").await;
    let content = [ContentHash::from(*same.as_bytes())];
    let offer = world
        .access
        .offer(&Scope::of(job), Part::Outputs(0), content);
    world.offers.push(offer);
    // More jobs of somebody else's than are looked at one by one.
    for _ in 0..40 {
        let other = world.submit(&key("//Rival"), world.spec(&[], None)).await;
        let offer = world
            .access
            .offer(&Scope::of(other), Part::Outputs(0), content);
        world.offers.push(offer);
    }
    world.chain.edit(|state| {
        let worker = drawn.key.as_ref().expect("has one").account();
        let witness = Witness {
            worker: worker.clone(),
            operator: worker,
            testimony: Testimony::Awaited,
        };
        let call = WitnessCall {
            stage: CallStage::Sealing { until: 9_000 },
            seed: H256::repeat_byte(3),
            witnesses: vec![witness],
        };
        state.witness_calls.insert((job, 0), call);
    });
    assert!(world.serves(&requester, same).await);
    assert!(world.serves(&drawn, same).await);
    assert!(!world.serves(&stranger, same).await);
}

#[tokio::test]
async fn the_key_of_a_job_is_for_who_computes_it_and_as_long_as_that_takes() {
    let world = World::new().await;
    let (here, idle) = (world.worker(0, b"DE").await, world.worker(1, b"DE").await);
    let elsewhere = world.worker(2, b"US").await;
    let (requester, rival) = (
        world.party("//Requester").await,
        world.party("//Rival").await,
    );
    let stranger = Party {
        key: None,
        plane: plane().await,
    };
    // Somebody who shows what the worker showed.
    let impostor = Party {
        key: None,
        plane: plane().await,
    };
    let account = here.key.as_ref().expect("has one");
    let copied = card::sign(account, &world.chain.genesis(), &here.plane.endpoint_id());
    impostor.plane.set_card(copied).expect("short enough");

    let spec = world.spec(&[*b"DE"], None);
    let job = world.submit(&world.requester, spec.clone()).await;
    let other = world.submit(&world.requester, spec).await;
    let key = JobKey::from_bytes([7; 32]);
    let _other = world
        .access
        .offer_key(&Scope::of(other), JobKey::from_bytes([8; 32]));
    assert_eq!(world.key(&requester, job, 0).await, None, "not offered yet");
    let offer = world.access.offer_key(&Scope::of(job), key.clone());

    // To be admitted is not enough, unlike for what is shared.
    assert_eq!(world.key(&here, job, 0).await, None, "nothing is claimed");
    let batch = world.claim(job, &here).await;
    assert_eq!(world.key(&here, job, batch).await, Some(key.clone()));
    assert_eq!(world.key(&requester, job, 0).await, Some(key.clone()));
    for who in [&idle, &elsewhere, &rival, &stranger, &impostor] {
        for batch in 0..4 {
            assert_eq!(world.key(who, job, batch).await, None);
        }
    }
    // It is that of its job and its batch, no other's; and names that are none are refused.
    for (job, batch) in [(job, batch + 1), (other, batch), (other + 1, batch)] {
        assert_eq!(world.key(&here, job, batch).await, None);
    }
    let from = [world.host.address()];
    let nonsense = here.plane.ask_secret(b"job-key/1", &from).await;
    assert!(matches!(nonsense, Err(SecretError::Refused { .. })));

    // Whoever is drawn to fetch outputs handles them sealed.
    world.chain.edit(|state| {
        let witness = Witness {
            worker: idle.key.as_ref().expect("has one").account(),
            operator: world.requester.account(),
            testimony: Testimony::Awaited,
        };
        let call = WitnessCall {
            stage: CallStage::Sealing { until: 9_000 },
            seed: H256::repeat_byte(3),
            witnesses: vec![witness],
        };
        state.witness_calls.insert((job, batch), call);
    });
    assert_eq!(world.key(&idle, job, batch).await, None);

    // A worker that moves out of the jurisdiction, or is too late, is told no more.
    let id = account.account();
    let move_to = |code: &[u8; 2]| {
        world.chain.edit(|state| {
            let worker = state.workers.get_mut(&id).expect("registered");
            worker.attributes.jurisdiction = *code;
        });
    };
    move_to(b"US");
    assert_eq!(world.key(&here, job, batch).await, None);
    move_to(b"DE");
    assert_eq!(world.key(&here, job, batch).await, Some(key.clone()));
    world.chain.advance_to(9_999);
    assert_eq!(world.key(&here, job, batch).await, None);
    assert_eq!(world.key(&requester, job, batch).await, Some(key));
    drop(offer);
    assert_eq!(world.key(&requester, job, batch).await, None, "withdrawn");
}

#[tokio::test]
async fn a_key_is_handed_over_although_the_claim_is_seen_a_moment_late() {
    let world = World::new().await;
    let (worker, idle) = (world.worker(0, b"DE").await, world.worker(1, b"DE").await);
    let spec = JobSpec {
        units: 1,
        ..world.spec(&[], None)
    };
    let job = world.submit(&world.requester, spec).await;
    let access = JobAccess::new(Arc::new(world.chain.clone()));
    let _offer = access.offer_key(&Scope::of(job), JobKey::from_bytes([7; 32]));
    let asker = |party: &Party| {
        let (key, id) = (
            party.key.as_ref().expect("has one"),
            party.plane.endpoint_id(),
        );
        let card = card::sign(key, &world.chain.genesis(), &id);
        Asker {
            id,
            card: Some(card.into()),
        }
    };
    let (claims, waits) = (asker(&worker), asker(&idle));
    let name = key_name(job, 0);
    let (told, refused, _) = tokio::join!(
        access.secret(&claims, &name),
        access.secret(&waits, &name),
        async {
            tokio::task::yield_now().await;
            world.claim(job, &worker).await
        }
    );
    assert_eq!(told.as_deref(), Some(&[7; 32][..]));
    assert_eq!(refused, None, "it did not claim");
}
