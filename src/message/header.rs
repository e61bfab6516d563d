//! The header of a message: its fields in order, each as it came.

use bstr::{BStr, BString, ByteSlice};

/// One header field (RFC 5322, section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, as written, without the colon.
    pub name: BString,
    /// What follows the colon, leading space included; continuation lines
    /// are joined by a single LF and keep their white space.
    pub value: BString,
    /// Mailer flags of which the delivering mailer must have one, as in
    /// `H?D?Date: $a`; empty for a field that is always sent.
    pub flags: BString,
    /// Whether `value` still holds macros (a field that the configuration
    /// gave, expanded for each delivery).
    pub is_template: bool,
}

impl Field {
    /// A field as it came in a message.
    pub fn new(name: impl Into<BString>, value: impl Into<BString>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            flags: BString::default(),
            is_template: false,
        }
    }

    /// Whether this is the field `name`, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value without surrounding white space.
    pub fn text(&self) -> &BStr {
        self.value.trim().as_bstr()
    }
}

/// All fields of a message, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    fields: Vec<Field>,
}

impl Header {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields, first to last.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The fields, to change them in place.
    pub fn fields_mut(&mut self) -> &mut Vec<Field> {
        &mut self.fields
    }

    /// Appends a field.
    pub fn push(&mut self, field: Field) {
        self.fields.push(field);
    }

    /// The first field of this name, in any case.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.is(name))
    }

    /// Every field of this name, in any case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(move |f| f.is(name))
    }
}

impl FromIterator<Field> for Header {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self {
            fields: fields.into_iter().collect(),
        }
    }
}
