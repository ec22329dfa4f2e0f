//! Whom an error of the AOF stops, and what is in the file after one.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::rdb::Progress;
use crate::store::Store;

fn location(data: &TempDir) -> Location {
    Location {
        folder: data.path().join("appendonlydir"),
        name: "appendonly.aof".into(),
    }
}

/// A new AOF.
fn open(data: &TempDir) -> io::Result<Aof> {
    let folder = Folder::open(location(data), None).map_err(io::Error::other)?;
    let mut aof = Aof::default();
    aof.open(folder, BaseFormat::Commands)?;
    Ok(aof)
}

/// The file that it appends to.
fn file(data: &TempDir) -> PathBuf {
    location(data).path("appendonly.aof.1.incr.aof")
}

fn append(aof: &mut Aof, value: &str) -> u64 {
    aof.append([&b"SET"[..], b"k", value.as_bytes()].into_iter());
    aof.position()
}

fn opened(aof: &mut Aof) -> &mut Open {
    aof.open.as_mut().expect("an open AOF")
}

#[test]
fn with_always_a_commit_requests_an_fsync() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    let position = append(&mut aof, "v");
    let commit = aof.commit(position, Fsync::Always);
    assert!(matches!(commit, Commit::Wait(_)), "it must be `Wait`");
    // It may have been quick.
    let syncer = &opened(&mut aof).syncer;
    let is_requested = !syncer.is_idle() || syncer.is_safe(position);
    assert!(is_requested, "`commit` is `Wait`, and requested no fsync");
    Ok(())
}

#[test]
fn what_is_written_does_not_fail_with_a_later_write() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    let position = append(&mut aof, "v");
    aof.commit(position, Fsync::No);
    append(&mut aof, "w");
    aof.error = Some("No space left on device".into());
    let commit = aof.commit(position, Fsync::No);
    assert!(
        matches!(commit, Commit::Done),
        "all up to {position} is written, but `commit` is not `Done`, because there is an `error`"
    );
    Ok(())
}

#[test]
fn half_a_write_is_cut_off_before_the_next() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    let position = append(&mut aof, "v");
    aof.commit(position, Fsync::No);
    let whole = fs::read(file(&data))?;
    // Neither writing nor cutting is possible.
    opened(&mut aof).file = Arc::new(File::open(file(&data))?);
    let position = append(&mut aof, "w");
    let commit = aof.commit(position, Fsync::No);
    assert!(matches!(commit, Commit::Failed(_)), "it must be `Failed`");
    fs::write(file(&data), [&whole[..], b"*3\r\n$3"].concat())?;
    opened(&mut aof).file = Arc::new(File::options().append(true).open(file(&data))?);
    let commit = aof.commit(position, Fsync::No);
    assert!(matches!(commit, Commit::Done), "it must be `Done` again");
    let mut expected = BytesMut::from(&whole[..]);
    encode([&b"SET"[..], b"k", b"w"].into_iter(), &mut expected);
    assert_eq!(
        fs::read(file(&data))?.escape_ascii().to_string(),
        expected.escape_ascii().to_string(),
        "left: what is in the file; right: the two commands"
    );
    Ok(())
}

#[test]
fn an_error_ends_when_the_file_can_be_written() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    aof.error = Some("No space left on device".into());
    aof.flush();
    assert_eq!(aof.error(), None, "nothing is pending: the error must end");
    Ok(())
}

#[test]
fn a_write_does_not_undo_an_fsync_that_failed() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    let position = append(&mut aof, "v");
    // A device has nothing to make safe, and the system says so.
    let device = Arc::new(File::open("/dev/null")?);
    opened(&mut aof).syncer.request(&device, position);
    let mut synced = opened(&mut aof).syncer.synced();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let failed = runtime.block_on(synced.wait_for(|synced| synced.error.is_some()));
    assert!(failed.is_ok());
    aof.error = Some("Invalid argument".into());
    aof.flush();
    assert_eq!(aof.written, position, "what was pending is not written");
    assert!(
        aof.error().is_some(),
        "`error` is gone, and the fsync has failed"
    );
    Ok(())
}

/// A rewrite until the AOF has its next increment: `begin_rewrite`, `next_increment`.
fn next_increment(data: &TempDir, aof: &mut Aof) -> io::Result<(Folder, File)> {
    let begun = aof.begin_rewrite(location(data))?;
    let Begin::Increment(mut folder) = begun else {
        panic!("the AOF is open and goes on: it must be `Begin::Increment`");
    };
    let file = folder.next_increment(&Progress::default())?;
    Ok((folder, file))
}

#[test]
fn a_rewrite_begins_with_an_increment_that_the_manifest_names() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    let position = append(&mut aof, "v");
    next_increment(&data, &mut aof)?;
    assert_eq!(
        aof.written, position,
        "`begin_rewrite` writes what is pending"
    );
    let manifest = fs::read_to_string(location(&data).manifest())?;
    let expected = "file appendonly.aof.1.base.aof seq 1 type b\n\
                    file appendonly.aof.1.incr.aof seq 1 type i\n\
                    file appendonly.aof.2.incr.aof seq 2 type i\n";
    assert_eq!(manifest, expected);
    let made = fs::read(location(&data).path("appendonly.aof.2.incr.aof"))?;
    assert!(made.is_empty());
    // With an error, there is none.
    aof.error = Some("No space left on device".into());
    let begun = aof.begin_rewrite(location(&data)).map(drop);
    let text = "No space left on device".to_owned();
    assert_eq!(begun.map_err(|error| error.to_string()), Err(text));
    Ok(())
}

#[test]
fn what_is_pending_at_the_switch_belongs_to_the_old_increment() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    let (folder, next) = next_increment(&data, &mut aof)?;
    let position = append(&mut aof, "before");
    let rewrite = aof.switch(folder, next)?;
    assert_eq!(rewrite.first, Some(2), "the first increment that is kept");
    let syncer = &opened(&mut aof).syncer;
    let is_requested = !syncer.is_idle() || syncer.is_safe(position);
    assert!(is_requested, "the old file must be made safe");
    let end = append(&mut aof, "after");
    aof.commit(end, Fsync::No);
    for (increment, value) in [("1.incr", "before"), ("2.incr", "after")] {
        let path = location(&data).path(&format!("appendonly.aof.{increment}.aof"));
        let mut expected = BytesMut::new();
        encode(
            [&b"SET"[..], b"k", value.as_bytes()].into_iter(),
            &mut expected,
        );
        assert_eq!(
            fs::read(path)?.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "left: what is in {increment}"
        );
    }
    assert_eq!(
        opened(&mut aof).size,
        end - position,
        "the size of the new file"
    );
    Ok(())
}

#[test]
fn a_torn_file_is_no_beginning_for_a_rewrite() -> io::Result<()> {
    let data = tempfile::tempdir()?;
    let mut aof = open(&data)?;
    let (folder, next) = next_increment(&data, &mut aof)?;
    opened(&mut aof).torn = true;
    assert!(
        aof.switch(folder.clone(), next).is_err(),
        "half a write is in it"
    );
    assert!(aof.open.is_none(), "it must be distrusted");
    // There is no AOF any more that could go on.
    let next = File::open("/dev/null")?;
    assert!(aof.switch(folder, next).is_err(), "there is no open AOF");
    Ok(())
}

#[test]
fn a_base_of_commands_has_one_for_each_key() -> io::Result<()> {
    let mut store = Store::default();
    for key in [b"a", b"b", b"c"] {
        store.set_bytes(key, b"v");
    }
    let mut base = Vec::new();
    rewrite::write_commands(store.snapshot(), &Progress::default(), &mut base)?;
    let commands = base.windows(3).filter(|it| it == b"SET").count();
    assert_eq!(commands, 3, "{}", base.escape_ascii());
    Ok(())
}

#[test]
fn growth_counts_from_its_percentage_on() {
    assert!(has_grown(1000, 2000, 100));
    assert!(!has_grown(1000, 1999, 100));
    assert!(!has_grown(1000, 1_000_000, 0));
    assert!(has_grown(0, 2, 100));
}
