//! The sample folder: a few dozen real files of several kinds, as a Downloads
//! folder gathers them, with true duplicates among them.

mod formats;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// When the newest of the files says it was last changed.
const NEWEST_S: u64 = 1_790_000_000;

/// Makes the folder anew. It is the agent's own: what an earlier run left in it
/// is removed, nothing else is touched.
pub fn fill(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(folder)?,
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something else has its name",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::create_dir_all(folder)?;
    for (number, (name, content)) in (0_u32..).zip(files()) {
        let path = folder.join(name);
        fs::write(&path, content)?;
        // One every seven hours, the copies after their originals.
        let age_s = u64::from(60 - number.min(60)) * 7 * 3600;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(NEWEST_S - age_s);
        File::options().write(true).open(&path)?.set_modified(modified)?;
    }
    Ok(())
}

/// The files with their content, originals before their copies.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut files = originals();
    let copies = [
        ("invoice-2026-09 (1).pdf", "invoice-2026-09.pdf"),
        ("invoice-2026-09 (2).pdf", "invoice-2026-09.pdf"),
        ("invoice-2026-10 (1).pdf", "invoice-2026-10.pdf"),
        ("boarding-pass (1).pdf", "boarding-pass.pdf"),
        ("IMG_0042 copy.png", "IMG_0042.png"),
        ("team-photo (1).png", "team-photo.png"),
        ("scan-lease.png", "lease-page-1.png"),
        ("voice-memo copy.wav", "voice-memo.wav"),
        ("household-2026 (1).csv", "household-2026.csv"),
        ("contacts copy.vcf", "contacts.vcf"),
        ("meeting-notes (1).md", "meeting-notes.md"),
        ("recipes (1).zip", "recipes.zip"),
    ];
    for (copy, original) in copies {
        let content = files.iter().find(|(name, _)| *name == original).map(|(_, one)| one.clone());
        files.extend(content.map(|content| (copy, content)));
    }
    files
}

#[expect(clippy::too_many_lines, reason = "a list, not a procedure")]
fn originals() -> Vec<(&'static str, Vec<u8>)> {
    use formats::{pdf, picture, tone, zip};
    let text = |lines: &[&str]| format!("{}\n", lines.join("\n")).into_bytes();
    let household = text(&[
        "month,rent,power,food",
        "2026-07,940.00,61.20,388.15",
        "2026-08,940.00,58.75,402.90",
        "2026-09,940.00,66.40,371.35",
    ]);
    let recipe = text(&[
        "Lentil soup",
        "",
        "200 g lentils, 1 onion, 2 carrots, cumin",
        "Simmer for 25 minutes.",
    ]);
    let bread = text(&[
        "Rye bread",
        "",
        "500 g rye flour, 400 ml water, salt, sourdough",
        "Bake for an hour.",
    ]);
    vec![
        (
            "invoice-2026-09.pdf",
            pdf(&["Invoice 2026-09", "Hosting, September", "Total: 24.90 EUR"]),
        ),
        ("invoice-2026-10.pdf", pdf(&["Invoice 2026-10", "Hosting, October", "Total: 24.90 EUR"])),
        ("invoice-2026-11.pdf", pdf(&["Invoice 2026-11", "Hosting, November", "Total: 27.40 EUR"])),
        ("boarding-pass.pdf", pdf(&["Boarding pass", "Seat 14C, gate closes 09:20"])),
        ("lease.pdf", pdf(&["Lease", "Second floor, two rooms, from 1 March"])),
        ("manual-dishwasher.pdf", pdf(&["Dishwasher", "Clean the filter once a month."])),
        ("IMG_0041.png", picture(160, 120, 41)),
        ("IMG_0042.png", picture(160, 120, 42)),
        ("IMG_0043.png", picture(160, 120, 43)),
        ("team-photo.png", picture(240, 160, 7)),
        ("lease-page-1.png", picture(120, 160, 11)),
        ("screenshot-error.png", picture(200, 120, 23)),
        (
            "logo-draft.svg",
            text(&[
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">"#,
                r##"<circle cx="16" cy="16" r="14" fill="#2d6a4f"/></svg>"##,
            ]),
        ),
        ("voice-memo.wav", tone(440, 2)),
        ("ringtone.wav", tone(660, 1)),
        ("household-2026.csv", household.clone()),
        ("household-2026-final.csv", {
            let mut final_version = household;
            final_version.extend_from_slice(b"2026-10,940.00,70.10,395.60\n");
            final_version
        }),
        ("steps.tsv", text(&["day\tsteps", "mon\t8120", "tue\t10433", "wed\t6904"])),
        (
            "contacts.vcf",
            text(&[
                "BEGIN:VCARD\r",
                "VERSION:4.0\r",
                "FN:Town library\r",
                "TEL:+15550100\r",
                "END:VCARD\r",
            ]),
        ),
        (
            "dentist.ics",
            text(&[
                "BEGIN:VCALENDAR\r",
                "VERSION:2.0\r",
                "PRODID:-//sample//EN\r",
                "BEGIN:VEVENT\r",
                "UID:dentist-1@example.com\r",
                "DTSTAMP:20261101T080000Z\r",
                "DTSTART:20261203T091500Z\r",
                "SUMMARY:Dentist\r",
                "END:VEVENT\r",
                "END:VCALENDAR\r",
            ]),
        ),
        (
            "export.json",
            text(&[
                r#"{"exported": "2026-10-30", "items": [{"id": 1, "done": true}, {"id": 2, "done": false}]}"#,
            ]),
        ),
        ("settings.yaml", text(&["theme: dark", "autosave: true", "tabs: 4"])),
        ("feed.xml", text(&[r#"<?xml version="1.0"?>"#, "<feed><entry>First</entry></feed>"])),
        (
            "meeting-notes.md",
            text(&["# Meeting", "", "- Ship on Thursday", "- Ask about the lease"]),
        ),
        (
            "reading-list.md",
            text(&["# To read", "", "1. The Mythical Man-Month", "2. Thinking in Systems"]),
        ),
        ("todo.txt", text(&["water the plants", "call the landlord", "back up the photos"])),
        ("wifi-guest.txt", text(&["Network: garden", "Ask for the password at the door."])),
        ("draft-letter.txt", text(&["Dear neighbours,", "", "on Saturday we paint the stairs."])),
        (
            "saved-page.html",
            text(&[
                "<!doctype html>",
                r#"<html lang="en"><title>Opening hours</title>"#,
                "<p>Monday to Friday, 9 to 17.</p></html>",
            ]),
        ),
        ("recipes.zip", zip(&[("lentil-soup.txt", &recipe), ("rye-bread.txt", &bread)])),
        ("backup-notes.zip", zip(&[("notes.txt", b"Only one copy of this is needed.\n")])),
        ("README", text(&["What is in here came from everywhere."])),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::demo::folder::Folder;
    use crate::demo::kind::Kind;
    use crate::demo::{plan, scan};

    #[test]
    fn it_holds_several_kinds_and_true_duplicates() {
        let all = tempfile::tempdir().expect("a folder");
        let path = all.path().join("Downloads");
        fill(&path).expect("filled");
        let scan = scan::scan(&Folder::open(&path).expect("opened")).expect("scanned");
        assert!((36..80).contains(&scan.files.len()), "a few dozen: {}", scan.files.len());
        let kinds: std::collections::BTreeSet<Kind> =
            scan.files.keys().filter_map(|name| Kind::of(name)).collect();
        assert!(kinds.len() >= 8, "{kinds:?}");
        let groups = plan::duplicates(&scan.files);
        let contents: BTreeMap<&str, Vec<u8>> = files().into_iter().collect();
        assert_eq!(plan::extras(&groups).len(), 12);
        for group in &groups {
            for extra in &group.extra {
                assert_eq!(contents[extra.as_str()], contents[group.keep.as_str()], "{extra}");
            }
        }
        assert!(
            groups.iter().all(|group| !group.keep.contains("copy") && !group.keep.contains('('))
        );
    }

    #[test]
    fn it_is_made_anew_and_never_through_a_link() {
        let all = tempfile::tempdir().expect("a folder");
        let path = all.path().join("Downloads");
        fill(&path).expect("filled");
        fs::write(path.join("left over"), "x").expect("written");
        fill(&path).expect("filled again");
        assert!(!path.join("left over").exists());

        let elsewhere = all.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("made");
        fs::write(elsewhere.join("mine"), "x").expect("written");
        let link = all.path().join("link");
        std::os::unix::fs::symlink(&elsewhere, &link).expect("linked");
        assert!(fill(&link).is_err());
        assert!(elsewhere.join("mine").exists());
    }
}
