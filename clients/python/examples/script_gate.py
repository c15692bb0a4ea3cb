"""A script that asks before it deletes, and whose renames can be taken back.

Run it with a folder; answer in the window:

    python examples/script_gate.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from handoff_desk import Desk, NoPermission, Task, gate, undo

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
desk = Desk("tidy-script")
task = Task(id=f"tidy:{folder.name}", title=f"Tidy {folder.name}", goal="Lower-case names, no empty files")


def rename_back(old: Path, new: Path) -> None:
    """Takes `rename` back."""
    new.rename(old)


@gate(desk, task, effect="reversible", undo_with=rename_back)
def rename(old: Path, new: Path) -> None:
    """Gives a file another name."""
    if new.exists():
        raise FileExistsError(f"{new} is already there")
    old.rename(new)


@gate(desk, task, effect="irreversible")
def delete(path: Path) -> None:
    """Deletes a file for good."""
    path.unlink()


def main() -> None:
    """Tidies the folder."""
    with desk:
        desk.task_open(task)
        desk.tools([rename.definition(), delete.definition()])
        for path in sorted(folder.iterdir()):
            if not path.is_file():
                continue
            try:
                if path.stat().st_size == 0:
                    delete(path)
                elif path.name != path.name.lower():
                    rename(path, path.with_name(path.name.lower()))
                else:
                    continue
                print(f"done: {path.name}")
            except NoPermission as no:
                print(f"left as it is: {path.name} ({no.code}: {no.message})")
        # What the reviewer rolls back, and whatever else there is to know.
        for item in undo(desk, [rename, delete], task=task.id):
            print(f"the reviewer says: {item.kind} {item.rest}")
            if not item.kind.startswith("undo"):
                desk.ack(item.id)


if __name__ == "__main__":
    main()
