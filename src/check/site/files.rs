//! Databases, class files, programs of mailers.

use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};

use super::{Found, Surroundings};
use crate::base::{Diagnostic, Origin};
use crate::cf::{ClassSource, Config, Opt};
use crate::check::codes;
use crate::map::{KLine, Kind};

/// The classes of maps that live in a database made from a text.
pub(super) fn database_kind(class: &[u8]) -> Option<Kind> {
    Kind::from_name(&class.to_ascii_lowercase())
}

/// A map in a file: what the configuration says of it.
struct Named<'c> {
    what: String,
    kind: Option<Kind>,
    file: BString,
    optional: bool,
    /// Whether the text is read where there is no database.
    text_will_do: bool,
    origin: &'c Origin,
}

/// What is wrong with the files of maps and aliases.
pub(super) fn maps(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    for map in &config.maps {
        let kind = database_kind(&map.class);
        if kind.is_none() && !map.class.eq_ignore_ascii_case(b"text") {
            continue;
        }
        let line = KLine::parse(&map.args);
        if !line.file.starts_with(b"/") || line.file.contains(&b'$') {
            continue;
        }
        let named = Named {
            what: format!("map {}", map.name),
            kind,
            file: line.file.clone(),
            optional: line.common.optional,
            text_will_do: false,
            origin: &map.origin,
        };
        look(&named, world, faults);
    }
    for value in config.options.all(Opt::AliasFile) {
        for word in value.text.split_str(",") {
            let (class, file) = match word.trim().split_once_str(":") {
                Some((class, file)) => (class, file),
                None => (b"implicit".as_slice(), word.trim()),
            };
            let file = file.trim();
            if !file.starts_with(b"/") || file.contains(&b'$') {
                continue;
            }
            let kind = match class {
                b"implicit" => Some(Kind::Hash),
                other => database_kind(other),
            };
            let named = Named {
                what: "the aliases".to_owned(),
                kind,
                file: file.into(),
                // A host without aliases is a host all the same.
                optional: true,
                text_will_do: class == b"implicit",
                origin: &value.origin,
            };
            look(&named, world, faults);
        }
    }
}

fn look(named: &Named<'_>, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    let base = world.path(&named.file);
    let fault = |code, message| codes::fault(code, named.origin.clone(), message);
    let what = &named.what;
    let Some(kind) = named.kind else {
        if let (Found::Missing, false) = (world.look(&base), named.optional) {
            let message = format!("{what}: {} is not there", base.display());
            faults.push(fault("site-map-missing", message));
        }
        return;
    };
    let database = kind.file(&base);
    let source = source_of(&database, kind);
    let (text, built) = (world.look(&source), world.look(&database));
    match (text, built) {
        (Found::File(_), Found::Missing) if named.text_will_do => {}
        (Found::File(_), Found::Missing) => {
            let message = format!(
                "{what}: {} is there, {} is not",
                source.display(),
                database.display()
            );
            faults.push(fault("site-map-unbuilt", message));
        }
        (_, Found::Missing) if !named.optional => {
            let message = format!("{what}: {} is not there", database.display());
            faults.push(fault("site-map-missing", message));
        }
        (text, Found::File(built)) => {
            if let Found::File(text) = text
                && text.modified > built.modified
            {
                let message = format!(
                    "{what}: {} is newer than {}",
                    source.display(),
                    database.display()
                );
                faults.push(fault("site-map-stale", message));
            }
            faults.extend(wrong_type(named, kind, &database, world));
        }
        _ => {}
    }
}

/// The text that a database is made from: its name without the extension.
fn source_of(database: &Path, kind: Kind) -> PathBuf {
    let name = database.as_os_str().as_encoded_bytes();
    let text = name
        .strip_suffix(kind.extension().as_bytes())
        .unwrap_or(name);
    text.to_path_lossy().into_owned()
}

/// The numbers that Berkeley DB files begin with, from byte 12.
const HASH_MAGIC: u32 = 0x0006_1561;
const BTREE_MAGIC: u32 = 0x0005_3162;

/// A database of another type than its map's.
fn wrong_type(
    named: &Named<'_>,
    kind: Kind,
    path: &Path,
    world: &Surroundings,
) -> Option<Diagnostic> {
    use std::io::Read;
    let wanted = match kind {
        Kind::Hash => HASH_MAGIC,
        Kind::Btree => BTREE_MAGIC,
        Kind::Cdb | Kind::Lmdb | Kind::Dbm => return None,
    };
    let mut head = [0; 16];
    world.files.open(path).ok()?.read_exact(&mut head).ok()?;
    let bytes = [head[12], head[13], head[14], head[15]];
    let found = [u32::from_le_bytes(bytes), u32::from_be_bytes(bytes)];
    if found.contains(&wanted) {
        return None;
    }
    let is = if found.contains(&HASH_MAGIC) {
        "hash"
    } else if found.contains(&BTREE_MAGIC) {
        "btree"
    } else {
        "none of Berkeley DB's"
    };
    let message = format!(
        "{}: {} is of type {is}, and is asked as {}",
        named.what,
        path.display(),
        kind.name()
    );
    Some(codes::fault("site-map-type", named.origin.clone(), message))
}

/// Switch maps that the service switch file has no line for.
pub(super) fn switches(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    let file = world.path(config.options.text(Opt::ServiceSwitchFile));
    let Some(text) = world.read(&file) else {
        return;
    };
    for map in &config.maps {
        if !map.class.eq_ignore_ascii_case(b"switch") {
            continue;
        }
        let Some(service) = map.args.fields().find(|word| !word.starts_with(b"-")) else {
            continue;
        };
        let mut first = text.lines().filter_map(|line| line.fields().next());
        if !first.any(|word| word == service) {
            let message = format!(
                "map {}: {} has no line for {}",
                map.name,
                file.display(),
                BStr::new(service)
            );
            faults.push(codes::fault("map-no-service", map.origin.clone(), message));
        }
    }
}

/// What is wrong with the files of classes.
pub(super) fn classes(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    for class in &config.classes {
        let ClassSource::File { path, optional, .. } = &class.source else {
            continue;
        };
        if !path.starts_with(b"/") || path.contains(&b'$') {
            continue;
        }
        let placed = world.path(path);
        match world.look(&placed) {
            Found::Missing if !optional => {
                let message = format!("class {}: {} is not there", class.name, placed.display());
                faults.push(codes::fault("cf-class-file", class.origin.clone(), message));
            }
            Found::File(_) => {
                let text = world.read(&placed).unwrap_or_default();
                let empty = text.lines().all(|line| {
                    let line = line.trim();
                    line.is_empty() || line.starts_with(b"#")
                });
                if empty {
                    let message =
                        format!("class {}: {} has no members", class.name, placed.display());
                    faults.push(codes::fault(
                        "site-class-empty",
                        class.origin.clone(),
                        message,
                    ));
                }
            }
            _ => {}
        }
    }
}

/// Programs and users that mailers name.
pub(super) fn mailers(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    for mailer in &config.mailers {
        if mailer.origin.line() == 0 {
            continue;
        }
        if mailer.path.starts_with(b"/")
            && !mailer.path.contains(&b'$')
            && let Found::Missing = world.look(&world.path(&mailer.path))
        {
            let message = format!("mailer {}: {} is not there", mailer.name, mailer.path);
            faults.push(codes::fault(
                "site-mailer-program",
                mailer.origin.clone(),
                message,
            ));
        }
        let user = &mailer.user.user;
        let group = &mailer.user.group;
        let is_plain = |name: &BString| !name.is_empty() && !name.contains(&b'$');
        let is_number = |name: &BString| name.iter().all(u8::is_ascii_digit);
        let no_user =
            is_plain(user) && !is_number(user) && matches!(world.users.user(user), Ok(None));
        let no_group =
            is_plain(group) && !is_number(group) && matches!(world.users.group(group), Ok(None));
        for (missing, kind, name) in [(no_user, "user", user), (no_group, "group", group)] {
            if missing {
                let message = format!(
                    "mailer {}: there is no {kind} {}",
                    mailer.name,
                    BStr::new(name)
                );
                faults.push(codes::fault(
                    "cf-mailer-user",
                    mailer.origin.clone(),
                    message,
                ));
            }
        }
    }
}
