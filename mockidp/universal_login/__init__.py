"""Universal Login: the pages that a person sees, one file per page, imported when one is first asked for.

Each goes back to `/authorize/resume`.
"""

from __future__ import annotations

from mockidp.http.routing import rooms

ROOMS = rooms(
    __name__,
    {
        "login": ("login_callback",),
        "u": (
            "login",
            "login_identifier",
            "login_passwordless",
            "signup",
            "upstream",
            "mfa_email_challenge",
            "consent",
            "reset_password",
            "email_verification",
            "brute_force_protection_unblock",
        ),
    },
)
