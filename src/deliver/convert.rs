//! 8-bit text on its way to a next hop that may not take it, and 7-bit text
//! on its way to one that likes 8 bits better (mailer flags `7`, `8`, `9`,
//! option EightBitMode; RFC 6152, section 3).

use std::os::unix::fs::FileExt;

use bstr::{BString, ByteSlice, ByteVec};
use bytes::Bytes;

use crate::cf::{MailerDef, Opt};
use crate::message::{Header, block, mime};
use crate::queue::{Body, Message};
use crate::route::Site;
use crate::smtp::BodyType;

/// A larger body goes as it is: it is converted in memory.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// A message as it goes to a mailer.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The header with the empty line that ends it.
    pub(super) header: Bytes,
    /// The body.
    pub(super) body: Body,
}

/// What may be done to the text of one message for one mailer.
pub(super) struct Conversion<'a> {
    site: &'a Site,
    message: &'a Message,
    /// It has 8-bit text that counts as declared.
    is_eight_bit: bool,
    /// Mailer flags `7`, `8`, `9`.
    strips: bool,
    takes_eight: bool,
    decodes: bool,
    /// The header says nothing of MIME, and option EightBitMode wants it to.
    lacks_mime: bool,
    /// EightBitMode=mimefy
    declares: bool,
}

impl<'a> Conversion<'a> {
    /// For a message and a mailer.
    pub(super) fn new(site: &'a Site, mailer: &MailerDef, message: &'a Message) -> Self {
        let envelope = &message.envelope;
        let declared = envelope.body_type == Some(BodyType::EightBitMime);
        let is_mime = message.header.get("MIME-Version").is_some();
        let declares = site.config.options.choice(Opt::EightBitMode) == "mimefy";
        // sendmail: what is neither declared nor MIME is just sent.
        let is_eight_bit = envelope.has_8bit && (declared || is_mime || declares);
        Self {
            site,
            message,
            is_eight_bit,
            strips: mailer.flags.has(b'7'),
            takes_eight: mailer.flags.has(b'8'),
            decodes: mailer.flags.has(b'9'),
            lacks_mime: is_eight_bit && declares && !is_mime,
            declares,
        }
    }

    /// What `BODY=` says to a server that offers 8BITMIME.
    pub(super) fn body_type(&self) -> Option<BodyType> {
        let envelope = &self.message.envelope;
        let declared = (self.is_eight_bit && self.declares).then_some(BodyType::EightBitMime);
        envelope.body_type.or(declared)
    }

    /// The text for a next hop that takes 8 bits, or for a mailer of this
    /// machine.
    pub(super) fn usual(&self, text: Text) -> Text {
        if self.strips {
            return self.stripped(text);
        }
        if self.lacks_mime && !self.takes_eight {
            return self.labelled(text);
        }
        if self.decodes && !self.is_eight_bit {
            return self.changed(&text, |header, body| {
                mime::to_eight_bit(header, body, &self.by())
            });
        }
        text
    }

    /// The text for a server without 8BITMIME, when that is another.
    pub(super) fn seven_bit(&self, text: &Text) -> Option<Text> {
        let changes = self.is_eight_bit && !self.takes_eight && !self.strips;
        changes.then(|| self.converted(text))
    }

    /// Flag `7`: not a byte above 127.
    fn stripped(&self, text: Text) -> Text {
        if !self.message.envelope.has_8bit {
            return text;
        }
        if self.is_eight_bit {
            return self.converted(&text);
        }
        self.changed(&text, |_, body| {
            Some(body.iter().map(|byte| byte & 0x7f).collect())
        })
    }

    fn converted(&self, text: &Text) -> Text {
        let of_class = |class: &[u8], word: &[u8], usual: bool| {
            let class = self.site.program.class(class);
            class.map_or(usual, |class| class.contains(word))
        };
        let charset = self.site.config.options.text(Opt::DefaultCharSet);
        let by = self.by();
        let rules = mime::Rules {
            is_untouched: &|kind| of_class(b"n", kind, kind == b"multipart/signed"),
            is_never_base64: &|kind| {
                let main = kind.split_once_str("/").map_or(kind, |(main, _)| main);
                of_class(b"q", kind, false) || of_class(b"q", main, false)
            },
            charset,
            by: &by,
        };
        self.changed(text, |header, body| {
            mime::to_seven_bit(header, body, &rules)
        })
    }

    /// 8-bit text that says so.
    fn labelled(&self, text: Text) -> Text {
        let mut header: Vec<u8> = text.header.to_vec();
        if header.ends_with(b"\n\n") || header == b"\n" {
            header.pop();
        }
        let charset = self.site.config.options.text(Opt::DefaultCharSet);
        header.push_str("MIME-Version: 1.0\nContent-Type: text/plain; charset=");
        header.push_str(charset);
        header.push_str("\nContent-Transfer-Encoding: 8bit\n\n");
        Text {
            header: header.into(),
            body: text.body,
        }
    }

    /// A text with its body replaced; as it is, when that gives nothing.
    fn changed(
        &self,
        text: &Text,
        change: impl FnOnce(&mut Header, &[u8]) -> Option<Vec<u8>>,
    ) -> Text {
        let (head, _) = block::split(&text.header);
        let mut header = block::parse(head);
        let Some(body) = whole(&text.body) else {
            return text.clone();
        };
        match change(&mut header, &body) {
            Some(body) => Text {
                header: written(&header),
                body: Body::Memory(body.into()),
            },
            None => text.clone(),
        }
    }

    /// `mail.example.org id 6AM…`
    fn by(&self) -> BString {
        let host = self.site.macros.text(b"j");
        format!("{host} id {}", self.message.id).into()
    }
}

/// The whole body in memory, unless it is too large or cannot be read.
fn whole(body: &Body) -> Option<Bytes> {
    match body {
        Body::Memory(bytes) => Some(bytes.clone()),
        Body::File(file, len) if *len <= BODY_BYTES_MAX => {
            let mut bytes = vec![0; usize::try_from(*len).ok()?];
            file.read_exact_at(&mut bytes, 0).ok()?;
            Some(bytes.into())
        }
        Body::File(..) => None,
    }
}

/// A header as text, with the empty line at its end.
fn written(header: &Header) -> Bytes {
    let mut out = Vec::new();
    for field in header.fields() {
        out.extend_from_slice(&field.name);
        out.push(b':');
        out.extend_from_slice(&field.value);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.into()
}
