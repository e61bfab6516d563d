//! Users and groups through the system's name service, with a cache.
//!
//! The name service may ask a directory server and so may take seconds; the
//! cache keeps that off the path of mail that comes in quick succession. A
//! user that is new is known at once; one that was found is believed for a
//! minute.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};

use crate::world::{User, Users, UsersError};

/// How long a found user is believed.
const FOUND_FOR: Duration = Duration::from_secs(60);
/// How long an unknown name is believed to be unknown: long enough for the
/// checks of one message, short enough for `useradd` and a message after it.
const MISSING_FOR: Duration = Duration::from_secs(2);
/// Names kept; the cache starts anew beyond.
const CACHE_MAX: usize = 10_000;

/// The system's user database.
#[derive(Default)]
pub struct SystemUsers {
    by_name: Mutex<Cache<Vec<u8>>>,
    by_id: Mutex<Cache<u32>>,
}

type Cache<K> = HashMap<K, (Instant, Option<Arc<User>>)>;

impl SystemUsers {
    /// With nothing cached.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what was cached.
    pub fn clear(&self) {
        lock(&self.by_name).clear();
        lock(&self.by_id).clear();
    }
}

impl Users for SystemUsers {
    fn user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        cached(&self.by_name, name.to_vec(), || {
            let Some(text) = name_of_account(name) else {
                return Ok(None);
            };
            nix::unistd::User::from_name(text).map_err(failed)
        })
    }

    fn user_by_id(&self, uid: u32) -> Result<Option<Arc<User>>, UsersError> {
        cached(&self.by_id, uid, || {
            nix::unistd::User::from_uid(uid.into()).map_err(failed)
        })
    }

    fn group(&self, name: &[u8]) -> Result<Option<u32>, UsersError> {
        let Some(text) = name_of_account(name) else {
            return Ok(None);
        };
        let group = nix::unistd::Group::from_name(text).map_err(failed)?;
        Ok(group.map(|group| group.gid.as_raw()))
    }
}

/// A name that the databases can hold at all: UTF-8, no NUL, no colon.
fn name_of_account(name: &[u8]) -> Option<&str> {
    name.to_str()
        .ok()
        .filter(|text| !text.is_empty() && !text.contains(['\0', ':', '\n', '/']))
}

fn failed(errno: nix::Error) -> UsersError {
    UsersError(errno.desc().to_owned())
}

fn lock<K>(cache: &Mutex<Cache<K>>) -> std::sync::MutexGuard<'_, Cache<K>> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cached<K: Eq + Hash>(
    cache: &Mutex<Cache<K>>,
    key: K,
    ask: impl FnOnce() -> Result<Option<nix::unistd::User>, UsersError>,
) -> Result<Option<Arc<User>>, UsersError> {
    let now = Instant::now();
    if let Some((until, user)) = lock(cache).get(&key)
        && *until > now
    {
        return Ok(user.clone());
    }
    let user = ask()?.map(|user| Arc::new(convert(&user)));
    let mut cache = lock(cache);
    if cache.len() >= CACHE_MAX {
        cache.clear();
    }
    let believed = if user.is_some() {
        FOUND_FOR
    } else {
        MISSING_FOR
    };
    cache.insert(key, (now + believed, user.clone()));
    Ok(user)
}

fn convert(user: &nix::unistd::User) -> User {
    User {
        name: user.name.clone().into(),
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        full_name: full_name(user.gecos.to_bytes(), user.name.as_bytes()),
        home: user.dir.clone(),
        shell: user.shell.clone(),
    }
}

/// The first field of the GECOS, with `&` standing for the login name in
/// upper case at its start (passwd(5)).
// sendmail: a leading `*` is left out, and `;` and `%` end the field too.
fn full_name(gecos: &[u8], login: &[u8]) -> BString {
    let field = gecos
        .strip_prefix(b"*")
        .unwrap_or(gecos)
        .split(|byte| matches!(byte, b',' | b';' | b'%'))
        .next()
        .unwrap_or_default();
    let mut name = BString::default();
    for &byte in field {
        if byte != b'&' {
            name.push(byte);
        } else if let Some((first, rest)) = login.split_first() {
            name.push(first.to_ascii_uppercase());
            name.extend_from_slice(rest);
        }
    }
    name
}
