//! Every option of the configuration language, one row each.
//!
//! Reader, printer, command line, documentation and tests walk this table;
//! no option is named in a second list. Names, letters and defaults are those
//! of sendmail's manual ("Sendmail Installation and Operation Guide", 5.6);
//! rows whose default is empty are unset until the configuration sets them.

/// How the value of an option is read and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `True` or `False`; a value that begins with `t y 1`, or none, is true.
    Bool,
    /// A whole number, decimal.
    Number,
    /// A time interval; a number alone counts in this unit (`w d h m s`).
    Interval(char),
    /// File permission bits, octal.
    Mode,
    /// One of these words; the first letter decides, as in sendmail.
    Choice(&'static [&'static str]),
    /// A list, its parts divided by commas or blanks.
    Words,
    /// A user: `user`, `user:group` or `uid:gid`.
    User,
    /// The name of a file or directory.
    Path,
    /// Any text; macros in it are expanded where it is used.
    Text,
}

/// One option as the table has it.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The option.
    pub opt: Opt,
    /// Its long name, as the manual spells it.
    pub name: &'static str,
    /// Its old one-letter name.
    pub letter: Option<u8>,
    /// How its value is read.
    pub kind: Kind,
    /// What holds when nobody sets it; empty for unset.
    pub default: &'static str,
    /// Whether an ordinary user may set it on the command line.
    pub safe: bool,
    /// Whether every line adds a value instead of replacing the last.
    pub many: bool,
    /// Whether the reference knows it only in some builds, and not as
    /// distributions build it.
    pub extra: bool,
    /// Whether it has no long name: this one is ours.
    pub letter_only: bool,
    /// One sentence about it.
    pub doc: &'static str,
}

const fn letter(letter: char) -> Option<u8> {
    if letter == '-' {
        None
    } else {
        Some(letter as u8)
    }
}

macro_rules! options {
    ($($opt:ident $name:literal $letter:literal $kind:expr, $default:literal $([$flag:ident])*, $doc:literal;)*) => {
        /// An option, by its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Opt {
            $(#[doc = $doc] $opt,)*
        }

        /// All options, in the order of [`Opt`].
        pub const OPTIONS: &[OptionRow] = &[$({
            #[allow(unused_mut)]
            let mut row = OptionRow {
                opt: Opt::$opt,
                name: $name,
                letter: letter($letter),
                kind: $kind,
                default: $default,
                safe: false,
                many: false,
                extra: false,
                letter_only: false,
                doc: $doc,
            };
            $(row.$flag = true;)*
            row
        },)*];
    };
}

use Kind::*;

options! {
    RemoteMode "RemoteMode" '>' Text, "" [extra], "Run as a client of this mail server (Sun extension).";
    SevenBitInput "SevenBitInput" '7' Bool, "False" [safe], "Strip incoming text to seven bits.";
    EightBitMode "EightBitMode" '8' Choice(&["mimefy", "pass8", "strict"]), "pass8" [safe], "What to do with undeclared 8-bit text.";
    AliasFile "AliasFile" 'A' Words, "" [many], "Where aliases are looked up: `class:file`, in order.";
    AliasWait "AliasWait" 'a' Interval('m'), "10m", "How long to wait for an alias database that is being built.";
    BlankSub "BlankSub" 'B' Text, " ", "The character that replaces unquoted blanks in addresses.";
    MinFreeBlocks "MinFreeBlocks" 'b' Number, "100" [safe], "Blocks that must be free on the queue's file system.";
    CheckpointInterval "CheckpointInterval" 'C' Number, "10" [safe], "Recipients between two checkpoints of a queue file.";
    HoldExpensive "HoldExpensive" 'c' Bool, "False", "Leave mail for expensive mailers to the next queue run.";
    DeliveryMode "DeliveryMode" 'd' Choice(&["interactive", "background", "queue", "defer"]), "background" [safe], "When to deliver: at once, in the background, or from the queue.";
    ErrorHeader "ErrorHeader" 'E' Text, "", "Text, or the file of text, that opens a returned message.";
    ErrorMode "ErrorMode" 'e' Choice(&["print", "quiet", "mail", "write", "exit"]), "print" [safe], "How errors are told to the sender.";
    TempFileMode "TempFileMode" 'F' Mode, "0600", "Permissions of temporary files.";
    SaveFromLine "SaveFromLine" 'f' Bool, "False", "Keep UNIX From_ lines at the front of the header.";
    MatchGecos "MatchGECOS" 'G' Bool, "False", "Match local recipients against full names too.";
    DefaultGroup "DefaultGroup" 'g' Text, "" [letter_only], "The default group, by its old letter; DefaultUser replaces it.";
    HelpFile "HelpFile" 'H' Path, "/etc/mail/helpfile", "The text of the SMTP HELP command.";
    MaxHopCount "MaxHopCount" 'h' Number, "25", "Received lines after which a message is looping.";
    ResolverOptions "ResolverOptions" 'I' Words, "", "Flags for the name server library.";
    IgnoreDots "IgnoreDots" 'i' Bool, "False" [safe], "A line of a single dot does not end a message on standard input.";
    ForwardPath "ForwardPath" 'J' Text, "$z/.forward.$w:$z/.forward", "Where .forward files are looked for, divided by colons.";
    SendMimeErrors "SendMimeErrors" 'j' Bool, "True" [safe], "Return messages in MIME form.";
    ConnectionCacheSize "ConnectionCacheSize" 'k' Number, "1", "Idle outgoing connections kept open.";
    ConnectionCacheTimeout "ConnectionCacheTimeout" 'K' Interval('m'), "5m", "How long an idle outgoing connection is kept.";
    UseErrorsTo "UseErrorsTo" 'l' Bool, "False", "Return errors to the Errors-To: header.";
    LogLevel "LogLevel" 'L' Number, "9" [safe], "How much is logged.";
    DefineMacro "Macro" 'M' Text, "" [safe] [many] [letter_only], "Define a macro, by the option's old letter.";
    MeToo "MeToo" 'm' Bool, "True" [safe], "Send to the sender too when an alias holds it.";
    CheckAliases "CheckAliases" 'n' Bool, "False", "Parse the right sides of aliases when the database is built.";
    OldStyleHeaders "OldStyleHeaders" 'o' Bool, "False" [safe], "Headers may divide addresses by blanks.";
    DaemonPortOptions "DaemonPortOptions" 'O' Text, "" [many], "One listening socket: Port, Addr, Family, Name, Modifiers and more.";
    PrivacyOptions "PrivacyOptions" 'p' Words, "" [safe] [many], "What strangers may not do or see.";
    PostmasterCopy "PostmasterCopy" 'P' Text, "", "Who gets a copy of every returned header.";
    QueueFactor "QueueFactor" 'q' Number, "600000", "Divides the load when deciding whether to queue only.";
    QueueDirectory "QueueDirectory" 'Q' Path, "/var/spool/mqueue", "The queue directory; may end in `*`.";
    DontPruneRoutes "DontPruneRoutes" 'R' Bool, "False", "Do not prune route addresses.";
    OldTimeout "TimeoutList" 'r' Text, "" [letter_only], "Timeouts by the old letter: one interval for all, or `name=value` parts.";
    StatusFile "StatusFile" 'S' Path, "", "Where the statistics are kept.";
    SuperSafe "SuperSafe" 's' Choice(&["true", "false", "interactive", "PostMilter"]), "True" [safe], "When a message must be on disk.";
    QueueTimeout "QueueTimeout" 'T' Text, "", "Queue lifetime and warning by the old letter: `return/warn`.";
    TimeZoneSpec "TimeZoneSpec" 't' Text, "", "The time zone; empty for the system's.";
    UserDatabaseSpec "UserDatabaseSpec" 'U' Words, "", "Where the user database is.";
    DefaultUser "DefaultUser" 'u' User, "1:1", "Who runs mailers that name no user.";
    FallbackMxHost "FallbackMXhost" 'V' Text, "", "The host that takes what no MX host takes.";
    Verbose "Verbose" 'v' Bool, "False" [safe], "Say what is done.";
    TryNullMxList "TryNullMXList" 'w' Bool, "False", "A host whose best MX is this one is connected to directly.";
    QueueLa "QueueLA" 'x' Number, "", "The load from which mail is only queued.";
    RefuseLa "RefuseLA" 'X' Number, "", "The load from which connections are refused.";
    RecipientFactor "RecipientFactor" 'y' Number, "30000", "How much each recipient worsens a message's priority.";
    ForkEachJob "ForkEachJob" 'Y' Bool, "False", "Each queued message in its own process.";
    ClassFactor "ClassFactor" 'z' Number, "1800", "How much the Precedence: class counts.";
    RetryFactor "RetryFactor" 'Z' Number, "90000", "How much each attempt worsens a message's priority.";
    QueueSortOrder "QueueSortOrder" '-' Choice(&["priority", "host", "filename", "time", "random", "modification", "shuffle", "none"]), "Priority" [safe], "The order of a queue run.";
    HostsFile "HostsFile" '-' Path, "/etc/hosts", "The hosts file.";
    MinQueueAge "MinQueueAge" '-' Interval('m'), "0" [safe], "How long a message rests between two attempts.";
    DefaultCharSet "DefaultCharSet" '-' Text, "unknown-8bit" [safe], "The character set of undeclared 8-bit text.";
    ServiceSwitchFile "ServiceSwitchFile" '-' Path, "/etc/mail/service.switch", "Where names are looked up, by service.";
    DialDelay "DialDelay" '-' Interval('s'), "0s" [safe], "How long to wait before a second try to connect.";
    NoRecipientAction "NoRecipientAction" '-' Choice(&["none", "add-to", "add-apparently-to", "add-bcc", "add-to-undisclosed"]), "none" [safe], "What to add to a message without a recipient header.";
    SafeFileEnvironment "SafeFileEnvironment" '-' Path, "", "The directory that deliveries to files may not leave.";
    MaxMessageSize "MaxMessageSize" '-' Number, "0", "Bytes of the largest message; 0 for no limit.";
    ColonOkInAddr "ColonOkInAddr" '-' Bool, "False" [safe], "A colon may stand in an address.";
    MaxQueueRunSize "MaxQueueRunSize" '-' Number, "0" [safe], "Messages of one queue run; 0 for all.";
    MaxDaemonChildren "MaxDaemonChildren" '-' Number, "0", "Connections served at once; 0 for no limit.";
    DontExpandCnames "DontExpandCnames" '-' Bool, "False", "Do not replace an alias by its canonical name.";
    MustQuoteChars "MustQuoteChars" '-' Text, ".'", "Characters for which a full name needs quotes.";
    SmtpGreetingMessage "SmtpGreetingMessage" '-' Text, "$j Sendmail $v/$Z; $b", "The text of the 220 greeting.";
    UnixFromLine "UnixFromLine" '-' Text, "From $g $d", "The From_ line of mailboxes.";
    OperatorChars "OperatorChars" '-' Text, ".:%@!^/[]+", "The characters that are tokens of their own.";
    DontInitGroups "DontInitGroups" '-' Bool, "False", "Do not take on a user's further groups.";
    SingleLineFromHeader "SingleLineFromHeader" '-' Bool, "False" [safe], "Put a From: header on one line.";
    AllowBogusHelo "AllowBogusHELO" '-' Bool, "False" [safe], "Take HELO without a name.";
    ConnectionRateThrottle "ConnectionRateThrottle" '-' Number, "0", "New connections a second per listener; 0 for no limit.";
    UnsafeGroupWrites "UnsafeGroupWrites" '-' Bool, "True", "Group-writable .forward and :include: files are not trusted.";
    DoubleBounceAddress "DoubleBounceAddress" '-' Text, "postmaster", "Who gets errors about errors; empty to drop them.";
    HostStatusDirectory "HostStatusDirectory" '-' Path, "", "Where the status of hosts is kept between runs.";
    SingleThreadDelivery "SingleThreadDelivery" '-' Bool, "False", "One connection to a host at a time.";
    RunAsUser "RunAsUser" '-' User, "", "Who serves connections.";
    RrtImpliesDsn "RrtImpliesDsn" '-' Bool, "False", "Return-Receipt-To: asks for a success report.";
    PidFile "PidFile" '-' Path, "/var/run/sendmail.pid", "Where the daemon writes its process number.";
    DontBlameSendmail "DontBlameSendmail" '-' Words, "safe" [many], "Which checks of files and directories to leave out.";
    DontProbeInterfaces "DontProbeInterfaces" '-' Choice(&["true", "false", "loopback"]), "False", "Do not put the names of interfaces into class w.";
    MaxRecipientsPerMessage "MaxRecipientsPerMessage" '-' Number, "0" [safe], "Recipients of one SMTP message; 0 for no limit.";
    DeadLetterDrop "DeadLetterDrop" '-' Path, "", "Where mail goes that can neither be delivered nor returned.";
    DontLockFilesForRead "DontLockFilesForRead" '-' Bool, "False" [extra], "Do not lock files to read them.";
    MaxAliasRecursion "MaxAliasRecursion" '-' Number, "10", "How deep aliases may refer to one another.";
    ConnectOnlyTo "ConnectOnlyTo" '-' Text, "", "The one address that is ever connected to.";
    TrustedUser "TrustedUser" '-' User, "", "The user whose files are trusted beside root's.";
    MaxMimeHeaderLength "MaxMimeHeaderLength" '-' Text, "", "Longest MIME header and parameter: `N` or `N/M`.";
    ControlSocketName "ControlSocketName" '-' Path, "", "The control socket of the daemon.";
    MaxHeadersLength "MaxHeadersLength" '-' Number, "32768", "Bytes of all headers of a message.";
    MaxForwardEntries "MaxForwardEntries" '-' Number, "0" [extra], "Entries taken from one .forward file.";
    ProcessTitlePrefix "ProcessTitlePrefix" '-' Text, "", "What process titles begin with.";
    DefaultAuthInfo "DefaultAuthInfo" '-' Path, "" [safe], "The file of authentication data for outgoing connections.";
    AuthMechanisms "AuthMechanisms" '-' Words, "EXTERNAL GSSAPI KERBEROS_V4 DIGEST-MD5 CRAM-MD5", "Authentication mechanisms that are offered.";
    ClientPortOptions "ClientPortOptions" '-' Text, "" [many], "The outgoing socket: Family, Addr, Port, Modifiers.";
    DataFileBufferSize "DataFileBufferSize" '-' Number, "4096", "Bytes of a body kept in memory.";
    XscriptFileBufferSize "XscriptFileBufferSize" '-' Number, "4096", "Bytes of a transcript kept in memory.";
    LdapDefaultSpec "LDAPDefaultSpec" '-' Text, "", "What every ldap map begins with.";
    ServerCertFile "ServerCertFile" '-' Path, "", "The certificate shown to clients.";
    ServerKeyFile "ServerKeyFile" '-' Path, "", "The key of ServerCertFile.";
    ClientCertFile "ClientCertFile" '-' Path, "", "The certificate shown to servers.";
    ClientKeyFile "ClientKeyFile" '-' Path, "", "The key of ClientCertFile.";
    CaCertFile "CACertFile" '-' Path, "", "Certificates of authorities, in one file.";
    CaCertPath "CACertPath" '-' Path, "", "Certificates of authorities, in a directory.";
    DhParameters "DHParameters" '-' Text, "", "Parameters of the Diffie-Hellman exchange.";
    InputMailFilters "InputMailFilters" '-' Words, "", "The milters that see incoming mail, in order.";
    AuthOptions "AuthOptions" '-' Words, "", "Letters that steer authentication.";
    QueueFileMode "QueueFileMode" '-' Mode, "", "Permissions of queue files.";
    CertFingerprintAlgorithm "CertFingerprintAlgorithm" '-' Text, "", "The digest of certificate fingerprints.";
    CipherList "CipherList" '-' Text, "", "Ciphers that TLS may use.";
    RandFile "RandFile" '-' Text, "", "Where randomness comes from.";
    TlsSrvOptions "TLSSrvOptions" '-' Words, "", "`V`: never ask clients for a certificate.";
    BadRcptThrottle "BadRcptThrottle" '-' Number, "0" [safe], "Refused recipients after which answers are slowed.";
    DeliverByMin "DeliverByMin" '-' Interval('s'), "0", "The least DELIVERBY time that is taken.";
    MaxQueueChildren "MaxQueueChildren" '-' Number, "0", "Queue runners at once.";
    MaxRunnersPerQueue "MaxRunnersPerQueue" '-' Number, "1", "Queue runners per queue.";
    DirectSubmissionModifiers "DirectSubmissionModifiers" '-' Text, "", "${daemon_flags} of mail submitted on the command line.";
    NiceQueueRun "NiceQueueRun" '-' Number, "0", "The niceness of queue runs.";
    SharedMemoryKey "SharedMemoryKey" '-' Number, "0", "The key of shared memory.";
    AuthMaxBits "AuthMaxBits" '-' Number, "2147483647", "The strongest security layer of authentication.";
    MailboxDatabase "MailboxDatabase" '-' Text, "pw", "Where local users are looked up.";
    UseMsp "UseMSP" '-' Bool, "False", "Act as the mail submission program.";
    DelayLa "DelayLA" '-' Number, "0", "The load from which connections are answered with delay.";
    FastSplit "FastSplit" '-' Number, "1", "Split envelopes without sorting by MX.";
    SoftBounce "SoftBounce" '-' Bool, "False", "Answer 4xx where 5xx is due.";
    SharedMemoryKeyFile "SharedMemoryKeyFile" '-' Path, "", "Where the key of shared memory is written.";
    RejectLogInterval "RejectLogInterval" '-' Interval('h'), "3h", "How often ongoing refusal is logged.";
    RequiresDirFsync "RequiresDirfsync" '-' Bool, "True", "Directories must be synced.";
    ConnectionRateWindowSize "ConnectionRateWindowSize" '-' Interval('s'), "60s", "The window over which connection rates are counted.";
    CrlFile "CRLFile" '-' Path, "", "Revoked certificates, in one file.";
    FallbackSmartHost "FallbackSmartHost" '-' Text, "", "The host tried when a name has no MX and no address.";
    AuthRealm "AuthRealm" '-' Text, "", "The realm of authentication.";
    CrlPath "CRLPath" '-' Path, "", "Revoked certificates, in a directory.";
    HeloName "HeloName" '-' Text, "", "The name in outgoing HELO and EHLO; $j when unset.";
    RefuseLowMem "RefuseLowMem" '-' Number, "" [extra], "Free memory below which connections are refused.";
    QueueLowMem "QueueLowMem" '-' Number, "" [extra], "Free memory below which mail is only queued.";
    MemoryResource "MemoryResource" '-' Text, "" [extra], "Which memory is measured.";
    MaxNoopCommands "MaxNOOPCommands" '-' Number, "20", "Idle commands after which a client is slowed.";
    MessageAccept "MessageAccept" '-' Text, "" [extra], "The text after 250 at the end of a message.";
    CheckQueueRunners "CheckQueueRunners" '-' Number, "" [extra], "How often queue runners are looked after.";
    EightBitAddrOk "EightBitAddrOK" '-' Bool, "False" [extra], "Addresses may hold 8-bit characters.";
    AddrTypeModes "AddrTypeModes" '-' Bool, "False" [extra], "${addr_type} tells the mode too.";
    BadRcptShutdown "BadRcptShutdown" '-' Number, "" [safe], "Refused recipients after which the session ends.";
    BadRcptShutdownGood "BadRcptShutdownGood" '-' Number, "" [safe], "The share of good recipients that keeps a session.";
    ServerSslOptions "ServerSSLOptions" '-' Words, "", "Options of TLS as server.";
    ClientSslOptions "ClientSSLOptions" '-' Words, "", "Options of TLS as client.";
    MaxQueueAge "MaxQueueAge" '-' Interval('s'), "0", "The longest pause between two attempts.";
    BadRcptThrottleDelay "BadRcptThrottleDelay" '-' Number, "" [safe] [extra], "How long a throttled client waits.";
    InetQos "InetQoS" '-' Text, "" [extra], "The type of service of packets.";
    FipsMode "FIPSMode" '-' Bool, "False" [extra], "Use only validated cryptography.";
    RejectNul "RejectNUL" '-' Bool, "False" [safe], "Refuse messages that hold a NUL byte.";
    BounceQueue "BounceQueue" '-' Text, "" [extra], "The queue group of returned messages.";
    AddBcc "AddBcc" '-' Bool, "False" [extra], "Let a ruleset add blind copies.";
    UseCompressedIpv6Addresses "UseCompressedIPv6Addresses" '-' Bool, "False", "Write IPv6 addresses in their short form.";
    SslEngine "SSLEngine" '-' Text, "", "The engine of the TLS library.";
    SslEnginePath "SSLEnginePath" '-' Path, "", "Where the engine is.";
    TlsFallbackToClear "TLSFallbacktoClear" '-' Bool, "True", "Try again without TLS after a failed handshake.";
    NameServer "NameServer" '-' Text, "" [extra], "The name server to ask.";
    Dane "DANE" '-' Choice(&["false", "true", "always"]), "False" [extra], "Use TLSA records.";
    NameSearchList "NameSearchList" '-' Text, "" [extra], "The search list of names.";
    Hacks "Hacks" '-' Number, "" [extra], "Switches of experiments.";
    KeepBcc "KeepBcc" '-' Bool, "False" [extra], "Keep Bcc: headers.";
    ClientCaCertFile "ClientCACertFile" '-' Path, "" [extra], "CACertFile for connections to servers.";
    ClientCaCertPath "ClientCACertPath" '-' Path, "" [extra], "CACertPath for connections to servers.";
    SetCertAltnames "SetCertAltnames" '-' Bool, "False", "Put a certificate's names into ${cert_altnames}.";
    SmtpUtf8 "SmtpUTF8" '-' Bool, "False", "Take internationalised addresses.";
    StrictTransportSecurity "StrictTransportSecurity" '-' Bool, "False", "Apply MTA-STS.";
    CipherSuites "CipherSuites" '-' Text, "", "Cipher suites that TLS 1.3 may use.";
    TimeoutInitial "Timeout.initial" '-' Interval('m'), "5m", "Wait for the greeting.";
    TimeoutConnect "Timeout.connect" '-' Interval('m'), "0", "Wait for a connection; 0 for the system's limit.";
    TimeoutAconnect "Timeout.aconnect" '-' Interval('m'), "0", "Wait for all connection attempts of one delivery.";
    TimeoutIconnect "Timeout.iconnect" '-' Interval('m'), "", "Wait for the first connection attempt of a message.";
    TimeoutHelo "Timeout.helo" '-' Interval('m'), "5m", "Wait for the answer to HELO.";
    TimeoutMail "Timeout.mail" '-' Interval('m'), "10m", "Wait for the answer to MAIL.";
    TimeoutRcpt "Timeout.rcpt" '-' Interval('m'), "1h", "Wait for the answer to RCPT.";
    TimeoutDatainit "Timeout.datainit" '-' Interval('m'), "5m", "Wait for the answer to DATA.";
    TimeoutDatablock "Timeout.datablock" '-' Interval('m'), "1h", "Wait for a block of data.";
    TimeoutDatafinal "Timeout.datafinal" '-' Interval('m'), "1h", "Wait for the answer to the final dot.";
    TimeoutRset "Timeout.rset" '-' Interval('m'), "5m", "Wait for the answer to RSET.";
    TimeoutQuit "Timeout.quit" '-' Interval('m'), "2m", "Wait for the answer to QUIT.";
    TimeoutMisc "Timeout.misc" '-' Interval('m'), "2m", "Wait for the answer to other commands.";
    TimeoutCommand "Timeout.command" '-' Interval('m'), "1h", "Wait for a client's next command.";
    TimeoutIdent "Timeout.ident" '-' Interval('s'), "5s", "Wait for the ident protocol; 0 to leave it out.";
    TimeoutFileopen "Timeout.fileopen" '-' Interval('s'), "60s", "Wait for a remote file.";
    TimeoutControl "Timeout.control" '-' Interval('m'), "2m", "Wait on the control socket.";
    TimeoutLhlo "Timeout.lhlo" '-' Interval('m'), "2m", "Wait for the answer to LHLO.";
    TimeoutAuth "Timeout.auth" '-' Interval('m'), "10m", "Wait within an AUTH dialogue.";
    TimeoutStarttls "Timeout.starttls" '-' Interval('m'), "1h", "Wait within a TLS handshake.";
    TimeoutHoststatus "Timeout.hoststatus" '-' Interval('m'), "30m", "How long the status of a host is believed.";
    TimeoutQueuereturn "Timeout.queuereturn" '-' Interval('d'), "5d", "Return a message to its sender after this long in the queue.";
    TimeoutQueuereturnNormal "Timeout.queuereturn.normal" '-' Interval('d'), "", "The same for messages of normal priority.";
    TimeoutQueuereturnUrgent "Timeout.queuereturn.urgent" '-' Interval('d'), "", "The same for urgent messages.";
    TimeoutQueuereturnNonUrgent "Timeout.queuereturn.non-urgent" '-' Interval('d'), "", "The same for messages that are not urgent.";
    TimeoutQueuereturnDsn "Timeout.queuereturn.dsn" '-' Interval('d'), "", "The same for delivery reports.";
    TimeoutQueuewarn "Timeout.queuewarn" '-' Interval('h'), "4h", "Warn the sender after this long in the queue; 0 for never.";
    TimeoutQueuewarnNormal "Timeout.queuewarn.normal" '-' Interval('h'), "", "The same for messages of normal priority.";
    TimeoutQueuewarnUrgent "Timeout.queuewarn.urgent" '-' Interval('h'), "", "The same for urgent messages.";
    TimeoutQueuewarnNonUrgent "Timeout.queuewarn.non-urgent" '-' Interval('h'), "", "The same for messages that are not urgent.";
    TimeoutQueuewarnDsn "Timeout.queuewarn.dsn" '-' Interval('h'), "", "The same for delivery reports.";
    TimeoutResolverRetrans "Timeout.resolver.retrans" '-' Interval('s'), "", "The resolver's interval between two questions.";
    TimeoutResolverRetransFirst "Timeout.resolver.retrans.first" '-' Interval('s'), "", "The same at the first attempt to deliver.";
    TimeoutResolverRetransNormal "Timeout.resolver.retrans.normal" '-' Interval('s'), "", "The same at later attempts.";
    TimeoutResolverRetry "Timeout.resolver.retry" '-' Number, "", "How often the resolver asks.";
    TimeoutResolverRetryFirst "Timeout.resolver.retry.first" '-' Number, "", "The same at the first attempt to deliver.";
    TimeoutResolverRetryNormal "Timeout.resolver.retry.normal" '-' Number, "", "The same at later attempts.";
    MilterLogLevel "Milter.LogLevel" '-' Number, "", "How much is logged of milters.";
    MilterMacrosConnect "Milter.macros.connect" '-' Words, "", "Macros sent to milters at the connection.";
    MilterMacrosHelo "Milter.macros.helo" '-' Words, "", "Macros sent to milters at HELO.";
    MilterMacrosEnvfrom "Milter.macros.envfrom" '-' Words, "", "Macros sent to milters at MAIL.";
    MilterMacrosEnvrcpt "Milter.macros.envrcpt" '-' Words, "", "Macros sent to milters at RCPT.";
    MilterMacrosData "Milter.macros.data" '-' Words, "", "Macros sent to milters at DATA.";
    MilterMacrosEoh "Milter.macros.eoh" '-' Words, "", "Macros sent to milters at the end of the header.";
    MilterMacrosEom "Milter.macros.eom" '-' Words, "", "Macros sent to milters at the end of the message.";
    MilterMaxDataSize "Milter.maxdatasize" '-' Number, "", "Bytes of a body sent to milters at once.";
}

impl Opt {
    /// Its row of the table.
    pub fn row(self) -> &'static OptionRow {
        &OPTIONS[self as usize]
    }

    /// Its long name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The option with this one-letter name.
    pub fn by_letter(letter: u8) -> Option<Opt> {
        OPTIONS
            .iter()
            .find(|row| row.letter == Some(letter))
            .map(|row| row.opt)
    }

    /// The option with exactly this long name, in any case.
    pub fn by_name(name: &[u8]) -> Option<Opt> {
        OPTIONS
            .iter()
            .find(|row| !row.letter_only && name.eq_ignore_ascii_case(row.name.as_bytes()))
            .map(|row| row.opt)
    }
}
