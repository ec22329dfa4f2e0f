//! Starts on an AOF whose manifest is damaged: every bit of it, and every cut. The server
//! must refuse, or have all the data, and no file may vanish.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::aof::Location;
use crate::aof::encode;
use crate::config::Config;
use crate::handlers;
use crate::store::Value;

/// The two numbers differ in one bit.
const MANIFEST: &str = "file appendonly.aof.1.base.aof seq 1 type b\n\
                        file appendonly.aof.1.incr.aof seq 1 type i\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n\
                        file appendonly.aof.3.incr.aof seq 3 type i\n";

/// Each of the files adds a letter to the same value.
const FILES: [(&str, &str); 4] = [
    ("appendonly.aof.1.base.aof", "a"),
    ("appendonly.aof.1.incr.aof", "b"),
    ("appendonly.aof.2.incr.aof", "c"),
    ("appendonly.aof.3.incr.aof", "d"),
];

fn location(data: &TempDir) -> Location {
    config(data).aof_location()
}

fn config(data: &TempDir) -> Config {
    Config {
        dir: data.path().display().to_string(),
        ..Config::default()
    }
}

/// A folder with the files and this manifest.
fn plant(manifest: &[u8]) -> io::Result<TempDir> {
    let data = tempfile::tempdir()?;
    let log = location(&data);
    fs::create_dir(&log.folder)?;
    fs::write(log.manifest(), manifest)?;
    for (file, letter) in FILES {
        fs::write(log.path(file), command(letter))?;
    }
    Ok(data)
}

fn command(letter: &str) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let words = [&b"APPEND"[..], b"k", letter.as_bytes()];
    encode(words.into_iter(), &mut bytes);
    bytes.to_vec()
}

/// Starts on the folder. Returns the value, or why the start failed.
fn start(data: &TempDir) -> Result<String, String> {
    let shared = Shared::new(config(data));
    let folder = Folder::open_at_start(location(data)).map_err(|error| error.to_string())?;
    run(&folder, handlers::table(), &shared).map_err(|error| error.to_string())?;
    let state = &mut *shared.lock();
    let format = state.config.base_format();
    let opened = state.aof.open(folder, format);
    opened.map_err(|error| error.to_string())?;
    let value = state.store.get(b"k").map(Value::text);
    Ok(String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
}

/// Checks that a start which is refused changes no file, and that one which succeeds has all the
/// data, now and at the next start.
fn check(data: &TempDir, manifest: &[u8]) -> io::Result<()> {
    let log = location(data);
    fs::write(log.manifest(), manifest)?;
    let text = manifest.escape_ascii();
    match start(data) {
        Ok(value) => {
            assert_eq!(value, "abcd", "{text}");
            assert_eq!(start(data).as_deref(), Ok("abcd"), "{text}");
        }
        Err(said) => {
            assert!(said.contains("appendonlydir/"), "{text}: {said}");
            assert_eq!(fs::read(log.manifest())?, manifest, "{said}");
        }
    }
    for (file, letter) in FILES {
        let there = fs::read(log.path(file)).unwrap_or_default();
        assert_eq!(there, command(letter), "{file}: {text}");
    }
    Ok(())
}

#[test]
fn the_manifest_is_good() -> io::Result<()> {
    let data = plant(MANIFEST.as_bytes())?;
    assert_eq!(start(&data).as_deref(), Ok("abcd"));
    Ok(())
}

#[test]
fn any_bit_of_a_manifest_may_be_wrong() -> io::Result<()> {
    let data = plant(MANIFEST.as_bytes())?;
    for at in 0..MANIFEST.len() * 8 {
        let mut damaged = MANIFEST.as_bytes().to_vec();
        damaged[at / 8] ^= 1 << (at % 8);
        check(&data, &damaged)?;
    }
    Ok(())
}

#[test]
fn a_manifest_may_be_cut_off_anywhere() -> io::Result<()> {
    let data = plant(MANIFEST.as_bytes())?;
    for end in 0..MANIFEST.len() {
        check(&data, &MANIFEST.as_bytes()[..end])?;
    }
    Ok(())
}

/// With `everysec`, the machine may stop when a rewrite has begun the next increment, and the one
/// before it is not yet on the disk. Nothing is in the next one then.
#[test]
fn a_torn_increment_is_the_last_if_only_empty_ones_follow() -> io::Result<()> {
    let data = plant(MANIFEST.as_bytes())?;
    let path = |number| location(&data).path(&format!("appendonly.aof.{number}.incr.aof"));
    let whole = command("c");
    fs::write(path(2), &whole[..whole.len() - 1])?;
    let said = start(&data).expect_err("the last one has data");
    assert!(said.contains("2.incr.aof is damaged"), "{said}");
    fs::write(path(3), "")?;
    for _ in 0..2 {
        assert_eq!(start(&data).as_deref(), Ok("ab"));
    }
    fs::write(path(3), command("d"))?;
    assert_eq!(start(&data).as_deref(), Ok("abd"));
    // A base was whole before anything named it.
    let base = location(&data).path("appendonly.aof.1.base.aof");
    fs::write(base, &command("a")[..9])?;
    (1..=3).try_for_each(|number| fs::write(path(number), ""))?;
    let said = start(&data).expect_err("a base is never torn");
    assert!(said.contains("1.base.aof is damaged"), "{said}");
    Ok(())
}

/// Whatever of a command or a transaction stands at the end of the last file is cut off.
#[test]
fn a_torn_end_is_cut_back_to_the_last_whole_command() -> io::Result<()> {
    let (multi, command_x) = (b"*1\r\n$5\r\nMULTI\r\n", command("x"));
    let transaction = [&multi[..], &command_x].concat();
    let half = &command_x[..command_x.len() - 3];
    for rest in [
        half,
        multi,
        &multi[..4],
        &transaction,
        &transaction[..transaction.len() - 3],
        b"#TS:1700000000",
    ] {
        let data = plant(MANIFEST.as_bytes())?;
        let last = location(&data).path(FILES[3].0);
        let whole = command(FILES[3].1);
        fs::write(&last, [&whole[..], rest].concat())?;
        let rest = rest.escape_ascii();
        assert_eq!(
            start(&data).as_deref(),
            Ok("abcd"),
            "with {rest} at the end"
        );
        let (size, whole) = (fs::metadata(&last)?.len(), whole.len());
        assert!(
            size == whole as u64,
            "{rest} was at the end: the file has {size} bytes after the start, should have {whole}"
        );
    }
    Ok(())
}

/// A base that the manifest names stays, whatever its number says; and if it names none,
/// the one beside it may be what it should name.
#[test]
fn a_start_deletes_only_what_is_certainly_left_over() -> io::Result<()> {
    let number = MANIFEST.replace("base.aof seq 1", "base.aof seq 2");
    let number = number.replace("1.base", "3.base");
    let without_base = &MANIFEST[MANIFEST.len() / 4..];
    for (manifest, file, bytes, stays) in [
        (MANIFEST, "9.base.aof", command("x"), false),
        (MANIFEST, "9.base.rdb", command("x"), false),
        (MANIFEST, "9.incr.aof", vec![], false),
        (&number, "3.base.aof", command("a"), true),
        (without_base, "9.base.aof", command("x"), true),
    ] {
        let data = plant(manifest.as_bytes())?;
        let path = location(&data).path(&format!("appendonly.aof.{file}"));
        fs::write(&path, bytes)?;
        for _ in 0..2 {
            start(&data).map_err(io::Error::other)?;
            assert_eq!(path.exists(), stays, "{file}");
        }
    }
    Ok(())
}

/// The newer AOF that is beside it is whole, and stays so.
#[test]
fn an_older_manifest_may_be_put_back() -> io::Result<()> {
    let data = plant(&MANIFEST.as_bytes()[..MANIFEST.len() / 2])?;
    let base = location(&data).path("appendonly.aof.2.base.aof");
    fs::write(&base, command("x"))?;
    for _ in 0..2 {
        assert_eq!(start(&data).as_deref(), Ok("ab"));
        assert!(base.exists());
    }
    Ok(())
}

/// A base without an increment is what BGREWRITEAOF leaves while the AOF is off. If the
/// server ended before it deleted the history, the increment of the next start must not get
/// a name that the history has.
#[test]
fn a_new_increment_is_not_taken_for_history() -> io::Result<()> {
    let manifest = b"file appendonly.aof.2.base.aof seq 2 type b\n\
                     file appendonly.aof.1.base.aof seq 1 type h\n\
                     file appendonly.aof.1.incr.aof seq 1 type h\n\
                     file appendonly.aof.2.incr.aof seq 2 type h\n\
                     file appendonly.aof.3.incr.aof seq 3 type h\n";
    for gone in [false, true] {
        let data = plant(manifest)?;
        let log = location(&data);
        fs::write(log.path("appendonly.aof.2.base.aof"), command("x"))?;
        if gone {
            fs::remove_file(log.path("appendonly.aof.1.incr.aof"))?;
        }
        assert_eq!(start(&data).as_deref(), Ok("x"));
        let folder = Folder::open_at_start(log.clone()).map_err(io::Error::other)?;
        assert!(folder.manifest.history.is_empty());
        assert_eq!(folder.manifest.increments.len(), 1);
        assert!(
            folder
                .manifest
                .files()
                .all(|part| log.path(&part.name).exists())
        );
        assert!(!log.path("appendonly.aof.3.incr.aof").exists());
    }
    Ok(())
}
