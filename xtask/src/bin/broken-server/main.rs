//! A server with one fault, to test the suites with: they must find it, and say
//! well what is wrong.
//!
//! It stands between the client and a right server and passes everything on,
//! but for the one thing that it breaks. Which faults there are is a table in
//! `faults.rs`; `--list` prints it. The right server is a child; whoever ends
//! this process ends its whole group, as `cargo xtask verify` does. A fault of what
//! outlives a server needs nothing in between: it lies in how the right server is
//! started, and that takes the place of this process, so that a test can kill it.

#![forbid(unsafe_code)]

mod commands;
mod faults;
mod flags;
mod pipes;
mod resp;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;

use faults::{FAULTS, Fault, How, NONE};

/// How long the right server may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A server with one fault.
#[derive(Parser)]
struct Args {
    /// Print the faults: name, step, the test that finds it, what is broken.
    #[arg(long)]
    list: bool,
    /// Which fault; `none` and `none-in-pieces` break nothing.
    #[arg(long, default_value = "none")]
    fault: String,
    /// The program of a right server.
    #[arg(long, required_unless_present = "list")]
    server: Option<PathBuf>,
    /// Where to listen, on 127.0.0.1.
    #[arg(long, default_value = "6380")]
    port: u16,
    /// The flags for the right server.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let Some(server) = args.server else {
        return list();
    };
    if let Some(port) = flags::take(&mut args.flags, "--port") {
        args.port = port.parse()?;
    }
    let named = |fault: &&Fault| fault.name == args.fault;
    let Some(fault) = FAULTS.iter().chain(&NONE).find(named) else {
        bail!(
            "there is no fault {}; --list prints those there are",
            args.fault
        );
    };
    if let How::Start(change) = fault.how {
        change(&mut args.flags)?;
        let error = Command::new(&server)
            .args(&args.flags)
            .args(["--port", &args.port.to_string()])
            .exec();
        return Err(error).with_context(|| format!("cannot start {}", server.display()));
    }
    let (_right, port) = start(&server, &args.flags)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))?;
    for client in listener.incoming() {
        let serve = move |client: TcpStream| -> Result<()> {
            client.set_nodelay(true)?;
            let right = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            right.set_nodelay(true)?;
            match &fault.how {
                How::Commands(change) => commands::serve(client, right, change),
                How::Pieces(life, change) => pipes::serve(client, right, *life, *change),
                How::Start(_) => Ok(()),
            }
        };
        let client = client?;
        // A connection that breaks off is the end of that one only.
        match fault.how {
            How::Pieces(faults::Life::OneByOne, _) => drop(serve(client)),
            _ => drop(thread::spawn(move || serve(client))),
        }
    }
    Ok(())
}

fn list() -> Result<()> {
    for Fault {
        name,
        step,
        found_by,
        breaks,
        how,
    } in FAULTS
    {
        let none = how.none();
        println!("{name}\t{step}\t{found_by}\t{none}\t{breaks}");
    }
    Ok(())
}

/// Starts the right server on a port that is free.
fn start(server: &Path, flags: &[String]) -> Result<(Child, u16)> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let mut child = Command::new(server)
        .args(flags)
        .args(["--port", &port.to_string()])
        .spawn()
        .with_context(|| format!("cannot start {}", server.display()))?;
    let deadline = Instant::now() + START_LIMIT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if child.try_wait()?.is_some() || Instant::now() > deadline {
            bail!("{} does not listen", server.display());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok((child, port))
}
