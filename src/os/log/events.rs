//! The events of the mail log as JSON, one a line, beside the log itself.
//!
//! They are written as long as the file is there: `NAME.json` beside a log
//! that is a file, `/var/log/maillog.json` beside the system's log. Who wants
//! them makes the file; who moves it away must make it anew.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bstr::ByteSlice;
use serde_json::{Map, Value};

use super::LogTarget;
use crate::base::logline::LogLine;
use crate::world::LogLevel;

/// How often it is looked whether the file is there.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where events go.
pub(super) struct Events {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    looked: Option<Instant>,
}

impl Events {
    /// Those of a log.
    pub(super) fn beside(target: &LogTarget) -> Self {
        let path = match target {
            LogTarget::File(path) => {
                let mut name = path.clone().into_os_string();
                name.push(".json");
                Some(name.into())
            }
            LogTarget::Socket(_) => Some("/var/log/maillog.json".into()),
            LogTarget::Stderr => None,
        };
        Self {
            path,
            state: Mutex::default(),
        }
    }

    /// Writes one, if somebody wants it. What cannot be written is lost: a
    /// full disk must not stop mail.
    pub(super) fn write(&self, host: &str, tag: &str, level: LogLevel, text: &[u8]) {
        let Some(path) = &self.path else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .looked
            .is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN_AFTER)
        {
            state.looked = Some(Instant::now());
            state.file = OpenOptions::new().append(true).open(path).ok();
        }
        if let Some(file) = &mut state.file {
            let _ = file.write_all(event(host, tag, level, text).as_bytes());
        }
    }
}

/// One line: time, host, tag, pid, priority, id, then the fields of the log
/// line under their own names; what is no field is `text`.
fn event(host: &str, tag: &str, level: LogLevel, text: &[u8]) -> String {
    let line = LogLine::parse(text);
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    let shown = |bytes: &[u8]| Value::from(bytes.to_str_lossy().into_owned());
    let now = jiff::Timestamp::now();
    set(
        "time",
        now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into(),
    );
    set("host", host.into());
    set("tag", tag.into());
    set("pid", std::process::id().into());
    set("priority", (level as u8).into());
    if let Some(id) = line.id {
        set("id", shown(id));
    }
    if !line.text.is_empty() {
        set("text", shown(line.text));
    }
    for (name, value) in &line.fields {
        set(&name.to_str_lossy(), shown(value));
    }
    format!("{}\n", Value::Object(object))
}
