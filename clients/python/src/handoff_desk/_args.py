"""A function's arguments as a JSON object, and back.

What the reviewer edits is JSON; what the function takes may be dates, paths or
models. The annotations say how to get from one to the other.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticSerializationError

from .errors import BadQuestion


class Arguments:
    """The arguments of one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = getattr(function, "__name__", type(function).__name__)
        self._signature = inspect.signature(function)
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except NameError as why:
            raise TypeError(f"The annotations of {self._name} cannot be read: {why}.") from why
        fields: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        for number, (name, parameter) in enumerate(self._signature.parameters.items()):
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise TypeError(
                    f"{self._name} takes {parameter}, which has no name to show a reviewer: "
                    "name every argument."
                )
            default = ... if parameter.default is parameter.empty else parameter.default
            # Pydantic keeps some names for itself; the wire has the real ones.
            field = f"argument_{number}"
            self._names[field] = name
            fields[field] = (hints.get(name, Any), Field(default, alias=name))
        config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", title=self._name)
        self._model: type[BaseModel] = create_model(self._name, __config__=config, **fields)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        return self._model.model_json_schema()

    def plain(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of one call as JSON, defaults included."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        fields = {field: bound.arguments[name] for field, name in self._names.items()}
        try:
            # What a caller gives is not converted: only what an editor does is.
            return self._model.model_construct(**fields).model_dump(
                mode="json", by_alias=True, warnings=False
            )
        except PydanticSerializationError as why:
            raise BadQuestion(
                f"The arguments of {self._name} are no JSON, so nobody can look at them: {why}.",
                "Annotate them with types that Pydantic can turn into JSON.",
            ) from why

    def values(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments to call it with; raises Pydantic's `ValidationError`."""
        model = self._model.model_validate(dict(args))
        return {name: getattr(model, field) for field, name in self._names.items()}
