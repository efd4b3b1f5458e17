//! `/proc`: CPU time and memory that are not ours, programs that run.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{entries, file_name, read};
use crate::{
    reading::{Reading, Readings},
    sensor::{Kin, Sensor},
};

/// Samples that CPU time is averaged over, one a second: shorter, and every mail that comes in stops the work; longer, and a game
/// that starts has to share for as long.
const SAMPLES: usize = 10;
/// Processes of ours at most: a bound for what a fork bomb makes us read.
const MAX_TREE: usize = 4_096;
/// Bytes of a process name that the kernel keeps.
const COMM: usize = 15;

/// A process of ours, and the list that it was found in.
struct Ours {
    pid: u32,
    listed: Option<PathBuf>,
}

/// The processes in a list of children.
fn children(list: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    let pids = text.split_ascii_whitespace();
    pids.filter_map(|pid| pid.parse().ok()).collect()
}

/// A process and all that descend from it and live. Where the kernel does not tell children, only the process itself: its
/// children's time then counts as that of others.
fn tree(proc: &Path, root: u32) -> Vec<Ours> {
    let mut all = vec![Ours {
        pid: root,
        listed: None,
    }];
    let mut next = 0;
    while next < all.len() && all.len() < MAX_TREE {
        let tasks = proc.join(all[next].pid.to_string()).join("task");
        next += 1;
        // Each thread has the children that it started.
        for task in entries(&tasks).unwrap_or_default() {
            let list = task.join("children");
            all.extend(children(&list).into_iter().map(|pid| Ours {
                pid,
                listed: Some(list.clone()),
            }));
        }
    }
    all
}

/// The process trees that are ours: this process's own, and those of its kin.
#[derive(Clone)]
struct Family {
    proc: PathBuf,
    pid: u32,
    kin: Kin,
}

impl Family {
    /// What a file of each process says, summed up by tree. An error if a process of our own tree is hidden from us: what it uses
    /// would count as that of others. Kin that are hidden or gone are left out, and count as others.
    fn sums(
        &self,
        file: &str,
        value: impl Fn(&str) -> Option<u64>,
    ) -> Result<BTreeMap<u32, u64>, String> {
        let mut seen = BTreeSet::new();
        let own = each_of_tree(&self.proc, self.pid, file, &value, &mut seen)?;
        let mut sums = BTreeMap::from([(self.pid, own)]);
        for pid in self.kin.processes() {
            // Of the system's first process everybody descends, whoever says that it is a worker.
            if pid <= 1 || seen.contains(&pid) {
                continue;
            }
            if let Ok(sum) = each_of_tree(&self.proc, pid, file, &value, &mut seen) {
                sums.insert(pid, sum);
            }
        }
        Ok(sums)
    }
}

/// The sum over a tree, without what was seen before. An error if a process is hidden from us.
fn each_of_tree(
    proc: &Path,
    root: u32,
    file: &str,
    value: impl Fn(&str) -> Option<u64>,
    seen: &mut BTreeSet<u32>,
) -> Result<u64, String> {
    let mut sum = 0u64;
    for Ours { pid, listed } in tree(proc, root) {
        if !seen.insert(pid) {
            continue;
        }
        let path = proc.join(pid.to_string()).join(file);
        match std::fs::read_to_string(&path) {
            Ok(text) => sum = sum.saturating_add(value(&text).unwrap_or(0)),
            // One that ended meanwhile is in its parent's time from now on, and in nobody's list.
            Err(error)
                if listed
                    .as_ref()
                    .is_none_or(|list| children(list).contains(&pid)) =>
            {
                return Err(format!(
                    "{}: {error}, though this process is ours: let the worker see all of /proc (no ProtectProc= in its \
                     unit, no hidepid= where it is mounted)",
                    path.display()
                ));
            }
            Err(_) => {}
        }
    }
    Ok(sum)
}

/// Clock ticks of a process in `/proc/PID/stat`, with those of the children it has waited for.
fn ticks(stat: &str) -> Option<u64> {
    // The name is in parentheses and may hold any byte, parentheses and spaces among them.
    let rest = &stat[stat.rfind(')')? + 1..];
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The first of these is field 3; 14 to 17 are utime, stime, cutime and cstime.
    let times = fields.get(11..15)?;
    times.iter().try_fold(0u64, |sum, time| {
        // The children's are signed.
        Some(sum.saturating_add(u64::try_from(time.parse::<i64>().ok()?).unwrap_or(0)))
    })
}

/// Ticks of all cores since the start: all, and those in which something ran.
fn machine_ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let times: Option<Vec<u64>> = line
        .split_ascii_whitespace()
        .take(8)
        .map(|time| time.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
    let times = times.filter(|times| times.len() >= 4)?;
    let total = times.iter().sum();
    let unused = times[3] + times.get(4).copied().unwrap_or(0) + times.get(7).copied().unwrap_or(0);
    Some((total, total - unused))
}

/// Counters at one moment.
#[derive(Clone, Copy)]
struct Sample {
    total: u64,
    busy: u64,
    /// What our trees have used since the first look.
    ours: i128,
}

/// CPU time that is not ours.
pub struct Load {
    family: Family,
    /// Each of our trees at the last look.
    trees: BTreeMap<u32, u64>,
    samples: VecDeque<Sample>,
}

impl Load {
    /// Of the machine with this `/proc`; ours is what descends from `pid`, or from its kin.
    pub fn new(proc: &Path, pid: u32, kin: Kin) -> Self {
        let proc = proc.into();
        Self {
            family: Family { proc, pid, kin },
            trees: BTreeMap::new(),
            samples: VecDeque::new(),
        }
    }

    fn sample(&mut self) -> Result<Sample, String> {
        let path = self.family.proc.join("stat");
        let (total, busy) = machine_ticks(&read(&path)?)
            .ok_or_else(|| format!("{}: not as the kernel writes it", path.display()))?;
        let now = self.family.sums("stat", ticks)?;
        // Tree by tree, since all of what a tree has used so far comes and goes with it.
        let used = now.iter().filter_map(|(root, ticks)| {
            let before = self.trees.get(root)?;
            Some(i128::from(*ticks) - i128::from(*before))
        });
        let before = self.samples.back().map_or(0, |last| last.ours);
        let ours = before + used.sum::<i128>();
        self.trees = now;
        Ok(Sample { total, busy, ours })
    }
}

impl Sensor for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn read(&mut self, readings: &mut Readings) {
        readings.foreign_cpu = match self.sample() {
            Err(why) => {
                self.samples.clear();
                self.trees.clear();
                Reading::Unknown(why)
            }
            Ok(now) => {
                // Counters that went back are another machine's: a container was moved.
                if self
                    .samples
                    .back()
                    .is_some_and(|last| last.total > now.total)
                {
                    self.samples.clear();
                }
                let reading = match self.samples.front() {
                    Some(then) if now.total > then.total => {
                        let total = now.total - then.total;
                        let busy = now.busy.saturating_sub(then.busy);
                        let ours = u64::try_from(now.ours - then.ours).unwrap_or(0);
                        let share = (busy.saturating_sub(ours) * 100).div_ceil(total);
                        Reading::Known(u32::try_from(share).unwrap_or(u32::MAX))
                    }
                    _ => Reading::unknown("measured from the second look on"),
                };
                self.samples.push_back(now);
                if self.samples.len() > SAMPLES {
                    self.samples.pop_front();
                }
                reading
            }
        };
    }
}

/// The number behind a name in the style of `/proc/meminfo`, KiB.
fn kib(text: &str, name: &str) -> Option<u64> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    rest.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Memory that is not ours.
pub struct Memory(Family);

impl Memory {
    /// Of the machine with this `/proc`; ours is what descends from `pid`, or from its kin.
    pub fn new(proc: &Path, pid: u32, kin: Kin) -> Self {
        let proc = proc.into();
        Self(Family { proc, pid, kin })
    }

    fn share(&self) -> Result<u32, String> {
        let path = self.0.proc.join("meminfo");
        let text = read(&path)?;
        let known = kib(&text, "MemTotal").zip(kib(&text, "MemAvailable"));
        let (total, available) = known
            .filter(|(total, _)| *total > 0)
            .ok_or_else(|| format!("{}: not as the kernel writes it", path.display()))?;
        let trees = self.0.sums("status", |status| kib(status, "VmRSS"))?;
        let ours = trees
            .values()
            .fold(0u64, |sum, tree| sum.saturating_add(*tree));
        // Shared pages count several times, on the side of fewer foreign ones; they are few beside guests' memories.
        let used = total.saturating_sub(available).saturating_sub(ours);
        Ok(u32::try_from((used * 100).div_ceil(total)).unwrap_or(100))
    }
}

impl Sensor for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn read(&mut self, readings: &mut Readings) {
        readings.foreign_memory = match self.share() {
            Ok(share) => Reading::Known(share),
            Err(why) => Reading::Unknown(why),
        };
    }
}

/// Which of some programs run.
pub struct Programs {
    proc: PathBuf,
    names: Vec<String>,
}

impl Programs {
    /// Looks for these names, of which the kernel keeps 15 bytes.
    pub fn new(proc: &Path, names: &[String]) -> Self {
        Self {
            proc: proc.into(),
            names: names.into(),
        }
    }
}

impl Sensor for Programs {
    fn name(&self) -> &'static str {
        "programs"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn read(&mut self, readings: &mut Readings) {
        let processes = match entries(&self.proc) {
            Ok(processes) => processes,
            Err(error) => {
                let why = format!("{}: {error}", self.proc.display());
                readings.exclusive = Reading::Unknown(why);
                return;
            }
        };
        let mut running = Vec::new();
        for process in processes {
            if !file_name(&process).bytes().all(|c| c.is_ascii_digit()) {
                continue;
            }
            let Ok(comm) = std::fs::read(process.join("comm")) else {
                continue;
            };
            let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
            let known = self.names.iter().find(|name| {
                let name = name.trim().as_bytes();
                &name[..name.len().min(COMM)] == comm
            });
            if let Some(name) = known
                && !running.contains(name)
            {
                running.push(name.clone());
            }
        }
        readings.exclusive = Reading::Known(running);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b) (c) R 1 7 7 0 -1 4194304 100 0 0 0 10 20 30 40 20 0 1 0 99";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("7 (cut off) R 1 7 7"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn waiting_and_stolen_time_is_not_busy() {
        let stat = "cpu  10 20 30 100 40 1 2 5 7 8\ncpu0 1 1 1 1\n";
        assert_eq!(machine_ticks(stat), Some((208, 63)));
        assert_eq!(machine_ticks("cpu  10 20 30\n"), None);
        assert_eq!(machine_ticks("intr 1 2 3"), None);
    }

    #[test]
    fn sizes_are_found_by_their_whole_name() {
        let text = "MemTotalX:  1 kB\nMemTotal:    2000 kB\nMemAvailable: x kB\n";
        assert_eq!(kib(text, "MemTotal"), Some(2000));
        assert_eq!(kib(text, "MemAvailable"), None);
        assert_eq!(kib(text, "VmRSS"), None);
    }
}
