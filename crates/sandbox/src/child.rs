//! The child's side: jail, then serve.

use crate::jail;
use crate::protocol::{self, PRELUDE, Purpose, Ready, Setup};
use crate::report::{Measure, Status};
use crate::sys;
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, Condvar, Mutex, PoisonError};
use sungrid_executor::{
    COMPILER_STACK, CompileError, Engine, Limits, Module, Outcome, RunError, Task,
};

/// The first argument of a program that is to be a child.
pub const ARGUMENT: &str = "sandbox-child";

/// Turns this process into a child, if that is what it was started for; returns otherwise. Call it first: a child has
/// one thread and nothing open.
pub fn main_if_asked() {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|arg| arg == ARGUMENT)
    {
        main(&Acts {
            compile: &Engine::precompile,
            run: &Engine::run,
        })
    }
}

/// What compiles.
pub type Compile<'a> = dyn Fn(&Engine, &[u8]) -> Result<Vec<u8>, CompileError> + Sync + 'a;
/// What runs.
pub type Run<'a> =
    dyn Fn(&Engine, &Module, &Task, &Limits) -> Result<Outcome, RunError> + Sync + 'a;

/// What a child does with what it is given: the tests put attacks here.
#[derive(Clone, Copy)]
pub struct Acts<'a> {
    /// Compiles a module.
    pub compile: &'a Compile<'a>,
    /// Runs a unit.
    pub run: &'a Run<'a>,
}

/// The life of a child: from the parent's first message on standard input to the end of that socket.
pub fn main(acts: &Acts<'_>) -> ! {
    end(serve(acts))
}

/// Ends the process, without waiting for threads or running what is to run at exit: lanes are still at it.
fn end(served: io::Result<()>) -> ! {
    let code = match served {
        Ok(()) => 0,
        Err(error) => {
            // The parent shows it.
            eprintln!("{error}");
            1
        }
    };
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// What all lanes use; there once the code is loaded and the jail is closed for good.
struct Loaded {
    module: Module,
    shared: Vec<Bytes>,
}

/// Where lanes wait for it.
#[derive(Default)]
struct Gate {
    open: Mutex<Option<Arc<Loaded>>>,
    opened: Condvar,
}

impl Gate {
    fn open(&self, loaded: Loaded) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(loaded));
        self.opened.notify_all();
    }

    fn pass(&self) -> Arc<Loaded> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(loaded) = &*open {
                return loaded.clone();
            }
            open = self
                .opened
                .wait(open)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn serve(acts: &Acts<'_>) -> io::Result<()> {
    // SAFETY: the parent put a socket there, and nobody else takes it.
    let mut control = UnixStream::from(unsafe { OwnedFd::from_raw_fd(0) });
    sys::close_from(3);
    let mut prelude = [0; PRELUDE];
    let mut files = sys::receive_files(&control, &mut prelude)?.into_iter();
    protocol::check_prelude(&prelude)?;
    let setup = Setup::read(&mut control)?;

    let measures = jail::enter(&setup)?;
    let unsupported = |error: sungrid_executor::EngineError| io::Error::other(error.to_string());
    let engine = Engine::new(None).map_err(unsupported)?;
    let code = match setup.purpose {
        Purpose::Run(_) => files.next().map(File::from),
        Purpose::Probe | Purpose::Compile(_) => None,
    };
    let lanes: Vec<UnixStream> = files.map(UnixStream::from).collect();
    if lanes.len() != setup.lanes as usize {
        return Err(io::Error::other("not as many lanes as announced"));
    }
    let gate = Gate::default();
    // Starting a thread takes system calls that are given up next.
    let started = Barrier::new(lanes.len() + 1);
    let stack = match setup.purpose {
        Purpose::Compile(_) => COMPILER_STACK,
        _ => 2 << 20,
    };
    std::thread::scope(|scope| -> io::Result<()> {
        for lane in lanes {
            let (engine, gate, started) = (&engine, &gate, &started);
            let work = move || match setup.purpose {
                Purpose::Compile(_) => compile_lane(acts.compile, engine, lane),
                _ => run_lane(acts.run, engine, gate, lane),
            };
            let thread = std::thread::Builder::new().stack_size(stack);
            // Whoever ends a lane ends the child: a unit would wait for it else.
            let spawned = thread.spawn_scoped(scope, move || {
                started.wait();
                let ended = catch_unwind(AssertUnwindSafe(work));
                end(ended.unwrap_or_else(|_| Err(io::Error::other("a lane panicked"))))
            });
            if let Err(error) = spawned {
                end(Err(error));
            }
        }
        started.wait();
        end(attend(control, &setup, &engine, code, measures, &gate))
    })
}

/// What the first thread does once the lanes are there.
fn attend(
    mut control: UnixStream,
    setup: &Setup,
    engine: &Engine,
    code: Option<File>,
    mut measures: Vec<(Measure, Status)>,
    gate: &Gate,
) -> io::Result<()> {
    let closed = jail::close(setup);
    measures.extend(closed.iter().cloned());
    let environment = engine.environment();
    Ready {
        environment,
        measures,
    }
    .write(&mut control)?;
    if let (Purpose::Run(origin), Some(code)) = (setup.purpose, code) {
        // SAFETY: the parent's compiling child made it, and if that was broken into, this process may do nothing that
        // would be worth it. The file is sealed.
        let module = unsafe { engine.load(code, origin) };
        let module = module.map_err(|error| error.to_string());
        let shared = protocol::read_shared(&mut control)?;
        let locked = module.and_then(|module| jail::lock(&closed).map(|()| module));
        let answer = locked.as_ref().map(|_| ()).map_err(Clone::clone);
        protocol::write_loaded(&mut control, &answer)?;
        if let Ok(module) = locked {
            gate.open(Loaded { module, shared });
        }
    }
    // Nothing more is said here: this waits for the parent's end, or its wish.
    control.read(&mut [0]).map(|_| ())
}

fn compile_lane(compile: &Compile<'_>, engine: &Engine, mut lane: UnixStream) -> io::Result<()> {
    let wasm = protocol::read_module(&mut lane)?;
    let code = compile(engine, &wasm).map_err(|error| error.to_string());
    protocol::write_code(&mut lane, &code)?;
    // The parent ends it.
    lane.read(&mut [0]).map(|_| ())
}

fn run_lane(run: &Run<'_>, engine: &Engine, gate: &Gate, mut lane: UnixStream) -> io::Result<()> {
    let loaded = gate.pass();
    loop {
        let (task, limits) = match protocol::read_unit(&mut lane, &loaded.shared) {
            Ok(unit) => unit,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let outcome = run(engine, &loaded.module, &task, &limits);
        protocol::write_outcome(&mut lane, &outcome)?;
    }
}
