"""The recorder: keeps the exchanges of an application, seen from outside, and checks what was asked.

It is the outermost layer: it sees what the client sent and got. Only references and texts are kept (some
microseconds for a request); an exchange is decoded when somebody looks at it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload
from urllib.parse import parse_qsl, quote, unquote_plus

import msgspec
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from mockidp.clock import ticks
from mockidp.harness.exchange import Exchange
from mockidp.harness.leftovers import STEPS, Past, Ring, is_suspicious
from mockidp.harness.matching import Criteria, listing, often
from mockidp.http.routing import Router
from mockidp.model.credentials import CODES, Authorization
from mockidp.model.session import TRANSACTIONS, LoginTransaction
from mockidp.model.tenant import Tenant
from mockidp.rules.operation import Operation, misspelt

Handler = Callable[[Request], Response]

CONTROL = "/_mockidp"  # never recorded
RULE = "mockidp.rule"  # in a request's environ: the `MatchedRule` that answered it
BODY_LIMIT = 64 * 1024  # bytes of a body that are kept
_CODE = re.compile(r"[?&#]code=([^&#]+)")


class Recorder(Sequence[Exchange]):
    """The last exchanges, a list to read: `len`, index, slice, iterate.

    Args:
        tenant: whose clock stamps them and whose transactions tell the user.
        limit: how many are kept; older ones are forgotten.
        past: what recorders of one server know in common of what went before.
    """

    def __init__(self, tenant: Tenant, limit: int = 1000, past: Past | None = None) -> None:
        self.router: Router | None = None  # names the routes, once the application is there
        self._tenant = tenant
        self._past = past or Past()
        self._ring = Ring(limit)

    def layer(self, handler: Handler) -> Handler:
        """Wrap a handler: everything it answers is kept, but for the control API."""

        def recorded(request: Request) -> Response:
            path = request.path
            if path.startswith(CONTROL) and path[len(CONTROL) :][:1] in ("", "/"):
                return handler(request)
            era, started_at, began = self._past.era, self._tenant.clock.now(), ticks()
            body = _body_of(request)
            transaction = self._transaction_of(request, body)
            response = None
            try:
                response = handler(request)
            finally:
                exchange = self._answered(request, body, response, started_at, ticks() - began, transaction)
                self._keep(exchange, era)
            return response

        return recorded

    def end(self) -> None:
        """Remember what was handed out: this world ends, and the recorder of the next one has to `begin`."""
        with self._past.lock:
            self._past.end(self._tenant)

    def begin(self, label: str | None = None) -> None:
        """Forget everything; what began earlier is left over from now on. `label` names what begins now."""
        with self._past.lock:
            self._past.begin(label, self._ring)
            self._ring.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._past.lock:
            self._ring.clear()

    def leftovers(self) -> list[Exchange]:
        """Return the requests that earlier tests left over."""
        return [each for each in self._kept() if each.leftover]

    def har(self, secrets: bool = False) -> dict[str, Any]:
        """Return the requests as an HTTP Archive (HAR 1.2); with `secrets`, passwords and tokens too."""
        from mockidp.harness.har import har

        document: dict[str, Any] = msgspec.to_builtins(har(self._kept(), secrets))
        return document

    def save(self, path: str | os.PathLike[str], secrets: bool = False) -> None:
        """Write the HTTP Archive to a file, for a browser's network panel; `UsageError` when that fails."""
        from mockidp.harness.har import har, write

        write(har(self._kept(), secrets), path)

    def matching(
        self,
        operation: str,
        *,
        query: Mapping[str, object] | None = None,
        form: Mapping[str, object] | None = None,
        json: object = None,
        headers: Mapping[str, object] | None = None,
        status: int | None = None,
    ) -> list[Exchange]:
        """Return the exchanges of `"METHOD /path"` for which all of this holds, in order.

        The path may be a template (`/api/v2/users/{id}`), the method `*`. Only named parameters are compared:
        None means absent. `form` is the body's parameters, form or JSON; `json` compares JSON values. What an
        earlier test began and this one saw end is not among them.
        """
        wanted = self._operation(operation)
        criteria = Criteria(query=query, form=form, json=json, headers=headers, status=status)
        return self._found(wanted, criteria)

    def assert_called(
        self,
        operation: str,
        *,
        times: int | None = None,
        query: Mapping[str, object] | None = None,
        form: Mapping[str, object] | None = None,
        json: object = None,
        headers: Mapping[str, object] | None = None,
        status: int | None = None,
    ) -> None:
        """Fail unless such requests came `times` times (left out: at least once).

        See `matching` for the arguments. The failure lists what came instead, in order, and what was
        different.
        """
        __tracebackhide__ = True
        wanted = self._operation(operation)
        criteria = Criteria(query=query, form=form, json=json, headers=headers, status=status)
        found = len(self._found(wanted, criteria))
        if found == times or (times is None and found):
            return
        expected = "at least once" if times is None else often(times)
        raise AssertionError(
            f"expected {wanted}{criteria} {expected}, but it came {often(found)}.\n"
            + listing(self._kept(), wanted, criteria)
        )

    def assert_not_called(
        self,
        operation: str,
        *,
        query: Mapping[str, object] | None = None,
        form: Mapping[str, object] | None = None,
        json: object = None,
        headers: Mapping[str, object] | None = None,
        status: int | None = None,
    ) -> None:
        """Fail if such a request came; see `matching` for the arguments."""
        __tracebackhide__ = True
        self.assert_called(
            operation, times=0, query=query, form=form, json=json, headers=headers, status=status
        )

    def __len__(self) -> int:
        return len(self._ring.exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> list[Exchange]: ...
    def __getitem__(self, index: int | slice) -> Exchange | list[Exchange]:
        return self._kept()[index]

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._kept())

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    def __repr__(self) -> str:
        return f"<Recorder: {len(self)} requests>"

    def _kept(self) -> list[Exchange]:
        with self._past.lock:
            return list(self._ring.exchanges)

    def _operation(self, text: str) -> Operation:
        """Return what the text means; `UsageError` for none, or a misspelt one, which would never come."""
        wanted = Operation.parse(text)
        if self.router and (meant := self.router.meant(wanted.path)):
            raise misspelt(wanted, meant)
        return wanted

    def _found(self, wanted: Operation, criteria: Criteria) -> list[Exchange]:
        return [
            each for each in self._kept() if each.counts and wanted.fits(each) and not criteria.misses(each)
        ]

    def _transaction_of(self, request: Request, body: bytes) -> LoginTransaction | None:
        """Return the login transaction that a step of a login is about."""
        if not request.path.startswith(STEPS):
            return None
        state = request.args.get("state")
        if state is None and body:
            state = dict(parse_qsl(body.decode("utf-8", "replace"))).get("state")
        return self._tenant.store.find(TRANSACTIONS, state) if state else None

    def _answered(
        self,
        request: Request,
        body: bytes,
        response: Response | None,
        started_at: float,
        duration: float,
        transaction: LoginTransaction | None,
    ) -> Exchange:
        if transaction is not None:  # the step may have told who it is; the last step ends it
            transaction = self._tenant.store.find(TRANSACTIONS, transaction.id) or transaction
        environ = request.environ
        return Exchange(
            number=0,
            method=request.method,
            target=_target_of(request),
            environ=_headers_of(request),
            body=body[:BODY_LIMIT],
            status=None if response is None else response.status_code or None,  # 0: it was dropped
            response_headers=Headers() if response is None else response.headers,
            response_body=_answer_of(response),
            started_at=started_at,
            duration=duration,
            scheme=environ["wsgi.url_scheme"],
            rule=environ.get(RULE),
            tenant=self._tenant,
            router=self.router,
            transaction=transaction,
            authorization=self._authorization_of(response),
        )

    def _keep(self, exchange: Exchange, era: int) -> None:
        """Keep an exchange that began in this era: one that ends in a later one is kept there."""
        past, ring = self._past, self._ring
        leftover = past.leftover_of(exchange, self._kept) if era and is_suspicious(exchange) else None
        with past.lock:
            if era != past.era:
                ring, leftover = past.ring or ring, past.straggler_of(era)
            if leftover is not None:
                msgspec.structs.force_setattr(exchange, "leftover", leftover)
            ring.append(exchange)

    def _authorization_of(self, response: Response | None) -> Authorization | None:
        """Return what a code in a redirect stands for: by the time somebody looks it may be used."""
        if response is None or response.status_code < 300:
            return None
        location = response.headers.get("Location")
        match = _CODE.search(location) if location else None
        code = self._tenant.store.find(CODES, unquote_plus(match[1])) if match else None
        return code.authorization if code else None


def asked(tenant: Tenant, request: Request) -> Exchange:
    """Return a request that is not answered yet; its number is 0."""
    transaction = None
    if request.path.startswith(STEPS) and (state := request.args.get("state")):
        transaction = tenant.store.find(TRANSACTIONS, state)
    return Exchange(
        number=0,
        method=request.method,
        target=_target_of(request),
        environ=_headers_of(request),
        body=_body_of(request),
        status=None,
        response_headers=Headers(),
        response_body=b"",
        started_at=tenant.clock.now(),
        tenant=tenant,
        transaction=transaction,
    )


def _headers_of(request: Request) -> dict[str, str]:
    environ = request.environ
    headers = {key: value for key, value in environ.items() if key[:5] == "HTTP_"}
    if kind := environ.get("CONTENT_TYPE"):
        headers["CONTENT_TYPE"] = kind
    return headers


def _body_of(request: Request) -> bytes:
    """Return the body and leave it readable; nothing when it is too large, which the application answers."""
    environ = request.environ
    if not (environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ):
        return b""
    try:
        return request.get_data(parse_form_data=False)
    except HTTPException:
        return b""


def _answer_of(response: Response | None) -> bytes:
    body = None if response is None else response.response
    if not isinstance(body, list):
        return b""  # a stream: reading it would take it from the client
    return b"".join(body)[:BODY_LIMIT]


def _target_of(request: Request) -> str:
    """Return the request target as it was sent; other servers than ours have no raw one."""
    environ = request.environ
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if raw and str(raw).startswith("/"):
        return str(raw)
    path = quote(request.path, safe="/|@:!$&'()*+,;=~")
    query = environ.get("QUERY_STRING")
    return f"{path}?{query}" if query else path
