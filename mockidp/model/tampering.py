"""What a test double does to tokens on purpose; the issuer alone consults it (architecture §1.5)."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import msgspec

from mockidp.json import Json

FAULTS = ("expired", "not_yet_valid", "bad_signature", "unknown_kid", "alg_none", "hs256")
WRONG = ("wrong_iss", "wrong_sub", "wrong_aud", "wrong_azp", "wrong_nonce", "wrong_at_hash")


class Tamper(msgspec.Struct, frozen=True):
    """What is wrong in a token: one of `FAULTS` and `WRONG`, or claims with false values (None: left out)."""

    fault: str | None = None
    claims: Mapping[str, Json] = {}


class Tampering(threading.local):
    """What is wrong in the tokens that this thread signs now; nothing, outside of a scripted request."""

    id_token: Tamper | None = None
    access_token: Tamper | None = None
