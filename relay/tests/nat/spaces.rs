//! A small internet of network namespaces: a public network, and two homes behind a router each.
//!
//! ```text
//!  home a ── router a ── public ── router b ── home b
//!  192.168.1.2   203.0.113.2 │ 203.0.113.6    192.168.2.2
//!                203.0.113.1 and .5
//! ```
//!
//! A namespace belongs to a thread and to those it starts, and is gone with them: nothing has a name or a file, and
//! nothing outside is touched.

use std::{
    future::Future,
    io,
    process::Command,
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use tokio::runtime::{Builder, Runtime};

type Job = Box<dyn FnOnce() + Send>;

/// One network namespace, with threads that live in it.
pub(crate) struct Space {
    thread: libc::pid_t,
    jobs: Sender<Job>,
    runtime: Option<Runtime>,
}

impl Space {
    fn new() -> Self {
        let (jobs, work): (Sender<Job>, Receiver<Job>) = mpsc::channel();
        let (started, start) = mpsc::channel();
        thread::spawn(move || {
            // SAFETY: changes the network namespace of this thread, and of nothing else.
            let own = match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            };
            // SAFETY: has no preconditions.
            let id = unsafe { libc::gettid() };
            let runtime = own.and_then(|()| {
                // Its threads are started here, so they live here, and so do those that they start.
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(1).enable_all().build()
            });
            if started.send((id, runtime)).is_ok() {
                work.into_iter().for_each(|job| job());
            }
        });
        let (thread, runtime) = start.recv().expect("it says how it went");
        let runtime = runtime.expect("a network namespace: see scripts/nat");
        let space = Self {
            thread,
            jobs,
            runtime: Some(runtime),
        };
        space.sh("ip link set lo up");
        space
    }

    /// Runs something on the thread of this namespace; processes that it starts live there as well.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        let job = move || drop(done.send(job()));
        self.jobs.send(Box::new(job)).expect("its thread lives");
        result.recv().expect("the job did not panic")
    }

    /// Runs a future on the runtime of this namespace. Others go on while it waits.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (done, result) = mpsc::channel();
        let runtime = self.runtime.as_ref().expect("it lives");
        runtime.spawn(async move { drop(done.send(future.await)) });
        result.recv().expect("the future did not panic")
    }

    fn sh(&self, script: &str) {
        let script = script.to_owned();
        let done = self.run(move || {
            let output = Command::new("sh").args(["-ec", &script]).output();
            output.map(|output| (script, output))
        });
        let (script, output) = done.expect("sh runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a router does with ports.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nat {
    /// Keeps a connection's port: everybody sees the same. Only whom it was used to talk to may answer.
    Cone,
    /// Another port for each destination: what one sees is of no use to another.
    Symmetric,
}

/// The public network and two homes.
pub(crate) struct World {
    pub(crate) public: Space,
    pub(crate) a: Space,
    pub(crate) b: Space,
    _routers: [Space; 2],
}

/// The address of the public network.
pub(crate) const PUBLIC: &str = "203.0.113.1";

impl World {
    pub(crate) fn new(nat: Nat) -> Self {
        let public = Space::new();
        public.sh("echo 1 > /proc/sys/net/ipv4/ip_forward");
        let (router_a, a) = home(&public, nat, 1, PUBLIC, "203.0.113.2");
        let (router_b, b) = home(&public, nat, 2, "203.0.113.5", "203.0.113.6");
        Self {
            public,
            a,
            b,
            _routers: [router_a, router_b],
        }
    }
}

fn home(public: &Space, nat: Nat, number: u8, gateway: &str, outside: &str) -> (Space, Space) {
    let (router, home) = (Space::new(), Space::new());
    let (router_id, home_id) = (router.thread, home.thread);
    public.sh(&format!(
        "ip link add home{number} type veth peer name wan netns {router_id}
         ip address add {gateway}/30 dev home{number}
         ip link set home{number} up"
    ));
    let ports = match nat {
        Nat::Cone => "",
        Nat::Symmetric => "random,fully-random",
    };
    // What nobody asked for is dropped, as routers do; it must not even be remembered, or the answer to it would be
    // given another port.
    router.sh(&format!(
        "ip link add lan type veth peer name eth netns {home_id}
         ip address add 192.168.{number}.1/24 dev lan
         ip address add {outside}/30 dev wan
         ip link set lan up
         ip link set wan up
         ip route add default via {gateway}
         echo 1 > /proc/sys/net/ipv4/ip_forward
         nft -f - <<END
         table ip router {{
           chain out {{
             type nat hook postrouting priority srcnat;
             oifname wan masquerade {ports}
           }}
           chain through {{
             type filter hook forward priority filter; policy drop;
             iifname lan accept
             ct state established,related accept
           }}
           chain in {{
             type filter hook input priority filter; policy drop;
             iifname != wan accept
             ct state established,related accept
           }}
         }}
END"
    ));
    home.sh(&format!(
        "ip address add 192.168.{number}.2/24 dev eth
         ip link set eth up
         ip route add default via 192.168.{number}.1"
    ));
    (router, home)
}
