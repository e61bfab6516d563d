//! What can be told of a run while it happens.

use bstr::BStr;

use super::program::{Program, RuleId, RulesetId};
use super::scan::SyntaxFault;
use super::view::View;

/// Something that happened in a run.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A ruleset begins with this workspace.
    Input {
        /// The ruleset.
        ruleset: RulesetId,
        /// Its input.
        workspace: View<'a>,
    },
    /// A ruleset ends with this workspace.
    Returns {
        /// The ruleset.
        ruleset: RulesetId,
        /// Its result.
        workspace: View<'a>,
    },
    /// A ruleset that is called has no rules; it is left out.
    Skip(RulesetId),
    /// A ruleset ends without a result, because of a fault that was told; its
    /// workspace is as it was.
    GivenUp(RulesetId),
    /// A left side is tried.
    Try(RuleId),
    /// It does not match.
    Fails(RuleId),
    /// It matches; the right side is about to be built.
    Matches(RuleId),
    /// The workspace after a rule.
    Rewritten {
        /// The rule.
        rule: RuleId,
        /// What it made.
        workspace: View<'a>,
    },
    /// `$n` is put in.
    Argument {
        /// n, from 1.
        number: u8,
        /// The tokens it stands for.
        tokens: View<'a>,
    },
    /// `$&x` is asked for.
    Macro {
        /// On the right side.
        right: bool,
        /// Its name.
        name: &'a BStr,
        /// Its value, unexpanded.
        value: Option<&'a BStr>,
    },
    /// A token of the value of `$&x`; `None` after the last.
    MacroToken(Option<&'a BStr>),
    /// The matcher looks at this pattern and this token.
    Advance {
        /// The pattern; empty at the end.
        pattern: &'a BStr,
        /// The token, if any.
        token: Option<&'a BStr>,
    },
    /// The matcher goes back to this pattern.
    Backup {
        /// The pattern.
        pattern: &'a BStr,
        /// The token, if any.
        token: Option<&'a BStr>,
    },
    /// A phrase that is not in a class yet grows.
    Extend {
        /// The pattern.
        pattern: &'a BStr,
        /// The token, if any.
        token: Option<&'a BStr>,
    },
    /// A phrase is in its class.
    ClassMatch,
    /// A map is about to be asked.
    Lookup {
        /// Its name.
        map: &'a BStr,
        /// The key.
        key: View<'a>,
    },
    /// What it answered; `None` when it found nothing.
    Answer {
        /// Its name.
        map: &'a BStr,
        /// The value.
        value: Option<&'a BStr>,
        /// Whether it should be asked again later.
        temporary: bool,
    },
    /// Bad syntax in the answer of a map or the value of a macro.
    Syntax {
        /// The text.
        text: &'a BStr,
        /// What is wrong.
        fault: SyntaxFault,
    },
    /// Something is wrong with the configuration, in the reference's words.
    Fault {
        /// The message.
        message: &'a str,
        /// The workspace, where the reference shows it.
        workspace: View<'a>,
    },
}

/// Takes in the events of a run. [`NoTrace`] costs nothing.
pub trait Trace {
    /// Whether events are wanted at all.
    const ON: bool = true;

    /// Whether the attempts at rules are wanted ([`Event::Try`],
    /// [`Event::Fails`], and the macros in left sides).
    fn rules(&self) -> bool {
        Self::ON
    }

    /// Whether every step of the matcher is wanted.
    fn steps(&self) -> bool {
        false
    }

    /// Takes in one event.
    fn event(&mut self, program: &Program, event: Event<'_>);
}

/// Takes in nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    const ON: bool = false;

    fn event(&mut self, _program: &Program, _event: Event<'_>) {}
}

impl<T: Trace> Trace for &mut T {
    const ON: bool = T::ON;

    fn rules(&self) -> bool {
        (**self).rules()
    }

    fn steps(&self) -> bool {
        (**self).steps()
    }

    fn event(&mut self, program: &Program, event: Event<'_>) {
        (**self).event(program, event);
    }
}
