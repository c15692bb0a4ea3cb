//! The rows as a table for people and as JSON for comparisons.

use serde_json::{Value, json};

use crate::row::{Goal, Row};
use crate::spread::Spread;

const HEADS: [&str; 7] = ["what", "median", "p95", "floor", "ratio", "goal", "met"];

/// The rows in aligned columns; below them what must be known to read them.
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![HEADS.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let mut widths = [0; HEADS.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut aligned = String::new();
        for (place, (cell, width)) in line.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            // Words begin at the left, figures end at the right.
            let cell = if place == 0 { format!("{cell}{gap}") } else { format!("  {gap}{cell}") };
            aligned.push_str(&cell);
        }
        text.push_str(aligned.trim_end());
        text.push('\n');
    }
    let mut notes = Vec::new();
    for row in rows {
        match &row.outcome {
            Ok(measured) if measured.note.is_empty() => {}
            Ok(measured) => notes.push(format!("- {}: {}\n", row.head.name, measured.note)),
            Err(why) => notes.push(format!("- {}: NOT MEASURED: {why}\n", row.head.name)),
        }
    }
    text + &notes.concat()
}

/// The same as JSON, with the facts of the machine.
pub fn json(rows: &[Row], machine: &Value) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut object = json!({
                "name": row.head.name,
                "unit": row.head.unit,
                "goal": goal(row.head.goal, row.head.unit),
            });
            match &row.outcome {
                Ok(measured) => {
                    object["median"] = json!(measured.value.median);
                    object["p95"] = json!(measured.value.p95);
                    object["samples"] = json!(measured.value.samples);
                    object["floor"] = json!(measured.floor);
                    object["ratio"] = json!(measured.ratio());
                    object["met"] = json!(measured.meets(row.head.goal));
                    object["note"] = json!(measured.note);
                }
                Err(why) => object["error"] = json!(why),
            }
            object
        })
        .collect();
    json!({ "machine": machine, "rows": rows })
}

fn cells(row: &Row) -> [String; HEADS.len()] {
    let (name, unit) = (row.head.name.to_owned(), row.head.unit);
    let goal = goal(row.head.goal, unit);
    let none = || "–".to_owned();
    let Ok(measured) = &row.outcome else {
        return [name, none(), none(), none(), none(), goal, "error".to_owned()];
    };
    let with_unit = |figure: f64| format!("{} {unit}", short(figure));
    let floor = |floor: Spread| with_unit(floor.median);
    [
        name,
        with_unit(measured.value.median),
        with_unit(measured.value.p95),
        measured.floor.map_or_else(none, floor),
        measured.ratio().map_or_else(none, |ratio| format!("{ratio:.2}")),
        goal,
        match measured.meets(row.head.goal) {
            Some(true) => "yes".to_owned(),
            Some(false) => "NO".to_owned(),
            None => none(),
        },
    ]
}

fn goal(goal: Goal, unit: &str) -> String {
    match goal {
        Goal::RatioAtMost(most) => format!("≤ {most} × floor"),
        Goal::RatioAtLeast(least) => format!("≥ {least} × floor"),
        Goal::TailAtMost(most) => format!("p95 ≤ {most} {unit}"),
        Goal::AboveFloorAtMost(most) => format!("≤ floor + {most} {unit}"),
        Goal::TailAboveFloorAtMost(most) => format!("p95 ≤ floor's + {most} {unit}"),
    }
}

/// Three digits, more only where they stand before the point.
fn short(figure: f64) -> String {
    let digits = match figure.abs() {
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    format!("{figure:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Head, Measured};

    fn rows() -> Vec<Row> {
        let spread = |median, p95| Spread { median, p95, samples: 9 };
        let head = |name, goal| Head { name, unit: "ms", goal };
        vec![
            Row {
                head: head("long name", Goal::RatioAtMost(2.0)),
                outcome: Ok(Measured {
                    value: spread(123.4, 200.0),
                    floor: Some(spread(100.0, 110.0)),
                    note: "read this".to_owned(),
                }),
            },
            Row { head: head("b", Goal::TailAtMost(5.0)), outcome: Err("no screen".to_owned()) },
        ]
    }

    #[test]
    fn the_columns_are_aligned_and_a_failure_stands_in_its_row() {
        let table = table(&rows());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "what       median     p95   floor  ratio         goal    met");
        assert_eq!(lines[1], "long name  123 ms  200 ms  100 ms   1.23  ≤ 2 × floor    yes");
        assert_eq!(lines[2], "b               –       –       –      –   p95 ≤ 5 ms  error");
        assert_eq!(lines[3], "- long name: read this");
        assert_eq!(lines[4], "- b: NOT MEASURED: no screen");
    }

    #[test]
    fn the_json_says_the_same() {
        let json = json(&rows(), &json!({ "cores": 2 }));
        assert_eq!(json["machine"]["cores"], 2);
        let [first, second] = &json["rows"].as_array().expect("rows")[..] else { panic!("{json}") };
        assert_eq!((&first["ratio"], &first["met"]), (&json!(1.234), &json!(true)));
        assert_eq!(first["floor"]["p95"], 110.0);
        assert_eq!(second["error"], "no screen");
        assert_eq!(second.get("median"), None, "what was not measured has no figure");
    }
}
