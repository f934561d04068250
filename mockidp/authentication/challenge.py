"""`POST …/challenge`: whether a form needs a captcha, as auth0.js and Lock ask first (reference §6.3)."""

from __future__ import annotations

from mockidp.http.routing import Call, Route
from mockidp.json import Json


def challenge(call: Call) -> Json:
    """Say that no captcha is wanted."""
    return {"required": False}


ROUTES = (
    Route("POST", "/usernamepassword/challenge", challenge, cors="any"),
    Route("POST", "/dbconnections/signup/challenge", challenge, cors="any"),
    Route("POST", "/dbconnections/change_password/challenge", challenge, cors="any"),
    Route("POST", "/passwordless/challenge", challenge, cors="any"),
)
