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


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoder = msgspec.json.Decoder()


def encode(value: object) -> bytes:
    """Return compact UTF-8 JSON; frozen structs and mappings of any kind encode as objects."""
    return _encoder.encode(value)


def decode(data: bytes | str) -> Json:
    """Return the value of a JSON text; raise `ValueError` when it is none."""
    try:
        value: Json = _decoder.decode(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except msgspec.DecodeError as error:  # no ValueError before msgspec 0.21
        raise ValueError(str(error)) from None
    return value


def text_member(value: Json, key: str) -> str | None:
    """Return `value[key]` when that is a string, else None."""
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, str) else None
