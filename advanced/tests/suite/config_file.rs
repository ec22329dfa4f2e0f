//! The config file and the flags: what is read how, and what is refused with which words.
//!
//! Reread: advanced/README.md#the-advanced-track

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::Server;
use crate::session::{OK, Session, bulk};

/// A program that starts the server with this config file before its flags.
pub fn with_file(file: &Path) -> Vec<String> {
    let script = "server=$1; shift; exec \"$server\" \"$0\" \"$@\"";
    let file = file.display().to_string();
    ["sh", "-c", script, &file].map(String::from).to_vec()
}

/// A folder with a config file that holds this text.
pub fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("redis.conf"), text).expect("a config file");
    folder
}

/// Starts a server on the config file in this folder.
#[track_caller]
pub fn start(folder: &TempDir, flags: &[&str]) -> Server {
    let file = folder.path().join("redis.conf");
    Server::start_through(&with_file(&file), folder.path(), flags)
}

/// What a server says that does not start with this config file.
#[track_caller]
fn refusal(text: &str, flags: &[&str]) -> String {
    let folder = folder(text);
    let program = with_file(&folder.path().join("redis.conf"));
    match Server::try_through(&program, folder.path(), flags) {
        Ok(server) => panic!("it starts, and should not:\n{text}\n{}", server.log()),
        Err((status, said)) => {
            assert!(!status.success(), "it ends with {status}: {said}");
            said
        }
    }
}

/// The value of a parameter.
pub fn get(server: &Server, name: &str) -> String {
    let mut c = Session::connect(server.addr());
    let found = c.strings(&["CONFIG", "GET", name]);
    let value = found.get(1).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8_lossy(value).into_owned()
}

#[test]
fn lines_are_split_as_inline_commands_are() {
    let text = "# a comment\n\n  \t\nMaxClients 77\r\n  timeout\t\t'5'  \nloglevel \"\\x77arning\"\n\
                dbfilename 'a.rdb'\nclient-output-buffer-limit pubsub 1mb 2k 3\n\
                slave-priority 3\nnotify-keyspace-events \"\"\n";
    let server = start(&folder(text), &[]);
    for (name, value) in [
        ("maxclients", "77"),
        ("timeout", "5"),
        ("loglevel", "warning"),
        ("dbfilename", "a.rdb"),
        ("replica-priority", "3"),
        ("notify-keyspace-events", ""),
    ] {
        assert_eq!(get(&server, name), value, "{name}");
    }
    assert_eq!(
        get(&server, "client-output-buffer-limit"),
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 2000 3"
    );
}

#[test]
fn the_last_line_counts_and_flags_come_after_the_file() {
    let folder = folder("maxclients 50\nmaxclients 60\ntimeout 1\n");
    let server = start(&folder, &["--timeout", "9", "--loglevel", "verbose"]);
    assert_eq!(get(&server, "maxclients"), "60");
    assert_eq!(get(&server, "timeout"), "9");
    assert_eq!(get(&server, "loglevel"), "verbose");
}

#[test]
fn save_points_add_up() {
    let default = "3600 1 300 100 60 10000";
    for (text, flags, value) in [
        ("", &[][..], default),
        ("save 900 1\n", &[], "900 1"),
        ("save 900 1\nsave 60 5\n", &[], "900 1 60 5"),
        ("save 900 1 60 5\n", &[], "900 1 60 5"),
        ("save \"900 1 60 5\"\n", &[], "900 1 60 5"),
        ("save 900 1\nsave \"\"\n", &[], ""),
        ("save 900 1\nsave ''\nsave 7 7\n", &[], "7 7"),
        ("save 900 1\n", &["--save", "100 100"], "900 1 100 100"),
        ("save 900 1\n", &["--save", ""], ""),
        ("save 900 1\n", &["--save", "--timeout", "4"], ""),
    ] {
        let server = start(&folder(text), flags);
        assert_eq!(get(&server, "save"), value, "{text:?} {flags:?}");
    }
}

#[test]
fn a_flag_may_hold_its_value_and_a_value_may_look_like_a_flag() {
    for (flags, name, value) in [
        (&["--timeout 7"][..], "timeout", "7"),
        (&["--dbfilename 'x.rdb'"], "dbfilename", "x.rdb"),
        (
            &["--shutdown-on-sigint", "nosave", "force", "now"],
            "shutdown-on-sigint",
            "nosave now force",
        ),
        (
            &["--shutdown-on-sigterm", "nosave force"],
            "shutdown-on-sigterm",
            "nosave force",
        ),
        (
            &["--proc-title-template", "--my--title", "--timeout", "3"],
            "proc-title-template",
            "--my--title",
        ),
    ] {
        let server = start(&folder("timeout 1\n"), flags);
        assert_eq!(get(&server, name), value, "{flags:?}");
    }
}

#[test]
fn files_are_included_where_they_are_named() {
    let main = folder("timeout 1\n");
    let at = |name: &str| main.path().join(name);
    fs::create_dir(at("conf.d")).expect("a folder");
    fs::write(at("conf.d/1.conf"), "timeout 2\nmaxclients 40\n").expect("a file");
    fs::write(at("conf.d/2.conf"), "timeout 3\n").expect("a file");
    let folder_name = main.path().display();
    let text = format!(
        "timeout 1\ninclude {folder_name}/conf.d/*.conf\nmaxclients 41\n\
         include {folder_name}/none/*.conf\n"
    );
    fs::write(at("redis.conf"), text).expect("a file");
    let server = start(&main, &[]);
    assert_eq!(get(&server, "timeout"), "3");
    assert_eq!(get(&server, "maxclients"), "41");
}

#[test]
fn an_error_names_the_line() {
    for (text, line, shown, why) in [
        (
            "timeout 1\nbogus 1\n",
            2,
            "bogus 1",
            "Bad directive or wrong number of arguments",
        ),
        ("timeout\n", 1, "timeout", "wrong number of arguments"),
        (
            "timeout 1 2\n",
            1,
            "timeout 1 2",
            "wrong number of arguments",
        ),
        (
            "timeout x\n",
            1,
            "timeout x",
            "argument couldn't be parsed into an integer",
        ),
        (
            "timeout -1\n",
            1,
            "timeout -1",
            "argument must be between 0 and 2147483647 inclusive",
        ),
        (
            "#\n\n  timeout \"1\n",
            3,
            "timeout \"1",
            "Unbalanced quotes in configuration line",
        ),
        (
            "appendonly maybe\n",
            1,
            "appendonly maybe",
            "argument must be 'yes' or 'no'",
        ),
        ("save 1\n", 1, "save 1", "Invalid save parameters"),
        (
            "loglevel loud\n",
            1,
            "loglevel loud",
            "argument(s) must be one of the following: debug, verbose, notice, warning",
        ),
        (
            "replicaof 127.0.0.1 x\n",
            1,
            "replicaof 127.0.0.1 x",
            "Invalid master port",
        ),
        (
            "replicaof 127.0.0.1\n",
            1,
            "replicaof 127.0.0.1",
            "wrong number of arguments",
        ),
        (
            "notify-keyspace-events Q\n",
            1,
            "notify-keyspace-events Q",
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ),
        (
            "client-output-buffer-limit x 1 1 1\n",
            1,
            "client-output-buffer-limit x 1 1 1",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "rename-command nope x\n",
            1,
            "rename-command nope x",
            "No such command in rename-command",
        ),
        (
            "rename-command get set\n",
            1,
            "rename-command get set",
            "Target command name already exists",
        ),
        (
            "sentinel monitor a 127.0.0.1 1 1\n",
            1,
            "sentinel monitor a 127.0.0.1 1 1",
            "sentinel directive while not in sentinel mode",
        ),
        (
            "dir /nowhere/at/all\n",
            1,
            "dir /nowhere/at/all",
            "No such file or directory",
        ),
    ] {
        let said = refusal(text, &[]);
        let expected = format!(
            "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at \
             line {line}\n>>> '{shown}'\n{why}\n"
        );
        assert!(
            said.contains(&expected),
            "{text:?}: {said}\nnot\n{expected}"
        );
    }
}

#[test]
fn an_error_in_a_flag_shows_the_line_that_it_became() {
    for (flags, shown) in [
        (&["--timeout", "1", "2"][..], "timeout \"1\" \"2\""),
        (
            &["--timeout", "--loglevel", "verbose"],
            "timeout \"--loglevel\" \"verbose\"",
        ),
        (&["--loglevel", "--bla"], "loglevel \"--bla\""),
        (
            &["--replicaof", "127.0.0.1", "abc"],
            "replicaof \"127.0.0.1\" \"abc\"",
        ),
    ] {
        let said = refusal("port 1\n", flags);
        assert!(
            said.contains(&format!(">>> '{shown}'\n")),
            "{flags:?}: {said}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    for text in ["include /nowhere/x.conf\n", ""] {
        let folder = folder(text);
        let name = if text.is_empty() {
            "other.conf"
        } else {
            "redis.conf"
        };
        let program = with_file(&folder.path().join(name));
        let refused = Server::try_through(&program, folder.path(), &[]);
        let said = refused.err().map(|(_, said)| said).expect("no start");
        assert!(
            said.contains("Fatal error, can't open config file '"),
            "{said}"
        );
        assert!(said.contains("': No such file or directory"), "{said}");
    }
}

#[test]
fn a_renamed_command_has_only_its_new_name() {
    let server = start(
        &folder("rename-command flushdb badger\nrename-command keys \"\"\n"),
        &[],
    );
    let mut c = Session::connect(server.addr());
    c.expect("badger", OK);
    for name in ["flushdb", "keys"] {
        let said = c.call(&[name]);
        assert!(said.starts_with(b"-ERR unknown command"), "{name}");
    }
}

/// Debian's file, in a place where this user may write.
#[test]
fn the_stock_file_starts_the_server() {
    let stock = Path::new("/etc/redis/redis.conf");
    let Ok(text) = fs::read_to_string(stock) else {
        return eprintln!("not tested: {} cannot be read", stock.display());
    };
    let folder = folder(&text);
    let pidfile = folder.path().join("pid").display().to_string();
    let flags = ["--daemonize", "no", "--logfile", "", "--pidfile", &pidfile];
    let mut server = start(&folder, &flags);
    assert_eq!(get(&server, "bind"), "127.0.0.1 -::1");
    assert_eq!(get(&server, "maxmemory-policy"), "noeviction");
    let number = fs::read_to_string(&pidfile).expect("a pid file");
    assert_eq!(number.trim(), server.process().to_string());
    server.signal(&["TERM"]);
    assert!(server.ended().success());
    assert!(!Path::new(&pidfile).exists(), "the pid file is still there");
}

#[test]
fn the_log_goes_to_its_file() {
    let folder = folder("loglevel notice\n");
    let log = folder.path().join("the.log");
    let server = start(&folder, &["--logfile", &log.display().to_string()]);
    Session::connect(server.addr()).expect("PING", "+PONG\r\n");
    let text = fs::read_to_string(&log).expect("a log");
    assert!(!text.is_empty());
}

#[test]
fn protected_parameters_can_be_changed_if_the_file_says_so() {
    let refused = "-ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set \
                   protected config\r\n";
    for (who, reply) in [("no", refused), ("yes", OK), ("local", OK)] {
        let folder = folder(&format!("enable-protected-configs {who}\n"));
        let server = start(&folder, &[]);
        let mut c = Session::connect(server.addr());
        c.expect("CONFIG SET dbfilename x.rdb", reply);
        c.expect("CONFIG GET dbfilename", {
            let value = if who == "no" { "dump.rdb" } else { "x.rdb" };
            [b"*2\r\n".to_vec(), bulk("dbfilename"), bulk(value)].concat()
        });
    }
}
