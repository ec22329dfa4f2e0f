//! Slides in a real browser, at 1280 × 720: none overflows, all can be read from the last row, and the
//! keys lead from the first to the last and back.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::book::browser::Browser;
use crate::book::check::{url, wrong};

const LOOK: &str = include_str!("look.js");

/// What is wrong with the slides in these files.
pub fn check(files: &[PathBuf], chromium: &Path) -> Result<Vec<String>> {
    let mut browser = Browser::start(chromium, 1280, 720)?;
    let mut faults = Vec::new();
    for file in files {
        let name = file.display();
        let mut events = browser.open(&url(file)?)?;
        let found = browser.evaluate(LOOK).with_context(|| format!("{name}"))?;
        let found: Vec<String> = serde_json::from_value(found)?;
        events.extend(browser.events());
        let found = events.iter().filter_map(wrong).chain(found);
        faults.extend(found.map(|it| format!("{name}: {it}")));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::browser;

    #[test]
    fn each_fault_is_found() {
        let Some(chromium) = browser::find() else {
            let is_ci = std::env::var("CI").as_deref() == Ok("true");
            assert!(!is_ci, "CI needs Chromium");
            return println!("not tested: slides with faults; there is no Chromium here");
        };
        let long = "<section><h2>T</h2><div style='height: 9999px'></div></section>";
        let small = "<section><h2>T</h2><div><p style='font-size: 20px'>tiny</p></div></section>";
        let drawn = "<section><h2>T</h2><div><figure><svg viewBox='0 0 4000 100'><text y='50'>far</text></svg></figure></div></section>";
        let good = "<section><h2>T</h2><div><p>fine</p><pre class='later'>a</pre></div></section>";
        let page = |slides: &str| super::super::TEMPLATE.replace("SLIDES", slides);
        let no_keys = page(&good.repeat(3)).replace("PageDown: next,", "");
        let pages = [
            page(&format!("{long}{small}{drawn}{good}")),
            no_keys,
            page(&good.repeat(3)),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let files = pages
            .iter()
            .zip(["a.html", "b.html", "c.html"])
            .map(|(text, name)| {
                let path = folder.path().join(name);
                std::fs::write(&path, text).expect("a page");
                path
            });
        let faults = check(&files.collect::<Vec<_>>(), &chromium).expect("an answer");
        let all = faults.join("\n");
        for fault in [
            "a.html: slide 1, T: it overflows",
            "a.html: slide 2, T: \"tiny\" has 20 px",
            "a.html: slide 3, T: \"far\" has 7.5 px in a diagram",
            "b.html: slide 3, T: the keys do not lead to the end",
        ] {
            assert!(all.contains(fault), "{fault} is not in:\n{all}");
        }
        assert!(!all.contains("c.html"), "{all}");
    }
}
