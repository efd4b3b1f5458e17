//! The child of the tests. Started as `sandbox-attacker sandbox-child NAME` it is jailed like any child, and then does what
//! NAME says where a child would run a unit or compile. `honest` is the child that ships.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::{env, fs, io, process, ptr, thread};
use sungrid_executor::{
    Cancel, CompileError, Engine, Exit, Limits, Module, Outcome, RunError, Task,
};
use sungrid_sandbox::child::{self, Acts};
use sungrid_sandbox::{Config, Program, Sandbox, Shape};

fn main() {
    let act = env::args().nth(2).unwrap_or_default();
    if env::args().nth(1).as_deref() == Some("parent") {
        parent();
    }
    if env::args().nth(1).as_deref() != Some(child::ARGUMENT) {
        eprintln!("the tests of sungrid-sandbox start this");
        process::exit(2);
    }
    if act == "never-ready" {
        loop {
            thread::park();
        }
    }
    let run = |engine: &Engine, module: &Module, task: &Task, limits: &Limits| match &*act {
        "honest" => engine.run(module, task, limits),
        // The first argument of a unit names the attack.
        _ => attack(task.args.first().map_or("", String::as_str), task, limits),
    };
    let compile = |engine: &Engine, wasm: &[u8]| match &*act {
        "honest" | "attack" => engine.precompile(wasm),
        other => compile(other),
    };
    child::main(&Acts {
        compile: &compile,
        run: &run,
    })
}

/// `(module (func (export "_start")))`
const EMPTY: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0a\x01\x06_start\0\0\x0a\x04\x01\x02\0\x0b";

/// A parent with a child that never ends by itself. Says so on standard output.
fn parent() -> ! {
    let program = Program {
        path: env::current_exe().unwrap(),
        args: vec![child::ARGUMENT.into(), "attack".into()],
    };
    let sandbox = Sandbox::new(Engine::new(None).unwrap(), Config::new(program)).unwrap();
    let code = sandbox.prepare(EMPTY).unwrap();
    let shape = Shape {
        lanes: 2,
        ..Shape::default()
    };
    let batch = sandbox.start(&code, &shape).unwrap();
    let unit = |name: &str| {
        let task = Task {
            args: vec![name.to_owned()],
            ..Task::default()
        };
        batch.run(&task, &Limits::default(), &Cancel::default())
    };
    thread::scope(|scope| {
        scope.spawn(|| unit("deaf"));
        unit("surroundings").unwrap();
        println!("running");
        loop {
            thread::park();
        }
    })
}

fn said(text: String) -> Result<Outcome, RunError> {
    Ok(Outcome {
        exit: Exit::Code(0),
        fuel: 1,
        peak_memory: 0,
        stdout: text.into_bytes(),
        stderr: Vec::new(),
        files: BTreeMap::new(),
    })
}

/// The error's number, or what was achieved.
fn result<T>(done: io::Result<T>) -> String {
    match done {
        Ok(_) => "SUCCEEDED".to_owned(),
        Err(error) => error
            .raw_os_error()
            .map_or_else(|| error.to_string(), |code| format!("refused {code}")),
    }
}

fn call(returned: libc::c_long) -> String {
    result(if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    })
}

fn attack(name: &str, task: &Task, limits: &Limits) -> Result<Outcome, RunError> {
    let number = |i: usize| -> i32 { task.args[i].parse().unwrap() };
    // SAFETY, of all blocks here: this is a process to be destroyed. Arguments are valid for the calls.
    let text = match name {
        "open" => result(fs::File::open("/etc/passwd")),
        "list" => result(fs::read_dir("/")),
        "look" => result(fs::metadata("/etc/passwd")),
        "write" => result(fs::write(&task.args[1], "evil")),
        "proc" => result(fs::File::open(format!("/proc/{}/mem", number(1)))),
        "socket" => call(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) }.into()),
        "connect" => result(std::net::TcpStream::connect((
            "127.0.0.1",
            number(1) as u16,
        ))),
        "priority" => call(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) }.into()),
        "fork" => call(unsafe { libc::syscall(libc::SYS_fork) }),
        "exec" => {
            let program = c"/bin/true";
            let args = [program.as_ptr(), ptr::null()];
            call(unsafe { libc::execv(program.as_ptr(), args.as_ptr()) }.into())
        }
        "ptrace" => call(unsafe {
            libc::ptrace(
                libc::PTRACE_ATTACH,
                number(1),
                ptr::null_mut::<u8>(),
                ptr::null_mut::<u8>(),
            )
        }),
        "signal" => call(unsafe { libc::kill(number(1), 0) }.into()),
        "read parent" => {
            let mut bytes = [0u8; 8];
            let ours = libc::iovec {
                iov_base: bytes.as_mut_ptr().cast(),
                iov_len: 8,
            };
            let address: usize = task.args[2].parse().unwrap();
            let theirs = libc::iovec {
                iov_base: address as *mut _,
                iov_len: 8,
            };
            call(unsafe { libc::process_vm_readv(number(1), &ours, 1, &theirs, 1, 0) } as _)
        }
        "thread" => result(thread::Builder::new().spawn(|| {})),
        "threads" => {
            let start = |_: &usize| thread::Builder::new().spawn(thread::park).is_ok();
            format!("started {}", (0..64).take_while(start).count())
        }
        "spin on three" => {
            for _ in 0..2 {
                let spin = || {
                    loop {
                        std::hint::spin_loop();
                    }
                };
                thread::Builder::new().spawn(spin).unwrap();
            }
            loop {
                std::hint::spin_loop();
            }
        }
        "new code" => {
            let bits = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let mapped = unsafe { libc::mmap(ptr::null_mut(), 4096, bits, flags, -1, 0) };
            call(if mapped == libc::MAP_FAILED { -1 } else { 0 })
        }
        "user" => call(unsafe { libc::setuid(0) }.into()),
        "surroundings" => format!(
            "{} variables, root {}",
            env::vars_os().count(),
            unsafe { libc::geteuid() } == 0
        ),
        "allocate" => {
            let mut hoard = Vec::new();
            // Ends with the limit, by an abort: far below this.
            for _ in 0..64 << 10 {
                hoard.push(vec![1u8; 1 << 20]);
            }
            format!("SUCCEEDED with {} MiB", hoard.len())
        }
        "spin" => loop {
            std::hint::spin_loop();
        },
        "deaf" => {
            // SIGTERM is ignored from here on.
            unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
            loop {
                std::hint::spin_loop();
            }
        }
        "crash" => process::abort(),
        "panic" => panic!("from inside \u{1b}[31m"),
        "garbage" => {
            for fd in 3..16 {
                // Whatever this is, it is filled with nonsense.
                let mut file = std::mem::ManuallyDrop::new(unsafe { fs::File::from_raw_fd(fd) });
                let _ = file.write_all(&[0xa5; 4096]);
            }
            String::new()
        }
        "lie about fuel" => {
            return Ok(Outcome {
                fuel: limits.fuel + 1,
                ..said(String::new())?
            });
        }
        "lie about memory" => {
            let peak_memory = limits.memory_bytes + 1;
            return Ok(Outcome {
                peak_memory,
                ..said(String::new())?
            });
        }
        "flood" => {
            let stdout = vec![b'x'; limits.output_bytes as usize + 1];
            return Ok(Outcome {
                stdout,
                ..said(String::new())?
            });
        }
        other => panic!("no attack is named {other}"),
    };
    said(text)
}

/// Attacks on whoever waits for machine code.
fn compile(name: &str) -> Result<Vec<u8>, CompileError> {
    match name {
        "compile forever" => loop {
            std::hint::spin_loop();
        },
        "compile and wait" => loop {
            thread::park();
        },
        "compile into all memory" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1u8; 1 << 20]);
            }
        }
        "compile and crash" => process::abort(),
        "compile and connect" => {
            // SAFETY: takes numbers only.
            let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) };
            Err(CompileError::Compiler(format!("SUCCEEDED: {socket}")))
        }
        "compile to rubbish" => Ok(b"\x7fELF, or so it says".repeat(100)),
        other => panic!("no attack is named {other}"),
    }
}
