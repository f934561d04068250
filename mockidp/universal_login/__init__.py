"""Universal Login: the pages that a person sees, one file per page. Each goes back to `/authorize/resume`."""

from __future__ import annotations

from mockidp.http.routing import Route
from mockidp.universal_login import (
    brute_force_protection_unblock,
    consent,
    email_verification,
    login,
    login_callback,
    login_identifier,
    login_passwordless,
    mfa_email_challenge,
    reset_password,
    signup,
    upstream,
)

ROUTES: tuple[Route, ...] = (
    *login.ROUTES,
    *login_identifier.ROUTES,
    *login_passwordless.ROUTES,
    *signup.ROUTES,
    *upstream.ROUTES,
    *login_callback.ROUTES,
    *mfa_email_challenge.ROUTES,
    *consent.ROUTES,
    *reset_password.ROUTES,
    *email_verification.ROUTES,
    *brute_force_protection_unblock.ROUTES,
)
