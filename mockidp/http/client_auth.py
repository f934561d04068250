"""Client authentication (RFC 6749 §2.3): post, basic, private_key_jwt, none."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import unquote_plus

from mockidp.errors import OAuthError, client_unauthorized
from mockidp.http.params import Params
from mockidp.http.routing import Call
from mockidp.model.client import CLIENTS, Client
from mockidp.tokens.verifier import unverified_client, verify_assertion

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authenticate_client(call: Call, params: Params) -> Client:
    """Return the client that the request comes from; raise 401 when it does not prove that.

    A public client only names itself. An `Authorization` header that is not Basic is ignored, as ruby-auth0
    sends an unrelated bearer token beside credentials in the body (recorded).
    """
    if params.get("client_assertion"):
        return _by_assertion(call, params)
    for client_id, secret in _credentials(call, params):
        client = call.tenant.store.find(CLIENTS, client_id)
        if client is not None and _secret_is_right(client, secret):
            return client
    raise client_unauthorized()


def _credentials(call: Call, params: Params) -> list[tuple[str, str | None]]:
    """Return the id and secret that were sent, in each way that they can be read."""
    pairs = _basic(call.request.environ.get("HTTP_AUTHORIZATION", ""))
    named = params.get("client_id")
    if pairs is None:
        pairs = [(named or "", params.get("client_secret"))]
    if not any(client_id for client_id, _ in pairs):
        # unverified: the text
        raise OAuthError("invalid_client", "Missing client_id", 401)
    return [pair for pair in pairs if not named or pair[0] == named]


def _basic(header: str) -> list[tuple[str, str | None]] | None:
    """Return id and secret of a Basic header: form-encoded inside (RFC 6749 §2.3.1), or as they are.

    openid-client encodes them; curl, requests and many others do not.
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # no base64 or no UTF-8
        raise client_unauthorized() from None
    return [(unquote_plus(client_id), unquote_plus(secret)), (client_id, secret)]


def _secret_is_right(client: Client, secret: str | None) -> bool:
    if client.auth_method == "private_key_jwt":
        return False
    if not secret:
        return client.is_public
    if client.client_secret is None:
        return False
    return hmac.compare_digest(client.client_secret.encode(), secret.encode())


def _by_assertion(call: Call, params: Params) -> Client:
    assertion = params["client_assertion"]
    # unverified: the texts of this function
    if params.get("client_assertion_type") != JWT_BEARER:
        raise OAuthError("invalid_request", "Invalid client_assertion_type")
    client_id = unverified_client(assertion)
    if client_id is None or params.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_client", "Invalid client assertion", 401)
    client = call.tenant.store.find(CLIENTS, client_id)
    if client is None or not verify_assertion(call.tenant, client, assertion):
        raise OAuthError("invalid_client", "Invalid client assertion", 401)
    return client
