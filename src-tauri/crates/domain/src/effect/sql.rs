//! What SQL statements would do, read with a parser of many dialects.
//!
//! The dialects differ in what ends a text or a comment; where that matters,
//! the statement is unknown. So is one that calls a function not known to only
//! work something out.

use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::part::Part;
use super::word::Word;
use crate::bounded;

const LONGEST: usize = 32 * 1024;
const DEEPEST: usize = 40;

/// Functions that only work something out.
const FUNCTIONS: &str = " abs age any all array_agg array_length array_to_string avg bit_length \
    btrim cardinality cast ceil ceiling char_length character_length chr coalesce concat concat_ws \
    convert corr count cume_dist current_date current_time current_timestamp date date_add \
    date_format date_part date_sub date_trunc datediff dateadd datetime day dayofweek degrees dense_rank \
    exists exp extract first_value floor format from_unixtime greatest group_concat hex hour if \
    ifnull iif initcap instr isnull json_agg json_array_length json_build_object json_extract \
    json_extract_path_text json_object_agg jsonb_agg jsonb_array_elements jsonb_array_length \
    jsonb_build_object jsonb_extract_path_text jsonb_typeof julianday lag last_value lcase lead \
    least left len length like ln locate log log10 lower lpad ltrim make_date max md5 median mid min \
    minute mod month nth_value now ntile nullif nvl octet_length ordinal overlay percent_rank \
    percentile_cont percentile_disc pg_database_size pg_relation_size pg_size_pretty \
    pg_total_relation_size position power quarter radians rank regexp_matches regexp_replace \
    repeat replace reverse right round row_number rpad rtrim second sign some split_part sqrt stddev \
    stddev_pop stddev_samp strftime string_agg strpos substr substring sum time timestamp \
    timestampdiff to_char to_date to_number to_timestamp total translate trim trunc truncate ucase \
    unixepoch unnest upper values var_pop var_samp variance version week year ";

/// Words that a bracket may follow without being a function.
const WORDS: &str = " and as between by case distinct else end except exists filter from group \
    having in intersect interval is join left lateral like ilike limit not offset on or order outer over \
    partition recursive right select set then union using values when where with within within \
    char character varchar nvarchar decimal numeric float bit varbit timestamp time timestamptz \
    materialized cross inner natural full array all any some row analyze verbose costs buffers ";

/// Words that make a query change something.
const CHANGES: &str = " insert update delete merge truncate drop create alter grant revoke into \
    outfile dumpfile call do execute exec copy load lock nextval setval handler replace ";

/// Settings of SQLite that only tell something, whatever their value.
const ASKED: &str = " table_info table_xinfo table_list index_list index_info foreign_key_list \
    database_list integrity_check ";

/// Those that only tell something while they are given no value.
const ASKED_BARE: &str = " user_version page_count page_size encoding journal_mode foreign_keys \
    quick_check compile_options ";

/// What the text of one call does.
pub(super) fn judged(text: &str) -> Part {
    if text.len() > LONGEST {
        return Part::unknown("is longer than SQL that can be read");
    }
    if let Err(why) = plain(text) {
        return Part::unknown(why);
    }
    bounded::on_thread(|| parsed(text))
        .unwrap_or_else(|_| Part::unknown("is SQL that cannot be read"))
}

fn parsed(text: &str) -> Part {
    let dialect = GenericDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).tokenize() else {
        return Part::unknown("is SQL that cannot be read");
    };
    let mut whole = Part::reads();
    for tokens in tokens.split(|token| matches!(token, Token::SemiColon)) {
        if tokens.iter().all(|token| matches!(token, Token::Whitespace(_))) {
            continue;
        }
        if let Some(part) = pragma(tokens) {
            whole = if whole == Part::reads() { part } else { whole.and(part) };
            continue;
        }
        let parser = Parser::new(&dialect).with_recursion_limit(DEEPEST);
        let statements = parser.with_tokens(tokens.to_vec()).parse_statements();
        let part = match statements.as_deref() {
            Ok([statement]) => one(statement, tokens),
            _ => Part::unknown("is SQL that cannot be read"),
        };
        let part = match calls(tokens) {
            Some(name) => {
                part.and(Part::unknown(format!("calls {name}, of which nothing is known")))
            }
            None => part,
        };
        let shown = tokens.iter().map(ToString::to_string).collect::<String>();
        let part = part.named(&shown);
        whole = if whole == Part::reads() { part } else { whole.and(part) };
    }
    whole
}

/// `PRAGMA name`, `PRAGMA name(value)`; nothing where it is another statement.
fn pragma(tokens: &[Token]) -> Option<Part> {
    let solid: Vec<&Token> =
        tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let (first, rest) = solid.split_first()?;
    let named = |token: &Token| {
        let Token::Word(word) = token else { return None };
        word.quote_style.is_none().then(|| word.value.to_lowercase())
    };
    if named(first)? != "pragma" {
        return None;
    }
    let asks = match rest {
        [name] => named(name).is_some_and(|name| listed(ASKED_BARE, &name) || listed(ASKED, &name)),
        [name, Token::LParen, _, Token::RParen] => {
            named(name).is_some_and(|name| listed(ASKED, &name))
        }
        _ => false,
    };
    let part =
        if asks { Part::reads() } else { Part::unknown("changes a setting of the database") };
    Some(part.named(&tokens.iter().map(ToString::to_string).collect::<String>()))
}

/// One statement.
fn one(statement: &Statement, tokens: &[Token]) -> Part {
    if let Statement::Query(query) = statement {
        let selects = matches!(
            *query.body,
            SetExpr::Select(_)
                | SetExpr::SetOperation { .. }
                | SetExpr::Query(_)
                | SetExpr::Values(_)
        );
        if !query.locks.is_empty() {
            return Part::unknown("locks rows until it ends");
        }
        return match changing(tokens) {
            None if selects => Part::reads(),
            Some(word)
                if word == "delete" || word == "update" || word == "drop" || word == "truncate" =>
            {
                Part::irreversible(format!("has a {} inside a query", word.to_uppercase()))
            }
            _ => Part::unknown("has something in a query that may change data"),
        };
    }
    if let Statement::Explain { statement, analyze, .. } = statement {
        let inner = one(statement, tokens);
        let runs = *analyze || has(tokens, "analyze") || has(tokens, "analyse");
        let query = matches!(**statement, Statement::Query(_));
        return if runs || query { inner } else { Part::reads() };
    }
    if let Statement::Update(update) = statement {
        return match update.selection {
            None => Part::irreversible("is an UPDATE with no WHERE: it changes every row"),
            Some(_) => Part::writes("changes rows", None),
        };
    }
    if let Statement::Delete(delete) = statement {
        return match delete.selection {
            None => Part::irreversible("is a DELETE with no WHERE: it deletes every row"),
            Some(_) => Part::writes("deletes rows", None),
        };
    }
    if let Statement::Insert(_) = statement {
        return if has(tokens, "replace") || has(tokens, "overwrite") {
            Part::irreversible("replaces rows")
        } else {
            Part::writes("adds rows", None)
        };
    }
    if matches!(
        statement,
        Statement::Drop { .. } | Statement::DropFunction { .. } | Statement::DropTrigger { .. }
    ) {
        return Part::irreversible("drops what it names, with all that is in it");
    }
    if matches!(statement, Statement::Truncate(_)) {
        return Part::irreversible("empties tables");
    }
    if matches!(statement, Statement::AlterTable(_)) {
        return Part::irreversible("changes what a table is made of");
    }
    if matches!(statement, Statement::Grant(_) | Statement::Revoke(_)) {
        return Part::irreversible("changes who may do what");
    }
    if matches!(
        statement,
        Statement::ShowTables { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowDatabases { .. }
            | Statement::ExplainTable { .. }
            | Statement::ShowCreate { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowSchemas { .. }
            | Statement::ShowStatus { .. }
            | Statement::ShowVariables { .. }
    ) {
        return Part::reads();
    }
    if matches!(
        statement,
        Statement::CreateTable(_) | Statement::CreateIndex(_) | Statement::CreateView { .. }
    ) {
        return if has(tokens, "replace") || has(tokens, "select") {
            Part::unknown("makes a table or a view in a way that is not read")
        } else {
            Part::writes("makes a table, an index or a view", None)
        };
    }
    Part::unknown("is a statement that is not read")
}

/// The words outside quotes, in small letters, each with what is before and after it.
fn words(tokens: &[Token]) -> impl Iterator<Item = (String, bool, bool, bool)> {
    let solid: Vec<&Token> =
        tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let mut found = Vec::new();
    for (at, token) in solid.iter().enumerate() {
        if let Token::Word(word) = token {
            let after_dot = at > 0 && matches!(solid[at - 1], Token::Period);
            let calls = matches!(solid.get(at + 1), Some(Token::LParen));
            found.push((word.value.to_lowercase(), word.quote_style.is_some(), after_dot, calls));
        }
    }
    found.into_iter()
}

fn has(tokens: &[Token], name: &str) -> bool {
    words(tokens).any(|(word, ..)| word == name)
}

/// The first word that could make a query change something.
fn changing(tokens: &[Token]) -> Option<String> {
    words(tokens)
        .find(|(word, quoted, after_dot, calls)| {
            let text = word == "replace" && *calls;
            // Also of a sequence that is named before it.
            let moves = word == "nextval" || word == "setval";
            !quoted && (moves || !after_dot && !text && listed(CHANGES, word))
        })
        .map(|(word, ..)| word)
}

/// The first function that is called and not known.
fn calls(tokens: &[Token]) -> Option<String> {
    let insert = has(tokens, "insert") || has(tokens, "create");
    words(tokens)
        .find(|(word, quoted, after_dot, calls)| {
            let known = !quoted && (listed(FUNCTIONS, word) || listed(WORDS, word));
            // `INSERT INTO t (a, b)` calls nothing.
            let table = insert && is_table(tokens, word);
            *calls && (*after_dot || !(known || table))
        })
        .map(|(word, ..)| word)
}

/// Whether this word is the table of an INSERT or of a CREATE.
fn is_table(tokens: &[Token], name: &str) -> bool {
    let all: Vec<String> = words(tokens).map(|(word, ..)| word).collect();
    let uses = all.iter().filter(|word| *word == name).count();
    let before = all.iter().position(|word| word == name).and_then(|at| at.checked_sub(1));
    let named = before.and_then(|at| all.get(at));
    uses == 1
        && named.is_some_and(|word| {
            matches!(word.as_str(), "into" | "table" | "exists" | "on" | "view")
        })
}

fn listed(list: &str, word: &str) -> bool {
    !word.contains(' ') && list.contains(&format!(" {word} "))
}

/// Refuses text that databases take apart differently.
fn plain(text: &str) -> Result<(), String> {
    let odd = || Err("is SQL that databases read differently".to_owned());
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(character) = rest.next() {
        match character {
            '\'' | '"' | '`' => {
                if before.is_alphanumeric() && !matches!(before, 'n' | 'N' | 'x' | 'X' | 'e' | 'E')
                {
                    return odd();
                }
                loop {
                    match rest.next() {
                        None | Some('\\') => return odd(),
                        Some(end) if end == character => {
                            if rest.next_if_eq(&character).is_none() {
                                break;
                            }
                        }
                        Some(_) => {}
                    }
                }
            }
            '-' if rest.next_if_eq(&'-').is_some() => {
                if !rest.peek().is_none_or(|next| next.is_whitespace()) {
                    return odd();
                }
                for comment in rest.by_ref() {
                    if comment == '\r' {
                        return odd();
                    }
                    if comment == '\n' {
                        break;
                    }
                }
            }
            '/' if rest.next_if_eq(&'*').is_some() => {
                if rest.peek().is_some_and(|next| matches!(next, '!' | 'M' | 'm' | '+')) {
                    return odd();
                }
                let mut last = ' ';
                loop {
                    match rest.next() {
                        None => return odd(),
                        Some('/') if last == '*' => break,
                        Some('*') if last == '/' => return odd(),
                        Some(other) => last = other,
                    }
                }
            }
            // Comments, quotes and escapes of some databases.
            '#' | '\\' | '[' | ']' | '{' | '}' | '\0' => return odd(),
            '$' if rest.peek().is_none_or(|next| !next.is_ascii_digit()) => return odd(),
            // Letters that look like others.
            other if !other.is_ascii() => return odd(),
            _ => {}
        }
        before = character;
    }
    Ok(())
}

/// Reads the arguments of a database's own shell.
pub(super) fn client(name: &str, args: &[Word]) -> Part {
    let unread = || Part::unknown(format!("gives {name} what is not read"));
    let (valued, flags): (&[&str], &str) = match name {
        "psql" => (&["-h", "-p", "-U", "-d", "-P", "-F"], "tAqXxwHn1"),
        "sqlite3" => (&["-separator", "-nullvalue"], ""),
        _ => (&["-h", "-P", "-u", "-D"], "NsBtrE"),
    };
    let long = [
        "-readonly",
        "-header",
        "-headers",
        "-csv",
        "-json",
        "-column",
        "-line",
        "-list",
        "-markdown",
        "-table",
        "-box",
        "-noheader",
        "-batch",
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--csv",
        "--quiet",
        "--batch",
        "--silent",
        "--expanded",
    ];
    let mut rest = args.iter();
    let (mut statements, mut operands, mut lists) = (Vec::new(), Vec::new(), false);
    while let Some(word) = rest.next() {
        if !word.may_be_option() {
            operands.push(word.clone());
            continue;
        }
        let Some(text) = word.exact() else { return unread() };
        let command = match name {
            "psql" => {
                text == "-c"
                    || text == "--command"
                    || (text.len() > 2
                        && !text.starts_with("--")
                        && text.ends_with('c')
                        && text[1..text.len() - 1].chars().all(|c| flags.contains(c)))
            }
            "sqlite3" => false,
            _ => text == "-e" || text == "--execute",
        };
        if command {
            let Some(statement) = rest.next() else { return unread() };
            statements.push(statement.clone());
        } else if let Some(statement) =
            text.strip_prefix("--command=").or_else(|| text.strip_prefix("--execute="))
        {
            statements.push(Word::plain(statement));
        } else if valued.contains(&text) {
            if rest.next().is_none_or(|value| value.breaks) {
                return unread();
            }
        } else if name == "psql" && matches!(text, "-l" | "--list") {
            lists = true;
        } else if !(long.contains(&text)
            || (name != "sqlite3" && valued.iter().any(|option| text.starts_with(option)))
            || (name != "sqlite3"
                && !text.starts_with("--")
                && text[1..].chars().all(|c| flags.contains(c))))
        {
            return unread();
        }
    }
    if name == "sqlite3" {
        // Of several files that a pattern fits, the second is a statement.
        if operands.first().is_some_and(|file| file.open) {
            return unread();
        }
        statements = operands.split_off(operands.len().min(1));
    }
    if statements.is_empty() {
        if lists {
            return Part::reads();
        }
        return Part::unknown(format!("has {name} run what is not in the command"));
    }
    let all = statements.iter().map(|statement| match statement.exact() {
        Some(text) if !text.trim_start().starts_with(['.', '\\']) => judged(text),
        _ => unread(),
    });
    all.fold(
        Part::reads(),
        |whole, part| if whole == Part::reads() { part } else { whole.and(part) },
    )
}
