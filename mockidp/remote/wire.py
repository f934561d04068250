"""The control API (`docs/control-api.md`) of a server in another process, spoken as JSON."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import msgspec

import mockidp
from mockidp import json
from mockidp.errors import ApiError, Unreachable, UsageError
from mockidp.harness.control_world import Health
from mockidp.model.tenant import is_loopback

T = TypeVar("T")
TIMEOUT = 60  # seconds; a scenario's world may be large


class _Refusal(msgspec.Struct, forbid_unknown_fields=True):
    """What the control API says of a refusal; the tenant itself says more, or something else."""

    error: str
    message: str


class Control:
    """One server's control API.

    Every call raises `UsageError` for what the server calls a mistake, `Unreachable` when there is none, and
    `ApiError` for what its tenant refuses.

    Args:
        url: `http://127.0.0.1:4100`; `UsageError` when it is none of this machine.
    """

    def __init__(self, url: str) -> None:
        import requests

        self.url = _checked(url)
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor .netrc: it is this machine

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def greet(self) -> Health:
        """Return what the server says of itself; warn of what works only by chance.

        That is another version, and an issuer at which nobody answers.
        """
        health, own = self.get("health", Health), mockidp.__version__
        if health.version != own:
            warnings.warn(f"{self.url} is mockidp {health.version}, this is {own}: use one", stacklevel=4)
        issuer = urlsplit(health.issuer)
        if is_loopback(issuer.hostname or "") and issuer.port != urlsplit(self.url).port:
            advice = "publish its port under the same number, or start it with --issuer"
            warnings.warn(f"{self.url} calls itself {health.issuer}: {advice}", stacklevel=4)
        return health

    def get(self, name: str, answers: type[T], **query: str | int | None) -> T:
        """Return what an operation answers, as this type."""
        return _decoded(self._call("GET", name, query=query), answers)

    def post(self, name: str, answers: type[T], body: Mapping[str, Any] | None = None) -> T:
        """Do what an operation does and return its answer, as this type."""
        return _decoded(self._call("POST", name, body=_plain(body or {})), answers)

    def tell(self, name: str, body: Mapping[str, Any] | None = None) -> None:
        """Do what an operation does."""
        self._call("POST", name, body=_plain(body or {}))

    def delete(self, name: str) -> None:
        """Forget what an operation shows."""
        self._call("DELETE", name)

    def text(self, name: str) -> str:
        """Return a text that the server has."""
        return self._call("GET", name).decode()

    def _call(self, method: str, name: str, *, query: Any = None, body: Any = None) -> bytes:
        import requests

        url = f"{self.url}/_mockidp/{name}"
        data = None if body is None else json.encode(body)
        headers = {} if data is None else {"Content-Type": "application/json"}
        try:
            answer = self._session.request(
                method, url, params=query, data=data, headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.RequestException:
            raise Unreachable(
                f"no mockidp answers at {self.url}: start one there by `python -m mockidp serve`"
            ) from None
        if not answer.ok:
            _refuse(f"{method} {url}", answer.status_code, answer.content)
        return answer.content


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        named = parts.scheme == "http" and parts.path in ("", "/") and parts.port is not None
    except ValueError:
        named = False
    if not named or parts.query or parts.fragment or parts.username:
        raise Unreachable(f"'{url}' is no URL of a mockidp; write http://127.0.0.1:4100")
    if not is_loopback(parts.hostname or ""):
        raise Unreachable(
            f"{url} is another machine: a mockidp is steered on loopback names only; publish its port here"
        )
    return f"http://{parts.netloc}"


def _refuse(what: str, status: int, content: bytes) -> NoReturn:
    """Raise what the server's refusal means."""
    try:
        refusal = msgspec.json.decode(content, type=_Refusal)
    except msgspec.DecodeError:
        refusal = None
    if refusal is None and status in (404, 405):
        raise Unreachable(f"{what} was answered {status}: that is no mockidp, or one of another version")
    if refusal is None:
        raise UsageError(f"{what} was answered {status}: {content[:200].decode('utf-8', 'replace')}")
    if refusal.error == "usage_error":
        raise UsageError(refusal.message)
    raise ApiError(status, refusal.message, refusal.error)


def _decoded(content: bytes, answers: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=answers)
    except msgspec.DecodeError as error:
        raise Unreachable(f"the server's answer is one of another mockidp version: {error}") from None


def _plain(value: Any) -> Any:
    """Return a value in JSON's types: durations as seconds, objects as dictionaries."""
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.total_seconds() if isinstance(value, timedelta) else value
