//! Map classes `sqlite` and `pgsql`: a query of a database, its parameters
//! bound, never written into it.
//!
//! `Kname sqlite -k "SELECT value FROM access WHERE key = %0" FILE`
//! `Kname pgsql -k "SELECT …" [-P file] host=/run/postgresql dbname=mail`
//!
//! `%0` is the key, `%1` to `%9` are the arguments. The value is the first
//! column of the first row; with `-z` that of all rows, with the delimiter
//! between.

#[cfg(feature = "pgsql")]
pub(crate) mod pgsql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use bstr::{BString, ByteSlice};

use super::answer::Outcome;
use super::kline::{Common, KLine, quoted_word};
use super::registry::{Ask, Opening};

/// Rows that one lookup takes.
const ROWS_MAX: usize = 10_000;

/// What a line says.
struct SqlLine {
    common: Common,
    /// The query, its parameters numbered.
    query: String,
    /// Which argument each parameter is; 0 is the key.
    parameters: Vec<usize>,
    delimiter: Option<u8>,
    /// `-P`: a file with a password.
    secret: BString,
    /// Where the database is.
    place: BString,
}

impl SqlLine {
    /// Reads a line; `mark` stands before the numbers of parameters. None when
    /// something is missing.
    fn read(opening: &mut Opening<'_>, mark: char) -> Result<Self, Common> {
        let mut flags = KLine::default();
        let mut common = opening.before.clone();
        let (mut query, mut secret) = (BString::default(), BString::default());
        let mut delimiter = None;
        let mut rest = opening.definition.arguments.trim_start();
        while let Some((&flag, after)) = rest.strip_prefix(b"-").and_then(<[u8]>::split_first) {
            let own = b"kPz".contains(&flag);
            let (value, next) = quoted_word(if own { after.trim_start() } else { after });
            match flag {
                b'k' => query = value.into(),
                b'P' => secret = value.into(),
                b'z' => delimiter = value.first().copied(),
                _ if common.flag(flag, value) => {}
                _ => flags.unknown.push(flag),
            }
            rest = next.trim_start();
        }
        flags.report(opening.definition, opening.diagnostics);
        let place = BString::from(rest.trim_end());
        if query.is_empty() || place.is_empty() {
            let (class, name) = (&opening.definition.class, &opening.definition.name);
            let message = format!("{class} map {name}: a query (-k) and a database are needed");
            opening.fault("map-sql", message);
            return Err(common);
        }
        let (query, parameters) = numbered(&query, mark);
        Ok(Self {
            common,
            query,
            parameters,
            delimiter,
            secret,
            place,
        })
    }

    /// The parameters of a lookup, in order.
    fn values(&self, ask: Ask<'_>) -> Vec<String> {
        let key = match self.common.keep_case {
            true => ask.key.to_vec(),
            false => ask.key.to_ascii_lowercase(),
        };
        let value = |number: &usize| match number {
            0 => key.to_str_lossy().into_owned(),
            number => {
                let argument = ask.arguments.get(*number).copied();
                argument.unwrap_or_default().to_str_lossy().into_owned()
            }
        };
        self.parameters.iter().map(value).collect()
    }

    /// What the rows of an answer come to.
    fn outcome(&self, ask: Ask<'_>, rows: Vec<BString>) -> Outcome {
        if rows.is_empty() {
            return Outcome::ABSENT;
        }
        let value = match self.delimiter {
            Some(delimiter) => bstr::join([delimiter], &rows),
            None => rows.into_iter().next().unwrap_or_default().into(),
        };
        Outcome::Found(self.common.result(ask, value))
    }
}

/// A query with its parameters numbered in their order, and which argument
/// each is. `%%` is `%`.
fn numbered(query: &[u8], mark: char) -> (String, Vec<usize>) {
    let text = query.to_str_lossy();
    let (mut out, mut parameters) = (String::new(), Vec::new());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match (next, rest.peek().and_then(|digit| digit.to_digit(10))) {
            ('%', Some(digit)) => {
                parameters.push(digit as usize);
                out.push_str(&format!("{mark}{}", parameters.len()));
                rest.next();
            }
            ('%', None) if rest.peek() == Some(&'%') => {
                out.push('%');
                rest.next();
            }
            _ => out.push(next),
        }
    }
    (out, parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_in_their_order() {
        let (query, parameters) =
            numbered(b"SELECT a WHERE k = %1 AND l LIKE '%%x%' OR m = %0", '$');
        assert_eq!(query, "SELECT a WHERE k = $1 AND l LIKE '%x%' OR m = $2");
        assert_eq!(parameters, [1, 0]);
    }
}
