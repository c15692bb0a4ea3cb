//! Where the paths that a call names really lead: a rule for a folder is none
//! for what a link in it points to.
//!
//! It looks at the disk once for each judgement, and only where a rule asks for
//! a folder. Whether a path lies in one is [`handoff_domain::rule`]'s to say.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use handoff_domain::rule::{Leads, Pattern, Rule, Rules};
use handoff_domain::validate::Fault;
use handoff_keeper::Keeper;
use serde_json::{Map, Value};

/// How long a disk may take to say where paths lead.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many looks may be under way; the rest of a mount that hangs is not waited for.
const MOST: usize = 16;

/// What is wrong with the folders of a rule that are reached over a link.
pub fn linked_folders(rule: &Rule) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, pattern) in &rule.when.args {
        let Pattern::Within(folder) = pattern else { continue };
        let hint = match followed(BTreeSet::from([folder.clone()])).remove(folder).flatten() {
            Some(place) if place == *folder => continue,
            Some(place) => format!("Name the folder that it leads to: {place}."),
            None => "Name a folder whose way can be followed.".to_owned(),
        };
        let name = name.replace('~', "~0").replace('/', "~1");
        faults.push(Fault {
            pointer: format!("/when/args/{name}"),
            message: "The folder is reached over a link, which may lead elsewhere one day."
                .to_owned(),
            hint,
        });
    }
    faults
}

/// Where the arguments of a call lead that the rules for such calls want in a folder,
/// and those folders.
pub fn leads(rules: &Rules, agent: &str, tool: &str, args: &Map<String, Value>) -> Leads {
    let mut paths = BTreeSet::new();
    for (name, folder) in rules.folders(agent, tool) {
        let named = args.get(name).and_then(Value::as_str).filter(|text| text.starts_with('/'));
        paths.extend([Some(folder), named].into_iter().flatten().map(str::to_owned));
    }
    if paths.is_empty() { Leads::new() } else { followed(paths) }
}

/// Where these lead. A disk that does not answer leaves all of them open, and holds
/// nobody for longer than the patience: the looks that hang are counted, and beyond a
/// few nobody looks any more.
fn followed(paths: BTreeSet<String>) -> Leads {
    static LOOKING: AtomicUsize = AtomicUsize::new(0);
    let open = || paths.iter().map(|path| (path.clone(), None)).collect();
    if LOOKING.fetch_add(1, Ordering::Relaxed) >= MOST {
        LOOKING.fetch_sub(1, Ordering::Relaxed);
        return open();
    }
    let (tell, told) = mpsc::channel();
    let these = paths.clone();
    let look = thread::Builder::new().name("links".to_owned()).spawn(move || {
        let found = these.into_iter().map(|path| {
            let place = leads_to(&path);
            (path, place)
        });
        // Nobody may be waiting any more.
        drop(tell.send(found.collect()));
        LOOKING.fetch_sub(1, Ordering::Relaxed);
    });
    if look.is_err() {
        LOOKING.fetch_sub(1, Ordering::Relaxed);
    }
    told.recv_timeout(PATIENCE).unwrap_or_else(|_| open())
}

fn leads_to(path: &str) -> Option<String> {
    Keeper::leads_to(Path::new(path)).ok()?.to_str().map(str::to_owned)
}
