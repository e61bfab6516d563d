//! Where text came from: compact inside the machine, [`LineOrigin`] outside.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use crate::base::Origin;

/// Where an output line came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineOrigin {
    /// The line of the outermost input file (the one given to
    /// [`super::M4::process_file`]) where the macro call stands that, through
    /// any number of expansions, inclusions and diversions, gave this line;
    /// or the line itself, when it stands there as it is. Text that was put
    /// aside with `m4wrap` belongs to the line that did so.
    pub asked: Origin,
    /// The line of the innermost included file where the text, or the call
    /// that expanded to it, stands. `None` when that is `asked` itself.
    pub written: Option<Origin>,
}

impl LineOrigin {
    /// The most precise place: `written`, or else `asked`.
    pub fn innermost(&self) -> &Origin {
        self.written.as_ref().unwrap_or(&self.asked)
    }
}

/// A file's number in [`Files`]; 0 is no file at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileId(pub(super) u32);

/// A line of a file. Line 0 means: nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: FileId,
    pub(super) line: u32,
}

/// Both places of a piece of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) asked: Place,
    pub(super) written: Place,
}

/// The names of all files that were read.
#[derive(Debug)]
pub(super) struct Files {
    names: Vec<(BString, Arc<str>)>,
}

impl Files {
    pub(super) fn new() -> Self {
        Self {
            names: vec![(BString::default(), Arc::from("<m4>"))],
        }
    }

    /// The number of a name; the same name has one number.
    pub(super) fn add(&mut self, name: &[u8]) -> FileId {
        let known = self.names.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            let shown = Arc::from(name.to_str_lossy().as_ref());
            self.names.push((BString::from(name), shown));
            self.names.len() - 1
        });
        FileId(u32::try_from(index).unwrap_or(0))
    }

    pub(super) fn name(&self, file: FileId) -> &BStr {
        self.names
            .get(file.0 as usize)
            .map_or(BStr::new(b""), |(name, _)| name.as_ref())
    }

    pub(super) fn origin(&self, place: Place) -> Origin {
        let shown = self.names.get(place.file.0 as usize);
        match shown {
            Some((_, shown)) => Origin::new(Arc::clone(shown), place.line),
            None => Origin::internal("m4"),
        }
    }

    pub(super) fn line_origin(&self, places: Places) -> LineOrigin {
        LineOrigin {
            asked: self.origin(places.asked),
            written: (places.written != places.asked).then(|| self.origin(places.written)),
        }
    }
}
