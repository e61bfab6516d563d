//! The words between the engine and a delivery agent, as bytes.
//!
//! A frame is a head of fixed size, a payload, and perhaps the text of a
//! message in line; a large body comes as a descriptor beside the head.
//! Both ends treat what they read as hostile: every length has its limit, and
//! a frame that does not parse ends the connection.

use bstr::BString;

use crate::base::{Reply, is_full_path, limits};

/// Bytes of a frame's head: `GA`, version, whether a descriptor comes beside
/// it, and the lengths of payload, message header and message body.
pub(super) const HEAD_BYTES: usize = 16;
const MAGIC: [u8; 2] = *b"GA";
const VERSION: u8 = 1;

/// Mail text that is sent in line, at most; beyond it must be a file.
pub(super) const INLINE_BYTES_MAX: usize = 16 << 20;

/// What an agent is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Append the message to a mailbox in mbox form.
    Mbox(MboxJob),
    /// Put the message into a Maildir.
    Maildir {
        /// The Maildir; made when it is missing.
        path: BString,
        /// The name of this host, for the file's name.
        host: BString,
    },
    /// Append the message to a file.
    File(FileJob),
    /// Run a program with the message as its input.
    Program(ProgramJob),
    /// Run a program whose input and output are the socket that comes as the
    /// message's body: somebody speaks LMTP with it.
    Converse(ProgramJob),
    /// Read the first of these files that is there (a `.forward`).
    Forward {
        /// The candidates, in order.
        paths: Vec<BString>,
        /// Whose they must be.
        owner: u32,
        /// What is overlooked.
        lenience: Lenience,
    },
    /// Read a list (`:include:`).
    Include {
        /// The file.
        path: BString,
        /// What is overlooked.
        lenience: Lenience,
    },
}

/// A mailbox in mbox form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MboxJob {
    /// The mailbox.
    pub path: BString,
    /// The `From ` line, without line end.
    pub from_line: BString,
    /// Group that a new mailbox gets; `None` for what the directory gives.
    pub group: Option<u32>,
    /// Add a `Content-Length` field.
    pub content_length: bool,
}

/// A file that mail is appended to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileJob {
    /// The file.
    pub path: BString,
    /// The `From ` line, without line end; empty for none (flag `n`).
    pub from_line: BString,
    /// Put `>` before `From ` in the text (flag `E`).
    pub escape_from: bool,
    /// `SafeFileEnvironment`: the file must be in here; empty for anywhere.
    pub safe_root: BString,
    /// What is overlooked.
    pub lenience: Lenience,
}

/// A program that mail is piped into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramJob {
    /// The program.
    pub path: BString,
    /// Its arguments, its own name first.
    pub argv: Vec<BString>,
    /// Its environment, `NAME=value`; nothing else is passed on.
    pub environment: Vec<BString>,
    /// Directories to run in: the first that can be entered (`D=`).
    pub directories: Vec<BString>,
    /// `From ` line to begin with, without line end; empty for none.
    pub from_line: BString,
    /// How the message is written.
    pub form: ProgramText,
    /// Added to its niceness (`N=`).
    pub nice: i32,
    /// It is killed, with all it started in its process group, after this.
    pub seconds_max: u32,
    /// Output beyond this is thrown away.
    pub output_bytes_max: u32,
}

/// How a program gets its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramText {
    /// The end of a line (`E=`).
    pub eol: BString,
    /// Longer lines are broken (`L=`); 0 for no limit.
    pub line_max: u32,
    /// `>` before `From ` in the body (flag `E`).
    pub escape_from: bool,
    /// Dots at the beginning of lines are doubled (flag `X`).
    pub double_dots: bool,
    /// An empty line ends the message (flag `b`).
    pub blank_end: bool,
}

/// What `DontBlameSendmail` overlooks about a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lenience {
    /// The file may be writable by its group.
    pub group_writable_file: bool,
    /// The file may be writable by anybody.
    pub world_writable_file: bool,
    /// Directories on the way may be writable by their group.
    pub group_writable_directory: bool,
    /// Directories on the way may be writable by anybody.
    pub world_writable_directory: bool,
    /// A directory with the sticky bit counts as safe.
    pub trust_sticky: bool,
    /// The file may be a symbolic link where links are not followed.
    pub symbolic_link: bool,
    /// The file may have several names.
    pub hard_link: bool,
    /// Programs and files may be named even in an overlooked file.
    pub overlooked_may_run: bool,
}

/// What an agent answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// A mailbox, Maildir or file: what to say of it.
    Stored(Reply),
    /// A program ended.
    Ended(ProgramEnd),
    /// A list was read.
    List(ListText),
    /// None of the files is there.
    NoList {
        /// What stood in the way of some, such as
        /// `/home/alice/.forward: Group writable file`.
        notes: Vec<BString>,
    },
    /// The list cannot be read.
    ListRefused {
        /// Worth another try.
        temporary: bool,
        /// Why, such as `Group writable file`.
        reason: BString,
    },
    /// The agent did not understand or will not do it.
    Refused(BString),
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramEnd {
    /// How.
    pub how: ProgramFate,
    /// What it wrote to standard output and standard error, cut.
    pub output: BString,
}

/// The end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramFate {
    /// It exited with this status.
    Exited(i32),
    /// A signal ended it.
    Killed(i32),
    /// It ran too long and was killed.
    TimedOut,
    /// It could not be started: what the system said.
    NotStarted(BString),
}

/// A list or `.forward` that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListText {
    /// Which file.
    pub path: BString,
    /// Its text.
    pub text: BString,
    /// Its owner: user and group.
    pub owner: (u32, u32),
    /// Nobody but its owner can write it.
    pub is_safe: bool,
    /// What stood in the way of earlier candidates.
    pub notes: Vec<BString>,
}

/// A frame's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) payload_bytes: usize,
    /// Of the message's header, in line.
    pub(super) header_bytes: usize,
    /// Of the message's body, in line; 0 when it is in a file.
    pub(super) body_bytes: usize,
    /// A descriptor of the body comes beside the head.
    pub(super) has_file: bool,
}

/// What came over the wire is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame does not parse")]
pub struct BadFrame;

impl Head {
    pub(super) fn encode(self) -> [u8; HEAD_BYTES] {
        let mut out = [0; HEAD_BYTES];
        out[..2].copy_from_slice(&MAGIC);
        out[2] = VERSION;
        out[3] = u8::from(self.has_file);
        let lengths = [self.payload_bytes, self.header_bytes, self.body_bytes];
        for (place, length) in out[4..].chunks_exact_mut(4).zip(lengths) {
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            place.copy_from_slice(&length.to_le_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8; HEAD_BYTES]) -> Result<Self, BadFrame> {
        if bytes[..2] != MAGIC || bytes[2] != VERSION || bytes[3] > 1 {
            return Err(BadFrame);
        }
        let mut from = Reader(&bytes[4..]);
        let head = Self {
            payload_bytes: from.length()?,
            header_bytes: from.length()?,
            body_bytes: from.length()?,
            has_file: bytes[3] == 1,
        };
        if head.payload_bytes > PAYLOAD_BYTES_MAX
            || head.header_bytes > INLINE_BYTES_MAX
            || head.body_bytes > INLINE_BYTES_MAX
        {
            return Err(BadFrame);
        }
        Ok(head)
    }
}

/// A list or a program's output may fill a payload.
const PAYLOAD_BYTES_MAX: usize = limits::CONTROL_FRAME_BYTES_MAX + limits::LIST_FILE_BYTES_MAX;

impl Request {
    pub(super) fn encode(&self, id: u64) -> Vec<u8> {
        let mut out = Writer::default();
        out.u64(id);
        match self {
            Request::Mbox(job) => {
                out.u8(1).bytes(&job.path).bytes(&job.from_line);
                out.u64(job.group.map_or(u64::MAX, u64::from));
                out.flag(job.content_length);
            }
            Request::Maildir { path, host } => {
                out.u8(2).bytes(path).bytes(host);
            }
            Request::File(job) => {
                out.u8(3).bytes(&job.path).bytes(&job.from_line);
                out.flag(job.escape_from).bytes(&job.safe_root);
                out.lenience(job.lenience);
            }
            Request::Program(job) => job.encode(out.u8(4)),
            Request::Converse(job) => job.encode(out.u8(7)),
            Request::Forward {
                paths,
                owner,
                lenience,
            } => {
                out.u8(5).list(paths).u32(*owner).lenience(*lenience);
            }
            Request::Include { path, lenience } => {
                out.u8(6).bytes(path).lenience(*lenience);
            }
        }
        out.0
    }

    pub(super) fn decode(payload: &[u8]) -> Result<(u64, Self), BadFrame> {
        let mut from = Reader(payload);
        let id = from.u64()?;
        let request = match from.u8()? {
            1 => Request::Mbox(MboxJob {
                path: from.path()?,
                from_line: from.bytes()?,
                group: u32::try_from(from.u64()?).ok(),
                content_length: from.flag()?,
            }),
            2 => Request::Maildir {
                path: from.path()?,
                host: from.bytes()?,
            },
            3 => Request::File(FileJob {
                path: from.path()?,
                from_line: from.bytes()?,
                escape_from: from.flag()?,
                safe_root: from.bytes()?,
                lenience: from.lenience()?,
            }),
            4 => Request::Program(ProgramJob::decode(&mut from)?),
            7 => Request::Converse(ProgramJob::decode(&mut from)?),
            5 => Request::Forward {
                paths: from.list()?,
                owner: from.u32()?,
                lenience: from.lenience()?,
            },
            6 => Request::Include {
                path: from.path()?,
                lenience: from.lenience()?,
            },
            _ => return Err(BadFrame),
        };
        from.end()?;
        Ok((id, request))
    }
}

impl ProgramJob {
    fn encode(&self, out: &mut Writer) {
        out.bytes(&self.path).list(&self.argv);
        out.list(&self.environment).list(&self.directories);
        out.bytes(&self.from_line);
        let form = &self.form;
        out.bytes(&form.eol).u32(form.line_max);
        out.flag(form.escape_from).flag(form.double_dots);
        out.flag(form.blank_end);
        out.u32(self.seconds_max).u32(self.output_bytes_max);
        out.i32(self.nice);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, BadFrame> {
        Ok(Self {
            path: from.path()?,
            argv: from.list()?,
            environment: from.list()?,
            directories: from.list()?,
            from_line: from.bytes()?,
            form: ProgramText {
                eol: from.bytes()?,
                line_max: from.u32()?,
                escape_from: from.flag()?,
                double_dots: from.flag()?,
                blank_end: from.flag()?,
            },
            seconds_max: from.u32()?,
            output_bytes_max: from.u32()?,
            nice: from.i32()?,
        })
    }
}

impl Response {
    pub(super) fn encode(&self, id: u64) -> Vec<u8> {
        let mut out = Writer::default();
        out.u64(id);
        match self {
            Response::Stored(reply) => {
                out.u8(1).bytes(&reply.to_line());
            }
            Response::Ended(end) => {
                out.u8(2);
                match &end.how {
                    ProgramFate::Exited(status) => out.u8(1).i32(*status),
                    ProgramFate::Killed(signal) => out.u8(2).i32(*signal),
                    ProgramFate::TimedOut => out.u8(3),
                    ProgramFate::NotStarted(why) => out.u8(4).bytes(why),
                };
                out.bytes(&end.output);
            }
            Response::List(list) => {
                out.u8(3).bytes(&list.path).bytes(&list.text);
                out.u32(list.owner.0).u32(list.owner.1);
                out.flag(list.is_safe).list(&list.notes);
            }
            Response::NoList { notes } => {
                out.u8(4).list(notes);
            }
            Response::ListRefused { temporary, reason } => {
                out.u8(5).flag(*temporary).bytes(reason);
            }
            Response::Refused(why) => {
                out.u8(6).bytes(why);
            }
        }
        out.0
    }

    pub(super) fn decode(payload: &[u8]) -> Result<(u64, Self), BadFrame> {
        let mut from = Reader(payload);
        let id = from.u64()?;
        let response = match from.u8()? {
            1 => Response::Stored(Reply::parse(&from.bytes()?).ok_or(BadFrame)?),
            2 => {
                let how = match from.u8()? {
                    1 => ProgramFate::Exited(from.i32()?),
                    2 => ProgramFate::Killed(from.i32()?),
                    3 => ProgramFate::TimedOut,
                    4 => ProgramFate::NotStarted(from.bytes()?),
                    _ => return Err(BadFrame),
                };
                let output = from.bytes()?;
                Response::Ended(ProgramEnd { how, output })
            }
            3 => Response::List(ListText {
                path: from.path()?,
                text: from.bytes()?,
                owner: (from.u32()?, from.u32()?),
                is_safe: from.flag()?,
                notes: from.list()?,
            }),
            4 => Response::NoList {
                notes: from.list()?,
            },
            5 => Response::ListRefused {
                temporary: from.flag()?,
                reason: from.bytes()?,
            },
            6 => Response::Refused(from.bytes()?),
            _ => return Err(BadFrame),
        };
        from.end()?;
        Ok((id, response))
    }
}

/// Appends values; lengths are 32-bit, little end first.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn flag(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(value);
        self
    }

    fn list(&mut self, values: &[BString]) -> &mut Self {
        self.u32(u32::try_from(values.len()).unwrap_or(u32::MAX));
        values.iter().for_each(|value| {
            self.bytes(value);
        });
        self
    }

    fn lenience(&mut self, value: Lenience) -> &mut Self {
        let bits = [
            value.group_writable_file,
            value.world_writable_file,
            value.group_writable_directory,
            value.world_writable_directory,
            value.trust_sticky,
            value.symbolic_link,
            value.hard_link,
            value.overlooked_may_run,
        ];
        let byte = bits
            .iter()
            .enumerate()
            .fold(0, |byte, (i, bit)| byte | (u8::from(*bit) << i));
        self.u8(byte)
    }
}

/// Takes values off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], BadFrame> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(BadFrame)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadFrame> {
        self.take(N)?.try_into().map_err(|_| BadFrame)
    }

    fn u8(&mut self) -> Result<u8, BadFrame> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, BadFrame> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32, BadFrame> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, BadFrame> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn flag(&mut self) -> Result<bool, BadFrame> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadFrame),
        }
    }

    fn length(&mut self) -> Result<usize, BadFrame> {
        usize::try_from(self.u32()?).map_err(|_| BadFrame)
    }

    fn bytes(&mut self) -> Result<BString, BadFrame> {
        let length = self.length()?;
        Ok(self.take(length)?.into())
    }

    /// A full path, without NUL.
    fn path(&mut self) -> Result<BString, BadFrame> {
        let path = self.bytes()?;
        let sane = is_full_path(&path) && !path.contains(&0);
        if sane { Ok(path) } else { Err(BadFrame) }
    }

    fn list(&mut self) -> Result<Vec<BString>, BadFrame> {
        let count = self.length()?;
        // Each value has at least its length: no more can follow.
        if count > self.0.len() / 4 {
            return Err(BadFrame);
        }
        (0..count).map(|_| self.bytes()).collect()
    }

    fn lenience(&mut self) -> Result<Lenience, BadFrame> {
        let byte = self.u8()?;
        let bit = |i: u8| byte & (1 << i) != 0;
        Ok(Lenience {
            group_writable_file: bit(0),
            world_writable_file: bit(1),
            group_writable_directory: bit(2),
            world_writable_directory: bit(3),
            trust_sticky: bit(4),
            symbolic_link: bit(5),
            hard_link: bit(6),
            overlooked_may_run: bit(7),
        })
    }

    fn end(&self) -> Result<(), BadFrame> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(BadFrame)
        }
    }
}
