//! The app as it is shipped, started on a disk that it cannot write on: it says
//! so, and changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use handoff_stage::Child;

use crate::support::desk::DESK;
use crate::support::{Desk, Options, SOON, payload};

/// How a desk ended, what it said, and what lies in its folder afterwards, where
/// that is told.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    said: String,
    left: String,
}

/// Starts the desk in `$0/home` after `prepare`, in which `$2` is the home of an
/// earlier desk; nothing where no file system can be made.
fn start_after(prepare: &str, earlier: &Path) -> Option<Ended> {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "{prepare} || exit 99
         HANDOFF_DESK_HOME=\"$0/home\" timeout 20 \"$1\"
         code=$?; LC_ALL=C ls -A \"$0/home\"; cmp \"$0/home/desk.db\" \"$2/desk.db\"; exit $code"
    );
    let mut command = handoff_stage::mounts::script(&script)?;
    Some(ended(command.arg(folder.path()).arg(DESK).arg(earlier)))
}

fn ended(command: &mut Command) -> Ended {
    let output = command.env_remove("DBUS_SESSION_BUS_ADDRESS").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, left) = (text(&output.stderr), text(&output.stdout));
    Ended { code: output.status.code(), said, left }
}

/// A desk that holds a handoff, ended as a power cut would.
fn filled() -> Desk {
    let desk = Desk::closed(Options::default());
    let mut app = Child::start("the desk", &mut desk.command(DESK)).unwrap();
    // Where none answers yet, a submit would start another.
    assert_eq!(desk.answers().pid, app.pid());
    desk.submit(&payload::rename("kept"));
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-kept.txt")).unwrap();
    app.kill().unwrap();
    desk
}

/// The names of what lies in a folder, each on a line.
fn listed(folder: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap() + "\n")
        .collect();
    names.sort();
    names.concat()
}

#[test]
fn a_full_disk_at_the_start_is_named_with_what_to_do() {
    let nothing = tempfile::tempdir().unwrap();
    let Some(ended) = start_after("mount -t tmpfs -o size=64k none \"$0\"", nothing.path()) else {
        return;
    };
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.said.contains("full") && ended.said.contains("Free some space"), "{ended:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
    let nothing = tempfile::tempdir().unwrap();
    let prepare = "mount -t tmpfs none \"$0\" && mkdir \"$0/home\" && mount -o remount,ro \"$0\"";
    let Some(ended) = start_after(prepare, nothing.path()) else { return };
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.said.contains("Read-only") && ended.said.contains("writable"), "{ended:?}");
}

/// That it was said to be unwritable, not damaged, and nothing was set aside,
/// added or changed.
#[track_caller]
fn is_left_as_it_was(ended: &Ended, earlier: &Desk) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = &ended.said;
    assert!(said.contains("Read-only") && said.contains("writable"), "{said}");
    assert!(!said.contains("damaged"), "{said}");
    // Whatever differs in the database is said below the names.
    assert_eq!(ended.left, listed(earlier.home()), "{ended:?}");
}

#[test]
fn a_database_on_a_disk_that_has_become_read_only_is_not_taken_for_damaged() {
    let earlier = filled();
    let prepare = "mount -t tmpfs none \"$0\" && cp -a \"$2\" \"$0/home\" \
                   && mount -o remount,ro \"$0\"";
    let Some(ended) = start_after(prepare, earlier.home()) else { return };
    is_left_as_it_was(&ended, &earlier);
}

#[test]
fn a_database_that_alone_is_read_only_is_not_taken_for_damaged() {
    let earlier = filled();
    let prepare = "mount -t tmpfs none \"$0\" && cp -a \"$2\" \"$0/home\" \
                   && cd \"$0/home\" && mount --bind desk.db desk.db \
                   && mount -o remount,ro,bind desk.db";
    let Some(ended) = start_after(prepare, earlier.home()) else { return };
    is_left_as_it_was(&ended, &earlier);
}

/// Starts the desk as a user like any other, whom the rights of a folder bind:
/// root is bound by them as well, without what makes it an exception.
fn start_bound(home: &Path) -> Ended {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-dac_override,-dac_read_search").arg(DESK);
        command
    } else {
        Command::new(DESK)
    };
    ended(command.env("HANDOFF_DESK_HOME", home))
}

#[test]
fn a_folder_in_which_its_owner_may_write_nothing_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let shut = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o500)).unwrap();
    let (home, closed) = (folder.path().join("home"), folder.path().join("closed"));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&closed).unwrap();
    shut(&home);
    shut(&closed);
    for home in [home, closed.join("home")] {
        let ended = start_bound(&home);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let said = &ended.said;
        assert!(said.contains("Permission denied") && said.contains("writable"), "{said}");
        assert!(said.contains(home.to_str().unwrap()) && !said.contains("damaged"), "{said}");
        assert!(!home.join("desk.db").exists(), "{said}");
    }
}

#[test]
fn a_database_in_a_folder_that_was_shut_is_not_taken_for_damaged() {
    let earlier = filled();
    let before = listed(earlier.home());
    fs::set_permissions(earlier.home(), fs::Permissions::from_mode(0o500)).unwrap();
    let ended = start_bound(earlier.home());
    fs::set_permissions(earlier.home(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!ended.said.contains("damaged"), "{ended:?}");
    assert!(ended.said.contains("Permission denied"), "{ended:?}");
    assert!(ended.said.contains("writable"), "{ended:?}");
    assert_eq!(listed(earlier.home()), before, "nothing was set aside or added");
}
