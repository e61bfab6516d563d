//! Map class `user`: the system's user database.

use std::os::unix::ffi::OsStrExt;

use bstr::{BString, ByteSlice};

use crate::world::{User, Users};

use super::answer::{Lookup, Outcome, Scope};
use super::kline::Common;
use super::registry::{Ask, Backend, Maps, OpenState, Opened, Opening};

/// EX_NOUSER: what this class gives for unknown users.
const NO_USER: i32 = 67;

/// A field of a user, by the name that `-v` gives it.
#[derive(Clone, Copy)]
enum Field {
    Name,
    Password,
    Uid,
    Gid,
    FullName,
    Home,
    Shell,
}

/// The users.
struct UserMap {
    common: Common,
    field: Result<Field, String>,
}

/// Opens a `user` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Opened {
    let line = opening.line();
    let field = match line.value_column.as_deref().map(|name| &**name) {
        None | Some(b"name") => Ok(Field::Name),
        Some(b"passwd") => Ok(Field::Password),
        Some(b"uid") => Ok(Field::Uid),
        Some(b"gid") => Ok(Field::Gid),
        Some(b"gecos") => Ok(Field::FullName),
        Some(b"dir") => Ok(Field::Home),
        Some(b"shell") => Ok(Field::Shell),
        Some(other) => {
            let (map, other) = (&opening.definition.name, BString::from(other));
            Err(format!("User map {map}: unknown column name {other}"))
        }
    };
    Opened {
        common: line.common.clone(),
        backend: Box::new(UserMap {
            common: line.common,
            field,
        }),
    }
}

/// `user`, `user:group` or numbers: the ids of option DefaultUser; 1:1 when
/// there is no such user.
pub fn user_ids(text: &[u8], users: &dyn Users) -> (u32, u32) {
    let (user, group) = match text
        .split_once_str(":")
        .or_else(|| text.split_once_str("."))
    {
        Some((user, group)) => (user.trim(), group.trim()),
        None => (text.trim(), &b""[..]),
    };
    let number = |text: &[u8]| -> Option<u32> { text.to_str().ok()?.parse().ok() };
    let known = users.user(user).ok().flatten();
    let uid = number(user).or(known.as_ref().map(|user| user.uid));
    let gid = number(group)
        .or_else(|| users.group(group).ok().flatten())
        .or(known.map(|user| user.gid));
    (uid.unwrap_or(1), gid.unwrap_or(1))
}

/// What a field holds.
fn text(field: Field, user: &User) -> BString {
    match field {
        Field::Name => user.name.clone(),
        // Nobody but the system's own programs has business with it; the
        // reference, too, shows only what passwd(5) holds today.
        Field::Password => BString::from("x"),
        Field::Uid => user.uid.to_string().into(),
        Field::Gid => user.gid.to_string().into(),
        Field::FullName => user.full_name.clone(),
        Field::Home => user.home.as_os_str().as_bytes().into(),
        Field::Shell => user.shell.as_os_str().as_bytes().into(),
    }
}

impl Backend for UserMap {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let Ok(field) = &self.field else {
            return Lookup::Ready(Outcome::TempFail);
        };
        Lookup::Ready(match maps.world().users.user(ask.key) {
            Ok(Some(user)) => Outcome::Found(self.common.result(ask, text(*field, &user).into())),
            Ok(None) => Outcome::NotFound(NO_USER),
            Err(_) => Outcome::TempFail,
        })
    }

    fn open_state(&self, _maps: &Maps) -> OpenState {
        match &self.field {
            Ok(_) => OpenState::Open,
            Err(message) => OpenState::Faulty(message.clone()),
        }
    }
}
