//! Every limit that is not an option, in one table.
//!
//! A loop, queue, line or recursion that foreign bytes can drive has its
//! bound here, and a test at it. Units stand in the names.

/// The longest SMTP command line, CR LF included (RFC 5321, 4.5.3.1.4 asks
/// for 512; extensions add to it, and sendmail takes 2048).
pub const SMTP_COMMAND_BYTES_MAX: usize = 2048;

/// An AUTH command, or a line within its exchange (RFC 4954, section 4: 12288
/// octets, and some more).
pub const SMTP_AUTH_BYTES_MAX: usize = 16 << 10;

/// The longest line of a server's reply that is kept, in bytes (RFC 5321,
/// 4.5.3.1.5 allows 512; real servers say more).
pub const SMTP_REPLY_LINE_BYTES_MAX: usize = 2048;

/// Lines of one reply of a server.
pub const SMTP_REPLY_LINES_MAX: usize = 500;

/// Commands, in bytes, that a client lets run ahead of the replies
/// (PIPELINING): less than any socket buffer, so that both sides cannot wait
/// for each other.
pub const SMTP_PIPELINE_BYTES_MAX: usize = 8 << 10;

/// The longest line of message text taken in without being cut
/// (sendmail: MAXLINE 2048 in headers; bodies are passed on as they are).
pub const HEADER_LINE_BYTES_MAX: usize = 2048;

/// The longest address, in bytes (sendmail: MAXNAME 256).
pub const ADDRESS_BYTES_MAX: usize = 1024;

/// The longest key, argument or default of a lookup in a rule, in bytes; what
/// goes beyond is left out (sendmail: MAXNAME).
pub const LOOKUP_BYTES_MAX: usize = 1021;

/// Tokens in one workspace of a rule run (sendmail: MAXATOM 1000).
pub const WORKSPACE_TOKENS_MAX: usize = 1000;

/// Bytes of all tokens that one text is cut into, a byte more for each
/// (sendmail: MAXNAME + MAXATOM, less what it keeps free).
pub const ADDRESS_TEXT_MAX: usize = 1251;

/// Nested ruleset calls (sendmail: MAXRULERECURSION 50).
pub const RULESET_DEPTH_MAX: usize = 50;

/// How often one rule may match again before its ruleset is declared looping
/// (sendmail: 100).
pub const RULE_LOOPS_MAX: usize = 100;

/// Bytes of the name of a macro or class (sendmail: MAXMACNAMELEN 25).
pub const MACRO_NAME_BYTES_MAX: usize = 25;

/// Nested macro expansions in a configuration value (sendmail: 10).
pub const MACRO_DEPTH_MAX: usize = 10;

/// Rulesets can be given numbers below this (sendmail: MAXRWSETS / 2).
pub const RULESET_NUMBERS: u32 = 100;

/// Nested expansions in the macro processor.
pub const M4_DEPTH_MAX: usize = 1024;

/// Output of one run of the macro processor inside `compile`, in bytes.
pub const M4_OUTPUT_BYTES_MAX: usize = 64 << 20;

/// Bytes of one configuration, alias or map source line, continuations
/// included.
pub const SOURCE_LINE_BYTES_MAX: usize = 1 << 20;

/// How often ruleset 5 (`localaddr`) is asked again about what it has said.
pub const LOCALADDR_RUNS_MAX: usize = 10;

/// How deep aliases, lists and `.forward` files may refer to one another
/// (option MaxAliasRecursion, default 10) is an option; this is its ceiling.
pub const ALIAS_DEPTH_MAX: usize = 100;

/// Recipients that one message may grow to by expansion.
pub const EXPANDED_RECIPIENTS_MAX: usize = 100_000;

/// Bytes of a `:include:` list or `.forward` file.
pub const LIST_FILE_BYTES_MAX: usize = 4 << 20;

/// A frame between our own processes, in bytes.
pub const CONTROL_FRAME_BYTES_MAX: usize = 64 << 10;

/// Bytes of one expanded macro value or header.
pub const EXPANSION_BYTES_MAX: usize = 64 << 10;

/// Backtracking steps of one left side before failed positions are noted, so
/// that no pattern can take more than its length times the address's.
pub const MATCH_STEPS_PLAIN: usize = 2000;

/// Arguments of one map lookup, the key not counted (sendmail: 10 with it).
pub const MAP_ARGUMENTS_MAX: usize = 9;

/// Bytes of one token (sendmail: MAXNAME 256).
pub const TOKEN_BYTES_MAX: usize = 256;

/// Machines whose memory a site keeps for the next ones.
pub const MACHINES_KEPT_MAX: usize = 64;

/// Rules applied in one run, calls included.
pub const RULE_RUN_STEPS_MAX: usize = 200_000;

/// Steps that are kept of a run that is recorded.
pub const RECORD_STEPS_MAX: usize = 20_000;

/// Bytes of text that are kept of a run that is recorded, but for its last
/// step.
pub const RECORD_BYTES_MAX: usize = 8 << 20;

/// Bytes of tokens made in one run.
pub const RULE_RUN_BYTES_MAX: usize = 4 << 20;

/// Members that one file may bring into a class.
pub const CLASS_MEMBERS_MAX: usize = 10_000_000;

/// Bytes of one control file in the queue directory.
pub const CONTROL_FILE_BYTES_MAX: u64 = 64 << 20;

/// Words of a class whose tokens are numbered, so that most attempts to match
/// one need no comparison.
pub const CLASS_FILTER_WORDS_MAX: usize = 50_000;
