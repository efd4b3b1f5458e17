use std::{fs, time::Duration};

use sp_core::H256;
use sungrid_chain_client::{AccountId, Constraints, Job, JobSpec, JobState};
use sungrid_idle::LocalTime;
use sungrid_primitives::{ISC, suns::CPU_1, traits::CPU_1_ID};

use super::{
    energy::{Allowance, Meter, Reading, Rules},
    learned::IMAGES,
    settings::Schedule,
    *,
};

const GIGA: u64 = 1_000_000_000;

fn image(number: u64) -> ContentHash {
    H256::from_low_u64_be(number)
}

fn job(number: u64, price: Balance, batch_size: u32, fuel_limit: u64) -> Job {
    let spec = JobSpec {
        image: image(number),
        input: H256::zero(),
        units: 1_000,
        batch_size,
        price,
        fuel_limit,
        memory_limit: 1 << 20,
        traffic_limit: 1 << 20,
        policy: sungrid_chain_client::Policy::Replicate(2),
        profile: CPU_1_ID,
        environment: H256::zero(),
        deadline: 1_000,
        endpoint: Vec::new(),
        constraints: Constraints::default(),
        after: None,
    };
    Job {
        class: Default::default(),
        batches: spec.batches(),
        cuts: Vec::new(),
        rate: spec.rate(&CPU_1).expect("a CPU job"),
        unit_charge: spec.unit_charge(&CPU_1).expect("a CPU job"),
        price,
        spec,
        requester: AccountId::new([0; 32]),
        state: JobState::Open,
        next_batch: 0,
        window: Vec::new(),
        waiting: 0,
        in_flight: 0,
        settled: 0,
        failed: 0,
        fuel: 0,
        escrow: 0,
        paid: 0,
        deposit: 0,
        series: None,
        successors: Vec::new(),
    }
}

fn offer(id: JobId, job: &Job) -> Offer<'_> {
    Offer {
        id,
        job,
        seen: Experience {
            prepared: true,
            ..Experience::default()
        },
        input: Some(65_536),
        open: 100,
    }
}

fn machine() -> Machine {
    Machine {
        lanes: 2,
        lane_speed: 2 * GIGA,
        block_ms: 3_000,
        room: 8,
        lane_watts: 20,
        ..Machine::default()
    }
}

/// Ten units of an image, each of so much fuel in so many seconds.
fn done(number: u64, fuel: u64, seconds: f64) -> Done {
    let job = job(number, ISC, 10, 100 * GIGA);
    Done {
        image: image(number),
        fuel_limit: job.spec.fuel_limit,
        rate: job.rate,
        input: Some(65_536),
        units: 10,
        fuel: u128::from(fuel) * 10,
        charge: CPU_1.unit_charge(fuel, 1 << 20, 0).expect("a charge") * 10,
        seconds: Some(seconds * 10.0),
        lane_speed: 2 * GIGA,
    }
}

fn order(scheduler: &mut dyn Scheduler, jobs: &[Job], machine: &Machine) -> Vec<JobId> {
    let offers: Vec<_> = jobs
        .iter()
        .zip(0..)
        .map(|(job, id)| offer(id, job))
        .collect();
    let chosen = scheduler.choose(&offers, machine);
    chosen.into_iter().map(|choice| choice.job).collect()
}

#[test]
fn first_come_takes_the_oldest_and_greedy_the_best_by_its_record() {
    let jobs = [
        job(1, ISC / 10, 4, GIGA),
        job(2, ISC, 4, GIGA),
        job(3, ISC / 2, 4, GIGA),
    ];
    assert_eq!(order(&mut FirstCome, &jobs, &machine()), [0, 1, 2]);
    assert_eq!(order(&mut Greedy, &jobs, &machine()), [1, 2, 0]);
}

/// Of two jobs that are alike the second one pays a tenth less; of its inputs nothing is missing, of those of the first one so much.
fn better(scheduler: &mut dyn Scheduler, missing: u64) -> JobId {
    let jobs = [
        job(1, 10 * ISC, 4, 100 * GIGA),
        job(2, 9 * ISC, 4, 100 * GIGA),
    ];
    let offers = [(0, missing), (1, 0)].map(|(id, missing)| Offer {
        seen: Experience {
            missing: Some(missing),
            ..Experience::default()
        },
        ..offer(id, &jobs[id as usize])
    });
    let machine = Machine {
        fetch_rate: 2_500_000,
        ..machine()
    };
    scheduler.choose(&offers, &machine)[0].job
}

#[test]
fn inputs_that_need_not_be_fetched_count_by_their_bytes() {
    for scheduler in [&mut Greedy as &mut dyn Scheduler, &mut Learned::new(None)] {
        assert_eq!(better(scheduler, 256 << 20), 1);
        assert_eq!(better(scheduler, 1 << 10), 0);
    }
    // Whoever takes the oldest first does not mind.
    assert_eq!(better(&mut FirstCome, 256 << 20), 0);
}

#[test]
fn without_experience_learned_ranks_as_greedy_does() {
    let jobs = [
        job(1, ISC / 10, 4, GIGA),
        job(2, ISC, 4, GIGA),
        job(3, ISC / 2, 16, 2 * GIGA),
        job(4, ISC, 1, GIGA / 10),
    ];
    let learned = order(&mut Learned::new(None), &jobs, &machine());
    assert_eq!(learned, order(&mut Greedy, &jobs, &machine()));
}

#[test]
fn what_an_image_was_seen_to_take_counts_in_its_next_job() {
    let mut learned = Learned::new(None);
    for _ in 0..10 {
        // Asks for a hundred times what it takes; the other one takes what it asks for.
        learned.learn(&done(1, GIGA / 100, 0.005));
        learned.learn(&done(2, 90 * GIGA, 45.0));
    }
    // The same bid per fuel, small batches: what takes less pays for the blocks in between with less.
    let jobs = [job(1, ISC, 1, 100 * GIGA), job(2, ISC, 1, 100 * GIGA)];
    assert_eq!(order(&mut learned, &jobs, &machine())[0], 1);
    // Greedy has met neither job.
    assert_eq!(order(&mut Greedy, &jobs, &machine())[0], 0);
}

#[test]
fn slow_fuel_and_batches_that_come_to_nothing_count_against_an_image() {
    let mut learned = Learned::new(None);
    for _ in 0..30 {
        learned.learn(&done(1, 90 * GIGA, 180.0));
        learned.learn(&done(2, 90 * GIGA, 45.0));
        learned.learn(&done(3, 90 * GIGA, 45.0));
        learned.ended(image(3), false);
    }
    let jobs = [1, 2, 3].map(|number| job(number, ISC, 1, 100 * GIGA));
    assert_eq!(order(&mut learned, &jobs, &machine())[0], 1);
}

#[test]
fn bytes_that_an_image_moves_count_as_what_they_earn_and_never_for_more_than_the_limits() {
    let mut learned = Learned::new(None);
    for _ in 0..30 {
        learned.learn(&done(1, GIGA, 0.5));
        // A megabyte in and out for as much fuel: 400,000 µSUNS·s instead of 125,000.
        let charge = CPU_1.unit_charge(GIGA, 1 << 20, 1_000_000);
        learned.learn(&Done {
            charge: charge.expect("a charge") * 10,
            ..done(2, GIGA, 0.5)
        });
        learned.learn(&Done {
            charge: u128::MAX,
            ..done(3, GIGA, 0.5)
        });
    }
    let bids = |prices: [Balance; 3]| {
        let job = |(price, number)| job(number, price, 10, 100 * GIGA);
        prices.into_iter().zip(1..).map(job).collect::<Vec<_>>()
    };
    // No unit is paid more than its job's limits, of 100 Gfuel, come to: 12,500,000 µSUNS·s.
    let order = |learned: &mut Learned, prices| order(learned, &bids(prices), &machine());
    assert_eq!(order(&mut learned, [ISC, ISC, ISC / 50]), [1, 2, 0]);
    assert_eq!(order(&mut learned, [4 * ISC, ISC, ISC / 50]), [0, 1, 2]);
}

#[test]
fn what_would_be_late_is_not_taken_nor_more_than_is_in_time() {
    let mut learned = Learned::new(None);
    // The machine does a twentieth of what it was measured to do.
    for _ in 0..30 {
        learned.learn(&done(1, 90 * GIGA, 900.0));
    }
    let jobs = [job(1, ISC, 10, 100 * GIGA)];
    assert_eq!(order(&mut learned, &jobs, &machine()), [0; 0]);

    let mut learned = Learned::new(None);
    for _ in 0..30 {
        learned.learn(&done(1, 90 * GIGA, 45.0));
    }
    let offers = [offer(0, &jobs[0])];
    let [choice] = learned.choose(&offers, &machine())[..] else {
        panic!("in time on an idle machine")
    };
    // 2,090 s for batches of 450 s on two lanes.
    assert!((4..=9).contains(&choice.batches), "{choice:?}");
    let hand = (0..9).map(|_| Load {
        image: image(1),
        units: 10,
        fuel_limit: 100 * GIGA,
        input: Some(65_536),
    });
    let busy = Machine {
        hand: hand.collect(),
        ..machine()
    };
    assert!(learned.choose(&offers, &busy).is_empty());
    assert_eq!(Greedy.choose(&offers, &busy).len(), 1);
}

#[test]
fn what_stood_still_teaches_what_it_took_and_not_how_long() {
    let mut learned = Learned::new(None);
    for _ in 0..30 {
        learned.learn(&done(1, 90 * GIGA, 45.0));
    }
    let jobs = [job(1, ISC, 10, 100 * GIGA)];
    let offers = [offer(0, &jobs[0])];
    let before = learned.choose(&offers, &machine());
    assert_eq!(before.len(), 1);
    for _ in 0..30 {
        learned.learn(&Done {
            seconds: None,
            ..done(1, 90 * GIGA, 0.0)
        });
    }
    let later = learned.choose(&offers, &machine());
    assert!(
        later[0].batches >= before[0].batches,
        "{later:?} {before:?}"
    );
    // What it takes is learned all the same.
    for _ in 0..300 {
        learned.learn(&Done {
            seconds: None,
            ..done(1, GIGA, 0.0)
        });
    }
    let after = learned.choose(&offers, &machine());
    assert!(after[0].batches > before[0].batches, "{after:?} {before:?}");
}

#[test]
fn work_that_earns_less_than_its_energy_costs_is_not_taken() {
    let mut learned = Learned::new(None);
    let jobs = [job(1, ISC / 10, 4, 10 * GIGA), job(2, ISC, 4, 10 * GIGA)];
    let dear = Machine {
        // A lane-hour of 20 Wh: 0.04 ISC, for work of two eighths of a SUNS·hour.
        kwh_price: 2 * ISC,
        ..machine()
    };
    assert_eq!(order(&mut learned, &jobs, &machine()).len(), 2);
    assert_eq!(order(&mut learned, &jobs, &dear), [1]);
}

#[test]
fn capacity_is_kept_free_for_what_pays_more_while_the_lanes_have_work() {
    let mut large = job(1, ISC, 4, 10 * GIGA);
    large.rate = 500_000;
    let jobs = [job(2, ISC / 10, 4, 10 * GIGA), large];
    let load = Load {
        image: image(3),
        units: 20,
        fuel_limit: 10 * GIGA,
        input: None,
    };
    let crowded = Machine {
        free: Some(200_000),
        hand: vec![load],
        ..machine()
    };
    assert_eq!(order(&mut Learned::new(None), &jobs, &crowded), [0; 0]);
    // Lanes that would stand still get what fits.
    let starving = Machine {
        hand: Vec::new(),
        ..crowded
    };
    assert_eq!(order(&mut Learned::new(None), &jobs, &starving), [1, 0]);
}

/// Whatever a chain or a clock says: no panic, and no figure that poisons those that follow.
#[test]
fn bad_data_neither_panics_nor_poisons() {
    let mut learned = Learned::new(None);
    let sane = done(1, GIGA, 0.5);
    for _ in 0..10 {
        learned.learn(&sane);
    }
    for seconds in [
        0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        1e300,
        1e-300,
        f64::MIN_POSITIVE,
    ] {
        for fuel in [0, 1, u128::from(u64::MAX), u128::MAX] {
            for units in [0, 1, u64::MAX] {
                learned.learn(&Done {
                    seconds: Some(seconds),
                    fuel,
                    units,
                    charge: fuel,
                    rate: 0,
                    fuel_limit: 0,
                    lane_speed: 0,
                    ..sane
                });
                learned.learn(&Done {
                    seconds: Some(seconds),
                    fuel,
                    units,
                    input: Some(u64::MAX),
                    ..sane
                });
            }
        }
    }
    let wild = [
        job(1, u128::MAX, u32::MAX, u64::MAX),
        job(2, 0, 0, 0),
        job(3, ISC, 1, GIGA),
    ];
    for machine in [Machine::default(), machine()] {
        order(&mut learned, &wild, &machine);
    }
    // It learns again.
    for _ in 0..100 {
        learned.learn(&sane);
    }
    let jobs = [
        job(1, ISC, 4, 100 * GIGA),
        job(9, ISC / 1_000, 4, 100 * GIGA),
    ];
    assert_eq!(order(&mut learned, &jobs, &machine())[0], 0);
}

#[test]
fn experience_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(experience::FILE);
    let mut learned = Learned::new(Some(path.clone()));
    for _ in 0..10 {
        learned.learn(&done(1, GIGA / 100, 0.005));
        learned.learn(&done(2, 90 * GIGA, 45.0));
    }
    learned.keep(true);
    let mut again = Learned::new(Some(path.clone()));
    assert_eq!(again.images(), 2);
    let jobs = [job(1, ISC, 1, 100 * GIGA), job(2, ISC, 1, 100 * GIGA)];
    assert_eq!(order(&mut again, &jobs, &machine())[0], 1);
    assert_eq!(
        order(&mut again, &jobs, &machine()),
        order(&mut learned, &jobs, &machine())
    );
    // Nothing new, nothing written.
    fs::remove_file(&path).expect("removes");
    again.keep(true);
    assert!(!path.exists());
}

#[test]
fn a_damaged_file_costs_what_is_damaged_and_never_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(experience::FILE);
    let mut learned = Learned::new(Some(path.clone()));
    for number in 0..20 {
        learned.learn(&done(number, GIGA, 0.5));
    }
    learned.keep(true);
    let sound = fs::read_to_string(&path).expect("reads");

    // One entry is nonsense, another one is poison.
    let mut value: serde_json::Value = serde_json::from_str(&sound).expect("JSON");
    value["images"][3] = "nonsense".into();
    value["images"][4][1]["fuel"]["covariance"][0][0] = (-1.0).into();
    value["images"][5][1]["fuel"]["weights"][0] = 1e300.into();
    value["images"][6][1]["paid"] = serde_json::Value::Null;
    fs::write(&path, value.to_string()).expect("writes");
    assert_eq!(Learned::new(Some(path.clone())).images(), 16);

    // Cut anywhere, or with any byte changed: it starts, with all or less.
    for cut in (0..sound.len()).step_by(97) {
        fs::write(&path, &sound[..cut]).expect("writes");
        assert!(Learned::new(Some(path.clone())).images() <= 20);
        let mut bytes = sound.clone().into_bytes();
        bytes[cut] ^= 0x15;
        fs::write(&path, bytes).expect("writes");
        let mut learned = Learned::new(Some(path.clone()));
        learned.learn(&done(1, GIGA, 0.5));
        order(&mut learned, &[job(1, ISC, 4, GIGA)], &machine());
    }
    fs::write(&path, vec![b' '; 2 << 20]).expect("writes");
    assert_eq!(Learned::new(Some(path.clone())).images(), 0);
    fs::remove_file(&path).expect("removes");
    fs::create_dir(&path).expect("a folder in its place");
    let mut learned = Learned::new(Some(path));
    learned.learn(&done(1, GIGA, 0.5));
    learned.keep(true);
}

#[test]
fn a_requester_with_ever_new_images_fills_neither_memory_nor_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(experience::FILE);
    let mut learned = Learned::new(Some(path.clone()));
    for number in 0..3 * IMAGES as u64 {
        learned.learn(&done(number, GIGA, 0.5));
        // Met again and again: never the one that is forgotten.
        learned.learn(&done(1_000_000, GIGA, 0.5));
    }
    assert_eq!(learned.images(), IMAGES);
    learned.keep(true);
    assert!(fs::metadata(&path).expect("written").len() < 1 << 20);
    let mut again = Learned::new(Some(path));
    assert_eq!(again.images(), IMAGES);
    learned.ended(image(1_000_000), true);
    again.ended(image(1_000_000), true);
}

#[test]
fn outside_of_the_hours_nothing_new_is_taken_nor_without_a_clock() {
    let at = |weekday, hour: u16| {
        Some(LocalTime {
            weekday,
            minute: 60 * hour,
        })
    };
    let rules = Rules {
        hours: vec!["fri-sun 22:00-06:00".parse().expect("hours")],
        ..Rules::default()
    };
    let allows = |at| rules.allow(at, None, 0) == Allowance::All;
    // Friday night goes on until Saturday morning, and Sunday's until Monday's.
    assert!(allows(at(4, 23)) && allows(at(5, 5)) && allows(at(0, 5)));
    assert!(!allows(at(4, 5)) && !allows(at(0, 23)) && !allows(None));
    assert_eq!(Rules::default().allow(None, None, 0), Allowance::All);
}

#[test]
fn rules_hold_new_work_back_without_sun_or_while_the_grid_is_dirty() {
    let now = None;
    let reading = |surplus_watts, carbon| {
        Some(Reading {
            surplus_watts,
            carbon,
        })
    };
    let own = Rules {
        own_sun: true,
        lane_watts: 100,
        metered: true,
        ..Rules::default()
    };
    assert_eq!(
        own.allow(now, reading(Some(350.0), None), 0),
        Allowance::Lanes(3)
    );
    // The two that are busy draw from the roof already.
    assert_eq!(
        own.allow(now, reading(Some(150.0), None), 2),
        Allowance::Lanes(3)
    );
    assert_eq!(
        own.allow(now, reading(Some(-150.0), None), 2),
        Allowance::None("no power of one's own to spare")
    );
    assert!(matches!(
        own.allow(now, reading(Some(99.0), None), 0),
        Allowance::None(_)
    ));
    // A meter that is silent says nothing good.
    assert!(matches!(own.allow(now, None, 0), Allowance::None(_)));

    let clean = Rules {
        carbon_max: Some(200),
        carbon: 400,
        lane_watts: 100,
        metered: true,
        ..Rules::default()
    };
    assert_eq!(
        clean.allow(now, reading(None, Some(200.0)), 0),
        Allowance::All
    );
    assert!(matches!(
        clean.allow(now, reading(None, Some(201.0)), 0),
        Allowance::None(_)
    ));
    assert_eq!(
        clean.allow(now, reading(Some(120.0), Some(201.0)), 0),
        Allowance::Lanes(1)
    );
    // Where no meter says it, what is declared counts.
    let declared = Rules {
        metered: false,
        ..clean.clone()
    };
    assert!(matches!(declared.allow(now, None, 0), Allowance::None(_)));
    let green = Rules {
        carbon: 20,
        ..declared
    };
    assert_eq!(green.allow(now, None, 0), Allowance::All);
}

#[tokio::test]
async fn a_meter_is_a_file_or_a_command_and_neither_can_hurt() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("meter");
    let life = Duration::from_secs(300);
    let file = Meter::File(path.clone());
    assert!(file.read(life).await.is_err(), "not there yet");
    for (text, surplus, carbon) in [
        ("812.5\n", Some(812.5), None),
        (
            "{\"surplus_watts\": -20, \"carbon\": 95, \"more\": [1]}",
            Some(-20.0),
            Some(95.0),
        ),
        ("{\"carbon\": 0}", None, Some(0.0)),
    ] {
        fs::write(&path, text).expect("writes");
        let reading = file.read(life).await.expect(text);
        assert_eq!((reading.surplus_watts, reading.carbon), (surplus, carbon));
    }
    let long = format!("{}1", " ".repeat(5_000));
    for text in [
        "",
        "{}",
        "sun",
        "NaN",
        "inf",
        "1e99",
        "{\"carbon\": -1}",
        "{\"carbon\": \"low\"}",
        "\u{0}",
        long.as_str(),
    ] {
        fs::write(&path, text).expect("writes");
        assert!(file.read(life).await.is_err(), "{text}");
    }
    // What was not written for long is no reading.
    fs::write(&path, "100").expect("writes");
    let old = std::time::SystemTime::now() - Duration::from_secs(301);
    let handle = fs::File::options().write(true).open(&path).expect("opens");
    handle.set_modified(old).expect("sets");
    assert!(file.read(life).await.is_err());

    let shell = |script: &str| Meter::Command(["sh", "-c", script].map(String::from).to_vec());
    assert_eq!(
        shell("echo 500")
            .read(life)
            .await
            .expect("a number")
            .surplus_watts,
        Some(500.0)
    );
    for script in ["exit 3", "echo 500; exit 3", "yes", "true"] {
        assert!(shell(script).read(life).await.is_err(), "{script}");
    }
    let missing = Meter::Command(vec!["/no/such/meter".into()]);
    assert!(missing.read(life).await.is_err());
}

#[tokio::test]
async fn readings_follow_the_meter() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("meter");
    fs::write(&path, "100").expect("writes");
    let mut readings = Meter::File(path.clone()).watch(Duration::from_millis(1));
    let first = readings.wait_for(|reading| reading.is_some()).await;
    assert_eq!(
        first.expect("it goes on").and_then(|r| r.surplus_watts),
        Some(100.0)
    );
    fs::remove_file(&path).expect("removes");
    readings
        .wait_for(Option::is_none)
        .await
        .expect("it goes on");
}

#[test]
fn settings_that_cannot_work_are_refused_with_a_reason() {
    let refused = |schedule: Schedule| schedule.rules(Some(0)).expect_err("refused").to_string();
    let base = Schedule::default();
    assert!(base.rules(Some(0)).is_ok());
    let schedule = Schedule {
        own_sun: true,
        ..base.clone()
    };
    assert!(refused(schedule).contains("meter_file"));
    let schedule = Schedule {
        own_sun: true,
        lane_watts: 0,
        meter_file: Some("meter".into()),
        ..base.clone()
    };
    assert!(refused(schedule).contains("lane_watts"));
    let schedule = Schedule {
        meter_file: Some("meter".into()),
        meter_command: vec!["true".into()],
        ..base.clone()
    };
    assert!(refused(schedule).contains("keep one"));
    let schedule = Schedule {
        hours: vec!["at night".into()],
        ..base.clone()
    };
    assert!(refused(schedule).contains("at night"));
    let schedule = Schedule {
        meter_seconds: 0,
        ..base
    };
    assert!(refused(schedule).contains("meter_seconds"));
    let text = "policy = \"first-come\"\nhours = [\"22:00-06:00\"]";
    let schedule: Schedule = toml::from_str(text).expect("settings");
    assert_eq!(schedule.policy, Policy::FirstCome);
    assert!(toml::from_str::<Schedule>("policy = \"best\"").is_err());
    assert!(toml::from_str::<Schedule>("polcy = \"greedy\"").is_err());
}
