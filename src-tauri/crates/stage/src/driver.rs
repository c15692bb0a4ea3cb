//! A window driven through WebKitWebDriver: a thin client of the W3C WebDriver
//! protocol, with waiting done inside the page, where changes are seen as they
//! happen.
//!
//! It finds by test id only: a test that needs a tag or a class name would
//! break with the looks.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::child::{self, Child};

/// How long opening the window may take.
const OPEN: Duration = Duration::from_mins(1);
/// How long any other request may take beyond what it waits for itself.
const ANSWER: Duration = Duration::from_secs(20);
/// The name under which WebDriver passes an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// An open window.
#[derive(Debug)]
pub struct Driver {
    http: ureq::Agent,
    base: String,
    session: String,
    server: Child,
    app: u32,
    asked_at: Instant,
    opened_at: Instant,
}

/// An element of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element(String);

impl Element {
    /// The element that a script or a condition has returned.
    pub fn of(returned: &Value) -> anyhow::Result<Self> {
        let id = returned[ELEMENT].as_str().context("the driver passes elements by id")?;
        Ok(Self(id.to_owned()))
    }
}

impl Driver {
    /// Opens the window of `program` with the environment of `command`, which
    /// is the command for WebKitWebDriver without its arguments.
    pub fn open(command: &mut Command, program: &Path) -> anyhow::Result<Self> {
        Self::open_within(command, program, OPEN)
    }

    /// The same with another limit for the window to let itself be driven.
    pub fn open_within(
        command: &mut Command,
        program: &Path,
        limit: Duration,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut server = Child::start(
            "WebKitWebDriver",
            command
                .arg(format!("--port={port}"))
                .env("TAURI_AUTOMATION", "true")
                .env("TAURI_WEBVIEW_AUTOMATION", "true")
                .stdin(Stdio::null()),
        )?;
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let http = ureq::Agent::new_with_config(config);
        let base = format!("http://127.0.0.1:{port}");
        let ready = crate::ask_until(ANSWER, || {
            if server.wait(Duration::ZERO)?.is_some() {
                bail!("WebKitWebDriver ended at once; is port {port} taken?");
            }
            Ok(http.get(format!("{base}/status")).call().ok())
        })?;
        if ready.is_none() {
            bail!("WebKitWebDriver does not answer");
        }
        let wish = json!({"capabilities": {"alwaysMatch": {
            "webkitgtk:browserOptions": {"binary": program, "args": []},
        }}});
        let asked_at = Instant::now();
        let opened = send(&http, limit, &format!("{base}/session"), Some(&wish));
        let opened_at = Instant::now();
        let app = child::children(server.pid())?.first().copied();
        let session = opened.and_then(|opened| {
            let session = opened["sessionId"].as_str().map(str::to_owned);
            session.zip(app).context("a session has an id and a program")
        });
        match (session, app) {
            (Ok((session, app)), _) => {
                Ok(Self { http, base, session, server, app, asked_at, opened_at })
            }
            (Err(fault), app) => {
                // Nobody else knows that it was started.
                app.map(child::kill).transpose()?;
                Err(fault)
            }
        }
    }

    /// The process of the window's program.
    pub fn app(&self) -> u32 {
        self.app
    }

    /// The processes of the window's program and of the driver.
    pub fn processes(&self) -> [u32; 2] {
        [self.app, self.server.pid()]
    }

    /// When its program was asked for, and when it could first be driven.
    pub fn opened(&self) -> (Instant, Instant) {
        (self.asked_at, self.opened_at)
    }

    /// Kills the program as a power cut would.
    pub fn kill(mut self) -> anyhow::Result<()> {
        child::kill(self.app)?;
        self.server.kill()
    }

    /// Runs a function body in the page with `args` and answers what it
    /// returns.
    pub fn run(&self, script: &str, args: &[Value]) -> anyhow::Result<Value> {
        self.post("execute/sync", &json!({"script": script, "args": args}))
    }

    /// Waits in the page until the function body `condition` returns something
    /// true, looking again at every change; answers what it returned, or
    /// `None` after `limit`.
    pub fn until(
        &self,
        condition: &str,
        args: &[Value],
        limit: Duration,
    ) -> anyhow::Result<Option<Value>> {
        let limit_ms = u64::try_from(limit.as_millis())?;
        let script = UNTIL.replace("CONDITION", condition);
        let body = json!({"script": script, "args": [limit_ms, args]});
        self.post("timeouts", &json!({"script": limit_ms + 5_000}))?;
        let found = send(
            &self.http,
            limit + ANSWER,
            &format!("{}/session/{}/execute/async", self.base, self.session),
            Some(&body),
        )?;
        match (&found["value"], &found["fault"]) {
            (_, Value::String(fault)) => bail!("the condition failed in the page: {fault}"),
            (Value::Null, _) => Ok(None),
            (value, _) => Ok(Some(value.clone())),
        }
    }

    /// The first element of the page that `selector` names, waited for.
    pub fn find(&self, selector: &str, limit: Duration) -> anyhow::Result<Element> {
        let found = self.until(
            "const found = [...document.querySelectorAll(args[0])].find(e => e.checkVisibility());
             return found ?? null;",
            &[json!(selector)],
            limit,
        )?;
        let found = found.with_context(|| {
            format!(
                "nothing visible matches {selector} after {limit:?}; the page says:\n{}",
                self.text()
            )
        })?;
        Element::of(&found)
    }

    /// Clicks an element with the mouse; an element under another one or
    /// outside the window is an error.
    pub fn click(&self, element: &Element) -> anyhow::Result<()> {
        self.post(&format!("element/{}/click", element.0), &json!({})).map(drop)
    }

    /// Types text into an element.
    pub fn type_into(&self, element: &Element, text: &str) -> anyhow::Result<()> {
        self.post(&format!("element/{}/value", element.0), &json!({"text": text})).map(drop)
    }

    /// The rendered text of an element.
    pub fn text_of(&self, element: &Element) -> anyhow::Result<String> {
        let text = self.get(&format!("element/{}/text", element.0))?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// An attribute of an element.
    pub fn attribute(&self, element: &Element, name: &str) -> anyhow::Result<Option<String>> {
        let value = self.get(&format!("element/{}/attribute/{name}", element.0))?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// Presses the keys of `chord` together, such as `Control+Enter` or `j`,
    /// wherever the keyboard is.
    pub fn press(&self, chord: &str) -> anyhow::Result<()> {
        let keys: Vec<&str> = if chord == "+" { vec!["+"] } else { chord.split('+').collect() };
        let keys = keys.into_iter().map(key).collect::<anyhow::Result<Vec<_>>>()?;
        let down = keys.iter().map(|key| json!({"type": "keyDown", "value": key}));
        let up = keys.iter().rev().map(|key| json!({"type": "keyUp", "value": key}));
        self.keyboard(down.chain(up).collect())
    }

    /// Types text key by key, wherever the keyboard is.
    pub fn type_text(&self, text: &str) -> anyhow::Result<()> {
        let strokes = text.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|stroke| json!({"type": stroke, "value": key.to_string()}))
        });
        self.keyboard(strokes.collect())
    }

    /// The rendered text of the whole page; empty when it does not answer.
    pub fn text(&self) -> String {
        let text = self.run("return document.body?.innerText ?? ''", &[]).unwrap_or_default();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// A picture of the page, as PNG.
    pub fn screenshot(&self) -> anyhow::Result<Vec<u8>> {
        let picture = self.get("screenshot")?;
        let picture = picture.as_str().context("a picture is sent as text")?;
        Ok(base64::engine::general_purpose::STANDARD.decode(picture)?)
    }

    fn keyboard(&self, strokes: Vec<Value>) -> anyhow::Result<()> {
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.post("actions", &actions).map(drop)
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        send(&self.http, ANSWER, &format!("{}/session/{}/{path}", self.base, self.session), None)
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}/session/{}/{path}", self.base, self.session);
        send(&self.http, ANSWER, &url, Some(body))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The driver only asks the program to close its window; a desk goes on
        // in the tray then.
        let _ended: Result<(), _> = child::kill(self.app);
    }
}

/// Runs in the page: asks at every change and, for what changes without one
/// (a value, the focus, the size), now and then.
const UNTIL: &str = r"
const [limit, args, done] = arguments;
const condition = (...args) => { CONDITION };
let over = false;
const finish = (value, fault) => {
  if (over) return;
  over = true;
  watch.disconnect();
  clearInterval(tick);
  clearTimeout(end);
  done({ value: value ?? null, fault: fault ?? null });
};
const look = () => {
  try {
    const value = condition(...args);
    if (value) finish(value);
  } catch (fault) { finish(null, String(fault)); }
};
const watch = new MutationObserver(look);
const tick = setInterval(look, 50);
const end = setTimeout(() => finish(null), limit);
watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
look();
";

fn send(
    http: &ureq::Agent,
    limit: Duration,
    url: &str,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    let answer = match body {
        Some(body) => http
            .post(url)
            .config()
            .timeout_global(Some(limit))
            .build()
            .content_type("application/json")
            .send(body.to_string()),
        None => http.get(url).config().timeout_global(Some(limit)).build().call(),
    };
    let mut answer = answer.with_context(|| format!("WebDriver did not answer {url}"))?;
    let text = answer
        .body_mut()
        .with_config()
        .limit(256 * 1024 * 1024)
        .read_to_string()
        .context("WebDriver's answer broke off")?;
    let mut parsed: Value = serde_json::from_str(&text).context("WebDriver answers in JSON")?;
    let value = parsed["value"].take();
    if answer.status().is_success() {
        return Ok(value);
    }
    let word = value["error"].as_str().unwrap_or("error").to_owned();
    let message = value["message"].as_str().unwrap_or_default();
    Err(anyhow!("WebDriver: {word}: {message}"))
}

fn free_port() -> anyhow::Result<u16> {
    let probe = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(probe.local_addr()?.port())
}

/// The code point that WebDriver uses for a named key.
fn key(name: &str) -> anyhow::Result<String> {
    let point = match name {
        "Backspace" => '\u{E003}',
        "Tab" => '\u{E004}',
        "Enter" => '\u{E007}',
        "Shift" => '\u{E008}',
        "Control" => '\u{E009}',
        "Alt" => '\u{E00A}',
        "Escape" => '\u{E00C}',
        "Space" => ' ',
        "End" => '\u{E010}',
        "Home" => '\u{E011}',
        "ArrowLeft" => '\u{E012}',
        "ArrowUp" => '\u{E013}',
        "ArrowRight" => '\u{E014}',
        "ArrowDown" => '\u{E015}',
        "Delete" => '\u{E017}',
        single if single.chars().count() == 1 => return Ok(single.to_owned()),
        unknown => bail!("no key is named {unknown}"),
    };
    Ok(point.to_string())
}
