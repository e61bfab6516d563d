//! A look at tokens: a workspace or a part of one.

use bstr::{BStr, BString, ByteSlice};

use super::program::Program;
use super::symbol::{Token, meta};
use super::workspace::{join, show};

/// Tokens of a machine, as text.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) program: &'a Program,
    pub(super) bytes: &'a [u8],
    pub(super) tokens: &'a [Token],
}

impl<'a> View<'a> {
    /// How many tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The tokens, operators as they are written (`$#`).
    pub fn tokens(&self) -> impl Iterator<Item = &'a BStr> + use<'a> {
        let view = *self;
        self.tokens.iter().map(move |token| view.one(*token))
    }

    /// The tokens, and of each whether it is an operator (`$|` can be typed,
    /// too).
    pub fn marked(&self) -> impl Iterator<Item = (&'a BStr, bool)> + use<'a> {
        let view = *self;
        let marked = move |token: &Token| (view.one(*token), token.is_operator());
        self.tokens.iter().map(marked)
    }

    /// The tokens as one text; between two words that meet stands the
    /// character of option BlankSub.
    pub fn text(&self) -> BString {
        self.text_with(self.program.space)
    }

    /// The same with another character between words.
    pub fn text_with(&self, space: u8) -> BString {
        let mut out = Vec::with_capacity(self.tokens.len() * 6);
        join(
            self.marked()
                .map(|(text, operator)| (text.as_ref(), operator)),
            &self.program.table,
            space,
            &mut out,
        );
        out.into()
    }

    /// The tokens as the reference shows them: each after a blank.
    pub fn show(&self, out: &mut BString) {
        for token in self.tokens {
            let text = self.one(*token);
            out.push(b' ');
            if token.plain {
                out.extend_from_slice(text);
            } else {
                show(text, out);
            }
        }
    }

    /// Whether it begins with `$#`: a mailer was found.
    pub fn is_resolved(&self) -> bool {
        self.tokens.first().is_some_and(|token| token.is(meta::NET))
    }

    /// What `$#mailer $@ host $: user` says, when it begins with `$#`.
    pub fn triple(&self) -> Option<Triple<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        if !first.is(meta::NET) {
            return None;
        }
        let user = rest.iter().position(|token| token.is(meta::USER));
        let head = &rest[..user.unwrap_or(rest.len())];
        let host = head.iter().position(|token| token.is(meta::HOST));
        let part = |tokens: &'a [Token]| View { tokens, ..*self };
        Some(Triple {
            mailer: part(&head[..host.unwrap_or(head.len())]),
            host: host.map(|at| part(&head[at + 1..])),
            user: user.map(|at| part(&rest[at + 1..])),
        })
    }

    pub(super) fn one(&self, token: Token) -> &'a BStr {
        self.program.symbols.text(token, self.bytes).as_bstr()
    }
}

/// The parts of `$#mailer $@ host $: user`.
#[derive(Clone, Copy)]
pub struct Triple<'a> {
    /// What stands after `$#`.
    pub mailer: View<'a>,
    /// What stands after `$@`; `None` without.
    pub host: Option<View<'a>>,
    /// What stands after `$:`; `None` without.
    pub user: Option<View<'a>>,
}
