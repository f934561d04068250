"""`POST /unlink` and `POST /login/unlink`: take a linked identity out of an account (legacy).

Authentication API, "Unlink"; Lock for iOS reads the answer as text, whatever it says.
"""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from mockidp.authentication.link_request import account_of_token
from mockidp.errors import ApiError, OAuthError, not_found
from mockidp.http.params import Params, body_params, query_params
from mockidp.http.routing import Call, Route
from mockidp.model.linking import unlink
from mockidp.model.user import get_user


def unlink_identity(call: Call) -> Response:
    """Unlink `user_id` (`provider|id` of the identity) from the account of `access_token`.

    `clientID` is accepted and not looked at, as clients sent their own, the global one, or none.
    """
    if not call.tenant.double.legacy_account_linking:
        raise not_found()  # unverified: what a tenant without it answers
    params = _sent(call.request)
    for name in ("access_token", "user_id"):
        if not params.get(name):
            # unverified: the style is that of /oauth/access_token
            raise OAuthError("invalid_request", f"missing {name} parameter")
    try:
        user = get_user(call.tenant, account_of_token(call.tenant, params["access_token"]))
    except OAuthError:
        # unverified: the style is that of /oauth/access_token
        raise OAuthError("invalid_request", "invalid access_token: invalid_token", 401) from None
    identity = user.identity(params["user_id"])
    if identity is None:
        # unverified: the text
        raise OAuthError("invalid_request", "the identity is not linked to this user")
    try:
        unlink(call.tenant, user.user_id, identity.provider, str(identity.user_id))
    except ApiError as error:
        raise OAuthError("invalid_request", error.message, error.status) from None
    return Response("OK", content_type="text/plain; charset=utf-8")


def _sent(request: Request) -> Params:
    """Return the parameters of the body; of the query too, as the documentation's tables call them."""
    body = body_params(request) if request.get_data(cache=True, parse_form_data=False) else {}
    return {**query_params(request), **body}


ROUTES = (
    Route("POST", "/unlink", unlink_identity, cors="any"),
    Route("POST", "/login/unlink", unlink_identity, cors="any"),
)
