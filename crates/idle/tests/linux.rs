//! Linux's sensors on recorded and made-up machines, and on this one.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File, FileTimes},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use sungrid_idle::{
    Input, Kin, Policy, Power, Reading, Readings, Sensor, Sensors,
    linux::{Load, Memory, Network, PowerSupply, Programs, Temperature, Terminals},
};
use tempfile::TempDir;

/// A tree of files, written line by line as `path: content`.
struct Tree(TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(TempDir::new().expect("a folder"));
        for (path, content) in files {
            tree.write(path, content);
        }
        tree
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("creates");
        fs::write(path, content).expect("writes");
    }
}

/// Readings of machines that were recorded: see `tests/trees/README.md`.
fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/trees")
        .join(name)
}

fn read(sensor: &mut dyn Sensor) -> Readings {
    let mut readings = Readings::default();
    sensor.read(&mut readings);
    readings
}

fn stat(pid: u32, ticks: [u64; 4]) -> String {
    let [a, b, c, d] = ticks;
    format!("{pid} (name (of) it) S 1 7 7 0 -1 4194304 100 0 0 0 {a} {b} {c} {d} 20 0 1 0 99 0 0")
}

#[test]
fn cpu_time_of_our_tree_does_not_count() {
    let tree = Tree::new(&[
        ("stat", "cpu  1000 0 0 9000 0 0 0 0 0 0\n"),
        ("7/task/7/children", ""),
        ("7/task/8/children", "9 \n"),
        ("7/stat", &stat(7, [100, 0, 0, 0])),
        ("9/task/9/children", "10 \n"),
        ("9/stat", &stat(9, [200, 0, 0, 0])),
        ("10/stat", &stat(10, [0, 0, 0, 0])),
        ("11/stat", &stat(11, [700, 0, 0, 0])),
    ]);
    let mut load = Load::new(tree.path(), 7, Kin::default());
    assert!(matches!(read(&mut load).foreign_cpu, Reading::Unknown(_)));
    // 400 of the next 1,000 ticks are busy: 300 of ours, the children of a thread and theirs among them, 100 of another's.
    tree.write("stat", "cpu  1400 0 0 9600 0 0 0 0 0 0\n");
    tree.write("7/stat", &stat(7, [150, 50, 0, 0]));
    tree.write("9/stat", &stat(9, [250, 50, 0, 0]));
    tree.write("10/stat", &stat(10, [50, 50, 0, 0]));
    assert_eq!(read(&mut load).foreign_cpu, Reading::Known(10));
    // A child that ended and was waited for is in its parent's time now.
    fs::remove_dir_all(tree.path().join("10")).expect("removes");
    tree.write("9/task/9/children", "");
    tree.write("9/stat", &stat(9, [250, 50, 60, 60]));
    tree.write("stat", "cpu  1420 0 0 10580 0 0 0 0 0 0\n");
    assert_eq!(read(&mut load).foreign_cpu, Reading::Known(5));
    // One that nobody waited for takes its time along: then it counts as others' at worst.
    tree.write("9/stat", &stat(9, [250, 50, 0, 0]));
    tree.write("stat", "cpu  1420 0 0 11580 0 0 0 0 0 0\n");
    assert_eq!(read(&mut load).foreign_cpu, Reading::Known(8));
}

#[test]
fn load_is_that_of_the_last_ten_looks() {
    let tree = Tree::new(&[("7/stat", &stat(7, [0; 4]))]);
    let mut load = Load::new(tree.path(), 7, Kin::default());
    let (mut busy, mut unused) = (0, 0);
    let mut look = |all_cores: bool| {
        match all_cores {
            true => busy += 200,
            false => unused += 200,
        }
        tree.write("stat", &format!("cpu  {busy} 0 0 {unused} 0 0 0 0 0 0\n"));
        read(&mut load).foreign_cpu
    };
    look(false);
    assert_eq!(look(false), Reading::Known(0));
    for _ in 0..20 {
        look(false);
    }
    // One second of everything is a tenth of the last ten.
    assert_eq!(look(true), Reading::Known(10));
    assert_eq!(look(true), Reading::Known(20));
    for _ in 0..9 {
        look(false);
    }
    assert_eq!(look(false), Reading::Known(0));
    // Counters of another machine.
    tree.write("stat", "cpu  1 0 0 1 0 0 0 0 0 0\n");
    assert!(matches!(read(&mut load).foreign_cpu, Reading::Unknown(_)));
}

#[test]
fn a_file_that_is_missing_or_strange_is_unknown_and_named() {
    let tree = Tree::new(&[]);
    let why = |reading: Reading<u32>| match reading {
        Reading::Unknown(why) => why,
        known => panic!("{known:?}"),
    };
    let mut load = Load::new(tree.path(), 7, Kin::default());
    assert!(why(read(&mut load).foreign_cpu).contains("stat"));
    for text in ["", "cpu  1 2\n", "cpu  a b c d\n"] {
        tree.write("stat", text);
        assert!(why(read(&mut load).foreign_cpu).contains("not as the kernel"));
    }
    let mut memory = Memory::new(tree.path(), 7, Kin::default());
    assert!(why(read(&mut memory).foreign_memory).contains("meminfo"));
    tree.write("meminfo", "MemTotal: 0 kB\nMemAvailable: 0 kB\n");
    assert!(why(read(&mut memory).foreign_memory).contains("not as the kernel"));
    let mut power = PowerSupply::new(&tree.path().join("nowhere"));
    assert!(why(read(&mut power).battery).contains("nowhere"));
    let mut heat = Temperature::new(&tree.path().join("nowhere"));
    assert!(matches!(read(&mut heat).temperature, Reading::Unknown(_)));
    let mut programs = Programs::new(&tree.path().join("nowhere"), &["a".into()]);
    assert!(matches!(read(&mut programs).exclusive, Reading::Unknown(_)));
    let mut network = Network::new(&tree.path().join("nowhere"));
    let Reading::Unknown(why) = read(&mut network).metered else {
        panic!("nobody was asked");
    };
    assert!(why.contains("on_metered = true"), "{why}");
}

#[test]
fn memory_of_our_tree_does_not_count() {
    let tree = Tree::new(&[
        (
            "meminfo",
            "MemTotal:  10000 kB\nMemFree: 1 kB\nMemAvailable:   2000 kB\n",
        ),
        ("7/task/7/children", "9"),
        ("7/status", "Name:\tworker\nVmRSS:\t   1000 kB\n"),
        ("9/status", "Name:\tbatch\nVmRSS:\t   1500 kB\n"),
        ("11/status", "Name:\tother\nVmRSS:\t   5000 kB\n"),
    ]);
    let share = read(&mut Memory::new(tree.path(), 7, Kin::default())).foreign_memory;
    assert_eq!(share, Reading::Known(55));
}

#[test]
fn what_the_other_workers_of_this_machine_do_does_not_count() {
    let kin = std::sync::Arc::new(std::sync::Mutex::new(Vec::<u32>::new()));
    let named = kin.clone();
    let kin_of = Kin::new(move || named.lock().expect("no panic").clone());
    let tree = Tree::new(&[
        ("stat", "cpu  1000 0 0 9000 0 0 0 0 0 0\n"),
        ("meminfo", "MemTotal: 10000 kB\nMemAvailable: 2000 kB\n"),
        ("7/stat", &stat(7, [100, 0, 0, 0])),
        ("7/status", "VmRSS:\t   1000 kB\n"),
        // The other worker, with a batch that has used much already.
        ("20/task/20/children", "21"),
        ("20/stat", &stat(20, [100, 0, 0, 0])),
        ("20/status", "VmRSS:\t   1000 kB\n"),
        ("21/stat", &stat(21, [700, 0, 0, 0])),
        ("21/status", "VmRSS:\t   4000 kB\n"),
        // Everybody descends from the first.
        ("1/task/1/children", "7 20 30"),
        ("1/stat", &stat(1, [0; 4])),
        ("30/stat", &stat(30, [5_000, 0, 0, 0])),
    ]);
    let mut load = Load::new(tree.path(), 7, kin_of.clone());
    let mut memory = Memory::new(tree.path(), 7, kin_of);
    let (mut batch, mut busy, mut unused) = (700, 1_000, 9_000);
    // A second in which the other one's batch takes half of the machine.
    let mut second = |load: &mut Load| {
        (batch, busy, unused) = (batch + 50, busy + 50, unused + 50);
        tree.write("stat", &format!("cpu  {busy} 0 0 {unused} 0 0 0 0 0 0\n"));
        if tree.path().join("21").exists() {
            tree.write("21/stat", &stat(21, [batch, 0, 0, 0]));
        }
        read(load).foreign_cpu
    };
    second(&mut load);
    assert_eq!(second(&mut load), Reading::Known(50), "nobody told of it");
    assert_eq!(read(&mut memory).foreign_memory, Reading::Known(70));
    // What it had used before it was told of is nobody's gift: an owner at work stays one.
    kin.lock().expect("no panic").push(20);
    assert_eq!(second(&mut load), Reading::Known(50));
    assert_eq!(read(&mut memory).foreign_memory, Reading::Known(20));
    for _ in 0..10 {
        second(&mut load);
    }
    assert_eq!(second(&mut load), Reading::Known(0));
    // It ends, and all that it used goes with it; an owner takes its place.
    for gone in ["20", "21"] {
        fs::remove_dir_all(tree.path().join(gone)).expect("removes");
    }
    assert_eq!(second(&mut load), Reading::Known(5));
    for _ in 0..10 {
        second(&mut load);
    }
    assert_eq!(second(&mut load), Reading::Known(50));
    // A list that names the first process, one that is none, and ourselves, excuses nobody.
    kin.lock().expect("no panic").extend([0, 1, 7, 4_000_000]);
    assert_eq!(second(&mut load), Reading::Known(50));
    assert_eq!(read(&mut memory).foreign_memory, Reading::Known(70));
}

#[test]
fn a_child_that_is_hidden_from_us_is_not_taken_for_somebody_else_s() {
    // As under `ProtectProc=invisible`: the kernel lists the sandboxed batch 9, and shows nothing else of it.
    let tree = Tree::new(&[
        ("stat", "cpu  1000 0 0 9000 0 0 0 0 0 0\n"),
        ("meminfo", "MemTotal: 10000 kB\nMemAvailable: 2000 kB\n"),
        ("7/task/7/children", "9"),
        ("7/stat", &stat(7, [100, 0, 0, 0])),
        ("7/status", "Name:\tworker\nVmRSS:\t   1000 kB\n"),
    ]);
    let (mut load, mut memory) = (
        Load::new(tree.path(), 7, Kin::default()),
        Memory::new(tree.path(), 7, Kin::default()),
    );
    read(&mut load);
    // The batch keeps the whole machine busy.
    tree.write("stat", "cpu  2000 0 0 9000 0 0 0 0 0 0\n");
    for reading in [
        read(&mut load).foreign_cpu,
        read(&mut memory).foreign_memory,
    ] {
        let Reading::Unknown(why) = reading else {
            panic!("{reading:?}");
        };
        assert!(why.contains("ProtectProc") && why.contains("/9/"), "{why}");
    }
    // Once it can be seen, it counts as ours.
    tree.write("9/stat", &stat(9, [900, 0, 0, 0]));
    tree.write("9/status", "Name:\tbatch\nVmRSS:\t   1500 kB\n");
    read(&mut load);
    tree.write("stat", "cpu  3000 0 0 9000 0 0 0 0 0 0\n");
    tree.write("9/stat", &stat(9, [1900, 0, 0, 0]));
    assert_eq!(read(&mut load).foreign_cpu, Reading::Known(0));
    assert_eq!(read(&mut memory).foreign_memory, Reading::Known(55));
}

#[test]
fn programs_are_found_by_what_the_kernel_keeps_of_their_names() {
    let tree = Tree::new(&[
        ("1/comm", "systemd\n"),
        ("20/comm", "a-program-with-\n"),
        ("21/comm", "gamescope\n"),
        ("22/comm", "gamescope\n"),
        ("self/comm", "steam\n"),
    ]);
    let names = ["a-program-with-a-long-name", "gamescope", "steam", "game"];
    let names: Vec<String> = names.map(Into::into).into();
    let running = read(&mut Programs::new(tree.path(), &names)).exclusive;
    let expected = vec!["a-program-with-a-long-name".into(), "gamescope".into()];
    assert_eq!(running, Reading::Known(expected));
}

/// Supplies as `/sys/class/power_supply` shows them.
fn supplies(files: &[(&str, &str)]) -> Readings {
    let tree = Tree::new(&[]);
    fs::create_dir_all(tree.path().join("class/power_supply")).expect("creates");
    for (path, content) in files {
        tree.write(
            &format!("class/power_supply/{path}"),
            &format!("{content}\n"),
        );
    }
    read(&mut PowerSupply::new(tree.path()))
}

#[test]
fn power_is_that_of_the_machine() {
    let (mains, battery) = (Reading::Known(Power::Mains), Reading::Known(Power::Battery));
    // A desktop.
    let none = supplies(&[]);
    assert_eq!(
        (none.power, none.battery),
        (mains.clone(), Reading::Known(100))
    );
    let laptop = |online: &str, status: &str| {
        supplies(&[
            ("AC/type", "Mains"),
            ("AC/online", online),
            ("BAT0/type", "Battery"),
            ("BAT0/status", status),
            ("BAT0/capacity", "61"),
            ("hidpp_battery_0/type", "Battery"),
            ("hidpp_battery_0/scope", "Device"),
            ("hidpp_battery_0/status", "Discharging"),
            ("hidpp_battery_0/capacity", "5"),
        ])
    };
    for (online, status, expected) in [
        ("1", "Charging", &mains),
        ("1", "Not charging", &mains),
        ("1", "Discharging", &mains),
        ("0", "Discharging", &battery),
        ("0", "Full", &mains),
    ] {
        let readings = laptop(online, status);
        assert_eq!(&readings.power, expected, "{online} {status}");
        assert_eq!(readings.battery, Reading::Known(61));
    }
    let unsure = laptop("0", "Unknown");
    assert!(matches!(unsure.power, Reading::Unknown(_)));
    // By USB-C, with two batteries.
    let two = supplies(&[
        ("ucsi-source-psy-1/type", "USB"),
        ("ucsi-source-psy-1/online", "0"),
        ("BAT0/type", "Battery"),
        ("BAT0/status", "Not charging"),
        ("BAT0/capacity", "80"),
        ("BAT1/type", "Battery"),
        ("BAT1/status", "Discharging"),
        ("BAT1/capacity", "7"),
    ]);
    assert_eq!((two.power, two.battery), (battery, Reading::Known(7)));
}

#[test]
fn the_hottest_plausible_sensor_counts() {
    let tree = Tree::new(&[
        ("class/thermal/thermal_zone0/temp", "47000\n"),
        ("class/thermal/thermal_zone1/temp", "-274000\n"),
        ("class/thermal/cooling_device0/temp", "99000\n"),
        ("class/hwmon/hwmon3/temp1_input", "61250\n"),
        ("class/hwmon/hwmon3/temp1_crit", "100000\n"),
        ("class/hwmon/hwmon4/temp1_input", "nan\n"),
        ("class/hwmon/hwmon4/temp2_input", "255000\n"),
    ]);
    let hottest = read(&mut Temperature::new(tree.path())).temperature;
    assert_eq!(hottest, Reading::Known(62));
}

#[test]
fn the_processor_is_found_among_other_sensors() {
    let tree = Tree::new(&[]);
    let heat = Temperature::new(tree.path());
    assert_eq!(heat.processor(), None);
    tree.write("class/hwmon/hwmon0/name", "nvme\n");
    tree.write("class/hwmon/hwmon0/temp1_input", "71850\n");
    assert_eq!(heat.processor(), Some(72), "better than nothing");
    tree.write("class/thermal/thermal_zone0/type", "cpu-thermal\n");
    tree.write("class/thermal/thermal_zone0/temp", "41500\n");
    assert_eq!(heat.processor(), Some(42));
    tree.write("class/hwmon/hwmon1/name", "coretemp\n");
    tree.write("class/hwmon/hwmon1/temp1_input", "48000\n");
    tree.write("class/hwmon/hwmon1/temp2_input", "52999\n");
    tree.write("class/hwmon/hwmon1/temp2_crit", "100000\n");
    // Not connected, and nonsense.
    tree.write("class/hwmon/hwmon1/temp3_input", "-128000\n");
    tree.write("class/hwmon/hwmon1/temp4_input", "255000\n");
    tree.write("class/hwmon/hwmon1/temp5_input", "hot\n");
    assert_eq!(heat.processor(), Some(53));
    // The rule is about the hottest of all.
    let hottest = read(&mut Temperature::new(tree.path())).temperature;
    assert_eq!(hottest, Reading::Known(72));
}

#[test]
fn whoever_types_into_a_terminal_is_there() {
    let tree = Tree::new(&[
        ("tty1", ""),
        ("tty", ""),
        ("ttyprintk", ""),
        ("pts/0", ""),
        ("pts/ptmx", ""),
    ]);
    let now = SystemTime::now();
    let touch = |name: &str, ago: u64| {
        let file = File::options().write(true).open(tree.path().join(name));
        let times = FileTimes::new().set_accessed(now - Duration::from_secs(ago));
        file.and_then(|file| file.set_times(times))
            .expect("touches");
    };
    // What no one types into is younger.
    for (name, ago) in [
        ("tty1", 900),
        ("pts/0", 700),
        ("tty", 1),
        ("ttyprintk", 1),
        ("pts/ptmx", 1),
    ] {
        touch(name, ago);
    }
    let mut terminals = Terminals::new(tree.path());
    let ago = |terminals: &mut Terminals| match read(terminals).input["terminals"] {
        Input::Part(ago) => ago.as_secs(),
        ref other => panic!("{other:?}"),
    };
    assert!((700..720).contains(&ago(&mut terminals)));
    touch("tty1", 30);
    assert!((30..50).contains(&ago(&mut terminals)));
    // The wall clock was set back: that is now.
    let file = File::options()
        .write(true)
        .open(tree.path().join("pts/0"))
        .expect("opens");
    let tomorrow = FileTimes::new().set_accessed(now + Duration::from_secs(86_400));
    file.set_times(tomorrow).expect("touches");
    assert_eq!(ago(&mut terminals), 0);
    let none = Tree::new(&[]);
    let nothing = read(&mut Terminals::new(none.path()));
    assert!(matches!(nothing.input["terminals"], Input::Unknown(_)));
}

#[test]
fn a_recorded_machine_is_read() {
    let proc = recorded("virtual-machine/proc");
    let mut load = Load::new(&proc, 4_242, Kin::default());
    load.read(&mut Readings::default());
    // The same moment twice: no time has passed.
    assert!(matches!(read(&mut load).foreign_cpu, Reading::Unknown(_)));
    // 24,684,084 KiB, of which 24,081,092 are available and 3,412 ours.
    let memory = read(&mut Memory::new(&proc, 4_242, Kin::default())).foreign_memory;
    assert_eq!(memory, Reading::Known(3));
    let programs = read(&mut Programs::new(&proc, &["bash".into(), "steam".into()])).exclusive;
    assert_eq!(programs, Reading::Known(vec!["bash".into()]));
}

/// This very machine, whichever it is: what the kernel always has is known, and a program that runs is found.
#[test]
fn this_machine_is_read() {
    let own = fs::read_to_string("/proc/self/comm").expect("has a name");
    let policy = Policy {
        exclusive: vec![own.trim().into()],
        ..Policy::default()
    };
    let mut sensors = Sensors::system(&policy, &Kin::default());
    let start = Instant::now();
    sensors.read(start.elapsed());
    // A second look a second later, by our own clock, as the kernel counts in hundredths.
    while start.elapsed() < Duration::from_millis(50) {
        std::hint::spin_loop();
    }
    let readings = sensors.read(Duration::from_secs(10));
    assert!(
        readings
            .foreign_cpu
            .known()
            .is_some_and(|share| *share <= 100),
        "{readings:?}"
    );
    assert!(
        readings
            .foreign_memory
            .known()
            .is_some_and(|share| *share <= 100)
    );
    assert!(
        readings
            .local_time
            .known()
            .is_some_and(|time| time.minute < 1_440 && time.weekday < 7)
    );
    assert_eq!(readings.exclusive, Reading::Known(vec![own.trim().into()]));
    // Whatever has no answer says why.
    let json = serde_json::to_value(readings).expect("plain data");
    for (_, input) in json["input"].as_object().expect("by source") {
        assert!(input["unknown"].as_str() != Some(""));
    }
}
