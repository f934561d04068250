"""Documents: a Management API object with a typed view of the members that the tenant acts on."""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from mockidp.errors import ApiError
from mockidp.json import Json, JsonObject


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable JSON object (`document`, never mutated) and, in subclasses, typed members of it."""

    document: dict[str, Json]
    beside: ClassVar[tuple[str, ...]] = ()  # members of a subclass that are not part of the document

    @classmethod
    def of(cls, document: JsonObject) -> Self:
        """Return the typed view; raise `ApiError` 400 when a member has a wrong type."""
        members = {**document, "document": document}
        for name in cls.beside:
            members.pop(name, None)  # the document's own member of that name
        try:
            return msgspec.convert(members, cls)
        except msgspec.ValidationError as error:
            raise ApiError(400, f"Payload validation error: '{error}'.", "invalid_body") from None

    def changed(self, **members: Json) -> Self:
        """Return a copy with these members replaced; `None` removes one."""
        merged = {key: value for key, value in {**self.document, **members}.items() if value is not None}
        return self.rewritten(merged)

    def rewritten(self, document: JsonObject) -> Self:
        """Return a copy with another document, and what is beside the document as it was."""
        return msgspec.structs.replace(
            type(self).of(document), **{name: getattr(self, name) for name in self.beside}
        )
