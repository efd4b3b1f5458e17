//! The policy, against every history that can be thought of.

use std::{collections::BTreeSet, time::Duration};

use proptest::{collection::vec, prelude::*};
use sungrid_idle::{
    Input, LocalTime, MAX_GAP, Machine, Mode, Policy, Power, Reading, Readings, Rule, ScreenLock,
    State, Value,
};

/// Half a second, as a service looks.
const TICK: Duration = Duration::from_millis(500);

/// A machine that nobody touched for so long, with nothing else against work.
fn away(seconds: u64) -> Readings {
    Readings {
        input: [("test", Input::Whole(Duration::from_secs(seconds)))].into(),
        locked: Reading::Known(false),
        foreign_cpu: Reading::Known(3),
        foreign_memory: Reading::Known(40),
        power: Reading::Known(Power::Mains),
        battery: Reading::Known(100),
        temperature: Reading::Known(50),
        metered: Reading::Known(false),
        local_time: Reading::Known(LocalTime {
            weekday: 2,
            minute: 720,
        }),
        exclusive: Reading::Known(Vec::new()),
    }
}

/// Plays a machine: owner, clock and work as the test says.
struct Play {
    machine: Machine,
    now: Duration,
    input_at: Duration,
    work: bool,
}

impl Play {
    fn new(policy: Policy) -> Self {
        Self {
            machine: Machine::new(policy).expect("makes sense"),
            now: Duration::ZERO,
            input_at: Duration::ZERO,
            work: false,
        }
    }

    fn look(&mut self, edit: impl Fn(&mut Readings)) -> State {
        self.now += TICK;
        let mut readings = away(0);
        let ago = self.now - self.input_at;
        readings.input.insert("test", Input::Whole(ago));
        edit(&mut readings);
        self.machine.step(self.now, &readings, self.work)
    }

    /// Looks until the state is this one; returns how long it took.
    fn until(&mut self, state: State, edit: impl Fn(&mut Readings)) -> Duration {
        let start = self.now;
        for _ in 0..10_000 {
            if self.look(&edit) == state {
                return self.now - start;
            }
        }
        panic!("never {state}: {:#?}", self.machine.standing());
    }

    fn touch(&mut self) {
        self.input_at = self.now + TICK;
    }
}

fn nothing(_: &mut Readings) {}

#[test]
fn the_defaults_are_those_that_are_promised() {
    let mut play = Play::new(Policy::default());
    // Start after 300 s without input.
    assert_eq!(play.until(State::Idle, nothing).as_secs(), 300);
    play.work = true;
    assert_eq!(play.look(nothing), State::Running);
    // Suspended at the next look after an input.
    play.touch();
    assert_eq!(play.until(State::Suspended, nothing), TICK);
    // Resume after 60 s.
    assert_eq!(play.until(State::Running, nothing).as_secs(), 60);
    // Vacate after 600 s, as somebody goes on typing.
    play.touch();
    play.look(nothing);
    let typing = |readings: &mut Readings| {
        readings
            .input
            .insert("test", Input::Whole(Duration::from_secs(3)));
    };
    assert_eq!(play.until(State::Vacating, typing).as_secs(), 600);
    // Kill after 60 s of grace, and not before.
    let mut grace = Duration::ZERO;
    while !play.machine.must_kill() {
        play.look(typing);
        grace += TICK;
    }
    assert_eq!(grace.as_secs(), 60);
    play.work = false;
    assert_eq!(play.look(typing), State::Owner);
    assert!(!play.machine.must_kill());
}

/// For each rule somebody breaks it: the work stops at once, and the reason is told.
#[test]
fn each_rule_stops_the_work_and_says_so() {
    let strict = Policy {
        min_battery: 30,
        max_temperature: 80,
        screen_lock: ScreenLock::Required,
        hours: vec!["08:00-18:00".parse().expect("a window")],
        exclusive: vec!["game".into()],
        ..Policy::default()
    };
    type Edit = fn(&mut Readings);
    let cases: [(Rule, Edit, Edit); 10] = [
        (
            Rule::Input,
            |r| drop(r.input.insert("tty", Input::Part(Duration::from_secs(59)))),
            |r| r.input = [("test", Input::Unknown("gone".into()))].into(),
        ),
        (
            Rule::ForeignCpu,
            |r| r.foreign_cpu = Reading::Known(16),
            |r| r.foreign_cpu = Reading::default(),
        ),
        (
            Rule::ForeignMemory,
            |r| r.foreign_memory = Reading::Known(70),
            |r| r.foreign_memory = Reading::default(),
        ),
        (
            Rule::Power,
            |r| r.power = Reading::Known(Power::Battery),
            |r| r.power = Reading::default(),
        ),
        (
            Rule::Battery,
            |r| r.battery = Reading::Known(29),
            |r| r.battery = Reading::default(),
        ),
        (
            Rule::Metered,
            |r| r.metered = Reading::Known(true),
            |r| r.metered = Reading::default(),
        ),
        (
            Rule::Temperature,
            |r| r.temperature = Reading::Known(81),
            |r| r.temperature = Reading::default(),
        ),
        (
            Rule::ScreenLock,
            |r| r.locked = Reading::Known(false),
            |r| r.locked = Reading::default(),
        ),
        (
            Rule::Hours,
            |r| {
                r.local_time = Reading::Known(LocalTime {
                    weekday: 2,
                    minute: 18 * 60,
                })
            },
            |r| r.local_time = Reading::default(),
        ),
        (
            Rule::Exclusive,
            |r| r.exclusive = Reading::Known(vec!["game".into()]),
            |r| r.exclusive = Reading::default(),
        ),
    ];
    let locked = |readings: &mut Readings| readings.locked = Reading::Known(true);
    for (rule, breaks, hides) in cases {
        for mode in [Mode::Desktop, Mode::Server] {
            for (edit, is_known) in [(breaks, true), (hides, false)] {
                let mut play = Play::new(Policy {
                    mode,
                    ..strict.clone()
                });
                play.work = true;
                play.until(State::Running, locked);
                let state = play.look(|readings| {
                    locked(readings);
                    edit(readings);
                });
                let standing = play.machine.standing();
                let against: Vec<Rule> = standing
                    .against()
                    .map(|reason| reason.rule)
                    .filter(|rule| *rule != Rule::Calm)
                    .collect();
                // What is unknown counts on a desktop only.
                if is_known || mode == Mode::Desktop {
                    assert_eq!(
                        (state, against),
                        (State::Suspended, vec![rule]),
                        "{standing:?}"
                    );
                    let told = standing.against().next().expect("a reason").to_string();
                    assert_eq!(told.contains("unknown ("), !is_known, "{told}");
                } else {
                    assert_eq!((state, against), (State::Running, vec![]), "{standing:?}");
                }
            }
        }
    }
}

#[test]
fn a_limit_itself_is_within_it_but_for_memory() {
    let mut play = Play::new(Policy::default());
    play.until(State::Idle, |readings| {
        readings.foreign_cpu = Reading::Known(15);
        readings.foreign_memory = Reading::Known(69);
    });
}

#[test]
fn a_locked_screen_hastens_where_it_is_told_to() {
    for (screen_lock, seconds) in [(ScreenLock::Ignored, 300), (ScreenLock::Hastens, 60)] {
        let mut play = Play::new(Policy {
            screen_lock,
            ..Policy::default()
        });
        let took = play.until(State::Idle, |r| r.locked = Reading::Known(true));
        assert_eq!(took.as_secs(), seconds);
    }
}

#[test]
fn who_sees_a_part_cannot_say_that_nobody_is_there() {
    let terminals = |readings: &mut Readings| {
        readings.input = [
            ("terminals", Input::Part(Duration::from_secs(9_999))),
            ("x11", Input::Unknown("no display".into())),
        ]
        .into();
    };
    let mut play = Play::new(Policy::default());
    for _ in 0..2_000 {
        assert_eq!(play.look(terminals), State::Owner);
    }
    let standing = play.machine.standing();
    let input = &standing.reasons[0];
    assert_eq!(input.reading, Value::Unknown("x11: no display".into()));
    // The coarse source alone is taken at its word; beside an exact one it says nothing new.
    let mut play = Play::new(Policy::default());
    let busy = |r: &mut Readings| r.input = [("logind", Input::Recent)].into();
    for _ in 0..2_000 {
        assert_eq!(play.look(busy), State::Owner);
    }
    let took = play.until(State::Idle, |r| {
        r.input.insert("logind", Input::Recent);
    });
    assert!(took <= TICK, "{took:?}");
}

#[test]
fn a_time_that_was_not_watched_counts_for_nothing() {
    let mut play = Play::new(Policy::default());
    play.work = true;
    play.until(State::Running, nothing);
    play.look(|r| r.foreign_cpu = Reading::Known(90));
    assert_eq!(play.machine.state(), State::Suspended);
    // The machine slept for an hour minus a little: nothing is known of that time.
    play.now += Duration::from_secs(500);
    assert_eq!(play.look(nothing), State::Suspended);
    assert_eq!(play.until(State::Running, nothing).as_secs(), 60);
    // Slept for longer than the owner wants work to wait: it goes.
    play.touch();
    play.look(nothing);
    play.now += Duration::from_secs(3_600);
    assert_eq!(play.look(nothing), State::Vacating);
}

#[test]
fn a_machine_for_work_alone_asks_nothing() {
    let mut machine = Machine::new(Policy {
        mode: Mode::Always,
        ..Policy::default()
    })
    .expect("makes sense");
    let unknown = Readings::default();
    assert_eq!(machine.state(), State::Idle);
    assert_eq!(machine.step(TICK, &unknown, true), State::Running);
    assert_eq!(machine.step(2 * TICK, &unknown, false), State::Idle);
    assert!(machine.standing().reasons.is_empty());
}

#[test]
fn a_policy_that_makes_no_sense_runs_nothing() {
    let error = Machine::new(Policy {
        resume_after_s: 1,
        ..Policy::default()
    });
    assert_eq!(error.expect_err("too short").field, "resume_after_s");
}

/// Every way from one state to another that there is.
fn ways() -> BTreeSet<(State, State)> {
    use State::*;
    [
        (Owner, Idle),
        (Owner, Suspended),
        (Idle, Owner),
        (Idle, Running),
        (Running, Idle),
        (Running, Owner),
        (Running, Suspended),
        (Suspended, Running),
        (Suspended, Owner),
        (Suspended, Vacating),
        (Vacating, Owner),
    ]
    .into()
}

#[test]
fn every_way_is_gone() {
    let mut seen = BTreeSet::new();
    let mut go = |steps: &[(State, bool, u64)]| {
        let mut play = Play::new(Policy::default());
        let mut before = play.machine.state();
        for (state, work, input_ago) in steps {
            play.work = *work;
            play.until(*state, |r| {
                let ago = Duration::from_secs(*input_ago);
                r.input.insert("test", Input::Whole(ago));
            });
            seen.insert((before, *state));
            before = *state;
        }
    };
    use State::*;
    go(&[(Idle, false, 300), (Owner, false, 1)]);
    go(&[(Idle, false, 300), (Running, true, 300), (Idle, false, 300)]);
    go(&[(Idle, false, 300), (Running, true, 300), (Owner, false, 1)]);
    go(&[
        (Suspended, true, 1),
        (Running, true, 60),
        (Suspended, true, 1),
    ]);
    go(&[(Suspended, true, 1), (Owner, false, 1)]);
    go(&[(Suspended, true, 1), (Vacating, true, 1), (Owner, false, 1)]);
    assert_eq!(seen, ways());
}

/// What may happen between two looks.
#[derive(Clone, Debug)]
struct Event {
    /// Milliseconds until it.
    after: u64,
    /// How long ago the last input was, s; none: unknown.
    input: Option<u64>,
    cpu: Option<u32>,
    battery: bool,
    work: bool,
}

prop_compose! {
    fn event()(
        after in prop_oneof![6 => 100..2_000u64, 1 => 2_000..1_000_000u64],
        input in prop_oneof![8 => (0..1_000u64).prop_map(Some), 1 => Just(None)],
        cpu in prop_oneof![8 => (0..20u32).prop_map(Some), 1 => Just(None)],
        battery in prop::bool::weighted(0.1),
        work: bool,
    ) -> Event {
        Event { after, input, cpu, battery, work }
    }
}

/// Long stretches of the same, since nothing else lets a calm come.
fn history() -> impl Strategy<Value = Vec<Event>> {
    let stretch = (event(), 1..200usize).prop_map(|(event, times)| vec![event; times]);
    vec(stretch, 1..40).prop_map(|stretches| stretches.concat())
}

fn readings(event: &Event) -> Readings {
    let mut readings = away(0);
    let input = match event.input {
        Some(seconds) => Input::Whole(Duration::from_secs(seconds)),
        None => Input::Unknown("hidden".into()),
    };
    readings.input.insert("test", input);
    readings.foreign_cpu = event.cpu.map_or(Reading::default(), Reading::Known);
    if event.battery {
        readings.power = Reading::Known(Power::Battery);
    }
    readings
}

/// Whether an owner would mind, by the defaults and nothing but the event.
fn minds(event: &Event, away: u64) -> bool {
    event.input.is_none_or(|ago| ago < away)
        || event.cpu.is_none_or(|cpu| cpu > 15)
        || event.battery
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Nothing runs at any look at which an owner would mind: the bound is the time between two looks.
    #[test]
    fn nothing_runs_beside_an_owner(history in history()) {
        let mut machine = Machine::new(Policy::default()).unwrap();
        let mut now = Duration::ZERO;
        for event in &history {
            now += Duration::from_millis(event.after);
            let state = machine.step(now, &readings(event), event.work);
            if minds(event, 60) {
                prop_assert!(!state.may_work(), "{state} at {event:?}");
            }
            let told = machine.standing();
            // Whoever may not work is told why, unless there is no reason left but the next look.
            if !state.may_work() && minds(event, 60) {
                prop_assert!(told.against().any(|reason| reason.rule != Rule::Calm), "{told:?}");
            }
        }
    }

    /// Work begins only after a calm of `resume_after` that was watched throughout, and without input for as long as it has to be.
    #[test]
    fn work_begins_after_a_calm(history in history()) {
        let mut machine = Machine::new(Policy::default()).unwrap();
        let mut now = Duration::ZERO;
        let mut calm = Duration::ZERO;
        for (index, event) in history.iter().enumerate() {
            let passed = Duration::from_millis(event.after);
            now += passed;
            let before = machine.state();
            let state = machine.step(now, &readings(event), event.work);
            let is_watched = index > 0 && passed <= MAX_GAP;
            let minds_all_the_same = event.input.is_none() || minds(event, 0);
            calm = if is_watched && !minds_all_the_same { calm + passed } else { Duration::ZERO };
            if !before.may_work() && state.may_work() {
                prop_assert!(calm >= Duration::from_secs(60), "{before} → {state} after {calm:?}");
                let least = if before == State::Suspended { 60 } else { 300 };
                prop_assert!(event.input.is_some_and(|ago| ago >= least));
            }
        }
    }

    /// However the readings jump, work changes hands at most twice in the time of a calm.
    #[test]
    fn it_does_not_flutter(history in history()) {
        let mut machine = Machine::new(Policy::default()).unwrap();
        let mut now = Duration::ZERO;
        let mut begun: Option<Duration> = None;
        for event in &history {
            now += Duration::from_millis(event.after);
            let before = machine.state();
            let state = machine.step(now, &readings(event), event.work);
            if before != state {
                prop_assert!(ways().contains(&(before, state)), "{before} → {state}");
            }
            if !before.may_work() && state.may_work() {
                if let Some(begun) = begun {
                    prop_assert!(now - begun >= Duration::from_secs(60));
                }
                begun = Some(now);
            }
        }
    }

    /// A clock that jumps, back or ahead, gives nobody's time away: without 60 s of small steps forward nothing begins.
    #[test]
    fn clock_jumps_give_no_time(jumps in vec(any::<u64>(), 1..300), work: bool) {
        let mut machine = Machine::new(Policy::default()).unwrap();
        let (mut highest, mut watched) = (0, 0u64);
        for jump in jumps {
            let state = machine.step(Duration::from_millis(jump), &away(1_000), work);
            let step = jump.saturating_sub(highest);
            highest = highest.max(jump);
            watched = if u128::from(step) > MAX_GAP.as_millis() { 0 } else { watched + step };
            if watched < 60_000 {
                prop_assert!(!state.may_work(), "{state}");
            }
        }
    }

    /// Nobody is sent away early, and whoever is sent away has its grace.
    #[test]
    fn nobody_is_vacated_early(history in history()) {
        let mut machine = Machine::new(Policy::default()).unwrap();
        let mut now = Duration::ZERO;
        let mut since = Duration::ZERO;
        for event in &history {
            now += Duration::from_millis(event.after);
            let before = machine.state();
            let state = machine.step(now, &readings(event), event.work);
            if before != state {
                if state == State::Vacating {
                    prop_assert!(now - since >= Duration::from_secs(600));
                }
                since = now;
            }
            let is_over = state == State::Vacating && now - since >= Duration::from_secs(60);
            prop_assert_eq!(machine.must_kill(), is_over);
        }
    }
}
