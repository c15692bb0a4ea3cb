"""The dialects of LangGraph's interrupts: what each asks, and the form its answer
has. Needs no LangGraph; a server's interrupts have the same shapes.

A value of a known dialect that is malformed is refused with `BadQuestion`; one of
no known dialect is shown as JSON, and the reviewer writes the answer. A decision
that a dialect has no form for is `Unanswerable`: nothing is sent, and the graph
stays where it is.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from ._questions import Question, no_words
from .errors import BadQuestion, Unanswerable
from .gate import refusal
from .models import AllowedDecision, Decision
from .wire import Answered

# What a dialect calls it, and what the desk does.
_DECISIONS: dict[str, AllowedDecision | None] = {
    "approve": "approve",
    "edit": "modify",
    "respond": "inform",
    "reject": None,
}

_GRAPH_ALONE = "Only the graph knows what it does with the answer."


class Reading(ABC):
    """One interrupt, understood."""

    questions: Sequence[Question]

    @abstractmethod
    def answer(self, answers: Sequence[Answered]) -> Any:
        """What the graph is resumed with, one decision for each question."""


class Batch(Reading):
    """LangChain's `HITLRequest`: several tool calls, one answer with as many decisions."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        requests, configs = value["action_requests"], value.get("review_configs")
        if not isinstance(requests, list) or not requests or not isinstance(configs, list):
            raise _malformed("`action_requests` and `review_configs` are no lists with something in them")
        by_name = {config.get("action_name"): config for config in configs if isinstance(config, Mapping)}
        self.questions = [self._question(request, by_name) for request in requests]
        self._allowed = [_allowed_words(by_name[question.tool]) for question in self.questions]

    def _question(self, request: Any, configs: Mapping[Any, Any]) -> Question:
        name, args = _call_of(request, "name")
        if name not in configs:
            raise _malformed(f"`review_configs` does not say what may be decided on {name}")
        words = _allowed_words(configs[name])
        return _tool_question(name, args, words, request.get("description"), configs[name].get("args_schema"))

    def answer(self, answers: Sequence[Answered]) -> Any:
        if len(answers) != len(self.questions):
            raise Unanswerable("There are not as many decisions as tool calls.", "Nothing was sent.")
        pairs = zip(self.questions, self._allowed, answers, strict=True)
        return {"decisions": [_hitl(question, allowed, answered) for question, allowed, answered in pairs]}


class PerCall(Reading):
    """LangChain's `tool_approval`: one tool call, one decision."""

    def __init__(self, value: Mapping[str, Any], schema: Any) -> None:
        name, args = _call_of(value, "name")
        branches = _branches(schema)
        self._allowed = set(branches) if branches is not None else set(_DECISIONS)
        edit = (branches or {}).get("edit")
        self.questions = [
            _tool_question(name, args, self._allowed, value.get("description"), _edit_schema(edit, schema))
        ]

    def answer(self, answers: Sequence[Answered]) -> Any:
        (answered,) = answers
        return _hitl(self.questions[0], self._allowed, answered)


class Inbox(Reading):
    """The agent inbox's request; its answer is always a list."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        name, args = _call_of(value["action_request"], "action")
        config = value.get("config")
        flags = ("allow_accept", "allow_edit", "allow_respond", "allow_ignore")
        if not isinstance(config, Mapping) or not all(
            isinstance(config.get(flag, False), bool) for flag in flags
        ):
            raise _malformed("`config` does not say with booleans what is allowed")
        self._config = config
        allowed = {
            word
            for word, flag in (
                ("approve", "allow_accept"),
                ("edit", "allow_edit"),
                ("respond", "allow_respond"),
            )
            if config.get(flag)
        }
        self._name = name
        self.questions = [_tool_question(name, args, allowed, value.get("description"), None)]

    def answer(self, answers: Sequence[Answered]) -> Any:
        (answered,) = answers
        decision = _decision(answered)
        if decision.kind == "approve" and self._config.get("allow_accept"):
            return [{"type": "accept", "args": None}]
        if decision.kind == "modify" and self._config.get("allow_edit"):
            return [{"type": "edit", "args": {"action": self._name, "args": decision.args or {}}}]
        if decision.kind == "inform" and self._config.get("allow_respond"):
            return [{"type": "response", "args": _words(decision)}]
        if decision.kind in ("reject", "take_over"):
            if self._config.get("allow_ignore"):
                return [{"type": "ignore", "args": None}]
            if self._config.get("allow_respond"):
                return [{"type": "response", "args": no_words(answered)}]
        raise _no_form(answered)


class Form(Reading):
    """Any other interrupt with a schema for its answer."""

    def __init__(self, value: Any, schema: Mapping[str, Any]) -> None:
        self._bare = schema.get("type") == "object"
        inside = dict(schema)
        if not self._bare:
            definitions = inside.pop("$defs", None)
            inside = {"type": "object", "required": ["answer"], "properties": {"answer": inside}}
            if definitions is not None:
                inside["$defs"] = definitions
        blank = _blank(inside, inside)
        self.questions = [_free_question(value, blank, inside, can=["modify"])]

    def answer(self, answers: Sequence[Answered]) -> Any:
        filled = _filled(_decision(answers[0]))
        if filled is None:
            raise _no_form(answers[0])
        return filled if self._bare else filled["answer"]


class Free(Reading):
    """Anything else: the answer is text, or JSON in `answer`."""

    def __init__(self, value: Any) -> None:
        self.questions = [_free_question(value, {"answer": None}, None, can=["modify", "inform"])]

    def answer(self, answers: Sequence[Answered]) -> Any:
        decision = _decision(answers[0])
        filled = _filled(decision)
        if filled is not None and "answer" in filled:
            return filled["answer"]
        if decision.kind == "inform":
            return dict(decision.facts) if decision.facts else (decision.text or "")
        raise _no_form(answers[0])


def read(value: Any, schema: Any = None) -> Reading:
    """Which dialect an interrupt speaks, by the shape of its value."""
    if isinstance(schema, type):
        schema = TypeAdapter(schema).json_schema()
    if schema is not None and not isinstance(schema, Mapping):
        raise _malformed("its `response_schema` is no JSON Schema")
    plain = plain_of(value)
    one = plain[0] if isinstance(plain, list) and plain and _is_inbox(plain[0]) else plain
    if one is not plain and len(plain) > 1:
        raise _malformed("the list has more than one request")
    if isinstance(one, Mapping):
        if "action_requests" in one:
            return Batch(one)
        if _is_inbox(one):
            return Inbox(one)
        if one.get("type") == "tool_approval":
            return PerCall(one, schema)
    return Free(plain) if schema is None else Form(plain, schema)


def plain_of(value: Any) -> Any:
    """A value as JSON; what is no JSON as its text."""
    return to_jsonable_python(value, fallback=repr, inf_nan_mode="strings")


def _is_inbox(value: Any) -> bool:
    return isinstance(value, Mapping) and "action_request" in value


def _call_of(request: Any, name: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(request, Mapping):
        raise _malformed("a request is no object")
    tool, args = request.get(name), request.get("args")
    if not isinstance(tool, str) or not tool.strip() or not isinstance(args, Mapping):
        raise _malformed(f"a request has no `{name}`, or `args` that are no object")
    if len(tool) > 200:
        raise _malformed("the name of a tool has more than 200 characters")
    return tool, dict(args)


def _allowed_words(config: Any) -> set[str]:
    allowed = config.get("allowed_decisions") if isinstance(config, Mapping) else None
    if not isinstance(allowed, list) or not all(isinstance(word, str) for word in allowed):
        raise _malformed("`allowed_decisions` is no list of words")
    unknown = set(allowed) - set(_DECISIONS)
    if unknown:
        raise _malformed(f"it allows decisions that this version does not know: {', '.join(sorted(unknown))}")
    return set(allowed)


def _branches(schema: Any) -> dict[str, Mapping[str, Any]] | None:
    """The decisions that a per-call schema lists, by their type."""
    if schema is None:
        return None
    listed = schema.get("oneOf") or schema.get("anyOf") or [schema]
    found: dict[str, Mapping[str, Any]] = {}
    for one in listed:
        branch = _resolved(one, schema)
        kind = _resolved(branch.get("properties", {}).get("type", {}), schema)
        word = kind.get("const", (kind.get("enum") or [None])[0])
        if word not in _DECISIONS:
            raise _malformed(f"its schema lists a decision that this version does not know: {word!r}")
        found[word] = branch
    return found


def _edit_schema(edit: Mapping[str, Any] | None, root: Any) -> Any:
    if edit is None:
        return None
    action = _resolved(edit.get("properties", {}).get("edited_action", {}), root)
    args = action.get("properties", {}).get("args")
    if not isinstance(args, Mapping):
        return None
    return {**_resolved(args, root), **({"$defs": root["$defs"]} if "$defs" in root else {})}


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(schema, Mapping):
        raise _malformed("its `response_schema` is no JSON Schema")
    target = schema.get("$ref")
    if not isinstance(target, str):
        return schema
    found: Any = root
    for part in target.removeprefix("#/").split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or found is schema:
        raise _malformed(f"its `response_schema` has a reference that leads nowhere: {target}")
    return found


def _tool_question(
    name: str, args: Mapping[str, Any], allowed: set[str], description: Any, args_schema: Any
) -> Question:
    can: list[AllowedDecision] = [
        word for key in _DECISIONS if key in allowed and (word := _DECISIONS[key]) is not None
    ]
    return Question(
        tool=name,
        args=args,
        text=f"May it call {name} with these arguments?",
        can=can,
        description=description if isinstance(description, str) and description else None,
        args_schema=args_schema if isinstance(args_schema, Mapping) else None,
    )


def _free_question(value: Any, args: Mapping[str, Any], schema: Any, can: list[AllowedDecision]) -> Question:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    named = (
        [value.get(name) for name in ("question", "message", "prompt", "task")]
        if isinstance(value, Mapping)
        else []
    )
    asked = next((text for text in [*named, value] if isinstance(text, str) and text.strip()), None)
    return Question(
        tool="answer",
        args=args,
        text=asked or "The graph waits for an answer; what it shows stands beside the option. What is it?",
        can=can,
        reason="missing_information",
        description=f"What the graph shows: {shown}" if shown else None,
        args_schema=schema,
        label="Answer with these values",
        risk_why=_GRAPH_ALONE,
    )


def _hitl(question: Question, allowed: set[str], answered: Answered) -> dict[str, Any]:
    decision = _decision(answered)
    if decision.kind == "approve" and "approve" in allowed:
        return {"type": "approve"}
    if decision.kind == "modify" and "edit" in allowed:
        return {"type": "edit", "edited_action": {"name": question.tool, "args": decision.args or {}}}
    if decision.kind == "inform" and "respond" in allowed:
        return {"type": "respond", "message": _words(decision)}
    if decision.kind in ("reject", "take_over") and "reject" in allowed:
        return {"type": "reject", "message": no_words(answered)}
    raise _no_form(answered)


def _decision(answered: Answered) -> Decision:
    """A decision of the reviewer that is ours. A default that the desk took at a
    deadline is no yes of anybody.
    """
    decision = answered.decision
    if decision is None or not answered.act or decision.by != "reviewer":
        raise _no_form(answered)
    return decision


def _filled(decision: Decision) -> dict[str, Any] | None:
    """What was filled in. What was left as it was proposed counts as approved."""
    return decision.args if decision.kind in ("approve", "modify") else None


def _words(decision: Decision) -> str:
    facts = json.dumps(decision.facts, ensure_ascii=False, separators=(",", ":")) if decision.facts else ""
    return " ".join(part for part in (decision.text or "", facts) if part)


def _no_form(answered: Answered) -> Exception:
    decision = answered.decision
    if decision is not None and decision.kind in ("reject", "take_over"):
        return refusal(answered)
    return Unanswerable(
        "The interrupt has no form for what was decided, so nothing was sent.",
        "The graph stays where it is.",
        handoff_id=answered.id,
        decision=decision,
    )


def _malformed(why: str) -> BadQuestion:
    return BadQuestion(
        f"The interrupt cannot be understood: {why}.",
        "Nobody was asked and the graph stays where it is. Update the package, or the graph.",
    )


def _blank(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Any:
    """The emptiest value that has the form; the reviewer fills it in."""
    if depth > 20:
        raise _malformed("its `response_schema` goes on without an end")
    found = _resolved(schema, root)
    for word in ("default", "const"):
        if word in found:
            return found[word]
    if found.get("enum"):
        return found["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if found.get(word):
            return _blank(found[word][0], root, depth + 1)
    kind = found.get("type")
    if kind == "object":
        needed = found.get("required", [])
        inside = found.get("properties", {})
        return {name: _blank(inside.get(name, {}), root, depth + 1) for name in needed}
    empty: dict[Any, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": []}
    return empty.get(kind if isinstance(kind, str) else None)
