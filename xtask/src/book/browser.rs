//! Chromium without a window, driven by its own protocol (Chrome DevTools Protocol).
//!
//! It speaks on a pipe, JSON messages that end with a NUL, so no crate is needed for
//! it, and no port.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::processes::Group;

/// The time for one answer, on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(60);

/// The browser reads messages from descriptor 3 and writes them to 4.
const START: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// A browser with one page. It ends when this is dropped.
pub struct Browser {
    input: ChildStdin,
    messages: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    /// What the page reported since it was last asked.
    events: Vec<Value>,
    _group: Group,
    _profile: TempDir,
}

/// Where Chromium is; the variable CHROMIUM comes first.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let found = names
        .iter()
        .flat_map(|name| folders.iter().map(move |it| it.join(name)));
    named.or_else(|| found.into_iter().find(|it| it.is_file()))
}

impl Browser {
    /// Starts it, with a page of that size.
    pub fn start(program: &Path, width: u32, height: u32) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut child = Command::new("sh")
            .args(["-c", START])
            .arg(program)
            // It opens nothing but our own pages; in a container, or as root, it has no sandbox.
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-pipe",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let group = Group::of(&child);
        let input = child.stdin.take().context("a pipe to Chromium")?;
        let output = child.stdout.take().context("a pipe from Chromium")?;
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let parts = BufReader::new(output).split(0).map_while(Result::ok);
            let _ = parts
                .filter_map(|text| serde_json::from_slice(&text).ok())
                .try_for_each(|message| sender.send(message));
            child.wait()
        });
        let mut browser = Browser {
            input,
            messages,
            calls: 0,
            session: None,
            events: Vec::new(),
            _group: group,
            _profile: profile,
        };
        browser.open_page(width, height)?;
        Ok(browser)
    }

    fn open_page(&mut self, width: u32, height: u32) -> Result<()> {
        let page = self.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let to = json!({ "targetId": page["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", to)?;
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        let all = json!({ "enabled": true });
        self.call("Page.setLifecycleEventsEnabled", all.clone())?;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        // Only a page that has the focus may use the clipboard.
        self.call("Emulation.setFocusEmulationEnabled", all)?;
        let clipboard = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.call("Browser.grantPermissions", clipboard).map(drop)
    }

    /// Opens a page, waits until it is loaded, and returns what happened since the last one.
    pub fn open(&mut self, url: &str) -> Result<Vec<Value>> {
        let page = self.call("Page.navigate", json!({ "url": url }))?;
        let loaded = |it: &Value| {
            it["params"]["name"] == "load" && it["params"]["loaderId"] == page["loaderId"]
        };
        while !self.events.iter().any(loaded) {
            let event = self.receive();
            let event = event.with_context(|| format!("{url} is not loaded"))?;
            self.events.push(event);
        }
        Ok(std::mem::take(&mut self.events))
    }

    /// What the page has reported since.
    pub fn events(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.events)
    }

    /// Runs a script in the page, as if the user had just clicked, and returns its result.
    pub fn evaluate(&mut self, script: &str) -> Result<Value> {
        let mut answer = self.call(
            "Runtime.evaluate",
            json!({ "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true }),
        )?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{}", exception["exception"]["description"]);
        }
        Ok(answer["result"]["value"].take())
    }

    fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input
            .write_all(format!("{message}\0").as_bytes())
            .context("Chromium has ended")?;
        loop {
            let mut message = self
                .receive()
                .with_context(|| format!("{method} is not answered"))?;
            match message.get("id") {
                Some(id) if *id == self.calls => {
                    if let Some(error) = message.get("error") {
                        bail!("{method}: {}", error["message"]);
                    }
                    return Ok(message["result"].take());
                }
                _ => self.events.push(message),
            }
        }
    }

    fn receive(&self) -> Result<Value> {
        let wait = self.messages.recv_timeout(LIMIT);
        wait.context("Chromium has said nothing for too long, or has ended")
    }
}
