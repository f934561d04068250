"""Programs with auth0-python 2 (2015), run by test_py_auth0_python_2.py in an environment of their own.

Usage: python auth0_python_2.py FUNCTION [ARGUMENT …]
"""

from __future__ import annotations

import json
import sys
from typing import Any

from auth0.v2.authentication import Database, Link, Users
from auth0.v2.exceptions import Auth0Error
from auth0.v2.management import Auth0


def unlink(domain: str, access_token: str, user_id: str) -> None:
    """Take an identity out by the legacy endpoint."""
    # This SDK reads every answer as JSON, and the tenant's is text; as after change_password.
    assert failure(json.JSONDecodeError, Link(domain).unlink, access_token, user_id).doc == "OK"
    profile = json.loads(Users(domain).userinfo(access_token))
    assert profile["sub"].startswith("auth0|")


def refusal(domain: str, access_token: str, user_id: str) -> None:
    """A refusal is the SDK's error."""
    error = failure(Auth0Error, Link(domain).unlink, access_token, user_id)
    assert error.error_code == "invalid_request"
    assert error.message == "invalid access_token: invalid_token"


def management(domain: str, token: str, primary: str) -> None:
    """Link and unlink by the Management API."""
    auth0 = Auth0(domain, token)
    body = {"provider": "facebook", "user_id": "1022"}
    linked = auth0.users.link_user_account(primary, body)
    assert [one["provider"] for one in linked] == ["auth0", "facebook"]
    auth0.users.unlink_user_account(primary, "facebook", "1022")
    assert auth0.users.get("facebook|1022")["email"] == "alice@facebook.example"
    bare = primary.removeprefix("auth0|")
    error = failure(Auth0Error, auth0.users.unlink_user_account, primary, "auth0", bare)
    assert "Main identity cannot be removed." in str(error)


def signup(domain: str) -> None:
    """Sign up."""
    database = Database(domain)
    created = database.signup("web", "dora@example.com", "Dora-Passw0rd!", "Username-Password-Authentication")
    assert created["email"] == "dora@example.com"


def failure(kind: type[Exception], call: Any, *arguments: str) -> Any:
    """Return the exception that a call raises."""
    try:
        call(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
