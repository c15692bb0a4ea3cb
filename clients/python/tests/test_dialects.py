"""The dialects of interrupts, as the desk's own connector reads them, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handoff_desk.errors import BadQuestion, NoPermission, Unanswerable
from handoff_desk.interrupts import read
from handoff_desk.wire import Answered

SHARED = Path(__file__).resolve().parents[3] / "src-tauri/crates/connectors/tests/dialects.json"
CASES = json.loads(SHARED.read_text(encoding="utf-8"))


def answered(decision: dict[str, Any]) -> Answered:
    whole = {"by": "reviewer", "at": "2026-11-23T05:00:00Z", **decision}
    return Answered.model_validate(
        {
            "id": "h-1",
            "revision": 1,
            "state": "released",
            "flags": [],
            "act": True,
            "directive": [],
            "decision": whole,
        }
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_dialect_is_read_and_answered_as_the_desk_does(case: dict[str, Any]) -> None:
    if "malformed" in case:
        with pytest.raises(BadQuestion) as refused:
            read(case["value"], case.get("schema"))
        assert case["malformed"] in str(refused.value)
        return
    reading = read(case["value"], case.get("schema"))
    found = [
        {
            "tool": question.tool,
            "args": question.args,
            "text": question.text,
            "can": list(question.can),
            "reason": question.reason,
            "description": question.description,
            "args_schema": question.args_schema,
            "label": question.label,
            "risk_why": question.risk_why,
        }
        for question in reading.questions
    ]
    assert found == case["questions"]
    for answer in case["answers"]:
        decisions = [answered(decision) for decision in answer["decisions"]]
        if "sent" in answer:
            assert reading.answer(decisions) == answer["sent"]
            continue
        with pytest.raises(NoPermission) as nothing:
            reading.answer(decisions)
        kind = "unanswerable" if isinstance(nothing.value, Unanswerable) else "as_decided"
        assert kind == answer["nothing"]
