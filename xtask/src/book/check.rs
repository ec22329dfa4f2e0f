//! Each page of the book in a real browser, as wide as a phone.
//!
//! A fault is an error on the console, a request that fails or leaves this machine, a
//! page wider than the screen, a diagram that is not drawn, a button that does not
//! copy its code, a link to nothing, or a search that does not find a page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use walkdir::WalkDir;

use super::browser::Browser;

/// A narrow phone.
const PHONE: (u32, u32) = (390, 844);

/// What a page says of itself; see `look.js`.
const LOOK: &str = include_str!("look.js");

/// Searches for `WORD` on the page that is open.
const SEARCH: &str = include_str!("search.js");

/// A word to search for, and the start of a page on which it is found.
const WORDS: [(&str, &str); 3] = [
    ("appendfsync", "05-aof-persistence/"),
    ("PSYNC", "08-replication/"),
    ("percentile", "10-capstone/"),
];

/// What came of it.
pub struct Checked {
    pub pages: usize,
    pub faults: Vec<String>,
}

#[derive(Deserialize)]
struct Look {
    faults: Vec<String>,
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

/// Opens every page of the book in that folder.
pub fn check(html: &Path, chromium: &Path) -> Result<Checked> {
    let mut browser = Browser::start(chromium, PHONE.0, PHONE.1)?;
    let mut faults = Vec::new();
    let mut looks = BTreeMap::new();
    for path in pages(html)? {
        let url = url(&path)?;
        let name = path.strip_prefix(html)?.display().to_string();
        let mut events = browser.open(&url)?;
        let look = browser.evaluate(LOOK).with_context(|| name.clone())?;
        let look: Look = serde_json::from_value(look).with_context(|| name.clone())?;
        events.extend(browser.events());
        let found = events
            .iter()
            .filter_map(wrong)
            .chain(look.faults.iter().cloned());
        let found: BTreeSet<_> = found.collect();
        faults.extend(found.iter().map(|it| format!("{name}: {it}")));
        looks.insert(url, (name, look));
    }
    ensure!(
        !looks.is_empty(),
        "there are no pages in {}",
        html.display()
    );
    faults.extend(dead_links(&looks));
    browser.open(&url(&html.join("index.html"))?)?;
    for (word, page) in WORDS {
        let found = browser.evaluate(&SEARCH.replace("WORD", word))?.to_string();
        if !found.contains(page) {
            faults.push(format!(
                "index.html: a search for {word} does not find {page}; it finds {found}"
            ));
        }
    }
    Ok(Checked {
        pages: looks.len(),
        faults,
    })
}

fn pages(html: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut pages = Vec::new();
    for entry in WalkDir::new(html).sort_by_file_name() {
        let path = entry?.into_path();
        // The contents, for browsers without scripts, are no page.
        if path.extension().is_some_and(|it| it == "html") && !path.ends_with("toc.html") {
            pages.push(path);
        }
    }
    Ok(pages)
}

/// The address of a file.
pub fn url(path: &Path) -> Result<String> {
    let path = path.canonicalize()?;
    Ok(format!("file://{}", path.display()))
}

/// What an event of the browser says of a fault.
pub fn wrong(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => {
            let text = &params["exceptionDetails"]["exception"]["description"];
            Some(format!("a script fails: {text}"))
        }
        "Runtime.consoleAPICalled" if params["type"] == "error" => Some(format!(
            "an error on the console: {}",
            params["args"][0]["value"]
        )),
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            Some(format!(
                "an error on the console: {} {}",
                entry["text"], entry["url"]
            ))
        }
        "Network.requestWillBeSent" => {
            let url = params["request"]["url"].as_str()?;
            let here = ["file:", "data:", "blob:", "about:"];
            let leaves = !here.iter().any(|it| url.starts_with(it));
            leaves.then(|| format!("asks the network for {url}"))
        }
        _ => None,
    }
}

/// Links to a page, or to a place on one, that is not there.
fn dead_links(looks: &BTreeMap<String, (String, Look)>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, look) in looks.values() {
        for link in &look.links {
            let (page, anchor) = link.split_once('#').unwrap_or((link, ""));
            let alive = match looks.get(page) {
                Some((_, to)) => anchor.is_empty() || to.anchors.contains(anchor),
                None => false,
            };
            if !alive {
                faults.push(format!("{name}: a link leads to nothing: {link}"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::browser;

    /// A page with every fault that there is a word for.
    const BAD: &str = "<body><div style='width:900px'>wide</div><div class='diagram'></div>\
        <pre><button class='clip-button'></button><code>a</code></pre><a href='gone.html'>x</a><a href='#gone'>y</a><img src='gone.png'>\
        <script src='http://127.0.0.1:1/x.js'></script><script>console.error('planted'); planted()</script>";

    #[test]
    fn each_fault_is_found() {
        let Some(chromium) = browser::find() else {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "CI needs Chromium"
            );
            return println!("not tested: pages with faults; there is no Chromium here");
        };
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("index.html"), BAD).expect("a page");
        let faults = check(folder.path(), &chromium)
            .expect("an answer")
            .faults
            .join("\n");
        for fault in [
            "wider than the screen",
            "a diagram is not drawn",
            "a code block's button copies nothing",
            "a link leads to nothing: file",
            "#gone",
            "gone.png",
            "asks the network for http://127.0.0.1:1/x.js",
            "an error on the console: \"planted\"",
            "a script fails: \"ReferenceError: planted",
            "a search for PSYNC does not find",
        ] {
            assert!(faults.contains(fault), "{fault} is not in:\n{faults}");
        }
    }
}
