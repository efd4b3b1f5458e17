//! One 256 MiB blob from node to node over loopback, against a plain TCP copy of the same bytes on
//! the same machine in the same run. Files to files, as a worker fetches an input.
//!
//! `cargo bench -p sungrid-data-plane` prints the medians in MB/s (10^6 bytes) and their ratio;
//! with `-- --json`, one JSON object. The target is 400 MB/s or half of TCP.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    time::Instant,
};

use sungrid_data_plane::{Config, DataPlane, FetchOptions};

const SIZE: usize = 256 << 20;
const ROUNDS: usize = 5;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let json = std::env::args().any(|arg| arg == "--json");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("source");
    std::fs::write(&source, noise())?;

    let (mut tcp, mut disk, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that what else the machine does hits all of them.
    for round in 0..ROUNDS {
        tcp.push(tcp_copy(&source, &dir.path().join("copy"))?);
        let folder = dir.path().join(round.to_string());
        disk.push(runtime.block_on(transfer(
            &source,
            Config::persistent(folder.join("from")),
            Config::persistent(folder.join("to")),
        ))?);
        std::fs::remove_dir_all(folder)?;
        memory.push(runtime.block_on(transfer(&source, Config::memory(), Config::memory()))?);
    }
    let (tcp, disk, memory) = (median(tcp), median(disk), median(memory));
    let ratio = disk / tcp;
    if json {
        println!(
            "{{\"tcp_mb_s\":{tcp:.0},\"disk_mb_s\":{disk:.0},\"memory_mb_s\":{memory:.0},\"ratio\":{ratio:.3}}}"
        );
    } else {
        println!("plain TCP, file to file      {tcp:>7.0} MB/s");
        println!("data plane, file to file     {disk:>7.0} MB/s  ({ratio:.2} of TCP)");
        println!(
            "data plane, memory to memory {memory:>7.0} MB/s  ({:.2} of TCP)",
            memory / tcp
        );
    }
    Ok(())
}

fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(SIZE);
    while out.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out
}

/// MB/s from the first byte asked for to the last one stored.
fn speed(start: Instant) -> f64 {
    SIZE as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn median(mut speeds: Vec<f64>) -> f64 {
    speeds.sort_by(f64::total_cmp);
    speeds[speeds.len() / 2]
}

fn tcp_copy(source: &Path, target: &Path) -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let source = source.to_owned();
    let sender = std::thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        pump(&mut std::fs::File::open(source)?, &mut stream)
    });
    let start = Instant::now();
    pump(
        &mut TcpStream::connect(address)?,
        &mut std::fs::File::create(target)?,
    )?;
    let speed = speed(start);
    sender.join().map_err(|_| "the sender panicked")??;
    std::fs::remove_file(target)?;
    Ok(speed)
}

/// Through a buffer: `io::copy` would use the kernel's shortcut, which nothing that checks the bytes
/// can take.
fn pump(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            n => to.write_all(&buffer[..n])?,
        }
    }
}

async fn transfer(source: &Path, from: Config, to: Config) -> Outcome<f64> {
    let (from, to) = (DataPlane::spawn(from).await?, DataPlane::spawn(to).await?);
    let held = from.put_file(source).await?;
    // The handshake belongs to the first contact, not to the blob.
    to.notify(&from.address(), b"hello").await?;
    let start = Instant::now();
    let fetched = to
        .fetch(
            held.hash(),
            &[from.address()],
            FetchOptions::up_to(SIZE as u64),
        )
        .await?;
    let speed = speed(start);
    assert_eq!(fetched.transferred, SIZE as u64);
    to.shutdown().await;
    from.shutdown().await;
    Ok(speed)
}
