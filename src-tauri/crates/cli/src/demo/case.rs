//! The cases the agent hands over: the plan to sort a folder that is not its
//! own, and the removal of duplicates. Pure functions of what it remembers.

use handoff_domain::payload::{
    AllowedDecision, Briefing, Constraint, Deadline, Entity, EntityKind, HandoffOption, OnTimeout,
    Payload, PendingQuestion, Plan, Priority, Reason, ReasonCode, Resume, ResumeMode, Step,
    StepStatus, Task, TimeoutKind, Version,
};
use serde_json::{Value, json};

use super::ledger::{Ended, Run};
use super::options;
use super::plan::{Group, extras};

/// How long the agent waits before it leaves everything as it is.
const RESPOND_WITHIN_S: u32 = 30 * 60;

/// How many copies the briefing names, so that one sees what is meant. All of them
/// are in the arguments: here they would push the options out of sight.
const NAMED: usize = 2;

/// The names of the steps.
pub mod step {
    /// The folder is looked at.
    pub const SCAN: &str = "scan";
    /// Files are moved by type.
    pub const SORT: &str = "sort";
    /// Equal contents are found.
    pub const FIND: &str = "find_duplicates";
    /// What is decided about them is done.
    pub const REMOVE: &str = "remove_duplicates";
    /// The index is written.
    pub const INDEX: &str = "index";
    /// The checksums are written.
    pub const CHECKSUMS: &str = "checksums";
    /// The closing report is written.
    pub const REPORT: &str = "report";
}

/// The question whether the planned moves may be made.
pub fn moves(run: &Run) -> Payload {
    let count = run.moves.len();
    let folders = options::folders(&run.moves);
    let summary = if run.care < 2 {
        format!(
            "The folder {} holds {} in one heap. I would move {} into {} by type. Names stay, nothing is \
             overwritten, and every move can be taken back. I have only looked so far.{}",
            folder_name(run),
            files(run.files.len()),
            files(count),
            counted(folders.len(), "folder", "folders"),
            heard(run)
        )
    } else {
        format!(
            "The folder {} holds {} in one heap. I will not move any of them; I would only write down what \
             is there.{}",
            folder_name(run),
            files(run.files.len()),
            heard(run)
        )
    };
    let mut entities = vec![
        entity(EntityKind::File, "Folder", &run.folder.display().to_string()),
        entity(EntityKind::Amount, "Size of all files", &size(run.bytes())),
    ];
    entities.extend(
        folders.iter().map(|(name, count)| entity(EntityKind::Other, name, &files(*count))),
    );
    let constraints = vec![
        Constraint {
            text: "Every file stays inside the folder.".to_owned(),
            expr: Some(
                "!has(args.moves) || args.moves.all(m, !m.to.startsWith('/') && \
                 !m.to.contains('..'))"
                    .to_owned(),
            ),
        },
        Constraint {
            text: format!("At most the {count} planned moves are made."),
            expr: Some(format!("!has(args.moves) || size(args.moves) <= {count}")),
        },
    ];
    let question = if run.care < 2 {
        format!("May I sort {} into folders?", files(count))
    } else {
        "Shall I only write down what is there?".to_owned()
    };
    case(
        run,
        Draft {
            about: "plan",
            step: step::SORT,
            question,
            summary,
            why: "It is not the agent's own folder: nothing is touched before the plan is approved.",
            entities,
            constraints,
            options: options::for_moves(run),
            default: options::LIST_ONLY,
        },
    )
}

/// The question what becomes of the duplicates.
pub fn removal(run: &Run) -> Payload {
    let extra = extras(&run.groups);
    let gain: u64 = run.groups.iter().map(Group::gain).sum();
    let copies = counted(extra.len(), "extra copy", "extra copies");
    let choice = match run.care {
        0 => " Deleting them cannot be taken back; moving them to the Trash folder can.",
        1 => " I no longer propose to delete anything; moving to the Trash folder can be undone.",
        _ => " I will leave all of them where they are.",
    };
    let summary = format!(
        "Of {}, {} more than once: {copies}, {}, found by comparing content (SHA-256). One copy \
         of each stays.{choice}{}",
        files(run.files.len()),
        counted(run.groups.len(), "exists", "exist"),
        size(gain),
        heard(run)
    );
    let mut entities = vec![
        entity(EntityKind::File, "Folder", &run.folder.display().to_string()),
        entity(EntityKind::Amount, "Space they take", &size(gain)),
    ];
    let pairs = run.groups.iter().flat_map(|group| {
        group.extra.iter().map(move |path| (format!("Copy of {}", group.keep), path))
    });
    entities.extend(pairs.take(NAMED).map(|(label, path)| entity(EntityKind::File, &label, path)));
    let mut constraints = vec![
        Constraint {
            text: "At least one copy of every file stays.".to_owned(),
            expr: Some(
                "!has(args.paths) || args.paths.all(p, !(p in steps.find_duplicates.output.keep))"
                    .to_owned(),
            ),
        },
        Constraint {
            text: format!("No more than {} may be touched.", files(extra.len())),
            expr: Some(format!("!has(args.paths) || size(args.paths) <= {}", extra.len())),
        },
        Constraint {
            text: "A file that has changed since it was compared is left alone.".to_owned(),
            expr: None,
        },
    ];
    constraints.extend(run.wishes.constraints.iter().cloned());
    let question = match run.care {
        0 => format!("What shall I do with the {copies}?"),
        1 => format!("May I move the {copies} to the Trash folder?"),
        _ => format!("Shall I leave the {copies} where they are?"),
    };
    case(
        run,
        Draft {
            about: "duplicates",
            step: step::REMOVE,
            question,
            summary,
            why: "A deleted file cannot be brought back, so a person decides.",
            entities,
            constraints,
            options: options::for_removal(run),
            default: options::KEEP_ALL,
        },
    )
}

/// What differs between the two cases.
struct Draft {
    about: &'static str,
    step: &'static str,
    question: String,
    summary: String,
    why: &'static str,
    entities: Vec<Entity>,
    constraints: Vec<Constraint>,
    options: Vec<HandoffOption>,
    default: &'static str,
}

fn case(run: &Run, draft: Draft) -> Payload {
    let mut detail = draft.why.to_owned();
    for words in &run.wishes.said {
        detail.push_str("\nThe reviewer said: ");
        detail.push_str(words);
    }
    let mut not_included = vec!["What is in the files".to_owned()];
    not_included.extend(run.left_alone.iter().map(|what| format!("Left alone: {what}")));
    Payload {
        version: Version::V1,
        key: format!("{}/{}-{}", run.id, draft.about, run.round),
        task: task(run),
        reason: Reason { code: ReasonCode::ApprovalRequired, detail: Some(clip(&detail, 8000)) },
        priority: Priority::Normal,
        summary: draft.summary,
        pending_question: PendingQuestion {
            text: draft.question,
            step: Some(draft.step.to_owned()),
        },
        deadline: Deadline {
            respond_by: None,
            respond_within_s: Some(RESPOND_WITHIN_S),
            warn_before_s: None,
            grace_s: None,
            on_timeout: OnTimeout {
                kind: TimeoutKind::SafeDefault,
                option: Some(draft.default.to_owned()),
            },
        },
        options: draft.options,
        allowed_decisions: Some(vec![
            AllowedDecision::Approve,
            AllowedDecision::Modify,
            AllowedDecision::Inform,
        ]),
        briefing: Some(Briefing {
            intent: Some(format!(
                "Have the folder {} in order, and lose nothing that is needed.",
                folder_name(run)
            )),
            entities: draft.entities,
            constraints: draft.constraints,
            sentiment: None,
            not_included,
        }),
        actions_taken: run.actions.clone(),
        plan: Some(plan(run)),
        resume: Some(Resume { mode: ResumeMode::Checkpoint, token: Some(run.id.clone()) }),
        conversation: None,
        supersedes: None,
        meta: None,
    }
}

/// The work, as the desk is told of it before it begins.
pub fn task(run: &Run) -> Task {
    Task {
        id: run.id.clone(),
        title: format!("Tidy the folder {}", folder_name(run)),
        goal: "Sort the files by type and remove duplicates without losing anything".to_owned(),
        tools: Some(super::tools::NAMES.map(str::to_owned).to_vec()),
        targets: Some(vec![run.folder.display().to_string()]),
    }
}

/// The plan with how far each step is. Index and checksums need no answer and
/// are written while the question waits.
pub fn plan(run: &Run) -> Plan {
    use step::{CHECKSUMS, FIND, INDEX, REMOVE, REPORT, SCAN, SORT};
    // In a folder that is not its own the files are not yet where they stay
    // while the first question waits.
    let index_after: &[&str] = if run.sample { &[SCAN] } else { &[SORT] };
    let steps: [(&str, &str, &str, &[&str]); 7] = [
        (SCAN, "Look at every file of the folder", "files.list", &[]),
        (SORT, "Move files into folders by type", "files.move", &[SCAN]),
        (FIND, "Find files with the same content", "files.compare", &[SCAN]),
        (REMOVE, "Remove the duplicates as decided", "files.delete", &[SORT, FIND]),
        (INDEX, "Write an index of the files", "files.report", index_after),
        (CHECKSUMS, "Write the checksums of all files", "files.report", &[SCAN]),
        (REPORT, "Write the closing report", "files.report", &[REMOVE, INDEX, CHECKSUMS]),
    ];
    let steps = steps.into_iter().map(|(id, title, tool, after)| {
        let (status, output) = match run.steps.get(id) {
            Some(Ended::Done(output)) => (StepStatus::Done, Some(output.clone())),
            Some(Ended::Skipped) => (StepStatus::Skipped, None),
            None => (StepStatus::Pending, None),
        };
        let uses = if id == REMOVE && run.steps.contains_key(FIND) {
            vec![format!("steps.{FIND}.output.extra")]
        } else {
            Vec::new()
        };
        Step {
            id: id.to_owned(),
            title: title.to_owned(),
            status,
            depends_on: after.iter().map(|name| (*name).to_owned()).collect(),
            uses,
            tool: Some(tool.to_owned()),
            args: None,
            output,
        }
    });
    Plan { steps: steps.collect() }
}

/// What find_duplicates found, as the constraints use it.
pub fn found(groups: &[Group]) -> Value {
    json!({
        "keep": groups.iter().map(|group| &group.keep).collect::<Vec<_>>(),
        "extra": extras(groups),
        "bytes": groups.iter().map(Group::gain).sum::<u64>(),
    })
}

/// What the agent made of what the reviewer said, in a few words.
fn heard(run: &Run) -> String {
    let wishes = &run.wishes;
    if wishes.said.is_empty() {
        return String::new();
    }
    let keep: Vec<&str> = wishes.keep.iter().map(String::as_str).collect();
    let mut out = match keep.as_slice() {
        [] => " I took your words into account".to_owned(),
        names if names.len() <= 3 => {
            format!(" As you asked I leave alone: {}", clip(&names.join(", "), 120))
        }
        names => format!(" As you asked I leave {} names alone", names.len()),
    };
    if !wishes.unknown.is_empty() {
        let names: Vec<&str> = wishes.unknown.iter().map(String::as_str).collect();
        out.push_str("; I do not know what to do with: ");
        out.push_str(&clip(&names.join(", "), 60));
    }
    out.push('.');
    out
}

fn folder_name(run: &Run) -> String {
    let name = run.folder.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| run.folder.display().to_string())
}

fn entity(kind: EntityKind, label: &str, value: &str) -> Entity {
    Entity { kind, label: label.to_owned(), value: value.to_owned() }
}

fn files(count: usize) -> String {
    counted(count, "file", "files")
}

/// A number with its word.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number of bytes as people say it.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "bytes";
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = next;
    }
    if unit == "bytes" {
        return format!("{bytes} bytes");
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use handoff_domain::validate;

    use super::*;
    use crate::demo::plan::{self, Found};
    use crate::demo::scan::MOST_FILES;

    /// A folder as full, with names as long, as any that is accepted.
    fn full(care: u8) -> Run {
        let mut run = Run::new("/home/someone/Downloads".into(), false, DateTime::UNIX_EPOCH);
        for number in 0..MOST_FILES {
            let name = format!("{number} {}.txt", "long name ".repeat(23));
            let digest = if number < MOST_FILES / 2 { "one" } else { "two" };
            let inode = (1, u64::try_from(number).expect("small"));
            let found = Found { size: 3, modified: 1, digest: digest.to_owned(), inode };
            run.files.insert(name, found);
        }
        run.moves = plan::moves(&run.files, &run.taken, &[], |_| false);
        run.groups = plan::duplicates(&run.files);
        run.steps.insert(step::FIND.to_owned(), Ended::Done(found(&run.groups)));
        run.wishes.said = vec!["Please keep my things. ".repeat(200)];
        run.wishes.keep = (0..50).map(|number| format!("name {number}")).collect();
        run.wishes.unknown = (0..50).map(|number| format!("fact {number}")).collect();
        (run.care, run.round) = (care, 3);
        run
    }

    #[test]
    fn even_the_fullest_folder_makes_a_valid_case_that_is_read_in_half_a_minute() {
        for care in 0..3 {
            let run = full(care);
            assert_eq!(run.moves.len(), MOST_FILES);
            for payload in [moves(&run), removal(&run)] {
                let text = serde_json::to_string(&payload).expect("json");
                let checked = validate::parse(&text, DateTime::UNIX_EPOCH);
                assert!(checked.is_ok(), "{:?}", checked.err());
                let words = payload.summary.split_whitespace().count();
                assert!(words <= 90, "{words} words: {}", payload.summary);
            }
        }
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        for (bytes, said) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (738_816, "721.5 KiB"),
            (5 * 1024 * 1024, "5.0 MiB"),
        ] {
            assert_eq!(size(bytes), said);
        }
        assert!(size(u64::MAX).ends_with("TiB"));
    }
}
