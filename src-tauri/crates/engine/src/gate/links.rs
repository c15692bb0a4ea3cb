//! Where the paths that a call names really lead: a rule for a folder is none
//! for what a link in it points to.
//!
//! It looks at the disk once for each judgement, and only where a rule asks for
//! a folder. Whether a path lies in one is [`handoff_domain::rule`]'s to say.

use std::path::Path;

use handoff_domain::rule::{Leads, Pattern, Rule, Rules};
use handoff_domain::validate::Fault;
use handoff_keeper::Keeper;
use serde_json::{Map, Value};

/// What is wrong with the folders of a rule that are reached over a link.
pub fn linked_folders(rule: &Rule) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, pattern) in &rule.when.args {
        let Pattern::Within(folder) = pattern else { continue };
        let hint = match leads_to(folder) {
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

/// Where the arguments of a call lead, and the folders that the rules for such
/// calls name.
pub fn leads(rules: &Rules, agent: &str, tool: &str, args: &Map<String, Value>) -> Leads {
    let folders = rules.folders(agent, tool);
    if folders.is_empty() {
        return Leads::new();
    }
    let paths = args.values().filter_map(Value::as_str).filter(|text| text.starts_with('/'));
    paths.chain(folders).map(|path| (path.to_owned(), leads_to(path))).collect()
}

fn leads_to(path: &str) -> Option<String> {
    Keeper::leads_to(Path::new(path)).ok()?.to_str().map(str::to_owned)
}
