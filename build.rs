//! Puts the m4 library and the files of a new site into the binary: a table of
//! names and contents for each folder, in order. And says what is linked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

const FOLDERS: [(&str, &str); 2] = [("TEMPLATES", "cf-templates"), ("ETC_MAIL", "etc-mail")];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    link_unwinder();
    let top = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut text = String::new();
    for (name, folder) in FOLDERS {
        println!("cargo:rerun-if-changed={folder}");
        let root = top.join(folder);
        let mut files = Vec::new();
        collect(&root, &mut files)?;
        files.sort();
        let doc = format!("/// Every file of `{folder}`: its name there, and its content.\n");
        text.push_str(&doc);
        let _ = writeln!(text, "pub(crate) const {name}: &[(&str, &[u8])] = &[");
        for file in files {
            let short = file.strip_prefix(&root).unwrap_or(&file);
            let _ = writeln!(text, "    ({short:?}, include_bytes!({file:?})),");
        }
        text.push_str("];\n");
    }
    fs::write(out.join("embedded.rs"), text)
}

/// Takes the unwinder of the C compiler into the binary where that is known to
/// work, so that no process has to load, relocate and initialize a library for
/// it at its start: a fifth of the start of a small one.
fn link_unwinder() {
    let target = env::var("TARGET").unwrap_or_default();
    if target != "x86_64-unknown-linux-gnu" || env::var("HOST") != Ok(target) {
        return;
    }
    let asked = Command::new("cc")
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    let Ok(answer) = asked else {
        return;
    };
    // Without a folder before it the file is not there.
    let path = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    let Some(folder) = path.parent().filter(|_| path.is_absolute()) else {
        return;
    };
    println!("cargo:rustc-link-search=native={}", folder.display());
    println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else if !hidden {
            files.push(entry.path());
        }
    }
    Ok(())
}
