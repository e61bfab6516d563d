//! Unpacks archives of `tests/data`: recorded answers of the reference.
//!
//! `tar -xf` unpacks it as well. The form is plain ustar with short names.

use std::fs;
use std::io::{BufReader, Cursor};
use std::path::Path;

const BLOCK: usize = 512;

/// Unpacks everything of the archive `name` under `folder`.
pub(crate) fn unpack(name: &str, folder: &Path) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    let packed = fs::read(file).unwrap();
    let mut tar = Vec::new();
    lzma_rs::xz_decompress(&mut BufReader::new(Cursor::new(packed)), &mut tar).unwrap();
    let mut at = 0;
    while at + BLOCK <= tar.len() && tar[at] != 0 {
        let head = &tar[at..at + BLOCK];
        let name = text(&head[..100]);
        let size = usize::from_str_radix(text(&head[124..136]).trim(), 8).unwrap();
        let path = folder.join(name.trim_start_matches("conformance/"));
        at += BLOCK;
        match head[156] {
            b'5' => fs::create_dir_all(&path).unwrap(),
            b'0' | 0 => fs::write(&path, &tar[at..at + size]).unwrap(),
            kind => panic!("{name}: a kind of file that is not expected: {kind}"),
        }
        at += size.div_ceil(BLOCK) * BLOCK;
    }
}

fn text(field: &[u8]) -> &str {
    let end = field.iter().position(|&byte| byte == 0);
    std::str::from_utf8(&field[..end.unwrap_or(field.len())]).unwrap()
}
