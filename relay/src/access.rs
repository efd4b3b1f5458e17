//! Who may use the relay.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use iroh_base::EndpointId;
use iroh_relay::server::{Access, AccessControl, ClientRequest, ConnectionId};
use tracing::{info, warn};

use crate::{
    Error,
    places::{Place, Places},
};

/// A list that is longer is none.
const MAX_LIST: u64 = 16 << 20;

/// Admits whom the list names, each with so many connections.
#[derive(Debug)]
pub(crate) struct Guests {
    list: Option<List>,
    places: Arc<Places<EndpointId>>,
    inside: Mutex<HashMap<ConnectionId, Place<EndpointId>>>,
}

impl Guests {
    pub(crate) fn new(list: Option<PathBuf>, max: usize, max_each: usize) -> Result<Self, Error> {
        Ok(Self {
            list: list.map(List::open).transpose()?,
            places: Places::new(max, max_each),
            inside: Mutex::default(),
        })
    }

    fn decide(&self, party: EndpointId, connection: ConnectionId) -> Result<(), &'static str> {
        if self.list.as_ref().is_some_and(|list| !list.names(&party)) {
            return Err("this relay serves a list of parties, and you are not on it");
        }
        let place = self.places.enter(party);
        let place = place.ok_or("you have too many connections to this relay already")?;
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.insert(connection, place);
        Ok(())
    }
}

impl AccessControl for Guests {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        match self.decide(request.endpoint_id(), request.connection_id()) {
            Ok(()) => Access::Allow,
            Err(reason) => Access::Deny {
                reason: Some(reason.into()),
            },
        }
    }

    fn on_disconnect(&self, _: EndpointId, connection: ConnectionId) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.remove(&connection);
    }
}

/// Endpoint ids, one a line; `#` begins a comment. Read again when the file has changed.
#[derive(Debug)]
struct List {
    path: PathBuf,
    known: RwLock<(Option<SystemTime>, HashSet<EndpointId>)>,
}

impl List {
    fn open(path: PathBuf) -> Result<Self, Error> {
        let changed = changed(&path);
        let known = read(&path).map_err(|reason| Error::List {
            path: path.clone(),
            reason,
        })?;
        Ok(Self {
            path,
            known: RwLock::new((changed, known)),
        })
    }

    fn names(&self, party: &EndpointId) -> bool {
        let now = changed(&self.path);
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.0 == now {
                return known.1.contains(party);
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever waited for the lock finds it read.
        if known.0 != now {
            known.0 = now;
            match read(&self.path) {
                Ok(list) => {
                    info!(parties = list.len(), "the list of parties was read again");
                    known.1 = list;
                }
                // Half a file must not lock everybody out.
                Err(reason) => {
                    warn!(path = %self.path.display(), reason, "the former list of parties stays")
                }
            }
        }
        known.1.contains(party)
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|file| file.modified())
        .ok()
}

fn read(path: &Path) -> Result<HashSet<EndpointId>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_LIST {
        return Err(format!("it has {size} bytes, more than {MAX_LIST}"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let entries = text.lines().enumerate().filter_map(|(at, line)| {
        let id = line.split('#').next().unwrap_or_default().trim();
        (!id.is_empty()).then_some((at + 1, id))
    });
    entries
        .map(|(at, id)| {
            // Addresses as the data plane writes them will do, too.
            let id = id.split('@').next().unwrap_or(id);
            id.parse()
                .map_err(|_| format!("line {at}: `{id}` is no endpoint id"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;

    fn id(n: u8) -> EndpointId {
        SecretKey::from_bytes(&[n; 32]).public()
    }

    #[test]
    fn only_the_listed_are_admitted_and_a_change_counts_at_once() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("parties");
        let write = |text: String, age: u64| {
            std::fs::write(&path, text).expect("written");
            let file = std::fs::File::options()
                .append(true)
                .open(&path)
                .expect("opens");
            let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age);
            file.set_modified(when).expect("dated");
        };
        write(
            format!("# ours\n\n{}  # the first\n{}@1.2.3.4:5\n", id(1), id(2)),
            1,
        );
        let list = List::open(path.clone()).expect("a list");
        assert!(list.names(&id(1)) && list.names(&id(2)) && !list.names(&id(3)));
        write(id(3).to_string(), 2);
        assert!(!list.names(&id(1)) && list.names(&id(3)));
        write("half a li".into(), 3);
        assert!(list.names(&id(3)), "what cannot be read changes nothing");
        std::fs::remove_file(&path).expect("removed");
        assert!(list.names(&id(3)));
        write(String::new(), 4);
        assert!(!list.names(&id(3)), "an empty list admits nobody");
    }

    #[test]
    fn a_list_that_is_none_is_named_with_its_line() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("parties");
        let missing = List::open(path.clone()).expect_err("not there").to_string();
        assert!(missing.contains("parties"), "{missing}");
        std::fs::write(&path, format!("{}\nnobody\n", id(1))).expect("written");
        let wrong = List::open(path).expect_err("no id").to_string();
        assert!(
            wrong.contains("line 2") && wrong.contains("nobody"),
            "{wrong}"
        );
    }
}
