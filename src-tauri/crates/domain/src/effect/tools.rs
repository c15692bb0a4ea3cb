//! Tools of known clients, by their exact names and the shape of their
//! arguments. A name alone is a claim: one that comes with other arguments, or
//! through a server that puts its own before it, is unknown.

use serde_json::{Map, Value};

use super::own;
use super::part::Part;
use super::patch;
use super::paths;
use super::word::Word;

/// A tool that reads: its names, what it must be given, and what it may be.
pub(super) struct Shape {
    pub names: &'static [&'static str],
    pub must: &'static [&'static str],
    pub may: &'static [&'static str],
}

/// What no server offers: a client that asks has these of its own. By the same name
/// and shape a server's tool may do anything.
const OF_A_CLIENT: &[Shape] = &[
    Shape { names: &["WebFetch"], must: &["url"], may: &["prompt", "offset"] },
    Shape { names: &["WebSearch"], must: &["query"], may: &["allowed_domains", "blocked_domains"] },
    // It finds other tools, and calls none.
    Shape { names: &["ToolSearch"], must: &["query"], may: &["max_results"] },
    // Each call that such an agent makes is asked for by itself; one in a copy of
    // the folder, or elsewhere, is not.
    Shape {
        names: &["Agent"],
        must: &["description", "prompt"],
        may: &["subagent_type", "model", "effort", "run_in_background"],
    },
    Shape { names: &["ListAgents"], must: &[], may: &["channel", "q", "cursor"] },
    Shape {
        names: &["AskUserQuestion"],
        must: &["questions"],
        may: &["answers", "annotations", "metadata"],
    },
    Shape { names: &["TodoWrite"], must: &["todos"], may: &[] },
    Shape { names: &["TodoRead"], must: &[], may: &[] },
    Shape { names: &["BashOutput"], must: &["bash_id"], may: &["filter"] },
    Shape { names: &["update_plan"], must: &["plan"], may: &["explanation"] },
    Shape { names: &["web_fetch"], must: &["prompt"], may: &[] },
    Shape { names: &["google_web_search"], must: &["query"], may: &[] },
    Shape { names: &["write_todos"], must: &["todos"], may: &[] },
];

const READ: &[Shape] = &[
    Shape {
        names: &["Read"],
        must: &["file_path"],
        may: &["offset", "limit", "pages", "allow_large"],
    },
    Shape { names: &["Glob"], must: &["pattern"], may: &["path"] },
    Shape {
        names: &["Grep"],
        must: &["pattern"],
        may: &[
            "path",
            "glob",
            "type",
            "output_mode",
            "-A",
            "-B",
            "-C",
            "-i",
            "-n",
            "-o",
            "context",
            "head_limit",
            "offset",
            "multiline",
        ],
    },
    Shape { names: &["LS"], must: &["path"], may: &["ignore"] },
    Shape { names: &["NotebookRead"], must: &["notebook_path"], may: &["cell_id"] },
    Shape { names: &["view_image"], must: &["path"], may: &["detail"] },
    Shape {
        names: &["read_file"],
        must: &[],
        may: &[
            "path",
            "file_path",
            "absolute_path",
            "offset",
            "limit",
            "start_line",
            "end_line",
            "head",
            "tail",
        ],
    },
    Shape {
        names: &["read_many_files"],
        must: &[],
        may: &[
            "paths",
            "include",
            "exclude",
            "recursive",
            "useDefaultExcludes",
            "file_filtering_options",
        ],
    },
    Shape {
        names: &["list_directory"],
        must: &[],
        may: &["path", "dir_path", "ignore", "respect_git_ignore", "file_filtering_options"],
    },
    Shape {
        names: &["glob"],
        must: &["pattern"],
        may: &["path", "dir_path", "case_sensitive", "respect_git_ignore", "respect_gemini_ignore"],
    },
    Shape {
        names: &["search_file_content", "grep_search"],
        must: &["pattern"],
        may: &[
            "path",
            "dir_path",
            "include",
            "include_pattern",
            "exclude_pattern",
            "case_sensitive",
            "fixed_strings",
            "context",
            "before",
            "after",
            "no_ignore",
            "max_matches_per_file",
            "total_max_matches",
            "names_only",
        ],
    },
    Shape { names: &["read_text_file"], must: &["path"], may: &["head", "tail"] },
    Shape { names: &["read_media_file"], must: &["path"], may: &[] },
    Shape { names: &["read_multiple_files"], must: &["paths"], may: &[] },
    Shape { names: &["list_directory_with_sizes"], must: &["path"], may: &["sortBy"] },
    Shape { names: &["directory_tree"], must: &["path"], may: &["excludePatterns"] },
    Shape { names: &["search_files"], must: &["path", "pattern"], may: &["excludePatterns"] },
    Shape { names: &["get_file_info"], must: &["path"], may: &[] },
    Shape { names: &["list_allowed_directories"], must: &[], may: &[] },
];

/// A tool that writes one file: its names, the argument that names it, what
/// else it must and may be given, and what it does.
struct Writer {
    names: &'static [&'static str],
    path: &'static str,
    must: &'static [&'static str],
    may: &'static [&'static str],
    does: &'static str,
}

const WRITE: &[Writer] = &[
    Writer { names: &["Write"], path: "file_path", must: &["content"], may: &[], does: "writes" },
    Writer {
        names: &["Edit"],
        path: "file_path",
        must: &["old_string", "new_string"],
        may: &["replace_all"],
        does: "changes",
    },
    Writer {
        names: &["MultiEdit"],
        path: "file_path",
        must: &["edits"],
        may: &[],
        does: "changes",
    },
    Writer {
        names: &["NotebookEdit"],
        path: "notebook_path",
        must: &["new_source"],
        may: &["cell_id", "cell_type", "edit_mode"],
        does: "changes",
    },
    Writer { names: &["write_file"], path: "path", must: &["content"], may: &[], does: "writes" },
    Writer {
        names: &["write_file"],
        path: "file_path",
        must: &["content"],
        may: &["modified_by_user", "ai_proposed_content"],
        does: "writes",
    },
    Writer {
        names: &["replace"],
        path: "file_path",
        must: &["old_string", "new_string"],
        may: &["instruction", "expected_replacements", "allow_multiple"],
        does: "changes",
    },
    Writer {
        names: &["edit_file"],
        path: "path",
        must: &["edits"],
        may: &["dryRun"],
        does: "changes",
    },
    Writer { names: &["create_directory"], path: "path", must: &[], may: &[], does: "makes" },
];

/// Whether only a client has a tool of this name, or the desk, to read by it.
pub(super) fn is_of_a_client(tool: &str) -> bool {
    OF_A_CLIENT.iter().chain(own::READ).any(|shape| shape.names.contains(&tool))
}

/// What such a tool does; nothing where it is not one of them.
pub(super) fn judged(tool: &str, args: &Map<String, Value>, folder: Option<&str>) -> Option<Part> {
    let shapes = READ.iter().chain(OF_A_CLIENT).chain(own::READ);
    for shape in shapes.filter(|shape| shape.names.contains(&tool)) {
        if fits(args, shape.must, shape.may) && fetches(args) {
            return Some(Part::reads());
        }
    }
    for writer in WRITE.iter().filter(|writer| writer.names.contains(&tool)) {
        let mut must = writer.must.to_vec();
        must.push(writer.path);
        if let (true, Some(Value::String(path))) =
            (fits(args, &must, writer.may), args.get(writer.path))
        {
            // Removing a cell of a notebook deletes what is in it, yet a copy has it.
            return Some(file(path, folder, writer.does));
        }
    }
    match tool {
        "move_file" if fits(args, &["source", "destination"], &[]) => {
            let (source, target) = (text(args, "source")?, text(args, "destination")?);
            Some(file(source, folder, "moves away").and(file(target, folder, "writes over")))
        }
        "apply_patch" if fits(args, &["input"], &["workdir"]) => {
            Some(patched(text(args, "input")?, args, folder))
        }
        "apply_patch" if fits(args, &["patch"], &["workdir"]) => {
            Some(patched(text(args, "patch")?, args, folder))
        }
        // As Codex tells its hooks.
        "apply_patch" if fits(args, &["command"], &[]) => {
            Some(patch::judged(text(args, "command")?, folder))
        }
        // Nothing typed: it only waits for what the program says.
        "write_stdin"
            if text(args, "chars") == Some("")
                && fits(
                    args,
                    &["session_id", "chars"],
                    &["yield_time_ms", "max_output_tokens"],
                ) =>
        {
            Some(Part::reads())
        }
        "write_stdin" => Some(Part::unknown("types into a running program")),
        "KillShell" | "KillBash" => Some(Part::irreversible("ends a running program")),
        _ => None,
    }
}

fn text<'a>(args: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    args.get(name).and_then(Value::as_str)
}

/// What a patch does in its own folder, where it names one.
fn patched(text: &str, args: &Map<String, Value>, folder: Option<&str>) -> Part {
    match args.get("workdir") {
        None => patch::judged(text, folder),
        Some(Value::String(named)) => {
            patch::judged(text, paths::absolute(named, folder).as_deref())
        }
        Some(_) => Part::unknown("names no folder"),
    }
}

/// Whether all that must be there is, and nothing that may not.
fn fits(args: &Map<String, Value>, must: &[&str], may: &[&str]) -> bool {
    must.iter().all(|name| args.contains_key(*name))
        && args.keys().all(|name| must.contains(&name.as_str()) || may.contains(&name.as_str()))
        && args.iter().all(|(name, value)| !is_path(name) || value.is_string())
}

fn is_path(name: &str) -> bool {
    matches!(name, "file_path" | "path" | "notebook_path" | "absolute_path" | "dir_path" | "url")
}

/// An address, where there is one, is of the web.
fn fetches(args: &Map<String, Value>) -> bool {
    text(args, "url").is_none_or(super::http::is_web)
}

pub(super) fn file(path: &str, folder: Option<&str>, does: &str) -> Part {
    if path.is_empty() || path.contains(['\0', '\n']) {
        return Part::unknown("names no file");
    }
    // Some clients put the home folder in, others make a folder of that name.
    let home = path == "~" || path.starts_with("~/");
    paths::written(&Word { home, ..Word::plain(path) }, folder, does)
}
