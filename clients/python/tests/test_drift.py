"""What is written twice must say the same twice."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import handoff_desk.models as models
from handoff_desk import errors, wire
from handoff_desk._model import Model

# The answers of PROTOCOL.md by method.
ANSWERS: dict[str, type[Model]] = {
    "agent.hello": wire.Welcome,
    "handoff.validate": wire.Validated,
    "handoff.submit": wire.Standing,
    "handoff.get": wire.Shown,
    "handoff.list": wire.Listed,
    "handoff.wait": wire.Answered,
    "handoff.withdraw": wire.Standing,
    "handoff.revise": wire.Standing,
    "handoff.reconcile": wire.Standing,
    "desk.status": wire.Status,
    "agent.next": wire.NextItems,
    "agent.tools": wire.ToolsKnown,
    "task.open": wire.TaskStanding,
    "task.plan": wire.TaskStanding,
    "task.runnable": wire.TaskStanding,
    "task.close": wire.TaskStanding,
    "action.check": wire.Checked,
    "action.record": wire.Recorded,
}
# They answer with nothing.
SILENT = {"agent.ack", "desk.show"}


def protocol(here: Path) -> str:
    return (here.parent.parent / "PROTOCOL.md").read_text(encoding="utf-8")


def answers(text: str) -> dict[str, dict[str, bool]]:
    """The fields of each method's result, and whether they are required."""
    found: dict[str, dict[str, bool]] = {}
    for part in text.split("\n### `")[1:]:
        method, rest = part.split("`", 1)
        result = rest.split("\nResult:", 1)[1].split("\n### ")[0].split("\n## ")[0]
        rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (yes|no) \|", result, re.MULTILINE)
        found[method] = {name: required == "yes" for name, required in rows}
    return found


def test_the_models_are_what_the_schemas_say(here: Path) -> None:
    checked = subprocess.run(
        [sys.executable, here / "generate.py", "--check"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr


def test_every_method_of_the_protocol_is_known(here: Path) -> None:
    assert set(answers(protocol(here))) == set(ANSWERS) | SILENT


@pytest.mark.parametrize("method", ANSWERS)
def test_the_answers_have_the_fields_of_the_protocol(here: Path, method: str) -> None:
    fields = answers(protocol(here))[method]
    assert fields, f"{method} has no table"
    model = ANSWERS[method].model_fields
    assert set(fields) <= set(model), "a field is missing"
    for name, field in model.items():
        # Fields that only a newer desk has may be there already, but not be required.
        assert not field.is_required() or fields.get(name), f"{name} is required here and not there"


def test_every_error_code_is_known(here: Path) -> None:
    listed = dict(re.findall(r"^\| (-\d+) \| `(\w+)`", protocol(here), re.MULTILINE))
    codes = set(listed.values())
    assert codes, "the table of errors is gone"
    assert set(errors.BY_CODE) <= codes


def test_every_schema_has_its_model(here: Path) -> None:
    for path in (here.parent.parent / "schema").glob("*.json"):
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        model = getattr(models, schema["title"])
        assert issubclass(model, BaseModel)
        assert {field.serialization_alias or name for name, field in model.model_fields.items()} == set(
            schema["properties"]
        )
