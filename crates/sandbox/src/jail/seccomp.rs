//! System calls: what running a guest takes, and no other.
//!
//! What a C library may try for its own sake gets an error, as if the system did not have it. What only an attack would
//! try ends the process.

use super::privileges;
use crate::report::Status;
use std::io;

/// How far the child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Loads machine code; no guest has run.
    Load,
    /// Compiles, which maps new code, too.
    Compile,
    /// Runs guests.
    Run,
}

/// Common to all stages, the frequent ones first.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_mprotect,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_membarrier,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// To find out how long the file of machine code is, and to install the last filter.
const ALLOWED_TO_LOAD: &[libc::c_long] = &[
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_seccomp,
];

/// No library does these on behalf of a guest that computes.
const DEADLY: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_clone,
    libc::SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_bpf,
    libc::SYS_io_uring_setup,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: u32 = 0xc000_00f3;

/// Numbers from here on are those of another interface of the same processor.
#[cfg(target_arch = "x86_64")]
const FOREIGN: u32 = 0x4000_0000;

// Places in what the system shows a filter.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
/// The low half of the third argument; all machines here are little-endian.
const PROTECTION: u32 = 32;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
#[cfg(target_arch = "x86_64")]
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const ANY_OF: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;

fn step(code: u16, value: u32) -> libc::sock_filter {
    libc::sock_filter {
        code,
        jt: 0,
        jf: 0,
        k: value,
    }
}

/// Skips the next `steps` where the condition does not hold.
fn unless(code: u16, value: u32, steps: u8) -> libc::sock_filter {
    libc::sock_filter {
        jf: steps,
        ..step(code, value)
    }
}

fn filter(stage: Stage) -> Vec<libc::sock_filter> {
    let mut steps = vec![
        step(LOAD, MACHINE),
        libc::sock_filter {
            jt: 1,
            ..step(EQUAL, ARCHITECTURE)
        },
        step(RETURN, KILL),
        step(LOAD, NUMBER),
    ];
    #[cfg(target_arch = "x86_64")]
    steps.extend([unless(AT_LEAST, FOREIGN, 1), step(RETURN, KILL)]);
    if stage == Stage::Run {
        for call in [libc::SYS_mprotect, libc::SYS_mmap] {
            steps.extend([
                unless(EQUAL, call as u32, 4),
                step(LOAD, PROTECTION),
                unless(ANY_OF, libc::PROT_EXEC as u32, 1),
                step(RETURN, REFUSE),
                step(RETURN, ALLOW),
            ]);
        }
    }
    let allowed_to_load: &[_] = match stage {
        Stage::Load => ALLOWED_TO_LOAD,
        Stage::Compile | Stage::Run => &[],
    };
    for call in ALLOWED.iter().chain(allowed_to_load) {
        steps.extend([unless(EQUAL, *call as u32, 1), step(RETURN, ALLOW)]);
    }
    for call in DEADLY {
        steps.extend([unless(EQUAL, *call as u32, 1), step(RETURN, KILL)]);
    }
    steps.push(step(RETURN, REFUSE));
    steps
}

/// Installs the filter of a stage for all threads, on top of the last one.
pub(super) fn install(stage: Stage) -> Status {
    let steps = filter(stage);
    let program = libc::sock_fprog {
        len: steps.len() as libc::c_ushort,
        filter: steps.as_ptr().cast_mut(),
    };
    if stage != Stage::Run
        && let Err(error) = privileges::set(libc::PR_SET_NO_NEW_PRIVS, 1)
    {
        return Status::off(format!("new privileges cannot be ruled out ({error})"));
    }
    // SAFETY: the program outlives the call; the system checks and copies it.
    let installed = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER as libc::c_ulong,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    match installed {
        0 => Status::on(format!(
            "{} system calls are left; no new machine code once a module is loaded",
            ALLOWED.len()
        )),
        -1 => Status::off(format!(
            "the system refuses filters ({})",
            io::Error::last_os_error()
        )),
        thread => Status::off(format!("thread {thread} cannot be filtered")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system would do for a call, as it reads the filter.
    fn verdict(stage: Stage, architecture: u32, call: u32, protection: u32) -> u32 {
        let steps = filter(stage);
        let mut value = 0;
        let mut at = 0;
        loop {
            let step = &steps[at];
            at += 1;
            let holds = match step.code {
                RETURN => return step.k,
                LOAD => {
                    value = match step.k {
                        NUMBER => call,
                        MACHINE => architecture,
                        PROTECTION => protection,
                        other => panic!("reads at {other}"),
                    };
                    continue;
                }
                EQUAL => value == step.k,
                #[cfg(target_arch = "x86_64")]
                AT_LEAST => value >= step.k,
                ANY_OF => value & step.k != 0,
                other => panic!("no such step: {other}"),
            };
            at += usize::from(if holds { step.jt } else { step.jf });
        }
    }

    const STAGES: [Stage; 3] = [Stage::Load, Stage::Compile, Stage::Run];

    #[test]
    fn what_is_deadly_kills_and_what_is_unknown_is_refused() {
        for stage in STAGES {
            let verdict = |call| verdict(stage, ARCHITECTURE, call as u32, 0);
            for call in DEADLY {
                assert_eq!(verdict(*call), KILL, "{stage:?} {call}");
            }
            for call in ALLOWED {
                assert_eq!(verdict(*call), ALLOW, "{stage:?} {call}");
            }
            for call in [libc::SYS_openat, libc::SYS_sendmsg, libc::SYS_prctl, 9_999] {
                assert_eq!(verdict(call), REFUSE, "{stage:?} {call}");
            }
        }
    }

    #[test]
    fn another_interface_of_the_processor_is_no_way_round() {
        for stage in STAGES {
            assert_eq!(verdict(stage, 0x4000_0003, 3, 0), KILL);
            #[cfg(target_arch = "x86_64")]
            assert_eq!(verdict(stage, ARCHITECTURE, FOREIGN, 0), KILL);
        }
    }

    #[test]
    fn new_machine_code_ends_with_loading() {
        let exec = libc::PROT_READ | libc::PROT_EXEC;
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            let verdict = |stage, bits: i32| verdict(stage, ARCHITECTURE, call as u32, bits as u32);
            assert_eq!(verdict(Stage::Load, exec), ALLOW);
            assert_eq!(verdict(Stage::Run, exec), REFUSE);
            assert_eq!(
                verdict(Stage::Run, libc::PROT_READ | libc::PROT_WRITE),
                ALLOW
            );
        }
        let seccomp = libc::SYS_seccomp as u32;
        assert_eq!(verdict(Stage::Run, ARCHITECTURE, seccomp, 0), REFUSE);
    }
}
