//! ESMTP parameters of MAIL and RCPT: SIZE, BODY, ENVID, RET, AUTH, BY,
//! SMTPUTF8, NOTIFY, ORCPT, with the reference's checks in its order.

use bstr::{BStr, BString, ByteSlice};

use super::xtext::{decode, is_xtext};
use crate::base::Reply;

/// The body type that the sender declared (RFC 6152, RFC 3030).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyType {
    /// `BODY=7BIT`.
    SevenBit,
    /// `BODY=8BITMIME`.
    EightBitMime,
    /// `BODY=BINARYMIME`.
    Binary,
}

impl BodyType {
    /// The value of `BODY=`.
    pub fn as_str(self) -> &'static str {
        match self {
            BodyType::SevenBit => "7BIT",
            BodyType::EightBitMime => "8BITMIME",
            BodyType::Binary => "BINARYMIME",
        }
    }
}

/// What a failure report should return (RFC 3461, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

/// When the sender wants a report on a recipient (RFC 3461, section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notify {
    /// `NOTIFY` was given; otherwise failure and delay are reported.
    pub given: bool,
    /// On success.
    pub success: bool,
    /// On failure.
    pub failure: bool,
    /// On delay.
    pub delay: bool,
}

impl Notify {
    /// `NOTIFY=NEVER`.
    pub const NEVER: Self = Self {
        given: true,
        success: false,
        failure: false,
        delay: false,
    };

    /// Whether a failure is reported: asked for, or nothing was said.
    pub fn on_failure(self) -> bool {
        self.failure || !self.given
    }

    /// Whether a delay is reported: asked for, or nothing was said.
    pub fn on_delay(self) -> bool {
        self.delay || !self.given
    }
}

/// `BY=` (RFC 2852): deliver within this time, or else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliverBy {
    /// Seconds from now; may be negative with mode N.
    pub seconds: i64,
    /// Return the message when the time is over; else only tell the sender.
    pub returns: bool,
    /// `T`: trace.
    pub trace: bool,
}

/// What MAIL may say beside the sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=`, in bytes.
    pub size: Option<u64>,
    /// `BODY=`.
    pub body: Option<BodyType>,
    /// `ENVID=`, as given (xtext).
    pub envid: Option<BString>,
    /// `RET=`.
    pub ret: Option<Ret>,
    /// `AUTH=`, as given (xtext).
    pub auth: Option<BString>,
    /// `BY=`.
    pub by: Option<DeliverBy>,
    /// `SMTPUTF8`.
    pub smtputf8: bool,
    /// `MT-PRIORITY=` (RFC 6710), -9 to 9; more is sooner.
    pub mt_priority: i8,
    /// `REQUIRETLS` (RFC 8689): under TLS to the end, or not at all.
    pub require_tls: bool,
}

/// What RCPT may say beside the recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RcptParameters {
    /// `NOTIFY=`.
    pub notify: Notify,
    /// `ORCPT=`, as given (`type;xtext`).
    pub orcpt: Option<BString>,
}

/// Which parameters a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// ENVID, RET, NOTIFY, ORCPT.
    pub dsn: bool,
    /// SMTPUTF8.
    pub smtputf8: bool,
    /// MT-PRIORITY.
    pub mt_priority: bool,
    /// REQUIRETLS: the session is under TLS.
    pub require_tls: bool,
    /// AUTH=.
    pub auth: bool,
    /// Least `BY` time in seconds; `None` when BY is not offered.
    pub by_min: Option<u64>,
    /// Largest message in bytes; `None` without limit.
    pub size_max: Option<u64>,
}

/// Parameters that may be given once in an envelope. A refused MAIL keeps
/// them: `// sendmail:` a second try after `RET=` answers "Duplicate RET
/// parameter" until RSET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    envid: bool,
    ret: bool,
    auth: bool,
}

type Refusal = Result<(), Reply>;

/// One `KEY` or `KEY=value`.
struct Parameter<'a> {
    key: &'a BStr,
    value: Option<&'a [u8]>,
}

impl Parameter<'_> {
    /// The value, or the refusal that there is none.
    fn required(&self, name: &str) -> Result<&[u8], Reply> {
        self.value
            .ok_or_else(|| Reply::with(501, (5, 5, 2), format!("{name} requires a value")))
    }

    fn unknown(&self) -> Reply {
        let mut text = self.key.to_vec();
        text.extend_from_slice(b" parameter unrecognized");
        Reply::with(555, (5, 5, 4), text)
    }
}

/// Takes the next parameter off `rest`; a value ends at a blank or a second
/// `=`, as in the reference.
fn next<'a>(rest: &mut &'a [u8]) -> Option<Parameter<'a>> {
    let text = rest.trim_ascii_start();
    if text.is_empty() {
        *rest = text;
        return None;
    }
    let end = text
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && *b != b'-')
        .unwrap_or(text.len());
    let key = text[..end].as_bstr();
    let after = text.get(end + 1..).unwrap_or_default();
    if text.get(end) != Some(&b'=') {
        *rest = after;
        return Some(Parameter { key, value: None });
    }
    let end = after
        .iter()
        .position(|b| *b == b'=' || *b == b' ' || b.is_ascii_control())
        .unwrap_or(after.len());
    *rest = after.get(end + 1..).unwrap_or_default();
    Some(Parameter {
        key,
        value: Some(&after[..end]),
    })
}

impl MailParameters {
    /// Reads what follows the sender.
    ///
    /// # Errors
    /// The refusal, in the reference's words.
    pub fn parse(text: &[u8], offered: &Offered, seen: &mut Seen) -> Result<Self, Reply> {
        let mut parameters = Self::default();
        let mut rest = text;
        while let Some(parameter) = next(&mut rest) {
            parameters.take(&parameter, offered, seen)?;
        }
        Ok(parameters)
    }

    fn take(&mut self, parameter: &Parameter<'_>, offered: &Offered, seen: &mut Seen) -> Refusal {
        let key = parameter.key.to_ascii_uppercase();
        match key.as_slice() {
            b"SIZE" => self.size = Some(size(parameter.required("SIZE")?, offered.size_max)?),
            b"BODY" => self.body = Some(body(parameter.required("BODY")?)?),
            b"ENVID" => {
                dsn_allowed("ENVID", offered)?;
                let value = parameter.required("ENVID")?;
                once(&mut seen.envid, "ENVID")?;
                self.envid = Some(xtext(value, "ENVID")?);
            }
            b"RET" => {
                dsn_allowed("RET", offered)?;
                let value = parameter.required("RET")?;
                once(&mut seen.ret, "RET")?;
                self.ret = Some(ret(value)?);
            }
            b"AUTH" if offered.auth => {
                let value = parameter.required("AUTH=")?;
                once(&mut seen.auth, "AUTH")?;
                self.auth = Some(xtext(value, "AUTH")?);
            }
            b"BY" if offered.by_min.is_some() => {
                self.by = Some(by(parameter.required("BY=")?, offered.by_min)?);
            }
            b"MT-PRIORITY" if offered.mt_priority => {
                self.mt_priority = mt_priority(parameter.required("MT-PRIORITY")?)?;
            }
            b"SMTPUTF8" if offered.smtputf8 && parameter.value.is_none() => self.smtputf8 = true,
            b"REQUIRETLS" if offered.require_tls && parameter.value.is_none() => {
                self.require_tls = true;
            }
            _ => return Err(parameter.unknown()),
        }
        Ok(())
    }
}

impl RcptParameters {
    /// Reads what follows the recipient.
    ///
    /// # Errors
    /// The refusal, in the reference's words.
    pub fn parse(text: &[u8], offered: &Offered) -> Result<Self, Reply> {
        let mut parameters = Self::default();
        let mut rest = text;
        while let Some(parameter) = next(&mut rest) {
            parameters.take(&parameter, offered)?;
        }
        Ok(parameters)
    }

    fn take(&mut self, parameter: &Parameter<'_>, offered: &Offered) -> Refusal {
        let key = parameter.key.to_ascii_uppercase();
        match key.as_slice() {
            b"NOTIFY" => {
                dsn_allowed("NOTIFY", offered)?;
                self.notify = notify(parameter.required("NOTIFY")?)?;
            }
            b"ORCPT" => {
                dsn_allowed("ORCPT", offered)?;
                let value = parameter.required("ORCPT")?;
                if !is_orcpt(value) {
                    return Err(syntax("ORCPT"));
                }
                if self.orcpt.is_some() {
                    return Err(duplicate("ORCPT"));
                }
                self.orcpt = Some(value.into());
            }
            _ => return Err(parameter.unknown()),
        }
        Ok(())
    }
}

fn dsn_allowed(name: &str, offered: &Offered) -> Refusal {
    if offered.dsn {
        return Ok(());
    }
    let text = format!("Sorry, {name} not supported, we do not allow DSN");
    Err(Reply::with(504, (5, 7, 0), text))
}

fn syntax(name: &str) -> Reply {
    let text = format!("Syntax error in {name} parameter value");
    Reply::with(501, (5, 5, 4), text)
}

fn duplicate(name: &str) -> Reply {
    Reply::with(501, (5, 5, 0), format!("Duplicate {name} parameter"))
}

fn once(seen: &mut bool, name: &str) -> Refusal {
    if std::mem::replace(seen, true) {
        return Err(duplicate(name));
    }
    Ok(())
}

fn xtext(value: &[u8], name: &str) -> Result<BString, Reply> {
    if is_xtext(value) {
        Ok(value.into())
    } else {
        Err(syntax(name))
    }
}

/// `// sendmail:` takes the digits a number begins with, so `SIZE=abc` is 0.
fn leading_number(value: &[u8]) -> Option<i64> {
    let (negative, digits) = match value {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, value),
    };
    let mut number: i64 = 0;
    for digit in digits.iter().take_while(|b| b.is_ascii_digit()) {
        number = number
            .checked_mul(10)?
            .checked_add(i64::from(digit - b'0'))?;
    }
    Some(if negative { -number } else { number })
}

fn size(value: &[u8], max: Option<u64>) -> Result<u64, Reply> {
    let refuse = |text: String| Err(Reply::with(552, (5, 2, 3), text));
    let Some(number) = leading_number(value) else {
        return refuse("Message size exceeds maximum value".into());
    };
    let Ok(size) = u64::try_from(number) else {
        return refuse("Message size invalid".into());
    };
    match max {
        Some(max) if size > max => refuse(format!(
            "Message size exceeds fixed maximum message size ({max})"
        )),
        _ => Ok(size),
    }
}

fn body(value: &[u8]) -> Result<BodyType, Reply> {
    match value.to_ascii_uppercase().as_slice() {
        b"7BIT" => Ok(BodyType::SevenBit),
        b"8BITMIME" => Ok(BodyType::EightBitMime),
        _ => {
            let mut text = b"Unknown BODY type ".to_vec();
            text.extend_from_slice(value);
            Err(Reply::with(501, (5, 5, 4), text))
        }
    }
}

/// One digit, with a minus or without (RFC 6710, section 4).
fn mt_priority(value: &[u8]) -> Result<i8, Reply> {
    let (sign, digit) = match value {
        [b'-', digit] => (-1, digit),
        [digit] => (1, digit),
        _ => return Err(syntax("MT-PRIORITY")),
    };
    match digit {
        b'0'..=b'9' => Ok(i8::try_from(digit - b'0').unwrap_or(0) * sign),
        _ => Err(syntax("MT-PRIORITY")),
    }
}

fn bad_argument(value: &[u8], code: (u8, u16, u16), name: &str) -> Reply {
    let mut text = b"Bad argument \"".to_vec();
    text.extend_from_slice(value);
    text.extend_from_slice(name.as_bytes());
    Reply::with(501, code, text)
}

fn ret(value: &[u8]) -> Result<Ret, Reply> {
    match value.to_ascii_uppercase().as_slice() {
        b"FULL" => Ok(Ret::Full),
        b"HDRS" => Ok(Ret::Headers),
        _ => Err(bad_argument(value, (5, 5, 2), "\" to RET")),
    }
}

fn notify(value: &[u8]) -> Result<Notify, Reply> {
    if value.eq_ignore_ascii_case(b"NEVER") {
        return Ok(Notify::NEVER);
    }
    let mut notify = Notify {
        given: true,
        ..Notify::default()
    };
    for word in value.split(|b| *b == b',') {
        match word.to_ascii_uppercase().as_slice() {
            b"SUCCESS" => notify.success = true,
            b"FAILURE" => notify.failure = true,
            b"DELAY" => notify.delay = true,
            _ => return Err(bad_argument(word, (5, 5, 4), "\"  to NOTIFY")),
        }
    }
    Ok(notify)
}

/// `type;xtext`, with an atom as type.
fn is_orcpt(value: &[u8]) -> bool {
    let Some((kind, address)) = value.split_once_str(b";") else {
        return false;
    };
    let is_atom = |b: &u8| b.is_ascii_graphic() && !b"()<>@,;:\\\".[]".contains(b);
    // The text behind the xtext must be printable: it goes into reports.
    !kind.is_empty()
        && kind.iter().all(is_atom)
        && is_xtext(address)
        && decode(address).iter().all(|b| !b.is_ascii_control())
}

fn by(value: &[u8], min: Option<u64>) -> Result<DeliverBy, Reply> {
    /// Nine digits are allowed (RFC 2852, section 4).
    const SECONDS_MAX: i64 = 999_999_999;
    let refuse = |text: BString| Reply::with(501, (5, 5, 2), text);
    let digits = value.iter().enumerate();
    let mut digits =
        digits.skip_while(|(at, b)| b.is_ascii_digit() || (*at == 0 && b"+-".contains(b)));
    // sendmail: whatever ends the digits is to be the semicolon.
    let Some((at, b';')) = digits.next() else {
        return Err(refuse("BY= missing ';'".into()));
    };
    let (number, mode) = (&value[..at], &value[at + 1..]);
    let seconds = leading_number(number).filter(|n| (-SECONDS_MAX..=SECONDS_MAX).contains(n));
    let Some(seconds) = seconds else {
        return Err(refuse([b"BY=", value, b" out of range"].concat().into()));
    };
    let illegal = |what: &str, byte: Option<&u8>| {
        let byte = byte.copied().unwrap_or(b'?');
        refuse([what.as_bytes(), b" '", &[byte], b"'"].concat().into())
    };
    let returns = match mode.first().map(u8::to_ascii_uppercase) {
        Some(b'R') => true,
        Some(b'N') => false,
        _ => return Err(illegal("illegal by-mode", mode.first())),
    };
    let trace = match mode.get(1).map(u8::to_ascii_uppercase) {
        Some(b'T') => true,
        None => false,
        _ => return Err(illegal("illegal by-trace", mode.get(1))),
    };
    if returns && seconds <= 0 {
        let text = "mode R requires BY time > 0";
        return Err(Reply::with(501, (5, 5, 4), text));
    }
    let min = min.and_then(|m| i64::try_from(m).ok()).unwrap_or(0);
    if returns && min > 0 && seconds < min {
        let text = format!("time {seconds} less than {min}");
        return Err(Reply::with(555, (5, 5, 2), text));
    }
    Ok(DeliverBy {
        seconds,
        returns,
        trace,
    })
}

#[cfg(test)]
mod tests;
