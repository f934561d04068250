"""Request parameters: query, form and JSON bodies read alike, bounded and typed."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from mockidp import json
from mockidp.errors import ApiError, OAuthError, PageError, missing_parameter, repeated_parameter, wrong_type
from mockidp.json import Json, JsonObject

MAX_BODY = 1024 * 1024  # bytes; unverified: the real service's limit
STRUCTURED = ("authn_response",)  # parameters that are objects, of grants that are not emulated
Params = dict[str, str]


def body_params(request: Request) -> Params:
    """Return a JSON or form body's parameters as text.

    JSON numbers and booleans become their JSON text, `null` is absent, `scope` may be an array. Raise
    `invalid_request` for a repeated form parameter, any other array or object, `invalid_scope` for a scope
    that is neither text nor an array, and `invalid_body` when the body is no JSON object.
    """
    data = request.get_data(cache=True, parse_form_data=False)
    kind = request.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    # curl -d '{"…"}' sends JSON with a form's content type; no form starts with a brace.
    if kind == "application/json" or data[:1] == b"{":
        return _texts(json_object(request))
    if kind == "application/x-www-form-urlencoded":
        return _singles(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))
    return _single(request.form)


def query_params(request: Request) -> Params:
    """Return the query's parameters; raise `invalid_request` for a repeated one."""
    return _single(request.args)


def browser_params(request: Request) -> Params:
    """Return what a browser sent: the query's parameters, else those of a form or JSON body.

    Early documentation shows those of `/authorize` as the JSON body of the GET, and that works too. Raise the
    error page for what `body_params` refuses.
    """
    try:
        params = query_params(request)
        if request.method == "POST" or request.get_data(cache=True, parse_form_data=False):
            return {**body_params(request), **params}
    except OAuthError as error:
        raise PageError(error.error, error.description) from None
    return params


def required(params: Params, name: str) -> str:
    """Return a parameter; raise `Missing required parameter` when it is absent or empty."""
    value = params.get(name)
    if not value:
        raise missing_parameter(name)
    return value


def json_object(request: Request) -> dict[str, Json]:
    """Return the body's JSON object; raise `invalid_body` when it is none (SDK source: node-auth0)."""
    try:
        value = json.decode(request.get_data())
    except ValueError:
        raise OAuthError("invalid_body", "Bad Request") from None
    if not isinstance(value, dict):
        raise OAuthError("invalid_body", "Bad Request")
    return value


def management_body(request: Request) -> Json:
    """Return a Management API body: JSON, or a form (every JSON operation takes both).

    Raise 400 `invalid_body`. unverified: the text for malformed JSON.
    """
    if request.mimetype == "application/x-www-form-urlencoded":
        return dict(request.form.items())
    data = request.get_data()
    try:
        return json.decode(data) if data else {}
    except ValueError:
        raise ApiError(400, "Invalid request payload JSON format", "invalid_body") from None


def words(params: Params, name: str) -> tuple[str, ...]:
    """Return a space-separated parameter as its distinct words."""
    return tuple(dict.fromkeys(params.get(name, "").split()))


def _texts(body: JsonObject) -> Params:
    params: Params = {}
    for name, value in body.items():
        if isinstance(value, str):
            params[name] = value
        elif name == "scope" and value is not None:
            params[name] = _scope(value)
        elif isinstance(value, bool | int | float):
            params[name] = json.encode(value).decode()
        elif value is not None and name not in STRUCTURED:
            raise wrong_type(name)
    return params


def _scope(value: Json) -> str:
    """Return a scope that is no string as one: an array (documentation, "Standard error responses")."""
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise OAuthError("invalid_scope", "Scope must be an array or a string", extra={"statusCode": 400})
    return " ".join(map(str, value))


def _single(values: MultiDict[str, str]) -> Params:
    return _singles(values.items(multi=True))


def _singles(pairs: Iterable[tuple[str, str]]) -> Params:
    params: Params = {}
    for name, value in pairs:
        if name in params:
            raise repeated_parameter(name)
        params[name] = value
    return params
