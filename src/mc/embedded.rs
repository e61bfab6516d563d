//! Files that are part of the program: the m4 library, and the files of a new
//! site.

mod table {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// A file of the m4 library, by its name below `cf-templates`.
pub fn template(name: &str) -> Option<&'static [u8]> {
    find(table::TEMPLATES, name)
}

/// Every file of the m4 library.
pub fn templates() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    table::TEMPLATES.iter().copied()
}

/// Every file of a new site's `/etc/mail`, by its name there.
pub fn etc_mail() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    table::ETC_MAIL.iter().copied()
}

/// The table is sorted by name.
fn find(table: &'static [(&str, &[u8])], name: &str) -> Option<&'static [u8]> {
    let at = table
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    Some(table[at].1)
}
