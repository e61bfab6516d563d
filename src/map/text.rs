//! Map class `text`: a flat file, a line an entry, columns by number.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use crate::base::is_full_path;
use crate::dbfile::DbError;

use super::answer::{Lookup, Outcome, Scope};
use super::errno_text;
use super::fault::Faults;
use super::file::{FileFault, Live};
use super::kline::{KLine, leading_number};
use super::registry::{Ask, Backend, Maps, OpenState, Opened, Opening};

/// A text map is kept in memory whole.
const FILE_BYTES_MAX: usize = 256 << 20;

/// A longer line is cut here and goes on as another.
// sendmail: MAXLINE.
const LINE_BYTES_MAX: usize = 2047;

/// Which column.
type Column = usize;

/// The file, and where the line of each key is.
pub(super) struct TextFile {
    bytes: Vec<u8>,
    /// By column of keys: the first line of each key, folded.
    index: std::sync::OnceLock<HashMap<BString, (usize, usize)>>,
}

/// A map in a text file.
struct TextMap {
    name: BString,
    line: KLine,
    columns: Result<(Column, Column), String>,
    file: Arc<Live<TextFile>>,
    faults: Faults,
}

/// Opens a `text` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let line = opening.line();
    if line.file.is_empty() {
        opening.no_file();
        return Some(Opened::unusable(line.common));
    }
    let name = &opening.definition.name;
    let number = |flag: char, column: &Option<BString>| match column {
        None => Ok(0),
        // sendmail: what follows the digits is passed over.
        Some(text) if text.first().is_some_and(u8::is_ascii_digit) => {
            Ok(usize::try_from(leading_number(text)).unwrap_or(usize::MAX))
        }
        Some(text) => {
            let file = &line.file;
            Err(format!(
                "text map \"{name}\", file {file}: -{flag} should specify a number, not {text}"
            ))
        }
    };
    let columns = if is_full_path(&line.file) {
        number('k', &line.key_column).and_then(|key| Ok((key, number('v', &line.value_column)?)))
    } else {
        Err(format!(
            "text map \"{name}\": file name must be fully qualified"
        ))
    };
    let file = Live::new(
        PathBuf::from(line.file.to_os_str_lossy().into_owned()),
        opening.settings.strict_directories,
        opening.world,
        |file| {
            Ok(TextFile {
                bytes: file.read_all(FILE_BYTES_MAX)?,
                index: std::sync::OnceLock::new(),
            })
        },
    );
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(TextMap {
            name: name.clone(),
            line,
            columns,
            file: Arc::new(file),
            faults: Faults::default(),
        }),
    })
}

impl TextFile {
    /// The lines that are no comments.
    fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < self.bytes.len() {
                let rest = &self.bytes[at..];
                let line = match memchr::memchr(b'\n', &rest[..rest.len().min(LINE_BYTES_MAX)]) {
                    Some(end) => &rest[..=end],
                    None => &rest[..rest.len().min(LINE_BYTES_MAX)],
                };
                let begin = at;
                at += line.len();
                if !line.starts_with(b"#") {
                    return Some((begin, line.strip_suffix(b"\n").unwrap_or(line)));
                }
            }
            None
        })
    }

    /// The line whose column `column` is `key`, whatever the case.
    fn find(&self, key: &[u8], column: Column, delimiter: Option<u8>) -> Option<&BStr> {
        let index = self.index.get_or_init(|| {
            let mut index = HashMap::new();
            for (begin, line) in self.lines() {
                if let Some(key) = self::column(line, column, delimiter) {
                    index
                        .entry(key.to_ascii_lowercase().into())
                        .or_insert((begin, line.len()));
                }
            }
            index
        });
        let key = key.to_ascii_lowercase();
        let (begin, length) = *index.get(key.as_bstr())?;
        Some(self.bytes[begin..begin + length].as_bstr())
    }
}

/// One column of a line: cut at each delimiter, or at runs of white space.
// sendmail: a line that begins with white space has an empty column 0 before
// its column 1; only whoever asks for column 0 gets its first word.
fn column(line: &[u8], column: Column, delimiter: Option<u8>) -> Option<&[u8]> {
    let mut rest = match (column, delimiter) {
        (0, None) => line.trim_start(),
        _ => line,
    };
    for _ in 0..column {
        let end = match delimiter {
            Some(delimiter) => memchr::memchr(delimiter, rest)?,
            None => rest.find_byteset(b" \t\r\x0b\x0c")?,
        };
        rest = &rest[end + 1..];
        if delimiter.is_none() {
            rest = rest.trim_start();
        }
    }
    let end = match delimiter {
        Some(delimiter) => memchr::memchr(delimiter, rest),
        None => rest.find_byteset(b" \t\r\x0b\x0c"),
    };
    Some(&rest[..end.unwrap_or(rest.len())])
}

impl TextMap {
    /// What the reference says of a fault.
    fn complaint(&self, fault: &FileFault) -> String {
        let (name, path) = (&self.name, self.file.path().display());
        match fault {
            FileFault::Missing(_) | FileFault::Unsafe(_) => {
                format!("text map \"{name}\": unsafe map file {path}")
            }
            FileFault::Bad(DbError::Io(error)) => {
                format!("text map \"{name}\": {path}: {}", errno_text(error))
            }
            fault => format!("text map \"{name}\": {path}: {fault}"),
        }
    }
}

impl Backend for TextMap {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let Ok((key_column, value_column)) = self.columns else {
            return Lookup::Ready(Outcome::TempFail);
        };
        let delimiter = self.line.delimiter;
        let found = self.file.ask(&*maps.world().clock, |file| {
            let line = file.find(ask.key, key_column, delimiter);
            Ok(line
                .and_then(|line| column(line, value_column, delimiter))
                .map(|value| self.line.common.result(ask, value.to_vec())))
        });
        Lookup::Ready(match found {
            Ok(Some(value)) => Outcome::Found(value),
            Ok(None) => Outcome::NO_HOST,
            Err(_) if self.line.common.optional => Outcome::ABSENT,
            Err(fault) => {
                self.faults.tell(maps.world(), &self.complaint(&fault));
                Outcome::TempFail
            }
        })
    }

    fn open_state(&self, maps: &Maps) -> OpenState {
        if let Err(message) = &self.columns {
            return OpenState::Faulty(message.clone());
        }
        match self.file.ask(&*maps.world().clock, |_| Ok(())) {
            Ok(()) => OpenState::Open,
            Err(_) if self.line.common.optional => OpenState::NotOpen,
            Err(fault) => OpenState::Faulty(self.complaint(&fault)),
        }
    }
}

impl TextFile {
    /// Reads a file as it is.
    #[cfg(test)]
    fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            index: std::sync::OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_as_the_reference_counts() {
        let file = TextFile::of(
            b"# c\nkey value1  more\nKey2\tValue2\n  lead x\nonly\nkey second\n#hash v\n",
        );
        let ask = |key: &str, key_column, value_column| {
            file.find(key.as_bytes(), key_column, None)
                .and_then(|line| column(line, value_column, None))
                .map(|value| value.to_str_lossy().into_owned())
        };
        assert_eq!(ask("key", 0, 0).as_deref(), Some("key"));
        assert_eq!(ask("KEY", 0, 1).as_deref(), Some("value1"));
        assert_eq!(ask("key2", 0, 1).as_deref(), Some("Value2"));
        assert_eq!(ask("lead", 0, 1).as_deref(), Some("lead"));
        assert_eq!(ask("only", 0, 1), None);
        assert_eq!(ask("#hash", 0, 1), None);
        let file = TextFile::of(b"a:b:c\nd:e\nx::y\nsp ace:val ue \n");
        let ask = |key: &str, value_column| {
            file.find(key.as_bytes(), 0, Some(b':'))
                .and_then(|line| column(line, value_column, Some(b':')))
                .map(|value| value.to_str_lossy().into_owned())
        };
        assert_eq!(ask("a", 2).as_deref(), Some("c"));
        assert_eq!(ask("x", 1).as_deref(), Some(""));
        assert_eq!(ask("d", 2), None);
        assert_eq!(ask("SP ACE", 1).as_deref(), Some("val ue "));
    }
}
