//! `sungrid-relay`: the relay as a program.

use std::{
    io::IsTerminal,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    process::ExitCode,
};

use clap::{ArgGroup, Parser};
use sungrid_relay::{Config, DISCOVERY_PORT, ESTABLISH, Error, Relay, Tls};
use tracing::info;
use tracing_subscriber::EnvFilter;

const EXAMPLE: &str = "\
Example, a relay at https://relay.example.org with a certificate from Let's Encrypt:

  sungrid-relay --cert /etc/letsencrypt/live/relay.example.org/fullchain.pem \\
                --key  /etc/letsencrypt/live/relay.example.org/privkey.pem

Open TCP 443, and UDP 7842 for parties that want to get through to each other directly. Workers then say
`relays = [\"https://relay.example.org\"]` in worker.toml, requesters `--relay https://relay.example.org`.

A relay on this machine, to try it: sungrid-relay --http --listen 127.0.0.1:3340";

/// Passes encrypted packets between parties behind NAT, and tells them the address they are seen at.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLE)]
#[command(group(ArgGroup::new("scheme").required(true).args(["cert", "http"])))]
struct Args {
    /// TCP address to serve on.
    #[arg(long, value_name = "IP:PORT", default_value = "[::]:443")]
    listen: SocketAddr,
    /// Certificate chain, PEM; read again twice a day.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Plain http, for tests: nothing is hole-punched, and only parties that name this relay themselves use it.
    #[arg(long)]
    http: bool,
    /// IP address on which parties ask for their own, UDP port 7842 [default: that of --listen].
    #[arg(long, value_name = "IP")]
    discovery: Option<IpAddr>,
    /// Address of the metrics page (Prometheus).
    #[arg(long, value_name = "IP:PORT")]
    metrics: Option<SocketAddr>,
    /// Serve only the parties in this file, one endpoint id a line; read again when it changes.
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,
    /// Most connections; each may hold up to 4 MiB of memory.
    #[arg(long, value_name = "N", default_value_t = 512)]
    connections: usize,
    /// Most connections of one IPv4 address or IPv6 /64.
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections_per_address: usize,
    /// Most connections of one party.
    #[arg(long, value_name = "N", default_value_t = 4)]
    connections_per_party: usize,
    /// What one party may send, Mbit/s.
    #[arg(long, value_name = "MBIT", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=30_000))]
    rate: u32,
}

impl Args {
    fn config(self) -> Config {
        let rate = NonZeroU32::new(self.rate.saturating_mul(1_000_000 / 8));
        let discovery = self.discovery.unwrap_or(self.listen.ip());
        Config {
            listen: self.listen,
            tls: self
                .cert
                .zip(self.key)
                .map(|(certificate, key)| Tls { certificate, key }),
            discovery: Some(SocketAddr::new(discovery, DISCOVERY_PORT)),
            metrics: self.metrics,
            allow: self.allow,
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            connections_per_party: self.connections_per_party,
            rate: rate.unwrap_or(NonZeroU32::MAX),
            establish: ESTABLISH,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("SUNGRID_RELAY_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,iroh_relay=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse().config()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sungrid-relay: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), Error> {
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let listen = config.listen;
    let relay = Relay::bind(config).await?;
    let address = relay.address().unwrap_or(listen);
    let discovery = relay.discovery().map(|at| at.to_string());
    info!(%address, scheme, discovery = discovery.as_deref().unwrap_or("none"), "relay is up");
    relay.run(stopped()).await;
    info!("stopped");
    Ok(())
}

/// Ctrl-C, or what systemd sends.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
