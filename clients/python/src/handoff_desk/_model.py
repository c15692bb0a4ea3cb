"""What all models of the wire share: strictly what the desk's schemas say, and
back to JSON without what was left at its default.
"""

from __future__ import annotations

from typing import Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Model(BaseModel):
    """The base of every model of the wire."""

    # Fields that a later desk adds to its answers are no fault of this client.
    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    @model_serializer(mode="wrap")
    def _with_constants(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        # A field that can have one value alone says what the object is; leaving
        # it out because it is at its default would make the object unreadable.
        for name, field in type(self).model_fields.items():
            if (
                get_origin(field.annotation) is Literal
                and not field.is_required()
                and field.default is not None
            ):
                data[field.serialization_alias or name] = getattr(self, name)
        return data

    def wire(self) -> dict[str, Any]:
        """The object as the desk takes it."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
