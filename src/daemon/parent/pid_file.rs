//! The pid file: process id, then the command line, as the reference writes
//! it and scripts read it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use bstr::{BStr, ByteSlice};

use crate::cf::{Opt, Options};

/// A pid file that is removed when its process ends in good order.
pub(super) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes it beside itself and renames it, so that no reader sees half.
    pub(super) fn write(options: &Options, command_line: &BStr) -> io::Result<Self> {
        let path = options.text(Opt::PidFile).to_path_lossy().into_owned();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut aside = path.clone().into_os_string();
        aside.push(".new");
        let _ = fs::remove_file(&aside);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&aside)?;
        writeln!(file, "{}", std::process::id())?;
        file.write_all(command_line)?;
        file.write_all(b"\n")?;
        fs::rename(&aside, &path)?;
        Ok(Self { path })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another daemon may have taken the name over meanwhile.
        let ours = format!("{}\n", std::process::id());
        if fs::read(&self.path).is_ok_and(|text| text.starts_with(ours.as_bytes())) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
