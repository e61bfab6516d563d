//! The builtin macros: one table, one row each.

mod arithmetic;
mod conditional;
mod define;
mod divert;
mod eval;
mod files;
mod float;
mod format;
mod inspect;
mod patterns;
mod system;
mod text;

pub(super) use patterns::PatternCache;

use super::call::Call;
use super::message::text;
use super::symbols::{Body, Definition};
use super::{M4, Stop};

/// What a builtin does: appends its expansion to the buffer.
type Run = for<'a, 'h> fn(&'a mut M4<'h>, &'a Call<'a>, &'a mut Vec<u8>) -> Result<(), Stop>;

/// What a builtin gives when it gets too few arguments.
#[derive(Clone, Copy)]
enum Few {
    Nothing,
    Zero,
    First,
}

/// One builtin.
struct Row {
    name: &'static str,
    run: Run,
    /// How many arguments it takes; no end means any number.
    least: usize,
    most: Option<usize>,
    few: Few,
    /// Known only with GNU's extensions.
    gnu: bool,
    /// Without a parenthesis it is only a word.
    blind: bool,
    /// An argument may be a builtin as a value; for all others that is empty.
    values: bool,
}

/// One of the builtins, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Builtin(u8);

const fn row(name: &'static str, least: usize, most: Option<usize>, run: Run) -> Row {
    Row {
        name,
        run,
        least,
        most,
        few: Few::Nothing,
        gnu: false,
        blind: true,
        values: false,
    }
}

impl Row {
    const fn gnu(self) -> Self {
        Self { gnu: true, ..self }
    }

    /// It works without a parenthesis.
    const fn bare(self) -> Self {
        Self {
            blind: false,
            ..self
        }
    }

    const fn values(self) -> Self {
        Self {
            values: true,
            ..self
        }
    }

    const fn few(self, few: Few) -> Self {
        Self { few, ..self }
    }
}

/// All of them.
const ROWS: &[Row] = &[
    row("__file__", 0, Some(0), inspect::file).gnu().bare(),
    row("__line__", 0, Some(0), inspect::line).gnu().bare(),
    row("__program__", 0, Some(0), inspect::program)
        .gnu()
        .bare(),
    row("builtin", 1, None, define::builtin).gnu().values(),
    row("changecom", 0, Some(2), define::changecom).bare(),
    row("changequote", 0, Some(2), define::changequote).bare(),
    row("debugfile", 0, Some(1), inspect::debugfile)
        .gnu()
        .bare(),
    row("debugmode", 0, Some(1), inspect::debugmode)
        .gnu()
        .bare(),
    row("decr", 1, Some(1), arithmetic::decr),
    row("define", 1, Some(2), define::define).values(),
    row("defn", 1, None, define::defn),
    row("divert", 0, Some(1), divert::divert).bare(),
    row("divnum", 0, Some(0), divert::divnum).bare(),
    row("dnl", 0, Some(0), text::dnl).bare(),
    row("dumpdef", 0, None, inspect::dumpdef).bare(),
    row("errprint", 1, None, system::errprint),
    row("esyscmd", 1, Some(1), system::esyscmd).gnu(),
    row("eval", 1, Some(3), arithmetic::eval),
    row("format", 1, None, format::format).gnu(),
    row("ifdef", 2, Some(3), conditional::ifdef),
    row("ifelse", 1, None, conditional::ifelse),
    row("include", 1, Some(1), files::include),
    row("incr", 1, Some(1), arithmetic::incr),
    row("index", 2, Some(2), text::index).few(Few::Zero),
    row("indir", 1, None, define::indir).gnu().values(),
    row("len", 1, Some(1), text::len),
    row("m4exit", 0, Some(1), system::m4exit).bare(),
    row("m4wrap", 1, None, system::m4wrap),
    row("maketemp", 1, Some(1), files::maketemp),
    row("mkstemp", 1, Some(1), files::mkstemp),
    row("patsubst", 2, Some(3), patterns::patsubst)
        .gnu()
        .few(Few::First),
    row("popdef", 1, None, define::popdef),
    row("pushdef", 1, Some(2), define::pushdef).values(),
    row("regexp", 2, Some(3), patterns::regexp)
        .gnu()
        .few(Few::Zero),
    row("shift", 1, None, conditional::shift),
    row("sinclude", 1, Some(1), files::sinclude),
    row("substr", 2, Some(3), text::substr).few(Few::First),
    row("syscmd", 1, Some(1), system::syscmd),
    row("sysval", 0, None, system::sysval).bare(),
    row("traceoff", 0, None, inspect::traceoff).bare(),
    row("traceon", 0, None, inspect::traceon).bare(),
    row("translit", 2, Some(3), text::translit).few(Few::First),
    row("undefine", 1, None, define::undefine),
    row("undivert", 0, None, divert::undivert).bare(),
];

impl Builtin {
    /// The builtin of this name, `m4_` not counted.
    pub(super) fn named(name: &[u8], traditional: bool) -> Option<Self> {
        let index = ROWS
            .iter()
            .position(|row| row.name.as_bytes() == name && !(traditional && row.gnu))?;
        u8::try_from(index).ok().map(Self)
    }

    fn row(self) -> &'static Row {
        &ROWS[usize::from(self.0)]
    }

    /// Its name, without `m4_`.
    pub(super) fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether it is only a word without a parenthesis.
    pub(super) fn is_blind(self) -> bool {
        self.row().blind
    }

    /// Whether an argument may be a builtin as a value.
    pub(super) fn takes_values(self) -> bool {
        self.row().values
    }

    /// Expands it. The number of arguments is checked here, for all.
    pub(super) fn run(
        self,
        m4: &mut M4<'_>,
        call: &Call<'_>,
        expansion: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let row = self.row();
        if call.count() < row.least {
            m4.warn_count("too few arguments to builtin `", call.name, "'")?;
            match row.few {
                Few::Nothing => {}
                // Not without any argument, as `indir` can call it.
                Few::Zero if call.count() == 0 => {}
                Few::Zero => expansion.push(b'0'),
                Few::First => expansion.extend_from_slice(call.argument(1)),
            }
            return Ok(());
        }
        if row.most.is_some_and(|most| call.count() > most) {
            m4.warn_count("excess arguments to builtin `", call.name, "' ignored")?;
        }
        (row.run)(m4, call, expansion)
    }
}

impl M4<'_> {
    fn warn_count(&mut self, before: &str, name: &[u8], after: &str) -> Result<(), Stop> {
        if self.settings.quiet {
            return Ok(());
        }
        self.warn(text!(before, name, after))
    }

    /// Defines all builtins, and the names of the system.
    pub(super) fn define_builtins(&mut self) {
        let traditional = self.settings.traditional;
        for (index, row) in (0u8..).zip(ROWS) {
            if traditional && row.gnu {
                continue;
            }
            let body = Body::Builtin(Builtin(index));
            self.define_initially(row.name, body);
        }
        let system: &[&str] = if traditional {
            &["unix"]
        } else {
            &["__gnu__", "__unix__"]
        };
        for name in system {
            let id = self.symbols.intern(name.as_bytes());
            let body = Body::text(b"");
            self.symbols.define(id, Definition { body, record: None });
        }
    }

    fn define_initially(&mut self, name: &str, body: Body) {
        let prefix = if self.settings.prefix_builtins {
            "m4_"
        } else {
            ""
        };
        let id = self.symbols.intern(format!("{prefix}{name}").as_bytes());
        self.symbols.define(id, Definition { body, record: None });
    }
}
