//! Lists and `.forward` files, read by agents of their users.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::agent::{AgentPool, Lenience, ListText, Purpose, Request, Response};
use crate::base::Place;
use crate::base::maillog::{Event, Priority, Subject};
use crate::cf::Opt;
use crate::envelope::{ControllingUser, ListError, ListFile, ListFiles};
use crate::route::Site;
use crate::world::{BoxFuture, Log, User, Users};

/// Reads lists for expansion.
pub struct AgentLists {
    agents: Arc<AgentPool>,
    users: Arc<dyn Users>,
    log: Arc<dyn Log>,
    site: Arc<Site>,
    subject: Subject,
    place: Place,
}

impl AgentLists {
    /// For one configuration; what stands in the way of a `.forward` file is
    /// logged under `subject`. Lists of the site are where `place` has them.
    pub fn new(
        agents: Arc<AgentPool>,
        users: Arc<dyn Users>,
        log: Arc<dyn Log>,
        site: Arc<Site>,
        subject: Subject,
        place: Place,
    ) -> Self {
        Self {
            agents,
            users,
            log,
            site,
            subject,
            place,
        }
    }

    async fn ask(
        &self,
        user: &[u8],
        purpose: Purpose,
        request: Request,
    ) -> Result<Response, ListError> {
        self.agents
            .ask(user, purpose, request, None)
            .await
            .map_err(|error| ListError::Temporary(error.to_string()))
    }

    fn list(&self, list: ListText, may_run: bool) -> ListFile {
        ListFile {
            path: path(&list.path),
            owner: list.owner,
            may_run: may_run && list.is_safe,
            text: list.text.into(),
        }
    }

    /// The words of option DontBlameSendmail that bear on a kind of list.
    fn lenience(&self, kind: &str) -> Lenience {
        let words: Vec<String> = self
            .site
            .config
            .options
            .words(Opt::DontBlameSendmail)
            .into_iter()
            .map(|word| word.to_str_lossy().to_ascii_lowercase())
            .collect();
        let has = |word: String| words.contains(&word);
        let safe = |word: String| has(word.clone()) || has(format!("{word}safe"));
        let dirs = format!("{kind}fileindirpath");
        let unsafe_dirs = has(format!("{kind}fileinunsafedirpath"));
        Lenience {
            group_writable_file: safe(format!("groupwritable{kind}file")),
            world_writable_file: safe(format!("worldwritable{kind}file")),
            group_writable_directory: unsafe_dirs
                || has(dirs)
                || has(format!("{kind}fileingroupwritabledirpath"))
                || has("groupwritabledirpathsafe".to_owned()),
            world_writable_directory: safe(format!("{kind}fileinunsafedirpath")),
            trust_sticky: has("truststickybit".to_owned()),
            symbolic_link: true,
            hard_link: true,
            overlooked_may_run: has(format!("groupwritable{kind}filesafe"))
                || has(format!("{kind}fileinunsafedirpathsafe")),
        }
    }

    /// The login name of who reads a list: its controlling user, else the
    /// default user.
    fn reader(&self, reader: Option<&ControllingUser>) -> Result<BString, ListError> {
        let (default, _) = self.site.default_user();
        let uid = reader.map_or(default, |reader| reader.uid);
        match self.users.user_by_id(uid) {
            Ok(Some(user)) => Ok(user.name.clone()),
            Ok(None) => Err(ListError::Temporary(format!("no user has the id {uid}"))),
            Err(error) => Err(ListError::Temporary(error.to_string())),
        }
    }
}

impl ListFiles for AgentLists {
    fn forward<'a>(
        &'a self,
        user: &'a User,
        candidates: Vec<PathBuf>,
    ) -> BoxFuture<'a, Result<Option<ListFile>, ListError>> {
        Box::pin(async move {
            if candidates.is_empty() {
                return Ok(None);
            }
            let request = Request::Forward {
                paths: candidates
                    .iter()
                    .map(|path| path.as_os_str().as_bytes().into())
                    .collect(),
                owner: user.uid,
                lenience: self.lenience("forward"),
            };
            // An agent for programs is never root, who has a home too.
            let purpose = match user.uid {
                0 => Purpose::Mailbox,
                _ => Purpose::Programs,
            };
            let (list, notes) = match self.ask(&user.name, purpose, request).await? {
                Response::List(list) => {
                    let notes = list.notes.clone();
                    (Some(self.list(list, has_shell(user))), notes)
                }
                Response::NoList { notes } => (None, notes),
                Response::ListRefused { reason, .. } => {
                    return Err(ListError::Temporary(reason.to_string()));
                }
                other => return Err(nonsense(&other)),
            };
            for note in notes {
                let text = bstr::concat([b"forward ".as_slice(), &note]);
                self.log
                    .event(self.subject, &Event::Other(Priority::Warning, 4, &text));
            }
            Ok(list)
        })
    }

    fn include<'a>(
        &'a self,
        path: &'a Path,
        reader: Option<&'a ControllingUser>,
    ) -> BoxFuture<'a, Result<ListFile, ListError>> {
        Box::pin(async move {
            let user = self.reader(reader)?;
            let request = Request::Include {
                path: self.place.text(BStr::new(path.as_os_str().as_bytes())),
                lenience: self.lenience("include"),
            };
            match self.ask(&user, Purpose::Programs, request).await? {
                Response::List(list) => Ok(self.list(list, true)),
                Response::ListRefused {
                    temporary: false,
                    reason,
                } => Err(ListError::Refused {
                    path: path.display().to_string(),
                    reason: reason.to_string(),
                }),
                Response::ListRefused { reason, .. } => {
                    Err(ListError::Temporary(reason.to_string()))
                }
                other => Err(nonsense(&other)),
            }
        })
    }
}

fn nonsense(response: &Response) -> ListError {
    ListError::Temporary(match response {
        Response::Refused(why) => why.to_string(),
        _ => "delivery agent answered something else".to_owned(),
    })
}

fn path(bytes: &BString) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Whether a user's `.forward` may name programs and files: his shell is one
/// that users have (`/etc/shells`; `/SENDMAIL/ANY/SHELL/` in it allows all).
fn has_shell(user: &User) -> bool {
    let Ok(text) = std::fs::read("/etc/shells") else {
        // Without the file, the two that every system has.
        return matches!(
            user.shell.as_os_str().as_bytes(),
            b"/bin/sh" | b"/bin/bash" | b""
        );
    };
    let shell = match user.shell.as_os_str().as_bytes() {
        b"" => b"/bin/sh",
        shell => shell,
    };
    text.lines().any(|line| {
        let line = line.trim_ascii();
        line == shell || line == b"/SENDMAIL/ANY/SHELL/"
    })
}
