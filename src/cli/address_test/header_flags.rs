//! Flags of header fields, as `/header` shows them.
//!
//! The numbers are those that the reference shows, field by field.

/// A field that came with the message.
const USER: u32 = 0x0004_0000;
/// Its check leaves comments out.
pub(super) const STRIP_COMMENTS: u32 = 0x0001_0000;

/// Fields with flags of their own, in lower case.
const FIELDS: &[(u32, &[&str])] = &[
    (0x0004_0008, &["resent-date", "resent-message-id"]),
    (
        0x0004_00c0,
        &["mail-from", "received", "via", "x400-received"],
    ),
    (0x0000_0001, &["message", "text"]),
    (0x0004_0002, &["apparently-to", "cc", "to"]),
    (0x0004_0900, &["errors-to"]),
    (0x0004_400a, &["resent-bcc"]),
    (0x0006_0060, &["return-path"]),
    (0x0004_0400, &["delivery-receipt-to", "return-receipt-to"]),
    (0x0004_8000, &["subject"]),
    (0x0004_8040, &["comments"]),
    (
        0x0004_0108,
        &["resent-from", "resent-reply-to", "resent-sender"],
    ),
    (0x0004_000a, &["resent-cc", "resent-to"]),
    (0x0004_4002, &["bcc"]),
    (0x0004_2000, &["content-type"]),
    (0x0004_1000, &["content-transfer-encoding"]),
    (0x0004_0020, &["content-length", "full-name"]),
    (
        0x0004_0100,
        &["disposition-notification-to", "from", "reply-to", "sender"],
    ),
];

/// The flags of a field.
pub(super) fn of(name: &[u8]) -> u32 {
    FIELDS
        .iter()
        .find(|(_, names)| {
            names
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        })
        .map_or(USER, |(flags, _)| *flags)
}

/// The number as it is shown.
pub(super) fn show(flags: u32) -> String {
    if flags == 0 {
        "00000000".to_owned()
    } else {
        format!("{flags:#010x}")
    }
}
