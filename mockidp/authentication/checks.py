"""The checks of `/authorize`, in order: this tuple is the specification of the endpoint.

Each check gets what the ones before it settled and returns that with its own part added. The first two refuse
with a page; from then on client and redirect URI are known to belong together, and errors go to the client.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from mockidp.authentication.link_request import check_link
from mockidp.authentication.response_mode import MODES, RELAY, default_mode
from mockidp.errors import OAuthError, PageError, grant_not_allowed, missing_parameter, service_not_found
from mockidp.http.params import Params, words
from mockidp.http.routing import Call
from mockidp.model.client import CLIENTS, CODE, IMPLICIT, Client
from mockidp.model.connection import connections_of, find_connection
from mockidp.model.login_ticket import LoginTicket, take_login_ticket
from mockidp.model.organization import find_invitation, find_organization
from mockidp.model.resource_server import find_resource_server, is_userinfo
from mockidp.model.session import AuthorizationRequest
from mockidp.tokens.jws import InvalidToken
from mockidp.tokens.verifier import verify_id_token

RESPONSE_TYPES = frozenset({"code", "token", "id_token"})
PROMPTS = frozenset({"none", "login", "consent", "select_account"})


class Draft(msgspec.Struct, frozen=True):
    """An authorization request while it is checked."""

    params: Params
    client: Client = msgspec.field(default_factory=lambda: Client(document={}, client_id="", name=""))
    request: AuthorizationRequest = AuthorizationRequest()
    ticket: LoginTicket | None = None

    def settle(self, **members: object) -> Draft:
        """Return the draft with members of its request set."""
        return msgspec.structs.replace(self, request=msgspec.structs.replace(self.request, **members))


Check = Callable[[Call, Draft], Draft]


def client(call: Call, draft: Draft) -> Draft:
    """The client exists; else a page, for there is nowhere to redirect to."""
    client_id = draft.params.get("client_id")
    if not client_id:
        missing = "client_id" if draft.params.get("response_type") else "response_type"
        raise PageError("invalid_request", f"Missing required parameter: {missing}")
    found = call.tenant.store.find(CLIENTS, client_id)
    if found is None:
        raise PageError("invalid_request", f"Unknown client: {client_id}")
    return msgspec.structs.replace(draft, client=found).settle(client_id=client_id)


def redirect_uri(call: Call, draft: Draft) -> Draft:
    """The redirect URI is registered, exactly; left out, it is the first that is."""
    sent = draft.params.get("redirect_uri")
    if sent is None:
        # unverified: long-standing behaviour that old SDKs rely on
        if not draft.client.callbacks:
            raise PageError("invalid_request", "Missing required parameter: redirect_uri")
        return draft.settle(redirect_uri=draft.client.callbacks[0], redirect_uri_sent=False)
    if not draft.client.allows_callback(sent):
        raise PageError(
            "unauthorized_client",
            "Callback URL mismatch. The provided redirect_uri is not in the list of allowed callback URLs.",
            403,
        )
    return draft.settle(redirect_uri=sent)


def state(call: Call, draft: Draft) -> Draft:
    """The state comes back with whatever the answer is."""
    return draft.settle(state=draft.params.get("state") or None)


def response_type(call: Call, draft: Draft) -> Draft:
    """The response type is one of code, token, id_token or a mix, in any order."""
    types = frozenset(words(draft.params, "response_type"))
    if not types:
        raise missing_parameter("response_type")
    if not types <= RESPONSE_TYPES:
        raise OAuthError(
            "unsupported_response_type", f"Unsupported response type: {draft.params['response_type']}"
        )
    return draft.settle(response_types=types, response_mode=default_mode(types))


def response_mode(call: Call, draft: Draft) -> Draft:
    """The response mode is known, and tokens never go into a query."""
    mode = draft.params.get("response_mode") or draft.request.response_mode
    if mode not in MODES or (mode == "query" and default_mode(draft.request.response_types) != "query"):
        # unverified: the text
        raise OAuthError("invalid_request", f"Unsupported response mode: {mode}")
    return draft.settle(response_mode=mode)


def popup(call: Call, draft: Draft) -> Draft:
    """`owp`: a popup of auth0.js wants the answer by the relay page, not at the redirect URI."""
    return draft.settle(response_mode=RELAY) if draft.params.get("owp") == "true" else draft


def request_object(call: Call, draft: Draft) -> Draft:
    """Request objects and pushed requests are not emulated (OpenID Connect Core §6)."""
    for name in ("request", "request_uri"):
        if name in draft.params:
            raise OAuthError(f"{name}_not_supported", f"Parameter '{name}' is not supported")
    return draft


def grant_types(call: Call, draft: Draft) -> Draft:
    """The client may use the flows that the response type means."""
    types = draft.request.response_types
    needed = ([CODE] if "code" in types else []) + ([IMPLICIT] if types & {"token", "id_token"} else [])
    for grant_type in needed:
        if not draft.client.allows_grant(grant_type):
            raise grant_not_allowed(grant_type)
    return draft


def nonce(call: Call, draft: Draft) -> Draft:
    """An ID token from here needs a nonce (OpenID Connect Core §3.2.2.1, §3.3.2.11)."""
    value = draft.params.get("nonce")
    if "id_token" in draft.request.response_types and not value:
        # unverified: the text
        raise missing_parameter("nonce")
    return draft.settle(nonce=value)


_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def pkce(call: Call, draft: Draft) -> Draft:
    """A code challenge is well-formed and its method known (RFC 7636 §4.3; `plain` when left out)."""
    challenge = draft.params.get("code_challenge")
    method = draft.params.get("code_challenge_method") or "plain"
    if not challenge:
        if draft.params.get("code_challenge_method"):
            raise missing_parameter("code_challenge")
        return draft
    # unverified: both texts
    if method not in ("S256", "plain"):
        raise OAuthError("invalid_request", f"Unsupported code_challenge_method: {method}")
    if not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "Invalid code_challenge")
    return draft.settle(code_challenge=challenge, code_challenge_method=method)


_SECONDS = re.compile(r"[0-9]{1,10}")


def prompt(call: Call, draft: Draft) -> Draft:
    """`prompt=none` stands alone (OpenID Connect Core §3.1.2.1); `max_age` counts seconds."""
    prompts = frozenset(words(draft.params, "prompt")) & PROMPTS
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt=none cannot be combined with other values")
    max_age = draft.params.get("max_age")
    if max_age and not _SECONDS.fullmatch(max_age):
        raise OAuthError("invalid_request", "Parameter 'max_age' must be a number of seconds")
    return draft.settle(prompt=prompts, max_age=int(max_age) if max_age else None)


def audience(call: Call, draft: Draft) -> Draft:
    """The audience is an API of the tenant, or its userinfo endpoint; left out, the tenant's default."""
    wanted = draft.params.get("audience") or call.tenant.settings.default_audience
    draft = draft.settle(scope=words(draft.params, "scope"))
    if wanted and not is_userinfo(call.tenant, wanted):
        if find_resource_server(call.tenant, wanted) is None:
            raise service_not_found(wanted)
        return draft.settle(audience=wanted)
    return draft


def connection(call: Call, draft: Draft) -> Draft:
    """The connection exists and the client may use it."""
    name = draft.params.get("connection")
    if not name:
        if not connections_of(call.tenant, draft.client):
            # unverified: the wording, and that it comes by redirect
            raise OAuthError("invalid_request", "no connections enabled for the client")
        return draft
    found = find_connection(call.tenant, name)
    # unverified: these texts are those of other endpoints
    if found is None:
        raise OAuthError("invalid_request", "the connection was not found")
    if not found.enabled_for(draft.client):
        raise OAuthError("invalid_request", "the connection was disabled")
    return draft.settle(connection=found.name)


def organization(call: Call, draft: Draft) -> Draft:
    """The organization exists, and the client takes logins with or without one."""
    given, usage = draft.params.get("organization"), draft.client.organization_usage
    if not given:
        if usage == "require":
            raise OAuthError("invalid_request", "parameter organization is required for this client")
        return draft
    if usage == "deny":
        # unverified: the text
        raise OAuthError("invalid_request", "parameter organization is not allowed for this client")
    by_name = call.tenant.settings.allow_organization_name_in_authentication_api
    if not by_name and not given.startswith("org_"):
        raise OAuthError(
            "invalid_request", "authorization request parameter organization must be an organization id"
        )
    found = find_organization(call.tenant, given)
    if found is None:
        # unverified: the text
        raise OAuthError("invalid_request", f"organization {given} does not exist")
    return draft.settle(org_id=found.id)


def invitation(call: Call, draft: Draft) -> Draft:
    """An invitation is open and for this organization; it may force a connection."""
    ticket = draft.params.get("invitation")
    if not ticket:
        return draft
    found = find_invitation(call.tenant, ticket)
    if found is None or found.organization_id != draft.request.org_id or found.is_expired(call.tenant):
        raise OAuthError("invalid_request", "invitation not found or already used")
    forced = find_connection(call.tenant, found.connection_id) if found.connection_id else None
    name = forced.name if forced else draft.request.connection
    return draft.settle(invitation=ticket, login_hint=found.invitee.get("email"), connection=name)


def hints(call: Call, draft: Draft) -> Draft:
    """What helps the login page: never a reason to refuse."""
    params = draft.params
    draft = draft.settle(
        login_hint=params.get("login_hint") or draft.request.login_hint,
        screen_hint=params.get("screen_hint"),
        ui_locales=params.get("ui_locales"),
        acr_values=words(params, "acr_values"),
    )
    hint = params.get("id_token_hint")
    if not hint:
        return draft
    try:
        return draft.settle(session_hint=verify_id_token(call.tenant, hint, expired_ok=True).subject)
    except InvalidToken:
        return draft


def linking(call: Call, draft: Draft) -> Draft:
    """A request to link or unlink names the primary account by a good token."""
    return draft.settle(**check_link(call, draft.client, draft.params, draft.request))


def classic(call: Call, draft: Draft) -> Draft:
    """What clients from before OpenID Connect say (Lock 9 and 10, auth0.js 6 to 8) has another meaning.

    `response_type=token` with the scope `openid` gives an ID token too (documentation, "OIDC-conformant
    authentication adoption guide").
    """
    params, request = draft.params, draft.request
    # unverified: a real tenant tells by the client's `oidc_conformant`; here, by what only those clients send
    marked = any(params.get(name) for name in ("owp", "protocol", "sso"))
    legacy = marked and request.response_types == {"token"} and request.audience is None
    if legacy and "openid" in request.scope:
        draft = draft.settle(response_types=frozenset({"token", "id_token"}))
    return draft


def login_ticket(call: Call, draft: Draft) -> Draft:
    """A login ticket is for this client, and good once: so the last check."""
    id = draft.params.get("login_ticket")
    if not id:
        return draft
    ticket = take_login_ticket(call.tenant, id, draft.request.client_id)
    if ticket is None:
        # unverified: error and text
        raise OAuthError("access_denied", "Unknown or invalid login ticket.")
    return msgspec.structs.replace(draft, ticket=ticket)


CHECKS: tuple[Check, ...] = (
    client,
    redirect_uri,
    state,
    response_type,
    response_mode,
    popup,
    request_object,
    grant_types,
    nonce,
    pkce,
    prompt,
    linking,
    audience,
    connection,
    organization,
    invitation,
    hints,
    classic,
    login_ticket,
)
