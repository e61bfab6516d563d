//! Arithmetic in 32 bits, with C's operators, `**`, and numbers in any radix.
//!
//! The grammar, tightest first: numbers and parentheses; unary `+ - ~ !`;
//! `**` (to the right); `* / %`; `+ -`; `<< >>`; `< <= > >=`; `== = !=`; `&`;
//! `^`; `|`; `&&`; `||`.

/// What is wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// It cannot be read; the text announces it.
    Syntax(&'static str),
    /// It can be read, but not computed.
    Value(&'static str),
    /// An operator of C that assigns.
    Operator,
}

const SYNTAX: Bad = Bad::Syntax("bad expression in eval: ");
const INPUT: Bad = Bad::Syntax("bad expression in eval (bad input): ");
const EXCESS: Bad = Bad::Syntax("bad expression in eval (excess input): ");
const PARENTHESIS: Bad = Bad::Syntax("bad expression in eval (missing right parenthesis): ");
const DEEP: Bad = Bad::Syntax("expression too deep in eval: ");
const DIVIDE: Bad = Bad::Value("divide by zero in eval: ");
const MODULO: Bad = Bad::Value("modulo by zero in eval: ");
const EXPONENT: Bad = Bad::Value("negative exponent in eval: ");

/// Parentheses inside each other, and right sides of operators.
const DEPTH_MAX: u32 = 1000;

/// What an expression gives.
pub(super) struct Evaluated {
    pub(super) value: Result<i32, Bad>,
    /// How often `=` stood for `==` in what could be read.
    pub(super) single_equals: u32,
}

/// Evaluates an expression.
pub(super) fn evaluate(text: &[u8]) -> Evaluated {
    let mut reader = Reader {
        text,
        at: 0,
        undone: None,
        depth: 0,
        single_equals: 0,
    };
    let value = reader.whole();
    Evaluated {
        value,
        single_equals: reader.single_equals,
    }
}

/// Appends a number in a radix of 1 to 36, at least `width` digits long.
pub(super) fn write(value: i32, radix: i32, width: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    if value < 0 {
        out.push(b'-');
    }
    let mut rest = value.unsigned_abs();
    if radix == 1 {
        let ones = rest as usize;
        out.extend(std::iter::repeat_n(b'0', width.saturating_sub(ones)));
        out.extend(std::iter::repeat_n(b'1', ones));
        return;
    }
    let radix = radix.unsigned_abs().max(2);
    let mut digits = Vec::with_capacity(32);
    loop {
        digits.push(DIGITS[(rest % radix) as usize]);
        rest /= radix;
        if rest == 0 {
            break;
        }
    }
    out.extend(std::iter::repeat_n(
        b'0',
        width.saturating_sub(digits.len()),
    ));
    out.extend(digits.iter().rev());
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Number(i32),
    Plus,
    Minus,
    Power,
    Times,
    Divide,
    Modulo,
    Equal,
    Assign,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Left,
    Right,
    And,
    Or,
    Xor,
    AndAnd,
    OrOr,
    Not,
    Complement,
    Open,
    Close,
    /// `+=`, `++` and the like.
    BadOperator,
    /// A byte that begins nothing.
    Bad,
    End,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    undone: Option<Token>,
    depth: u32,
    single_equals: u32,
}

/// How tight an operator of two sides binds; `**` binds tighter than all
/// these, and to the right.
fn tightness(token: Token) -> Option<u8> {
    Some(match token {
        Token::OrOr => 0,
        Token::AndAnd => 1,
        Token::Or => 2,
        Token::Xor => 3,
        Token::And => 4,
        Token::Equal | Token::Assign | Token::NotEqual => 5,
        Token::Greater | Token::GreaterEqual | Token::Less | Token::LessEqual => 6,
        Token::Left | Token::Right => 7,
        Token::Plus | Token::Minus => 8,
        Token::Times | Token::Divide | Token::Modulo => TIGHTEST,
        _ => return None,
    })
}

/// The tightest of them.
const TIGHTEST: u8 = 9;

impl Reader<'_> {
    fn whole(&mut self) -> Result<i32, Bad> {
        let first = self.token();
        if first == Token::Bad {
            // GNU m4 has other words for it here than further on.
            return Err(SYNTAX);
        }
        self.undone = Some(first);
        let value = self.climb(0)?;
        match self.token() {
            Token::End => Ok(value),
            Token::BadOperator => Err(Bad::Operator),
            Token::Bad => Err(INPUT),
            _ => Err(EXCESS),
        }
    }

    /// Reads operands and operators that are at least this tight.
    fn climb(&mut self, least: u8) -> Result<i32, Bad> {
        let depth = self.depth;
        self.deeper()?;
        let mut left = self.power()?;
        let mut most = TIGHTEST;
        loop {
            let token = self.token();
            if token == Token::Bad {
                return Err(INPUT);
            }
            // A tighter one than the last can only follow when the right side
            // was given up in the middle.
            let Some(tightness) = tightness(token).filter(|t| (least..=most).contains(t)) else {
                self.undone = Some(token);
                self.depth = depth;
                return Ok(left);
            };
            most = tightness;
            let right = self.climb(tightness + 1);
            left = match (token, right) {
                // What C would not compute may be wrong; it is read all the
                // same.
                (Token::AndAnd, Err(Bad::Value(_))) if left == 0 => 0,
                (Token::OrOr, Err(Bad::Value(_))) if left != 0 => 1,
                (_, right) => self.compute(token, left, right?)?,
            };
            self.depth = depth + 1;
        }
    }

    fn compute(&mut self, token: Token, left: i32, right: i32) -> Result<i32, Bad> {
        let shift = right.rem_euclid(32).unsigned_abs();
        Ok(match token {
            Token::OrOr => i32::from(left != 0 || right != 0),
            Token::AndAnd => i32::from(left != 0 && right != 0),
            Token::Or => left | right,
            Token::Xor => left ^ right,
            Token::And => left & right,
            Token::Equal => i32::from(left == right),
            Token::Assign => {
                self.single_equals += 1;
                i32::from(left == right)
            }
            Token::NotEqual => i32::from(left != right),
            Token::Greater => i32::from(left > right),
            Token::GreaterEqual => i32::from(left >= right),
            Token::Less => i32::from(left < right),
            Token::LessEqual => i32::from(left <= right),
            Token::Left => left.wrapping_shl(shift),
            Token::Right => left.wrapping_shr(shift),
            Token::Plus => left.wrapping_add(right),
            Token::Minus => left.wrapping_sub(right),
            Token::Times => left.wrapping_mul(right),
            Token::Divide if right == 0 => return Err(DIVIDE),
            Token::Divide => left.wrapping_div(right),
            Token::Modulo if right == 0 => return Err(MODULO),
            Token::Modulo => left.wrapping_rem(right),
            _ => left,
        })
    }

    /// `**`, to the right.
    fn power(&mut self) -> Result<i32, Bad> {
        let base = self.unary()?;
        let token = self.token();
        if token == Token::Bad {
            return Err(INPUT);
        }
        if token != Token::Power {
            self.undone = Some(token);
            return Ok(base);
        }
        self.deeper()?;
        let exponent = self.power()?;
        self.depth -= 1;
        let Ok(exponent) = u32::try_from(exponent) else {
            return Err(EXPONENT);
        };
        if base == 0 && exponent == 0 {
            return Err(DIVIDE);
        }
        Ok(base.wrapping_pow(exponent))
    }

    fn unary(&mut self) -> Result<i32, Bad> {
        // Signs pile up before the operand and apply from the inside.
        let mut signs = Vec::new();
        let mut value = loop {
            match self.token() {
                token @ (Token::Plus | Token::Minus | Token::Not | Token::Complement) => {
                    signs.push(token);
                }
                Token::Number(value) => break value,
                Token::Open => break self.parenthesized()?,
                Token::BadOperator => return Err(Bad::Operator),
                Token::Bad => return Err(INPUT),
                _ => return Err(SYNTAX),
            }
        };
        for sign in signs.iter().rev() {
            value = match sign {
                Token::Minus => value.wrapping_neg(),
                Token::Not => i32::from(value == 0),
                Token::Complement => !value,
                _ => value,
            };
        }
        Ok(value)
    }

    fn parenthesized(&mut self) -> Result<i32, Bad> {
        let value = self.climb(0)?;
        match self.token() {
            Token::Close => Ok(value),
            Token::Bad => Err(INPUT),
            _ => Err(PARENTHESIS),
        }
    }

    fn deeper(&mut self) -> Result<(), Bad> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(DEEP);
        }
        Ok(())
    }

    fn token(&mut self) -> Token {
        if let Some(token) = self.undone.take() {
            return token;
        }
        while matches!(self.text.get(self.at), Some(b' ' | b'\t'..=b'\r')) {
            self.at += 1;
        }
        let Some(byte) = self.text.get(self.at).copied() else {
            return Token::End;
        };
        if byte.is_ascii_digit() {
            return self.number();
        }
        let next = self.text.get(self.at + 1).copied();
        let third = self.text.get(self.at + 2).copied();
        let (token, length) = operator(byte, next, third);
        self.at += length;
        token
    }

    /// `10`, `010`, `0x10`, `0b10`, `0r7:10`.
    fn number(&mut self) -> Token {
        let mut radix = 10;
        if self.text.get(self.at) == Some(&b'0') {
            radix = 8;
            self.at += 1;
            match self.text.get(self.at) {
                Some(b'x' | b'X') => {
                    radix = 16;
                    self.at += 1;
                }
                Some(b'b' | b'B') => {
                    radix = 2;
                    self.at += 1;
                }
                Some(b'r' | b'R') => {
                    self.at += 1;
                    radix = 0;
                    while let Some(digit) = self.text.get(self.at).filter(|b| b.is_ascii_digit()) {
                        radix = (radix * 10 + u32::from(digit - b'0')).min(37);
                        self.at += 1;
                    }
                    if radix == 0 || radix > 36 || self.text.get(self.at) != Some(&b':') {
                        return Token::Bad;
                    }
                    self.at += 1;
                }
                _ => {}
            }
        }
        let mut value = 0u32;
        while let Some(digit) = self.text.get(self.at).and_then(|byte| digit(*byte)) {
            if radix == 1 {
                // In radix 1 only ones count, and zeros may stand before.
                match digit {
                    0 if value == 0 => {}
                    1 => value = value.wrapping_add(1),
                    _ => break,
                }
            } else if digit >= radix {
                break;
            } else {
                value = value.wrapping_mul(radix).wrapping_add(digit);
            }
            self.at += 1;
        }
        Token::Number(value.cast_signed())
    }
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(36)
}

/// The operator at the front of up to three bytes, and its length.
fn operator(byte: u8, next: Option<u8>, third: Option<u8>) -> (Token, usize) {
    let assigns = next == Some(b'=');
    let doubled = next == Some(byte);
    match byte {
        b'+' | b'-' if doubled || assigns => (Token::BadOperator, 2),
        b'+' => (Token::Plus, 1),
        b'-' => (Token::Minus, 1),
        b'*' if doubled => (Token::Power, 2),
        b'*' | b'/' | b'%' | b'^' | b'|' | b'&' if assigns => (Token::BadOperator, 2),
        b'*' => (Token::Times, 1),
        b'/' => (Token::Divide, 1),
        b'%' => (Token::Modulo, 1),
        b'^' => (Token::Xor, 1),
        b'=' if doubled => (Token::Equal, 2),
        b'=' => (Token::Assign, 1),
        b'!' if assigns => (Token::NotEqual, 2),
        b'!' => (Token::Not, 1),
        b'~' => (Token::Complement, 1),
        b'<' | b'>' if doubled && third == Some(b'=') => (Token::BadOperator, 3),
        b'>' if doubled => (Token::Right, 2),
        b'>' if assigns => (Token::GreaterEqual, 2),
        b'>' => (Token::Greater, 1),
        b'<' if doubled => (Token::Left, 2),
        b'<' if assigns => (Token::LessEqual, 2),
        b'<' => (Token::Less, 1),
        b'|' if doubled => (Token::OrOr, 2),
        b'|' => (Token::Or, 1),
        b'&' if doubled => (Token::AndAnd, 2),
        b'&' => (Token::And, 1),
        b'(' => (Token::Open, 1),
        b')' => (Token::Close, 1),
        _ => (Token::Bad, 1),
    }
}
