"""JSON at the wire: its types, and msgspec to encode and decode it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
else:
    Json = Any  # msgspec cannot follow a recursive alias at run time
JsonObject = Mapping[str, Json]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode(value: object) -> bytes:
    """Return compact UTF-8 JSON; frozen structs encode as objects."""
    return _encoder.encode(value)


def decode(data: bytes | str) -> Json:
    """Return the value of a JSON text; raise `ValueError` when it is none."""
    try:
        value: Json = _decoder.decode(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def text_member(value: Json, key: str) -> str | None:
    """Return `value[key]` when that is a string, else None."""
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, str) else None
