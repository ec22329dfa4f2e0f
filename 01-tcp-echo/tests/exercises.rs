//! The graders of [EXERCISES.md](../EXERCISES.md). `make check-01` runs them; a
//! plain `cargo test` leaves them out, for nobody has solved the exercises yet.
//!
//! They ask only for what real Redis does as well, so Redis passes them, too:
//! `WORKSHOP_SERVER="redis-server --save '' --appendonly no"`. An echo cannot be
//! compared with Redis. To see that a client is served, they send it `PING`: this
//! step sends back `PING`, and Redis says `+PONG`.
//!
//! What the exercises are about, such as the log, the process and its
//! environment, lies behind the port that the suites know. So there is a
//! launcher of their own here. It needs Linux, and elsewhere there are no graders.

#![cfg(target_os = "linux")]

#[path = "suite/harness.rs"]
mod harness;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{self, UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::stopwatch::Stopwatch;
use harness::wait_until;
use tempfile::TempDir;

/// How long to wait for a connection that must not come about, or need not. On one
/// machine the others take no time.
const CONNECT: Duration = Duration::from_millis(500);

/// How long a connection or a reply may take. Only a broken server takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to listen for what must not come.
const SILENCE: Duration = Duration::from_millis(100);

/// The variable by which systemd names the socket for messages.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// An address that no machine has (RFC 5737).
const NOWHERE: &str = "192.0.2.1";

/// The same for IPv6 (RFC 3849).
const NOWHERE_V6: &str = "2001:db8::1";

// ---------------------------------------------------------------------------
// 1. A queue as long as you say
// ---------------------------------------------------------------------------

#[test]
#[ignore = "exercise 1"]
fn exercise_1_the_queue_is_as_long_as_the_flag_says() {
    let server = Process::start(&["--tcp-backlog", "4"]);
    let queued = server.queue(40);
    assert!(
        (4..=5).contains(&queued),
        "{}",
        told(
            "--tcp-backlog 4, stop the server (kill -STOP), and let clients connect",
            &format!("{queued} clients of 40 came into the queue"),
            "listen(fd, 4), so Linux lets in 5 (it lets in one more than you ask for)",
        )
    );
}

#[test]
#[ignore = "exercise 1"]
fn exercise_1_without_the_flag_511_may_wait() {
    let server = Process::start(&[]);
    let queued = server.queue(600);
    let length = somaxconn().min(511);
    assert!(
        (length..=length + 1).contains(&queued),
        "{}",
        told(
            "no --tcp-backlog, stop the server (kill -STOP), and let 600 clients connect",
            &format!("{queued} of them came into the queue"),
            &format!("tcp-backlog is 511 by default; here that makes {length}, and one more"),
        )
    );
}

#[test]
#[ignore = "exercise 1"]
fn exercise_1_a_queue_that_the_system_shortens_is_warned_of() {
    let limit = somaxconn();
    for (asked, is_too_long) in [(limit + 1, true), (limit, false), (64, false)] {
        let flags = ["--tcp-backlog", &asked.to_string()];
        let server = Process::start(&flags);
        server.is_served();
        let warning = format!(
            "WARNING: The TCP backlog setting of {asked} cannot be enforced because \
             /proc/sys/net/core/somaxconn is set to the lower value of {limit}."
        );
        let (wanted, right) = if is_too_long {
            (warning.as_str(), server.log().contains(&warning))
        } else {
            let about = "The TCP backlog setting of";
            ("no warning of the backlog", !server.log().contains(about))
        };
        assert!(
            right,
            "{}",
            told(
                &format!("{}, and a client was served", flags.join(" ")),
                &format!("the log is\n{}", server.log()),
                wanted,
            )
        );
    }
}

#[test]
#[ignore = "exercise 1"]
fn exercise_1_what_is_no_length_is_refused() {
    drop(Process::start(&["--tcp-backlog", "2147483647"]));
    for value in ["2147483648", "-1", "many"] {
        refused(&["--tcp-backlog", value], &[]);
    }
}

// ---------------------------------------------------------------------------
// 2. "Ready", said to systemd
// ---------------------------------------------------------------------------

#[test]
#[ignore = "exercise 2"]
fn exercise_2_systemd_hears_when_clients_may_come() {
    for value in ["systemd", "auto", "SYSTEMD"] {
        let folder = folder();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).expect("a socket for messages");
        let flags = ["--supervised", value];
        let mut server = Process::spawn(&flags, &[(NOTIFY_SOCKET, path.to_str())]);
        server.check_readiness(&systemd, &flags.join(" "));
    }
}

#[test]
#[ignore = "exercise 2"]
fn exercise_2_the_socket_may_be_abstract() {
    let name = format!("step01-{}", std::process::id());
    let address = net::SocketAddr::from_abstract_name(&name).expect("a name");
    let systemd = UnixDatagram::bind_addr(&address).expect("a socket for messages");
    let variable = format!("@{name}");
    let mut server = Process::spawn(
        &["--supervised", "systemd"],
        &[(NOTIFY_SOCKET, Some(&variable))],
    );
    let done = format!("{NOTIFY_SOCKET}={variable} --supervised systemd");
    server.check_readiness(&systemd, &done);
}

#[test]
#[ignore = "exercise 2"]
fn exercise_2_who_is_not_asked_says_nothing() {
    for flags in [&[][..], &["--supervised", "no"]] {
        let folder = folder();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).expect("a socket for messages");
        let mut server = Process::spawn(flags, &[(NOTIFY_SOCKET, path.to_str())]);
        server.wait_until_served();
        let said = messages(&systemd, SILENCE, |_| false);
        assert!(
            said.is_empty(),
            "{}",
            told(
                &format!("{NOTIFY_SOCKET} is set; flags: {flags:?}"),
                &format!("messages: {said:?}"),
                "--supervised is `no` by default: no message",
            )
        );
    }
}

#[test]
#[ignore = "exercise 2"]
fn exercise_2_who_cannot_listen_is_not_ready() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    let folder = folder();
    let path = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&path).expect("a socket for messages");
    let flags = ["--supervised", "systemd", "--bind", "127.0.0.1"];
    let mut server = Process::spawn_on(port, &flags, &[(NOTIFY_SOCKET, path.to_str())]);
    let (code, log) = server.end(&format!("{} on a port that is taken", flags.join(" ")));
    let said = messages(&systemd, SILENCE, |_| false);
    assert!(
        code == Some(1) && !said.iter().any(|line| line == "READY=1"),
        "{}",
        told(
            "--supervised systemd on a port that is taken",
            &format!("exit code {code:?}, messages {said:?}; the log is\n{log}"),
            "exit code 1, and never READY=1",
        )
    );
}

#[test]
#[ignore = "exercise 2"]
fn exercise_2_without_systemd_the_server_runs_all_the_same() {
    let nobody = folder().path().join("nobody").display().to_string();
    for (flag, variable, wanted) in [
        (
            "systemd",
            None,
            Some("systemd supervision error: NOTIFY_SOCKET not found!"),
        ),
        (
            "systemd",
            Some(nobody.as_str()),
            Some("systemd supervision error: sd_notify:"),
        ),
        ("auto", None, None),
    ] {
        let mut server = Process::spawn(&["--supervised", flag], &[(NOTIFY_SOCKET, variable)]);
        server.wait_until_served();
        let log = server.log();
        let right = match wanted {
            Some(text) => log.contains(text),
            None => !log.contains("systemd supervision error"),
        };
        assert!(
            right,
            "{}",
            told(
                &format!("--supervised {flag} with {NOTIFY_SOCKET} = {variable:?}"),
                &format!("it serves clients, and the log is\n{log}"),
                &format!("serves clients, and logs: {wanted:?}"),
            )
        );
    }
    refused(&["--supervised", "somebody"], &[]);
}

// ---------------------------------------------------------------------------
// 3. More than one address
// ---------------------------------------------------------------------------

#[test]
#[ignore = "exercise 3"]
fn exercise_3_every_address_is_served() {
    let mut addresses = vec!["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    if TcpListener::bind("[::1]:0").is_ok() {
        addresses.push("::1");
    }
    let bind = addresses.join(" ");
    let server = Process::start(&["--bind", &bind]);
    let ip = |address: &str| address.parse::<IpAddr>().expect("an address");
    // Nobody hangs up before all are served.
    let mut clients: Vec<_> = (addresses.iter().rev())
        .map(|address| server.connect((ip(address), server.port).into(), &bind))
        .collect();
    for (client, address) in clients.iter_mut().zip(addresses.iter().rev()) {
        check_served(client, &format!("--bind \"{bind}\", PING to {address}"));
    }
    let other = SocketAddr::from(([127, 0, 0, 4], server.port));
    assert!(
        TcpStream::connect_timeout(&other, CONNECT).is_err(),
        "{}",
        told(
            &format!("--bind \"{bind}\", and a client connects to {other}"),
            "it got in",
            "listens where you say, and nowhere else",
        )
    );
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_an_address_with_a_dash_may_be_missing() {
    for bind in ["127.0.0.1 -192.0.2.1", "-192.0.2.1 127.0.0.1 -::1"] {
        let server = Process::start(&["--bind", bind]);
        server.is_served();
        let warning = cannot_bind(NOWHERE, server.port, "Cannot assign requested address");
        assert!(
            server.log().contains(&warning),
            "{}",
            told(
                &format!("--bind \"{bind}\""),
                &format!("it serves 127.0.0.1, and the log is\n{}", server.log()),
                &format!("says what it could not do: {warning}"),
            )
        );
    }
}

/// Brackets belong to an address with a port in a URL. In the log there are none.
#[test]
#[ignore = "exercise 3"]
fn exercise_3_an_address_of_ipv6_is_named_without_brackets() {
    // Without IPv6 there is another reason, and the server may end.
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let bind = format!("127.0.0.1 -{NOWHERE_V6}");
    let server = Process::start(&["--bind", &bind]);
    server.is_served();
    let warning = cannot_bind(NOWHERE_V6, server.port, "Cannot assign requested address");
    assert!(
        server.log().contains(&warning),
        "{}",
        told(
            &format!("--bind \"{bind}\""),
            &format!("it serves 127.0.0.1, and the log is\n{}", server.log()),
            &format!("says what it could not do: {warning}"),
        )
    );
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_an_address_without_a_dash_must_be_there() {
    for bind in ["127.0.0.1 192.0.2.1", "192.0.2.1 -127.0.0.1"] {
        let (mut server, code, log) = ended(&["--bind", bind], &[]);
        let warning = cannot_bind(NOWHERE, server.port, "Cannot assign requested address");
        server.check_end(&["--bind", bind], code, &log, &warning);
        let last = format!("Failed listening on port {} (TCP), aborting.", server.port);
        server.check_end(&["--bind", bind], code, &log, &last);
    }
}

/// The dash forgives an address that is not there, not one that is taken.
#[test]
#[ignore = "exercise 3"]
fn exercise_3_a_dash_does_not_excuse_a_port_that_is_taken() {
    let flags = ["--bind", "127.0.0.1 -127.0.0.1"];
    let (mut server, code, log) = ended(&flags, &[]);
    let warning = cannot_bind("127.0.0.1", server.port, "Address already in use");
    server.check_end(&flags, code, &log, &warning);
    let last = format!("Failed listening on port {} (TCP), aborting.", server.port);
    server.check_end(&flags, code, &log, &last);
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_a_server_that_listens_nowhere_ends() {
    for bind in ["-192.0.2.1", ""] {
        let flags = ["--bind", bind];
        let (mut server, code, log) = ended(&flags, &[]);
        let last = "Configured to not listen anywhere, exiting.";
        server.check_end(&flags, code, &log, last);
    }
}

// ---------------------------------------------------------------------------
// 4. A socket in the file system
// ---------------------------------------------------------------------------

#[test]
#[ignore = "exercise 4"]
fn exercise_4_clients_come_by_path_and_by_port() {
    let server = Process::start(&["--unixsocket", "redis.sock"]);
    let path = server.path("redis.sock");
    let mut clients: Vec<_> = (0..3).map(|_| connect_path(&path)).collect();
    server.is_served();
    for client in clients.iter_mut().rev() {
        check_served(client, "--unixsocket redis.sock, PING to the socket");
    }
    server.is_served();
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_port_0_leaves_only_the_path() {
    let flags = ["--unixsocket", "redis.sock"];
    let mut server = Process::spawn_on(0, &flags, &[]);
    let path = server.path("redis.sock");
    server.wait_for("it listens at redis.sock", |_| {
        UnixStream::connect(&path).is_ok()
    });
    check_served(
        &mut connect_path(&path),
        "--port 0 --unixsocket redis.sock, PING to the socket",
    );
    let sockets = server.tcp_listeners();
    assert_eq!(
        sockets,
        0,
        "{}",
        told(
            "--port 0 --unixsocket redis.sock",
            &format!("it listens on {sockets} TCP ports"),
            "--port 0: on none",
        )
    );
    let (mut nowhere, code, log) = ended_on(0, &[], &[]);
    let last = "Configured to not listen anywhere, exiting.";
    nowhere.check_end(&["--port", "0"], code, &log, last);
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_the_mode_is_octal() {
    for (perm, mode) in [("700", 0o700), ("770", 0o770), ("606", 0o606)] {
        let flags = ["--unixsocket", "redis.sock", "--unixsocketperm", perm];
        let server = Process::start(&flags);
        let path = server.path("redis.sock");
        // The socket is opened after the port, so it may not be complete yet.
        wait_until("there is a socket that listens", || {
            UnixStream::connect(&path).is_ok()
        });
        let is = || {
            fs::metadata(&path)
                .expect("the socket")
                .permissions()
                .mode()
                & 0o7777
        };
        assert!(
            eventually(|| is() == mode),
            "{}",
            told(
                &flags.join(" "),
                &format!("the mode of redis.sock is {:o}", is()),
                &format!("{mode:o}"),
            )
        );
    }
    for perm in ["888", "1000", "rwx"] {
        refused(
            &["--unixsocket", "redis.sock", "--unixsocketperm", perm],
            &[],
        );
    }
}

/// A server that was killed leaves its socket behind. The next replaces it.
#[test]
#[ignore = "exercise 4"]
fn exercise_4_a_socket_that_was_left_behind_is_replaced() {
    let folder = folder();
    let path = folder.path().join("redis.sock");
    let flags = ["--unixsocket", path.to_str().expect("a path in UTF-8")];
    for start in ["first", "second"] {
        let server = Process::start(&flags);
        wait_until("there is a socket that listens", || {
            UnixStream::connect(&path).is_ok()
        });
        let done = format!("{}, {start} start, PING to the socket", flags.join(" "));
        check_served(&mut connect_path(&path), &done);
        drop(server);
        assert!(path.exists(), "a server that is killed cannot clean up");
    }
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_a_path_that_cannot_be_opened_ends_the_server() {
    let flags = ["--unixsocket", "nosuchfolder/redis.sock"];
    let (mut server, code, log) = ended(&flags, &[]);
    let last = "Failed opening Unix socket: bind: No such file or directory";
    server.check_end(&flags, code, &log, last);
}

// ---------------------------------------------------------------------------
// The launcher
// ---------------------------------------------------------------------------

/// A server, its folder and its log.
struct Process {
    child: Child,
    port: u16,
    folder: TempDir,
}

/// Variables of the environment, each to be set or to be taken away.
type Environment<'a> = [(&'a str, Option<&'a str>)];

impl Process {
    /// A server that accepts connections on its port.
    ///
    /// A port can be taken by somebody else between finding it and opening it, so
    /// there is a second try.
    #[track_caller]
    fn start(flags: &[&str]) -> Self {
        let mut server = Self::spawn(flags, &[]);
        let address = SocketAddr::from(([127, 0, 0, 1], server.port));
        wait_until("it listens, or has ended", || {
            TcpStream::connect(address).is_ok() || server.has_ended()
        });
        if server.has_ended() && server.log().contains("already in use") {
            server = Self::spawn(flags, &[]);
        }
        server.wait_until_served();
        server
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    fn spawn(flags: &[&str], environment: &Environment<'_>) -> Self {
        Self::spawn_on(free_port(), flags, environment)
    }

    fn spawn_on(port: u16, flags: &[&str], environment: &Environment<'_>) -> Self {
        let folder = folder();
        let log = File::create(folder.path().join("server.log")).expect("a log");
        let line = command_line();
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .args(flags)
            .args(["--port", &port.to_string()])
            .env_remove(NOTIFY_SOCKET)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        for (name, value) in environment {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", line[0]));
        Self {
            child,
            port,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All that it has said, on either stream.
    fn log(&self) -> String {
        fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }

    /// Waits for `condition`, and fails at once if the server ends before.
    #[track_caller]
    fn wait_for(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        wait_until(what, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended ({status}); it said:\n{}", self.log());
            }
            condition(self)
        });
    }

    #[track_caller]
    fn wait_until_served(&mut self) {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        self.wait_for("it accepts connections on its port", |_| {
            TcpStream::connect(address).is_ok_and(|it| it.local_addr().ok() != Some(address))
        });
        self.is_served();
    }

    #[track_caller]
    fn connect(&self, address: SocketAddr, bind: &str) -> TcpStream {
        TcpStream::connect_timeout(&address, PATIENCE).unwrap_or_else(|error| {
            let done = format!("--bind \"{bind}\", and a client connects to {address}");
            panic!("{}", told(&done, &error.to_string(), "accepts it"))
        })
    }

    /// Connects to 127.0.0.1 and has an answer.
    #[track_caller]
    fn is_served(&self) {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        check_served(
            &mut self.connect(address, "127.0.0.1"),
            "PING to its TCP port",
        );
    }

    /// How many of `count` clients can connect while the server stands still.
    #[track_caller]
    fn queue(&self, count: usize) -> usize {
        // Clients are accepted in turn, so afterwards nobody waits in the queue.
        self.is_served();
        let id = self.child.id();
        let kill = format!("kill -STOP {id}");
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.is_ok_and(|status| status.success()), "{kill}");
        wait_until("the server stands still", || {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            stat.rsplit(')')
                .next()
                .unwrap_or_default()
                .starts_with(" T")
        });
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let connect = |_| TcpStream::connect_timeout(&address, CONNECT).ok();
        let clients: Vec<_> = (0..count).map_while(connect).collect();
        clients.len()
    }

    /// Systemd is told that it is ready, and then it is.
    #[track_caller]
    fn check_readiness(&mut self, systemd: &UnixDatagram, done: &str) {
        let said = messages(systemd, PATIENCE, |line| line == "READY=1");
        // From now on nobody waits for the server any more.
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let connected = TcpStream::connect(address);
        let has = |wanted: &str| said.iter().any(|line| line == wanted);
        assert!(
            has("READY=1") && has("STATUS=Ready to accept connections"),
            "{}",
            told(
                done,
                &format!("the messages {said:?}; the log is\n{}", self.log()),
                "sends the lines STATUS=Ready to accept connections and READY=1",
            )
        );
        assert!(
            connected.is_ok(),
            "{}",
            told(
                &format!("{done}, and a client connects as soon as READY=1 is there"),
                &format!("{connected:?}"),
                "accepts connections before it says so",
            )
        );
    }

    /// Waits until it has ended: its exit code and all that it said.
    #[track_caller]
    fn end(&mut self, done: &str) -> (Option<i32>, String) {
        let mut status = None;
        let ended = eventually(|| {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        assert!(
            ended,
            "{}",
            told(
                done,
                &format!("it runs; the log is\n{}", self.log()),
                "says why it cannot, and ends",
            )
        );
        (status.and_then(|status| status.code()), self.log())
    }

    /// It ended with code 1, and `wanted` is in what it said.
    #[track_caller]
    fn check_end(&mut self, flags: &[&str], code: Option<i32>, log: &str, wanted: &str) {
        assert!(
            code == Some(1) && log.contains(wanted),
            "{}",
            told(
                &flags.join(" "),
                &format!("exit code {code:?}; the log is\n{log}"),
                &format!("exit code 1, and: {wanted}"),
            )
        );
    }

    /// How many TCP sockets of the server listen.
    fn tcp_listeners(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its files");
        let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        let own: Vec<String> = links
            .filter_map(|link| {
                let name = link.to_str()?.strip_prefix("socket:[")?;
                Some(name.trim_end_matches(']').to_owned())
            })
            .collect();
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let tables = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
        let listening = tables
            .iter()
            .flat_map(|table| table.lines())
            .filter(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                // The fourth is the state (0A: listening), the tenth the inode.
                words.get(3) == Some(&"0A")
                    && words
                        .get(9)
                        .is_some_and(|inode| own.iter().any(|o| o == inode))
            });
        listening.count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server that has to end by itself.
#[track_caller]
fn ended(flags: &[&str], environment: &Environment<'_>) -> (Process, Option<i32>, String) {
    ended_on(free_port(), flags, environment)
}

#[track_caller]
fn ended_on(
    port: u16,
    flags: &[&str],
    environment: &Environment<'_>,
) -> (Process, Option<i32>, String) {
    let mut server = Process::spawn_on(port, flags, environment);
    let (code, log) = server.end(&flags.join(" "));
    (server, code, log)
}

/// A server does not start with these flags.
#[track_caller]
fn refused(flags: &[&str], environment: &Environment<'_>) {
    let (_, code, log) = ended(flags, environment);
    assert!(
        code.is_some_and(|code| code != 0),
        "{}",
        told(
            &flags.join(" "),
            &format!("exit code {code:?}; the log is\n{log}"),
            "does not start: FATAL CONFIG FILE ERROR, and an exit code other than 0",
        )
    );
}

/// The command line of the server that is graded.
fn command_line() -> Vec<String> {
    if let Ok(line) = std::env::var("WORKSHOP_SERVER") {
        return shlex::split(&line).expect("WORKSHOP_SERVER has unbalanced quotes");
    }
    vec![env!("CARGO_BIN_EXE_step01-tcp-echo").to_owned()]
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The longest queue that the system allows.
fn somaxconn() -> usize {
    let text = fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux tells");
    text.trim().parse().expect("a number")
}

#[track_caller]
fn connect_path(path: &Path) -> UnixStream {
    let mut connected = UnixStream::connect(path);
    eventually(|| {
        connected = UnixStream::connect(path);
        connected.is_ok()
    });
    connected.unwrap_or_else(|error| {
        let done = format!("a client connects to {}", path.display());
        panic!("{}", told(&done, &error.to_string(), "accepts it"))
    })
}

/// A connection whose replies are waited for, but not for ever.
trait Socket: std::io::Read + Write {
    fn be_patient(&self);
}

impl Socket for TcpStream {
    fn be_patient(&self) {
        self.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    }
}

impl Socket for UnixStream {
    fn be_patient(&self) {
        self.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    }
}

/// Sends PING and has it back, or `+PONG` from a server that knows what it means.
#[track_caller]
fn check_served(client: &mut impl Socket, done: &str) {
    client.be_patient();
    let sent = client.write_all(b"PING\r\n");
    let mut line = String::new();
    let read = BufReader::new(client).read_line(&mut line);
    assert!(
        matches!(line.as_str(), "PING\r\n" | "+PONG\r\n"),
        "{}",
        told(
            done,
            &format!("{line:?} (sending: {sent:?}, reading: {read:?})"),
            "answers +PONG, and this step sends back PING",
        )
    );
}

/// The lines that come until one is the `last`, or none came for so long.
fn messages(socket: &UnixDatagram, patience: Duration, last: impl Fn(&str) -> bool) -> Vec<String> {
    socket
        .set_read_timeout(Some(patience))
        .expect("set a timeout");
    let mut lines: Vec<String> = Vec::new();
    let mut buffer = [0; 4096];
    while !lines.iter().any(|line| last(line)) {
        let Ok(length) = socket.recv(&mut buffer) else {
            break;
        };
        let text = String::from_utf8_lossy(&buffer[..length]);
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

/// Polls for up to [`PATIENCE`].
fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let watch = Stopwatch::start();
    while !condition() {
        if watch.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// What Redis logs about an address that it cannot open.
fn cannot_bind(address: &str, port: u16, why: &str) -> String {
    format!("Could not create server TCP listening socket {address}:{port}: bind: {why}")
}

/// The three things that a failure tells.
fn told(done: &str, received: &str, redis: &str) -> String {
    format!("\n  done      {done}\n  received  {received}\n  Redis     {redis}\n")
}
