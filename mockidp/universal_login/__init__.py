"""Universal Login: the pages that a person sees, one file per page. Each goes back to `/authorize/resume`."""

from __future__ import annotations

from mockidp.http.routing import Route
from mockidp.universal_login import (
    consent,
    email_verification,
    login,
    login_callback,
    mfa_email_challenge,
    reset_password,
    signup,
    upstream,
)

ROUTES: tuple[Route, ...] = (
    *login.ROUTES,
    *signup.ROUTES,
    *upstream.ROUTES,
    *login_callback.ROUTES,
    *mfa_email_challenge.ROUTES,
    *consent.ROUTES,
    *reset_password.ROUTES,
    *email_verification.ROUTES,
)
