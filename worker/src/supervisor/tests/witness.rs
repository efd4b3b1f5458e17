//! Workers that are drawn to fetch what a requester cannot.

use std::time::Duration;

use sungrid_chain_client::{
    Call, CallStage, Chain, Outputs, Testimony, Until, Witness, memory::MemoryState,
};
use sungrid_primitives::{ISC, JobId};

use super::{
    super::witness::OWNER_MARGIN,
    completed,
    idle::Desk,
    kit::{Machine, Running, World, settle},
};
use crate::control::Goal;

/// A job of one batch that machines 0 and 1 have done, and three strangers at work.
struct Scene {
    world: World,
    makers: [Machine; 2],
    strangers: [Machine; 3],
    running: Vec<Running>,
    job: JobId,
    /// Tokens of everybody, and the requester's own, before anybody is called.
    issuance: u128,
    purse: u128,
}

fn purse(world: &World) -> u128 {
    let who = world.requester.account();
    world.chain.edit(|state| {
        let account = &state.accounts[&who];
        account.free + account.held
    })
}

async fn scene() -> Scene {
    scene_with(|_| {}).await
}

/// With strangers that are as `change` makes them.
async fn scene_with(change: impl Fn(&mut Machine)) -> Scene {
    let world = World::new().await;
    let makers = [world.machine(0), world.machine(1)];
    let processes = [makers[0].start().await, makers[1].start().await];
    let job = world.submit(world.spec(2, 2)).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    for process in processes {
        process.terminate().await.expect("ends well");
    }
    let mut strangers = [world.machine(2), world.machine(3), world.machine(4)];
    strangers.iter_mut().for_each(change);
    let mut running = Vec::new();
    for stranger in &strangers {
        running.push(stranger.start().await);
    }
    let issuance = world.chain.edit(|state| state.issuance());
    let purse = purse(&world);
    Scene {
        world,
        makers,
        strangers,
        running,
        job,
        issuance,
        purse,
    }
}

impl Scene {
    async fn call(&self) {
        let call = Call::CallWitnesses {
            job: self.job,
            batch: 0,
        };
        let sent = self
            .world
            .chain
            .submit(&self.world.requester, call, Until::InBlock);
        sent.await.expect("they are called");
    }

    /// Waits until it is known what the witnesses found.
    async fn found(&self) -> Outputs {
        let known =
            |state: &mut MemoryState| state.results[&(self.job, 0)].outputs != Outputs::Owed;
        self.world.drive("witnesses have said it", known).await;
        let issuance = self.world.chain.edit(|state| state.issuance());
        assert_eq!(issuance, self.issuance, "no token is made or lost");
        let result = self.world.chain.result(self.job, 0).await.expect("reads");
        result.expect("kept").outputs
    }

    fn missed(&self, n: usize) -> u32 {
        let key = self.strangers[n].key.account();
        self.world.chain.edit(|state| state.workers[&key].missed)
    }

    fn bond(&self, n: usize) -> u128 {
        let key = self.makers[n].key.account();
        self.world.chain.edit(|state| state.workers[&key].bond)
    }

    fn withhold(&self, n: usize) {
        let endpoint = &self.makers[n].endpoint;
        self.world.net.peer(endpoint, |peer| peer.away = true);
    }

    fn kept(&self, n: usize) -> Vec<String> {
        let endpoint = &self.strangers[n].endpoint;
        let name = |peer: &mut super::kit::Peer| peer.kept.keys().cloned().collect();
        self.world.net.peer(endpoint, name)
    }
}

#[tokio::test]
async fn who_withholds_is_found_out_and_the_requester_has_its_money_back() {
    let scene = scene().await;
    scene.withhold(0);
    scene.withhold(1);
    scene.call().await;
    assert_eq!(scene.found().await, Outputs::Withheld);
    assert!(scene.bond(0) < 180 * ISC && scene.bond(1) < 180 * ISC);
    let paid = scene.world.chain.edit(|state| state.jobs[&scene.job].paid);
    assert!(paid > 0);
    assert_eq!(purse(&scene.world), scene.purse + paid);
    assert_eq!((0..3).map(|n| scene.missed(n)).sum::<u32>(), 0);
}

#[tokio::test]
async fn a_provider_that_serves_wrong_bytes_serves_nothing() {
    let scene = scene().await;
    scene.withhold(0);
    scene.world.net.peer(&scene.makers[1].endpoint, |peer| {
        peer.lies_about = peer.content.keys().copied().collect();
    });
    scene.call().await;
    assert_eq!(scene.found().await, Outputs::Withheld);
}

#[tokio::test]
async fn a_provider_that_begins_and_never_ends_serves_nothing() {
    // GIVEN providers that serve what says which files there are, and of these no end
    let scene = scene_with(|stranger| stranger.fetch_time = Duration::from_millis(1)).await;
    for maker in &scene.makers {
        scene.world.net.peer(&maker.endpoint, |peer| {
            let kept: Vec<_> = peer.content.keys().copied().collect();
            let bundles: Vec<_> = scene.world.chain.edit(|state| {
                let result = &state.results[&(scene.job, 0)];
                result.winners.iter().map(|winner| winner.bundle).collect()
            });
            peer.trickles = kept.into_iter().filter(|c| !bundles.contains(c)).collect();
        });
    }
    scene.call().await;
    // THEN that is withholding, and nobody was kept from saying so
    assert_eq!(scene.found().await, Outputs::Withheld);
    assert_eq!((0..3).map(|n| scene.missed(n)).sum::<u32>(), 0);
}

#[tokio::test]
async fn one_that_serves_is_enough_and_witnesses_serve_what_they_have_fetched() {
    let scene = scene().await;
    scene.withhold(0);
    scene.call().await;
    assert_eq!(scene.found().await, Outputs::Fetched);
    assert_eq!((scene.bond(0), scene.bond(1)), (200 * ISC, 200 * ISC));
    assert!(purse(&scene.world) < scene.purse - ISC);
    // THEN the requester can fetch everything from any of them, though the makers go away
    let result = scene.world.chain.result(scene.job, 0).await.expect("reads");
    let winners = result.expect("kept").winners;
    for (n, stranger) in scene.strangers.iter().enumerate() {
        assert_eq!(scene.kept(n), [format!("witness/{}/0", scene.job)]);
        scene.world.net.peer(&stranger.endpoint, |peer| {
            assert!(winners.iter().any(|w| peer.content.contains_key(&w.bundle)));
        });
    }
    // WHEN it has them
    let call = Call::Acknowledge {
        job: scene.job,
        below: 1,
    };
    let sent = scene
        .world
        .chain
        .submit(&scene.world.requester, call, Until::InBlock);
    sent.await.expect("it has them");
    for _ in 0..20 {
        settle().await;
        scene.world.chain.advance(1);
    }
    settle().await;
    // THEN nobody keeps them
    assert!((0..3).all(|n| scene.kept(n).is_empty()));
}

#[tokio::test]
async fn a_provider_that_comes_back_in_time_is_not_slashed() {
    let scene = scene().await;
    scene.withhold(0);
    scene.withhold(1);
    scene.call().await;
    for _ in 0..100 {
        settle().await;
        scene.world.chain.advance(1);
    }
    let endpoint = &scene.makers[1].endpoint;
    scene.world.net.peer(endpoint, |peer| peer.away = false);
    assert_eq!(scene.found().await, Outputs::Fetched);
}

#[tokio::test]
async fn a_witness_with_trouble_of_its_own_says_nothing() {
    let scene = scene().await;
    let endpoint = &scene.strangers[0].endpoint;
    scene.world.net.peer(endpoint, |peer| peer.full = true);
    scene.call().await;
    assert_eq!(scene.found().await, Outputs::Fetched);
    assert_eq!(
        [scene.missed(0), scene.missed(1), scene.missed(2)],
        [1, 0, 0]
    );
}

#[tokio::test]
async fn a_share_that_is_used_up_is_the_witness_s_own_trouble() {
    let scene = scene().await;
    // Two of three could not even take it: their word would slash who serves.
    for stranger in &scene.strangers[..2] {
        let endpoint = &stranger.endpoint;
        scene
            .world
            .net
            .peer(endpoint, |peer| peer.over_quota = true);
    }
    scene.call().await;
    let key = (scene.job, 0);
    let over = |state: &mut MemoryState| !state.witness_calls.contains_key(&key);
    scene.world.drive("the call is over", over).await;
    let result = scene.world.chain.result(key.0, key.1).await.expect("reads");
    assert_eq!(result.expect("kept").outputs, Outputs::Owed);
    assert_eq!((scene.bond(0), scene.bond(1)), (200 * ISC, 200 * ISC));
    assert_eq!(
        [scene.missed(0), scene.missed(1), scene.missed(2)],
        [1, 1, 0]
    );
}

#[tokio::test]
async fn a_witness_that_is_killed_after_its_seal_opens_it_all_the_same() {
    let mut scene = scene().await;
    // The others take their time, so that seals are not opened at once.
    for stranger in &scene.strangers[1..] {
        stranger.fetching.close(0);
    }
    scene.call().await;
    let me = scene.strangers[0].key.account();
    let key = (scene.job, 0);
    let sealed = |state: &mut MemoryState| {
        let call = state.witness_calls.get(&key);
        call.is_some_and(|call| matches!(call.testimony(&me), Some(Testimony::Sealed(_))))
    };
    scene.world.drive("the first has sealed", sealed).await;
    scene.running.remove(0).kill().await;
    for stranger in &scene.strangers[1..] {
        stranger.fetching.open();
    }
    let opening = |state: &mut MemoryState| {
        let call = state.witness_calls.get(&key);
        call.is_some_and(|call| matches!(call.stage, CallStage::Opening { .. }))
    };
    scene.world.drive("all have sealed", opening).await;
    let _again = scene.strangers[0].start().await;
    assert_eq!(scene.found().await, Outputs::Fetched);
    assert_eq!((0..3).map(|n| scene.missed(n)).sum::<u32>(), 0);
}

#[tokio::test]
async fn a_witness_leaves_the_line_to_its_owner_while_there_is_time() {
    let mut scene = scene().await;
    let process = scene.running.remove(0);
    process.terminate().await.expect("ends well");
    // GIVEN a machine that somebody sits at
    let desk = Desk::start(&scene.strangers[0]).await;
    scene.call().await;
    let key = (scene.job, 0);
    let sealed = |state: &mut MemoryState| {
        let call = state.witness_calls.get(&key);
        call.is_some_and(|call| {
            let sealed = |w: &&Witness| matches!(w.testimony, Testimony::Sealed(_));
            call.witnesses.iter().filter(sealed).count() == 2
        })
    };
    scene.world.drive("the others have sealed", sealed).await;
    let until = scene
        .world
        .chain
        .edit(|state| match state.witness_calls[&key].stage {
            CallStage::Sealing { until } => until,
            other => panic!("{other:?}"),
        });
    // THEN it fetches nothing
    let result = scene.world.chain.result(key.0, key.1).await.expect("reads");
    let winners = result.expect("kept").winners;
    let endpoint = &scene.strangers[0].endpoint;
    let has_fetched = || {
        scene.world.net.peer(endpoint, |peer| {
            winners.iter().any(|w| peer.content.contains_key(&w.bundle))
        })
    };
    while scene.world.chain.edit(|state| state.number) + OWNER_MARGIN + 1 < until {
        settle().await;
        scene.world.chain.advance(1);
        assert!(!has_fetched());
    }
    // UNTIL it is time
    assert_eq!(scene.found().await, Outputs::Fetched);
    assert!(has_fetched());
    assert_eq!((0..3).map(|n| scene.missed(n)).sum::<u32>(), 0);
    assert!(!desk.process.task.is_finished());
}

#[tokio::test]
async fn a_fetch_that_has_begun_leaves_the_line_to_the_owner_and_goes_on_afterwards() {
    let mut scene = scene().await;
    let process = scene.running.remove(0);
    process.terminate().await.expect("ends well");
    // GIVEN a desktop, left by its owner, in the middle of a fetch
    let mut desk = Desk::start(&scene.strangers[0]).await;
    desk.leave().await;
    scene.strangers[0].fetching.close(1);
    scene.call().await;
    let key = (scene.job, 0);
    let sealed = |state: &MemoryState, n: usize| {
        let call = state.witness_calls.get(&key);
        let testimony = call.and_then(|call| call.testimony(&scene.strangers[n].key.account()));
        matches!(testimony, Some(Testimony::Sealed(_)))
    };
    let others = |state: &mut MemoryState| sealed(state, 1) && sealed(state, 2);
    scene.world.drive("the others have sealed", others).await;
    scene.strangers[0].fetching.somebody_waits().await;
    let stage = scene
        .world
        .chain
        .edit(|state| state.witness_calls[&key].stage);
    let CallStage::Sealing { until } = stage else {
        panic!("{stage:?}");
    };
    // WHEN the owner is back
    desk.work(1).await;
    // THEN nothing more comes, though it would
    scene.strangers[0].fetching.open();
    let result = scene.world.chain.result(key.0, key.1).await.expect("reads");
    let winners = result.expect("kept").winners;
    let here = |peer: &mut super::kit::Peer| peer.content.len();
    let endpoint = &scene.strangers[0].endpoint;
    let before = scene.world.net.peer(endpoint, here);
    for _ in 0..10 {
        settle().await;
        scene.world.chain.advance(1);
        assert_eq!(scene.world.net.peer(endpoint, here), before);
        assert!(!scene.world.chain.edit(|state| sealed(state, 0)));
    }
    // UNTIL the owner has left, without waiting for the last moment
    desk.leave().await;
    let ours = |state: &mut MemoryState| sealed(state, 0) || !others(state);
    scene.world.drive("it has sealed, too", ours).await;
    let now = scene.world.chain.edit(|state| state.number);
    assert!(now + OWNER_MARGIN < until, "{now} of {until}");
    assert_eq!(scene.found().await, Outputs::Fetched);
    let kept =
        |peer: &mut super::kit::Peer| winners.iter().any(|w| peer.content.contains_key(&w.bundle));
    assert!(scene.world.net.peer(endpoint, kept));
    assert_eq!((0..3).map(|n| scene.missed(n)).sum::<u32>(), 0);
}

#[tokio::test]
async fn what_was_found_is_forgotten_with_the_call() {
    let scene = scene().await;
    scene.call().await;
    assert_eq!(scene.found().await, Outputs::Fetched);
    for _ in 0..4 {
        settle().await;
        scene.world.chain.advance(1);
    }
    settle().await;
    for stranger in &scene.strangers {
        let files = std::fs::read_dir(stranger.folder.path()).expect("reads");
        let folders = files.map(|file| file.expect("reads").path());
        let left = folders
            .filter(|path| path.is_dir())
            .flat_map(|path| std::fs::read_dir(path).expect("reads"))
            .filter(|file| {
                let path = file.as_ref().expect("reads").path();
                path.extension().is_some_and(|end| end == "witness")
            });
        assert_eq!(left.count(), 0);
    }
}

#[tokio::test]
async fn a_witness_that_drains_opens_what_it_has_sealed() {
    let scene = scene().await;
    scene.call().await;
    let key = (scene.job, 0);
    let sealed = |state: &mut MemoryState| {
        let call = state.witness_calls.get(&key);
        call.is_some_and(|call| {
            scene.strangers.iter().any(|stranger| {
                let testimony = call.testimony(&stranger.key.account());
                matches!(testimony, Some(Testimony::Sealed(_)))
            })
        })
    };
    scene.world.drive("one has sealed", sealed).await;
    for process in &scene.running {
        process.goal.send_replace(Some(Goal::Delivered));
    }
    assert_eq!(scene.found().await, Outputs::Fetched);
    assert_eq!((0..3).map(|n| scene.missed(n)).sum::<u32>(), 0);
    let ended = |_: &mut MemoryState| scene.running.iter().all(|p| p.task.is_finished());
    scene.world.drive("they end", ended).await;
}

#[tokio::test]
async fn a_look_that_dies_is_made_again() {
    let scene = scene().await;
    for maker in &scene.makers {
        let die = |peer: &mut super::kit::Peer| peer.panics = true;
        scene.world.net.peer(&maker.endpoint, die);
    }
    scene.call().await;
    assert_eq!(scene.found().await, Outputs::Fetched);
    assert_eq!((0..3).map(|n| scene.missed(n)).sum::<u32>(), 0);
    let died = |maker: &Machine| !scene.world.net.peer(&maker.endpoint, |peer| peer.panics);
    assert!(scene.makers.iter().any(died), "nobody died");
}
