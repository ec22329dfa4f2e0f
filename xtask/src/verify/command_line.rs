//! The command that starts the server, as it can be used from any folder.
//!
//! Each test runs the server in an empty folder of its own, but the command was
//! typed in another. So every word that names a file there becomes its whole
//! path: `./my-server`, and the script in `python3 server.py`.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths::normal;
use crate::processes::on_path;

/// The words of the command, those that name files as whole paths.
pub fn resolve(command: &str, here: &Path) -> Result<Vec<String>> {
    let words =
        shlex::split(command).with_context(|| format!("the quotes in `{command}` do not match"))?;
    let Some(program) = words.first() else {
        bail!("name the command that starts the server, like: make verify-03 SERVER=./my-server");
    };
    if !program.contains('/') && here.join(program).is_file() && on_path(program).is_none() {
        bail!("`{program}` is no command; for the file in this folder write ./{program}");
    }
    // The program itself is looked up on the PATH unless it has a slash.
    let rest = words[1..].iter().map(|word| whole(word, here));
    let program = match program.contains('/') {
        true => whole(program, here),
        false => program.clone(),
    };
    Ok(std::iter::once(program).chain(rest).collect())
}

/// The words as one line, for `WORKSHOP_SERVER`.
pub fn join(words: &[String]) -> Result<String> {
    Ok(shlex::try_join(words.iter().map(String::as_str))?)
}

fn whole(word: &str, here: &Path) -> String {
    let names_file = !word.is_empty() && !word.starts_with('-') && here.join(word).exists();
    match names_file {
        true => normal(&here.join(word)).display().to_string(),
        false => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_whole_paths_and_other_words_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path();
        for name in ["my server", "no-such-command-here"] {
            std::fs::write(here.join(name), "").expect("a file");
        }
        let file = here.join("my server").display().to_string();
        let words = |command| resolve(command, here).map_err(|error| error.to_string());
        assert_eq!(words("'./my server' -x").expect("fine"), [&file, "-x"]);
        let python = words("python3 'my server' '' gone").expect("fine");
        assert_eq!(python, ["python3", &file, "", "gone"]);
        let error = words("no-such-command-here").expect_err("not on the path");
        assert!(error.contains("write ./no-such-command-here"), "{error}");
        assert!(words("a 'b").expect_err("quotes").contains("quotes"));
        assert!(words(" ").expect_err("nothing").contains("SERVER="));
    }
}
