//! A small client, for machines without `redis-cli`: sends commands, and prints replies as
//! `redis-cli` does.
//!
//! ```console
//! $ cargo run --bin resp-cli -- -p 6380 ECHO "hello world"
//! $ cargo run --bin resp-cli -- -p 6380
//! ```
//!
//! A client needs less than a server: one socket, which may block.

#![forbid(unsafe_code)]

mod print;
mod value;

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use bytes::{Bytes, BytesMut};
use clap::Parser;
use step02_resp_parser::resp::inline::words;

use crate::value::{Value, Values};

/// Commands after which messages come until the connection ends.
const ENDLESS: [&str; 3] = ["subscribe", "psubscribe", "monitor"];

/// Commands whose reply is a text with its own line ends, made to be read as it is.
const TEXTS: [&str; 4] = ["info", "lolwut", "client list", "client info"];

/// Sends commands to a Redis server, and prints what it replies.
#[derive(Debug, Parser)]
#[command(name = "resp-cli", disable_help_flag = true)]
struct Cli {
    /// The server's name or address.
    #[arg(short = 'h', default_value = "127.0.0.1")]
    host: String,
    /// The server's port.
    #[arg(short, default_value_t = 6380)]
    port: u16,
    /// Speak RESP3: begin with HELLO 3.
    #[arg(short = '3')]
    resp3: bool,
    /// The command and its arguments; without any, lines from standard input are commands.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// Print this.
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}:{}: {error}", cli.host, cli.port);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> io::Result<()> {
    let mut connection = Connection::open(&cli.host, cli.port)?;
    if cli.resp3 {
        connection.send(&["HELLO", "3"])?;
        if let Value::Error(text) = connection.receive()? {
            return Err(io::Error::other(
                String::from_utf8_lossy(&text).into_owned(),
            ));
        }
    }
    if !cli.command.is_empty() {
        return connection.ask(&cli.command);
    }
    let prompt = || match io::stdin().is_terminal() {
        true => {
            print!("{}:{}> ", cli.host, cli.port);
            io::stdout().flush()
        }
        false => Ok(()),
    };
    prompt()?;
    for line in io::stdin().lock().lines() {
        match words(line?.as_bytes()) {
            Ok(command) if command.is_empty() => {}
            Ok(command) => connection.ask(&command)?,
            Err(_) => println!("Invalid argument(s)"),
        }
        prompt()?;
    }
    Ok(())
}

/// A connection to a server.
struct Connection {
    socket: TcpStream,
    input: BytesMut,
    values: Values,
}

impl Connection {
    fn open(host: &str, port: u16) -> io::Result<Self> {
        Ok(Connection {
            socket: TcpStream::connect((host, port))?,
            input: BytesMut::new(),
            values: Values::default(),
        })
    }

    /// Sends the command and prints its reply, and push messages that arrive before it.
    fn ask(&mut self, command: &[impl AsRef<[u8]>]) -> io::Result<()> {
        self.send(command)?;
        let names = [1, 2].map(|words| {
            let words = command.iter().take(words).map(AsRef::as_ref);
            words.collect::<Vec<_>>().join(&b' ').to_ascii_lowercase()
        });
        let is_one_of = |list: &[&str]| {
            names
                .iter()
                .any(|it| list.iter().any(|text| text.as_bytes() == it))
        };
        let (is_endless, is_text) = (is_one_of(&ENDLESS), is_one_of(&TEXTS));
        loop {
            let value = self.receive()?;
            show(&value, is_text)?;
            if !is_endless && !matches!(value, Value::Push(_)) {
                return Ok(());
            }
        }
    }

    /// A command goes as an array of bulk strings.
    fn send(&mut self, command: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let words = command.iter();
        let words = words.map(|word| Value::Bulk(Bytes::copy_from_slice(word.as_ref())));
        let mut output = BytesMut::new();
        Value::Array(words.collect()).encode(&mut output);
        self.socket.write_all(&output)
    }

    fn receive(&mut self) -> io::Result<Value> {
        let mut arrived = [0; 16 * 1024];
        loop {
            let value = self.values.next(&mut self.input);
            let refused = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            if let Some(value) = value.map_err(refused)? {
                return Ok(value);
            }
            match self.socket.read(&mut arrived)? {
                0 => return Err(io::Error::other("Server closed the connection")),
                count => self.input.extend_from_slice(&arrived[..count]),
            }
        }
    }
}

/// Prints a reply: with its types for a person, bare for a program, or as the text that it is.
fn show(value: &Value, is_text: bool) -> io::Result<()> {
    let mut output = io::stdout().lock();
    if is_text {
        output.write_all(&print::raw(value))?;
    } else if output.is_terminal() {
        output.write_all(&print::formatted(value))?;
    } else {
        output.write_all(&print::raw(value))?;
        output.write_all(b"\n")?;
    }
    output.flush()
}
