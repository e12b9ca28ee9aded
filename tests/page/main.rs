//! The page of the admin server in a real browser, against a running demonstration.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

mod browser;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::Engine as _;
use browser::Browser;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A demonstration in which a target dies and comes back. It ends with this.
struct Demo {
    process: Child,
    /// Where its page is.
    page: String,
}

impl Demo {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tmc-syncer"))
            .args(["demo", "--chaos", "--seed", "3", "--for", "60s"])
            .args(["--admin-address", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let page = lines
            .find_map(|line| {
                let line = line.unwrap();
                let start = line.find("http://")?;
                Some(line.get(start..)?.trim().to_owned())
            })
            .expect("the demonstration says where its page is");
        thread::spawn(move || lines.for_each(drop));
        Self { process, page }
    }
}

impl Drop for Demo {
    /// Not by SIGKILL: its servers and its syncer end with it when it is told to end.
    fn drop(&mut self) {
        if let Some(process) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(process, Signal::TERM);
        }
        let _ = self.process.wait();
    }
}

const HEALTH: &str =
    "[...document.querySelectorAll('#target-rows tr[data-target]')].map((row) => row.cells[1].textContent)";

/// The 99th hundredth of each target's lag.
const LAGS: &str =
    "[...document.querySelectorAll('#target-rows tr[data-target]')].map((row) => row.cells[12].textContent)";

/// The relative luminance contrast between an element's ink and its paper, as WCAG has it.
const CONTRAST: &str = "(() => {
  const parts = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = (color) => { const [r, g, b] = parts(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const worst = [...document.querySelectorAll('td, th, summary span, .leaf span, p, h1, h2')].map((element) => {
    const ink = light(getComputedStyle(element).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  });
  return Math.min(...worst);
})()";

#[test]
fn it_shows_a_target_dying_and_coming_back() {
    let demo = Demo::start();
    let mut browser = Browser::open(&demo.page);

    browser.until(&format!("{HEALTH}.length === 3"), Duration::from_secs(30));
    browser.until(
        "document.querySelectorAll('#tree .kind').length > 10",
        Duration::from_secs(10),
    );
    let kinds =
        browser.value("[...new Set([...document.querySelectorAll('#tree .kind')].map((kind) => kind.textContent))]");
    for kind in ["Supervisor", "Upstream", "Target", "Watcher", "StatusPropagator"] {
        assert!(kinds.as_array().unwrap().contains(&json!(kind)), "{kinds}");
    }
    browser.until(
        "document.querySelectorAll('#latency-rows tr').length > 1",
        Duration::from_secs(20),
    );

    readable_in_light_and_dark(&mut browser);
    usable_by_keyboard(&mut browser);
    fits_every_screen(&mut browser);
    browser.until(
        &format!("{LAGS}.some((lag) => /ms|s/.test(lag))"),
        Duration::from_secs(30),
    );

    browser.until(&format!("{HEALTH}.includes('unreachable')"), Duration::from_mins(1));
    browser.until(
        "/Unreachable: /.test(document.getElementById('summary').textContent)",
        Duration::from_secs(10),
    );
    browser.until(
        "/DriftReverted/.test(document.getElementById('recent-rows').textContent)",
        Duration::from_secs(20),
    );
    verdicts_have_both_sides_and_no_secret(&mut browser, &demo.page);
    keep_a_picture(&mut browser);
    browser.until(
        &format!("{HEALTH}.length === 3 && {HEALTH}.every((health) => health === 'reachable')"),
        Duration::from_mins(1),
    );

    nothing_from_elsewhere_and_no_complaint(&browser.told, &demo.page);
}

fn readable_in_light_and_dark(browser: &mut Browser) {
    for scheme in ["light", "dark"] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.ask("Emulation.setEmulatedMedia", &media);
        let contrast = browser.value(CONTRAST).as_f64().unwrap();
        assert!(contrast >= 4.5, "{scheme}: contrast {contrast}");
    }
}

/// From the top: the link that skips, the button, then the tree; a branch folds by key, and stays so at the next look.
fn usable_by_keyboard(browser: &mut Browser) {
    const TAB: u32 = 9;
    let mut seen = Vec::new();
    for _ in 0..4 {
        browser.press("Tab", TAB);
        let place = browser
            .value("document.activeElement.className || document.activeElement.id || document.activeElement.tagName");
        seen.push(place.as_str().unwrap().to_owned());
    }
    assert_eq!(seen.first().unwrap(), "skip", "{seen:?}");
    assert!(seen.contains(&"pause".to_owned()), "{seen:?}");
    browser.value("document.querySelector('#tree summary').focus()");
    let open = "document.querySelector('#tree details').open";
    assert_eq!(browser.value(open), true);
    browser.ask(
        "Input.dispatchKeyEvent",
        &json!({"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}),
    );
    browser.until(&format!("!{open}"), Duration::from_secs(5));
    browser.value("window.marked = document.querySelector('#tree details'); true");
    browser.until(
        "document.querySelector('#tree details') !== window.marked",
        Duration::from_secs(10),
    );
    assert_eq!(browser.value(open), false, "a new look keeps what was folded");
    let focused = browser.value("document.activeElement === document.querySelector('#tree summary')");
    assert_eq!(focused, true, "a new look keeps the place of the keyboard");
}

/// On a telephone, on half a screen and on a whole one nothing but the tables themselves moves sideways, and with room not even those.
fn fits_every_screen(browser: &mut Browser) {
    for (width, height, is_mobile) in [(360, 740, true), (800, 900, false), (1440, 900, false)] {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile});
        browser.ask("Emulation.setDeviceMetricsOverride", &size);
        browser.until(
            "document.documentElement.scrollWidth <= window.innerWidth",
            Duration::from_secs(5),
        );
        let reachable =
            browser.value("[...document.querySelectorAll('.wide')].every((region) => region.tabIndex === 0)");
        assert_eq!(reachable, true, "what moves sideways can be moved by keyboard");
    }
    browser.until(
        "[...document.querySelectorAll('.wide')].every((region) => region.scrollWidth <= region.clientWidth)",
        Duration::from_secs(5),
    );
    browser.ask("Emulation.clearDeviceMetricsOverride", &json!({}));
}

/// Somebody pulled at an object on a target: the page says which field, what both sides had, who wrote it and who won.
fn verdicts_have_both_sides_and_no_secret(browser: &mut Browser, page: &str) {
    // The demonstration kills its syncer now and then, and with it goes what was decided before: one look has to have both.
    let look = format!(
        "Promise.all([
           fetch('{page}debug/verdicts').then((answer) => answer.json()).catch(() => []),
           [...document.querySelectorAll('#verdict-rows tr')].filter((row) => row.cells.length === 9).map((row) => row.textContent),
         ]).then(([told, shown]) => ({{ told, shown }}))"
    );
    let end = Instant::now() + Duration::from_secs(30);
    let told = loop {
        let seen = browser.value(&look);
        let (told, shown) = (seen["told"].as_array().unwrap(), seen["shown"].as_array().unwrap());
        let by_somebody = shown.iter().any(|row| row.as_str().unwrap().contains("by "));
        if !told.is_empty() && by_somebody {
            break told.clone();
        }
        assert!(Instant::now() < end, "no verdict, or nobody named: {seen}");
        thread::sleep(Duration::from_millis(200));
    };
    for verdict in &told {
        assert!(
            verdict["path"].is_string() && verdict["winner"].is_string() && verdict["why"].is_string(),
            "{verdict}"
        );
    }
    for verdict in told.iter().filter(|verdict| verdict["resource"] == "secrets") {
        for side in ["upstream", "downstream"] {
            let value = verdict[side]["value"].as_str().unwrap_or("#");
            assert!(value.starts_with('#'), "{verdict}");
        }
    }
}

/// Kept beside the build, and where `PAGE_PICTURE` says, for people: docs/page.png is one of these. Light, and dark where
/// `PAGE_PICTURE_DARK` says.
fn keep_a_picture(browser: &mut Browser) {
    browser.value("document.querySelector('#tree details').open = true");
    browser.value("document.activeElement.blur(); window.scrollTo(0, 0)");
    let size = json!({"width": 1280, "height": 960, "deviceScaleFactor": 1, "mobile": false});
    browser.ask("Emulation.setDeviceMetricsOverride", &size);
    for (scheme, file) in [("dark", "PAGE_PICTURE_DARK"), ("light", "PAGE_PICTURE")] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.ask("Emulation.setEmulatedMedia", &media);
        let picture = browser.ask("Page.captureScreenshot", &json!({"format": "png"}));
        let bytes = picture["data"].as_str().unwrap();
        assert!(bytes.len() > 10_000, "a picture of something");
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(folder.join("page.png.base64"), bytes).unwrap();
        if let Some(file) = std::env::var_os(file) {
            std::fs::write(file, base64::engine::general_purpose::STANDARD.decode(bytes).unwrap()).unwrap();
        }
    }
}

fn nothing_from_elsewhere_and_no_complaint(told: &[Value], page: &str) {
    let asked: Vec<_> = told
        .iter()
        .filter(|event| event["method"] == "Network.requestWillBeSent")
        .filter_map(|event| event["params"]["request"]["url"].as_str())
        .collect();
    assert!(asked.len() > 10, "{asked:?}");
    for url in asked {
        assert!(url.starts_with(page) || url.starts_with("data:"), "{url}");
    }
    let complaints: Vec<_> = told
        .iter()
        .filter(|event| {
            event["method"] == "Runtime.exceptionThrown"
                || (event["method"] == "Log.entryAdded" && event["params"]["entry"]["source"] == "security")
        })
        .collect();
    assert_eq!(complaints, Vec::<&Value>::new());
}
