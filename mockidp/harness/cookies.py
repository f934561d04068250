"""A browser's cookies, read like a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from urllib.request import Request

from mockidp.model.tenant import is_loopback


class Cookies(Mapping[str, str]):
    """Cookies by name: of several servers' the last. `jar` has their domains and attributes."""

    def __init__(self) -> None:
        self.jar = CookieJar(_Policy())

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


class _Policy(DefaultCookiePolicy):
    """Browsers send `Secure` cookies to this machine by http too (trustworthy: Secure Contexts, §3.1)."""

    def return_ok_secure(self, cookie: Cookie, request: Request) -> bool:
        name = request.host.rpartition(":")[0] or request.host
        return is_loopback(name.strip("[]")) or super().return_ok_secure(cookie, request)
