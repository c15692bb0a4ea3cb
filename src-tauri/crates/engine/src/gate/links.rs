//! Where the paths that a call names really lead: a rule for a folder is none
//! for what a link in it points to.
//!
//! It looks at the disk once for each judgement, and only where a rule asks for
//! a folder. Whether a path lies in one is [`handoff_domain::rule`]'s to say.

use std::path::Path;

use handoff_domain::rule::{Leads, Rules};
use handoff_keeper::Keeper;
use serde_json::{Map, Value};

/// Where the arguments of a call lead, and the folders that the rules for such
/// calls name.
pub fn leads(rules: &Rules, agent: &str, tool: &str, args: &Map<String, Value>) -> Leads {
    let folders = rules.folders(agent, tool);
    if folders.is_empty() {
        return Leads::new();
    }
    let paths = args.values().filter_map(Value::as_str).filter(|text| text.starts_with('/'));
    let leads = |path: &str| {
        let place = Keeper::leads_to(Path::new(path)).ok()?;
        place.to_str().map(str::to_owned)
    };
    paths.chain(folders).map(|path| (path.to_owned(), leads(path))).collect()
}
