//! `cargo xtask watch`: a round at each save, and keys for the rest.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use walkdir::WalkDir;

use super::{Common, Lesson, attempt, help};
use crate::output::{ADDED, HINT, paint, print};

/// How often to look whether a file was saved.
const LOOK: Duration = Duration::from_millis(200);

const KEYS: &str = "h hint · r reveal · n what is next · l list · q quit";

/// Clears the screen and goes to its top.
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";

/// Runs the command.
pub fn run(common: Common) -> Result<()> {
    let lesson = Lesson::open(&common)?;
    let mut keys = Keys::open();
    let mut seen = None;
    loop {
        let saved = last_save(&lesson.mine.dir);
        if saved != seen {
            seen = saved;
            if keys.at_terminal() {
                print(CLEAR)?;
            }
            // An error is one of this round: a file may be half written.
            if let Err(error) = attempt::round(&lesson, common.part) {
                print(&format!("{error:#}\n"))?;
            }
            prompt()?;
        }
        let text = match keys.next(LOOK)? {
            None => continue,
            Some(b'q' | 3 | 4) => return Ok(()),
            Some(b'h') => help::next_hint(&lesson, common.part)?,
            Some(b'r') => help::revealed(&lesson, common.part)?,
            Some(b'n') => lesson.task(common.part.map_or_else(|| lesson.current(), Ok)?, None)?,
            Some(b'l') => list(&lesson)?,
            Some(_) => String::new(),
        };
        print(&text)?;
        prompt()?;
    }
}

fn prompt() -> Result<()> {
    print(&format!(
        "\n{}\n",
        paint(HINT, &format!("save a file to try again · {KEYS}"))
    ))
}

/// All parts, and which are done.
fn list(lesson: &Lesson) -> Result<String> {
    let current = lesson.current()?;
    let parts = (1..).zip(&lesson.heart.parts);
    Ok(parts
        .map(|(number, part)| {
            let mark = match number {
                _ if number < current => paint(ADDED, "ok"),
                _ if number == current => "→ ".to_owned(),
                _ => "  ".to_owned(),
            };
            format!("{mark} {number}. {}\n", part.title)
        })
        .collect())
}

/// When a source was last saved, and how many there are.
fn last_save(dir: &Path) -> Option<(SystemTime, usize)> {
    let files = ["src", "tests", "Cargo.toml"].map(|name| WalkDir::new(dir.join(name)));
    let files = files.into_iter().flatten().flatten();
    let times: Vec<_> = files
        .filter(|file| file.file_type().is_file())
        .filter_map(|file| file.metadata().ok()?.modified().ok())
        .collect();
    Some((times.iter().max().copied()?, times.len()))
}

/// The keyboard, of which each key counts at once; as it was when this is dropped.
struct Keys {
    before: Option<Termios>,
    open: bool,
}

impl Keys {
    fn open() -> Self {
        let stdin = std::io::stdin();
        let before = termios::tcgetattr(&stdin).ok();
        if let Some(mut modes) = before.clone() {
            // Ctrl-C is a key as well, so that the terminal is always put back.
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            // Without it, it works as well, but each key needs an Enter.
            let _ = termios::tcsetattr(&stdin, OptionalActions::Now, &modes);
        }
        Keys { before, open: true }
    }

    fn at_terminal(&self) -> bool {
        self.before.is_some()
    }

    /// The next key, if one comes within that time.
    fn next(&mut self, wait: Duration) -> Result<Option<u8>> {
        if !self.open {
            std::thread::sleep(wait);
            return Ok(None);
        }
        let stdin = std::io::stdin();
        let wait = Timespec::try_from(wait)?;
        if poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&wait))? == 0 {
            return Ok(None);
        }
        let mut key = [0];
        self.open = std::fs::File::from(rustix::io::dup(&stdin)?).read(&mut key)? > 0;
        Ok(self.open.then_some(key[0]))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // Nothing can be done about it.
            let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}
