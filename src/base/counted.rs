//! What `mailstats` counts.

/// Something that `mailstats` counts, by the number of its mailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A message came from the sender's mailer.
    From {
        /// Index of the mailer in the configuration.
        mailer: usize,
        /// Size of the message.
        size_bytes: u64,
    },
    /// A message went to one recipient by this mailer.
    To {
        /// Index of the mailer in the configuration.
        mailer: usize,
        /// Size of the message.
        size_bytes: u64,
    },
    /// A sender or recipient was refused.
    Rejected {
        /// Index of the mailer in the configuration.
        mailer: usize,
    },
    /// A message was thrown away by a check.
    Discarded {
        /// Index of the mailer in the configuration.
        mailer: usize,
    },
    /// A message went into quarantine.
    Quarantined {
        /// Index of the mailer in the configuration.
        mailer: usize,
    },
    /// A connection came in.
    ConnectionIn,
    /// A connection was made.
    ConnectionOut,
    /// A connection was refused.
    ConnectionRejected,
}
