"""Ids, codes and secrets: deterministic for a tenant, in the formats of the real service.

Two ways to get one: `derive` from a name (the same on every run, whatever else happens) and `draw` the next
of a kind (the n-th request of a run gets the n-th). Predictable by design: never use mockidp for real users.
"""

from __future__ import annotations

import hashlib
from functools import cache

from mockidp.store import Kind, Store

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE64URL = BASE62 + "-_"
HEX = "0123456789abcdef"
DIGITS = "0123456789"

COUNTERS: Kind[int] = Kind("counter", int)


class Ids:
    """Draws ids; its counters are rows of the store, so a restored tenant draws the same again.

    Tenants of different names draw different ones.
    """

    def __init__(self, store: Store, tenant: str = "") -> None:
        self._store = store
        self._tenant = tenant

    def draw(self, kind: str, length: int, alphabet: str = BASE62) -> str:
        """Return the next text of `kind`, `length` characters of `alphabet`."""
        n = self._store.update(COUNTERS, kind, _next)
        return self.nth(kind, n, length, alphabet)

    def drawn(self, kind: str) -> int:
        """Return how many of `kind` were drawn."""
        return self._store.find(COUNTERS, kind) or 0

    def nth(self, kind: str, number: int, length: int, alphabet: str = BASE62) -> str:
        """Return the text that is drawn as the `number`th (from 1) of `kind`."""
        name = f"{self._tenant}{kind}#{number}".encode()
        digest = hashlib.blake2b(name, key=b"mockidp", digest_size=length).digest()  # at most 64
        return digest.translate(_letters(alphabet)).decode()

    def request(self) -> str:
        """Return the id of a request: 20 hex digits; each answer has one, so it is a cheap one."""
        n = self._store.update(COUNTERS, "request", _next)
        return hashlib.blake2b(f"{self._tenant}request#{n}".encode(), digest_size=10).hexdigest()

    def user(self) -> str:
        """Return the bare id of a new database user: 24 hex digits."""
        return self.draw("user", 24, HEX)

    def code(self) -> str:
        """Return an authorization code: 43 characters, as newer tenants give."""
        return self.draw("code", 43, BASE64URL)

    def refresh_token(self) -> str:
        """Return a refresh token: `v1.M` and 60 characters."""
        return "v1.M" + self.draw("refresh_token", 60, BASE64URL)

    def handle(self, kind: str) -> str:
        """Return an opaque handle of 32 characters: sessions, transactions, tickets."""
        return self.draw(kind, 32)

    def digits(self, kind: str, length: int = 6) -> str:
        """Return a one-time code of decimal digits."""
        return self.draw(kind, length, DIGITS)


def _next(before: int | None) -> int:
    return (before or 0) + 1


@cache
def _letters(alphabet: str) -> bytes:
    """Return a letter for each byte; that some come a little oftener is of no account here."""
    return bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(256))


def derive(name: str, length: int, alphabet: str = BASE62) -> str:
    """Return the text that belongs to `name`: the same on every run and machine."""
    out: list[str] = []
    block = 0
    base = len(alphabet)
    while len(out) < length:
        digest = hashlib.blake2b(f"{block}:{name}".encode(), key=b"mockidp", digest_size=64).digest()
        number = int.from_bytes(digest, "big")
        for _ in range(min(64, length - len(out))):
            number, digit = divmod(number, base)
            out.append(alphabet[digit])
        block += 1
    return "".join(out)
