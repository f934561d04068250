"""The recorder: keeps the exchanges of an application, seen from outside, and checks what was asked.

It is the outermost layer: it sees what the client sent and got. Only references and texts are kept (some
microseconds for a request); an exchange is decoded when somebody looks at it.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload
from urllib.parse import parse_qsl, quote, unquote_plus

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from mockidp.harness.exchange import Exchange
from mockidp.harness.matching import Criteria, summary
from mockidp.http.routing import Router
from mockidp.model.credentials import CODES, Authorization
from mockidp.model.session import TRANSACTIONS, LoginTransaction
from mockidp.model.tenant import Tenant
from mockidp.rules.operation import Operation

Handler = Callable[[Request], Response]

CONTROL = "/_mockidp"  # never recorded
BODY_LIMIT = 64 * 1024  # bytes of a body that are kept
SHOWN = 30  # requests that a failure lists
_STEPS = ("/u/", "/authorize/", "/login/callback")  # where `state` is a login transaction
_CODE = re.compile(r"[?&#]code=([^&#]+)")


class Recorder(Sequence[Exchange]):
    """The last exchanges, a list to read: `len`, index, slice, iterate.

    Args:
        tenant: whose clock stamps them and whose transactions tell the user.
        limit: how many are kept; older ones are forgotten.
    """

    def __init__(self, tenant: Tenant, limit: int = 1000) -> None:
        self.router: Router | None = None  # names the routes, once the application is there
        self._tenant = tenant
        self._lock = threading.Lock()
        self._exchanges: deque[Exchange] = deque(maxlen=limit)
        self._count = 0

    def layer(self, handler: Handler) -> Handler:
        """Wrap a handler: everything it answers is kept, but for the control API."""

        def recorded(request: Request) -> Response:
            path = request.path
            if path.startswith(CONTROL) and path[len(CONTROL) :][:1] in ("", "/"):
                return handler(request)
            started_at = self._tenant.clock.now()
            body = _body_of(request)
            transaction = self._transaction_of(request, body)
            response = None
            try:
                response = handler(request)
            finally:
                self._keep(request, body, response, started_at, transaction)
            return response

        return recorded

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._exchanges.clear()
            self._count = 0

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
        None means absent. `form` is the body's parameters, form or JSON; `json` compares JSON values.
        """
        wanted = Operation.parse(operation)
        criteria = Criteria(query=query, form=form, json=json, headers=headers, status=status)
        return [each for each in self._kept() if wanted.fits(each) and not criteria.misses(each)]

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
        wanted = Operation.parse(operation)
        criteria = Criteria(query=query, form=form, json=json, headers=headers, status=status)
        kept = self._kept()
        found = sum(1 for each in kept if wanted.fits(each) and not criteria.misses(each))
        if found == times or (times is None and found):
            return
        expected = "at least once" if times is None else often(times)
        raise AssertionError(
            f"expected {wanted}{criteria} {expected}, but it came {often(found)}.\n"
            + _listing(kept, wanted, criteria)
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
        return len(self._exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> list[Exchange]: ...
    def __getitem__(self, index: int | slice) -> Exchange | list[Exchange]:
        return self._kept()[index]

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._kept())

    def __repr__(self) -> str:
        return f"<Recorder: {len(self)} requests>"

    def _kept(self) -> list[Exchange]:
        with self._lock:
            return list(self._exchanges)

    def _transaction_of(self, request: Request, body: bytes) -> LoginTransaction | None:
        """Return the login transaction that a step of a login is about."""
        if not request.path.startswith(_STEPS):
            return None
        state = request.args.get("state")
        if state is None and body:
            state = dict(parse_qsl(body.decode("utf-8", "replace"))).get("state")
        return self._tenant.store.find(TRANSACTIONS, state) if state else None

    def _keep(
        self,
        request: Request,
        body: bytes,
        response: Response | None,
        started_at: float,
        transaction: LoginTransaction | None,
    ) -> None:
        if transaction is not None:  # the step may have told who it is; the last step ends it
            transaction = self._tenant.store.find(TRANSACTIONS, transaction.id) or transaction
        headers = _headers_of(request)
        with self._lock:
            self._count += 1
            self._exchanges.append(
                Exchange(
                    number=self._count,
                    method=request.method,
                    target=_target_of(request),
                    environ=headers,
                    body=body[:BODY_LIMIT],
                    status=None if response is None else response.status_code or None,  # 0: it was dropped
                    response_headers=Headers() if response is None else response.headers,
                    response_body=_answer_of(response),
                    started_at=started_at,
                    tenant=self._tenant,
                    router=self.router,
                    transaction=transaction,
                    authorization=self._authorization_of(response),
                )
            )

    def _authorization_of(self, response: Response | None) -> Authorization | None:
        """Return what a code in a redirect stands for: by the time somebody looks it may be used."""
        location = None if response is None else response.headers.get("Location")
        match = _CODE.search(location) if location else None
        code = self._tenant.store.find(CODES, unquote_plus(match[1])) if match else None
        return code.authorization if code else None


def asked(tenant: Tenant, request: Request) -> Exchange:
    """Return a request that is not answered yet; its number is 0."""
    transaction = None
    if request.path.startswith(_STEPS) and (state := request.args.get("state")):
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
    headers = {key: value for key, value in environ.items() if key.startswith("HTTP_")}
    if kind := environ.get("CONTENT_TYPE"):
        headers["CONTENT_TYPE"] = kind
    return headers


def _body_of(request: Request) -> bytes:
    """Return the body and leave it readable; nothing when it is too large, which the application answers."""
    try:
        return request.get_data(parse_form_data=False)
    except HTTPException:
        return b""


def _answer_of(response: Response | None) -> bytes:
    if response is None or not response.is_sequence:
        return b""  # a stream: reading it would take it from the client
    return b"".join(response.iter_encoded())[:BODY_LIMIT]


def _target_of(request: Request) -> str:
    """Return the request target as it was sent; other servers than ours have no raw one."""
    environ = request.environ
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if raw and str(raw).startswith("/"):
        return str(raw)
    path = quote(request.path, safe="/|@:!$&'()*+,;=~")
    query = environ.get("QUERY_STRING")
    return f"{path}?{query}" if query else path


def often(count: int) -> str:
    """Return a number of times in words."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _listing(kept: list[Exchange], wanted: Operation, criteria: Criteria) -> str:
    """Return what came, in order, and at requests of the right operation what was different."""
    if not kept:
        return "No request came at all."
    lines = [f"{len(kept)} requests came, in order:" if len(kept) > 1 else "One request came:"]
    if len(kept) > SHOWN:
        lines.append(f"  … {len(kept) - SHOWN} before these")
    for exchange in kept[-SHOWN:]:
        lines.append(f"  {exchange.number}. {summary(exchange)}")
        if wanted.fits(exchange):
            misses = criteria.misses(exchange)
            lines.append(f"       but {'; '.join(misses)}" if misses else "       this one counts")
    return "\n".join(lines)
