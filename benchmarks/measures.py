"""What is measured of one server: started, weighed, asked, logged in at, and stopped."""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks.http1 import FORM, Broken
from benchmarks.peers import ALICE_LINK, LOGIN_AS, MANAGEMENT, MOCKIDP, Server, Token
from benchmarks.servers import NotServing, Running, running
from benchmarks.walks import Login, Lost, Walked, decoded, header, number, signed, walk_direct, walk_pages
from benchmarks.wrk import Failed, Request, load

CONNECTIONS = (1, 16)
GROUPS = ("jwks", "discovery", "token", "page", "direct", "users")
_PROBLEMS = (Failed, Lost, Broken, NotServing, OSError, KeyError, ValueError)


@dataclass(frozen=True)
class Effort:
    """How long each measure takes: seconds of wrk, and logins (or as many as `login_seconds` allow)."""

    seconds: float = 0.7
    limited_seconds: float = 0.3
    logins: int = 200
    login_seconds: float = 2.0


@dataclass
class Sample:
    """What one run of one server gave: a figure by measure, and by group why there is none.

    `work` names by group what is not the plain work: "https", "2 JWTs".
    """

    server: str
    figures: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    work: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def attempt(self, group: str) -> Iterator[None]:
        """Note a failure in the block as the group's."""
        try:
            yield
        except _PROBLEMS as error:
            self.failures[group] = f"{error}" or type(error).__name__


def take(server: Server, effort: Effort, groups: Container[str]) -> Sample:
    """Start a server, measure what the groups name, and stop it."""
    sample = Sample(server.name, work=work_of(server))
    with running(server) as run, sample.attempt("start"):
        sample.figures["start"] = run.wait_for(server.jwks, 200) * 1000
        if server.page is not None and server.name == MOCKIDP.name:
            sample.figures["ready"] = run.wait_for(server.page.target, 302) * 1000
        time.sleep(0.2)
        sample.figures["memory"] = run.memory()
        for group in GROUPS:
            if group in groups:
                with sample.attempt(group), _with_requests_left(run) as own:
                    _MEASURES[group](own, effort, sample.figures)
    return sample


@contextlib.contextmanager
def _with_requests_left(run: Running) -> Iterator[Running]:
    """Give a fresh process of a server that refuses after some requests, else the same one."""
    if not run.server.limited:
        yield run
        return
    with running(run.server) as fresh:
        fresh.wait_for(run.server.jwks, 200)
        yield fresh


def work_of(server: Server) -> dict[str, str]:
    """Return by group what a server does beside the plain work."""
    logins = {"page": server.page, "direct": server.direct}
    several = {
        name: f"{login.signatures} JWTs" for name, login in logins.items() if login and login.signatures > 1
    }
    if not server.tls:
        return several
    groups = ("start", "ready", "memory", *GROUPS)
    return {group: ", ".join(filter(None, ("https", several.get(group)))) for group in groups}


# -- throughput ------------------------------------------------------------------------------------------


def token_request(token: Token) -> Request:
    """Return the client credentials request for wrk."""
    return Request(token.path, "POST", urlencode(dict(token.form)), (f"Content-Type: {FORM}",))


def checked(run: Running, request: Request) -> bytes:
    """Return the body of one successful answer, after some that warm the server up; raises `Failed`."""
    client = run.client()
    headers = dict(line.split(": ", 1) for line in request.headers)
    for _ in range(50):
        answer = client.request(request.method, request.target, headers, request.body.encode())
        if not 200 <= answer.status < 300:
            raise Failed(f"{request.target} answers {answer.status}: {answer.text[:200]}")
    client.close()
    return answer.body


def _throughput(run: Running, effort: Effort, name: str, request: Request, figures: dict[str, float]) -> None:
    checked(run, request)
    seconds = min(effort.seconds, effort.limited_seconds) if run.server.limited else effort.seconds
    for connections in CONNECTIONS:
        found = load(request, run.port, connections, seconds, tls=run.server.tls)
        figures[f"{name}_{connections}"] = found.per_second
        figures[f"{name}_{connections}_p99"] = found.p99


def _jwks(run: Running, effort: Effort, figures: dict[str, float]) -> None:
    _throughput(run, effort, "jwks", Request(run.server.jwks), figures)


def _discovery(run: Running, effort: Effort, figures: dict[str, float]) -> None:
    _throughput(run, effort, "discovery", Request(run.server.discovery), figures)


def _token(run: Running, effort: Effort, figures: dict[str, float]) -> None:
    if run.server.token is not None:
        _throughput(run, effort, "token", token_request(run.server.token), figures)


def _users(run: Running, effort: Effort, figures: dict[str, float]) -> None:
    authorization, user_id = manager(run)
    request = Request(f"/api/v2/users/{quote(user_id, safe='')}", headers=(authorization,))
    _throughput(run, effort, "users", request, figures)


def manager(run: Running, found_by: str = ALICE_LINK) -> tuple[str, str]:
    """Return mockidp's Authorization header for the Management API, and the id of a user."""
    client = run.client()
    form = {**MANAGEMENT, "audience": MANAGEMENT["audience"].format(port=run.port)}
    token = json.loads(client.post("/oauth/token", form).body)["access_token"]
    users = json.loads(client.get(found_by, {"Authorization": f"Bearer {token}"}).body)
    client.close()
    return f"Authorization: Bearer {token}", str(users[0]["user_id"])


# -- logins ----------------------------------------------------------------------------------------------

Walk = Callable[[Any, Login], Walked]


def logins(run: Running, login: Login, walk: Walk, effort: Effort) -> list[Walked]:
    client = run.client()
    for _ in range(5):
        walk(client, login)
    walked: list[Walked] = []
    begun = time.perf_counter()
    while len(walked) < effort.logins and time.perf_counter() - begun < effort.login_seconds:
        walked.append(walk(client, login))
    client.close()
    return walked


def _milliseconds(name: str, walked: list[Walked], figures: dict[str, float]) -> None:
    figures[name] = statistics.median(login.seconds for login in walked) * 1000
    figures[f"{name}_request"] = statistics.median(login.seconds / login.requests for login in walked) * 1000
    figures[f"{name}_requests"] = statistics.median(login.requests for login in walked)


def _page(run: Running, effort: Effort, figures: dict[str, float]) -> None:
    if run.server.page is not None:
        _milliseconds("page", logins(run, run.server.page, walk_pages, effort), figures)


def log_in_as(run: Running, user: dict[str, str] = LOGIN_AS) -> None:
    """Let a user answer mockidp's login pages, as its users do by the control API."""
    client = run.client()
    headers = {"Content-Type": "application/json"}
    answer = client.request("POST", "/_mockidp/login-as", headers, json.dumps(user).encode())
    client.close()
    if answer.status != 200:
        raise Failed(f"login-as answers {answer.status}: {answer.text[:200]}")


def _direct(run: Running, effort: Effort, figures: dict[str, float]) -> None:
    if run.server.direct is not None:
        if run.server.name == MOCKIDP.name:
            log_in_as(run)
        _milliseconds("direct", logins(run, run.server.direct, walk_direct, effort), figures)


_MEASURES: dict[str, Callable[[Running, Effort, dict[str, float]], None]] = {
    "jwks": _jwks,
    "discovery": _discovery,
    "token": _token,
    "page": _page,
    "direct": _direct,
    "users": _users,
}


# -- is it the same work? --------------------------------------------------------------------------------


def verify(server: Server) -> dict[str, str]:
    """Do everything once; return by group why a server is not measured in it."""
    sample = Sample(server.name, failures=dict(server.lacks))
    with running(server) as run, sample.attempt("start"):
        run.wait_for(server.jwks, 200)
        with sample.attempt("jwks"):
            keys = json.loads(checked(run, Request(server.jwks)))
        with sample.attempt("discovery"):
            json.loads(checked(run, Request(server.discovery)))
        if server.token is not None:
            with sample.attempt("token"):
                _check_token(json.loads(checked(run, token_request(server.token))), keys)
        if server.page is not None:
            with sample.attempt("page"):
                _check_login(walk_pages(run.client(), server.page), server.page)
        if server.direct is not None:
            with sample.attempt("direct"):
                if server.name == MOCKIDP.name:
                    log_in_as(run)
                _check_login(walk_direct(run.client(), server.direct), server.direct)
    return sample.failures


def _check_token(answer: dict[str, Any], keys: dict[str, Any]) -> None:
    """Raise `Failed` for anything but a JWT that an RSA key of 2048 bits in the JWKS signed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.hashes import SHA256

    token = str(answer["access_token"])
    if header(token).get("alg") != "RS256":
        raise Failed("its access token is no RS256 JWT")
    known = next((key for key in keys["keys"] if key.get("kid") == header(token)["kid"]), None)
    if known is None:
        raise Failed("its JWKS lacks the key that signed")
    key = RSAPublicNumbers(number(known["e"]), number(known["n"])).public_key()
    if key.key_size != 2048:
        raise Failed(f"it signs with a key of {key.key_size} bits")
    content, _, signature = token.rpartition(".")
    try:
        key.verify(decoded(signature), content.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise Failed("its signature is wrong") from None


def _check_login(walked: Walked, login: Login) -> None:
    if signed(walked.tokens) != login.signatures:
        raise Failed(f"a login gets {signed(walked.tokens)} RS256 JWTs, not {login.signatures}")
