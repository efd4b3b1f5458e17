//! Corrupt storage must not pass.

use frame_support::traits::{Hooks, fungible::MutateHold, tokens::Precision};

use crate::{mock::*, *};

fn bites(expected: &str, corrupt: impl FnOnce(u32)) {
    new_test_ext().execute_with(|| {
        let id = submit(200);
        for worker in 10..20 {
            claim(worker, id);
        }
        check_state();
        corrupt(id);
        let error = Market::do_try_state().expect_err(expected);
        let text = format!("{error:?}");
        assert!(text.contains(expected), "{text} instead of {expected}");
    });
}

fn change(id: u32, change: impl FnOnce(&mut JobRecordOf<Test>)) {
    Jobs::<Test>::mutate(id, |job| change(job.as_mut().expect("the job exists")));
}

/// A job after another one.
fn pending(id: u32) -> JobRecordOf<Test> {
    job(submit_spec(JobSpec {
        after: Some(id),
        ..spec(200)
    }))
}

fn started(id: u32) -> u32 {
    Batches::<Test>::iter_key_prefix(id)
        .next()
        .expect("started")
}

#[test]
fn every_invariant_bites() {
    bites("market 1", |_| NextJobId::<Test>::put(0));
    bites("market 2: more", |id| change(id, |j| j.batches += 1));
    bites("market 2: batches are lost", |id| {
        change(id, |j| j.settled += 1)
    });
    for cut in [(0, 0), (0, u32::MAX), (5_000, 1), (199, 398)] {
        bites("market 14", |id| {
            let (batch, first) = cut;
            let cut = sungrid_primitives::job::Cut { batch, first };
            change(id, |j| j.cuts.try_push(cut).expect("the first"))
        });
    }
    bites("market 2: batches are lost", |id| {
        change(id, |j| j.next_batch += 1)
    });
    bites("market 3: `in_flight`", |id| {
        change(id, |j| {
            j.in_flight += 1;
            j.next_batch += 1;
        })
    });
    bites("market 3: a batch without a job", |id| {
        let record = Batches::<Test>::get(id, started(id)).expect("started");
        Batches::<Test>::insert(id + 1, 0, record);
    });
    bites("market 9: a doubt without", |id| {
        Doubts::<Test>::insert(id + 1, 0, 1)
    });
    bites("market 9: a doubt in what", |id| {
        Doubts::<Test>::insert(id, started(id), 1)
    });
    bites("market 9: the bonds", |id| {
        let free = (0..WINDOW).find(|batch| !Batches::<Test>::contains_key(id, batch));
        Doubts::<Test>::insert(id, free.expect("ten are started"), 1);
    });
    bites("market 4: a batch is in the window twice", |id| {
        change(id, |j| j.window[0] = j.window[1])
    });
    bites("market 4: the window is ahead", |id| {
        change(id, |j| j.window[0] = j.next_batch)
    });
    bites("market 4: a batch in the window wants nothing", |id| {
        let wanting = job(id)
            .window
            .iter()
            .copied()
            .find(|b| Batches::<Test>::contains_key(id, b))
            .expect("some were started");
        Batches::<Test>::mutate(id, wanting, |r| r.as_mut().expect("started").wanted = 0);
    });
    bites("market 4: new batches", |id| {
        change(id, |j| j.state = JobState::Settling(Closing::Expired))
    });
    bites("market 5: `waiting`", |id| {
        Waiting::<Test>::insert(id, 99, ())
    });
    bites("market 5: a batch waits without", |id| {
        Waiting::<Test>::insert(id + 1, 99, ())
    });
    bites("market 6: assignments", |id| {
        Batches::<Test>::mutate(id, started(id), |r| {
            r.as_mut().expect("started").wanted = MAX_ASSIGNMENTS
        })
    });
    bites("market 6: an operator", |id| {
        Batches::<Test>::mutate(id, started(id), |r| {
            let list = &mut r.as_mut().expect("started").assignments;
            let again = list[0].clone();
            list.try_push(again).expect("room");
        })
    });
    bites("market 6: replicas in one jurisdiction", |id| {
        let batch = started(id);
        Batches::<Test>::mutate(id, batch, |r| {
            let list = &mut r.as_mut().expect("started").assignments;
            let mut other = list[0].clone();
            (other.worker, other.operator) = (29, OPERATORS + 29);
            list.try_push(other).expect("room");
        });
        change(id, |j| j.spec.constraints.distinct_jurisdictions = true);
    });
    bites("market 7: more was paid", |id| {
        change(id, |j| j.paid = j.escrow + 1)
    });
    bites("market 7: the escrow", |id| change(id, |j| j.paid += 1));
    bites("market 7: the deposit", |id| change(id, |j| j.deposit += 1));
    bites("market 7: the escrow", |_| {
        let reason = HoldReason::Escrow.into();
        Balances::release(&reason, &REQUESTER, 1, Precision::Exact).expect("held");
    });
    bites("market 8: a job would never expire", |id| {
        Agenda::<Test>::remove(job(id).spec.deadline, (id, None::<u32>))
    });
    bites("market 8: the agenda ran ahead", |_| {
        AgendaCursor::<Test>::put(50)
    });
    bites("market 8: the agenda skipped", |id| {
        System::set_block_number(60);
        AgendaCursor::<Test>::put(50);
        Agenda::<Test>::insert(49, (id, Some(0u32)), ());
    });
    bites("market 9", |id| {
        frame_support::assert_ok!(Market::challenge(id, started(id), &CHALLENGER));
        Batches::<Test>::mutate(id, started(id), |record| {
            let challenge = &mut record.as_mut().expect("started").challenge;
            challenge.as_mut().expect("challenged").bond += 1;
        });
    });
    bites("market 11: the escrow does not cover", |id| {
        change(id, |j| j.price += PRICE)
    });
    bites("market 11: a price that no raise", |id| {
        RaisedPrices::<Test>::insert(id, started(id), PRICE + 1)
    });
    bites("market 11: a price that no raise", |id| {
        frame_support::assert_ok!(Market::raise(
            RuntimeOrigin::signed(REQUESTER),
            id,
            PRICE + 1
        ));
        RaisedPrices::<Test>::insert(id, job(id).next_batch, PRICE + 1)
    });
    bites("market 11: a price without a job", |id| {
        RaisedPrices::<Test>::insert(id + 1, 0, PRICE)
    });
    bites("market 12: a pending job was opened", |id| {
        let mut pending = pending(id);
        pending.claims = 1;
        Jobs::<Test>::insert(id + 1, pending);
    });
    bites("market 12: a job comes after none", |id| {
        let mut pending = pending(id);
        pending.spec.after = Some(id + 1);
        Jobs::<Test>::insert(id + 1, pending);
    });
    bites("market 12: a pending job would never open", |id| {
        pending(id);
        change(id, |j| j.successors = Default::default());
    });
    let series = |change: fn(u32, &mut SeriesRecordOf<Test>)| {
        move |_| {
            let id = NextJobId::<Test>::get();
            let who = RuntimeOrigin::signed(REQUESTER);
            frame_support::assert_ok!(Market::repeat(who, spec(2), 20, 5));
            Series::<Test>::mutate(id, |series| change(id, series.as_mut().expect("ordered")));
        }
    };
    bites(
        "market 13: a series without a number",
        series(|id, _| NextJobId::<Test>::put(id)),
    );
    bites(
        "market 13: a series that should",
        series(|_, series| series.left = 0),
    );
    bites(
        "market 13: a series that should",
        series(|_, series| series.skipped = MAX_SKIPS),
    );
    bites(
        "market 13: a series would never",
        series(|_, series| series.next += 1),
    );
    bites("market 7: the deposit", series(|_, series| series.fee += 1));
    bites("market 10", |id| {
        change(id, |j| {
            j.window = Default::default();
            j.state = JobState::Ended {
                outcome: Outcome::Completed,
                at: 1,
            };
        })
    });
}

#[test]
fn the_mock_passes_the_integrity_test() {
    new_test_ext().execute_with(Market::integrity_test);
}
