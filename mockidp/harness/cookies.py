"""A browser's cookies, read like a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar


class Cookies(Mapping[str, str]):
    """Cookies by name: of several servers' the last. `jar` has their domains and attributes."""

    def __init__(self) -> None:
        self.jar = CookieJar()

    def clear(self) -> None:
        """Forget all cookies: a new browser."""
        self.jar.clear()

    def __getitem__(self, name: str) -> str:
        return {cookie.name: cookie.value or "" for cookie in self.jar}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self.jar))

    def __len__(self) -> int:
        return len({cookie.name for cookie in self.jar})

    def __repr__(self) -> str:
        return f"<Cookies: {', '.join(self) or 'none'}>"
