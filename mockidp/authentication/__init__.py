"""The Authentication API: one file per endpoint, imported when its URL is first asked for."""

from __future__ import annotations

from mockidp.http.routing import rooms

ROOMS = rooms(
    __name__,
    {
        "authorize": ("authorize",),
        "oauth": ("oauth_token", "oauth_revoke", "not_emulated"),
        "userinfo": ("userinfo",),
        ".well-known": ("well_known",),
        **dict.fromkeys(("pem", "cer", "rawpem"), ("signing_certificate",)),
        **dict.fromkeys(("v2", "logout"), ("logout",)),
        "oidc": ("logout", "not_emulated"),
        "unlink": ("unlink",),
        "login": ("login", "login_callback", "unlink"),
        "dbconnections": ("dbconnections", "challenge"),
        "passwordless": (
            *("passwordless_start", "passwordless_verify", "passwordless_verify_redirect"),
            "challenge",
        ),
        "co": ("co_authenticate",),
        "usernamepassword": ("usernamepassword_login", "challenge"),
        "sso_dbconnection_popup": ("sso_dbconnection_popup",),
        "relay.html": ("relay",),
        **dict.fromkeys(("client", "tenants", "info-v1.js"), ("lock_settings",)),
        "user": ("user_ssodata", "user_geoloc_country"),
        "tokeninfo": ("tokeninfo",),
        **dict.fromkeys(
            (
                *("activate", "otp", "mfa", "passkey", "bc-authorize", "continue", "delegation", "users"),
                *("public", "samlp", "wsfed"),
            ),
            ("not_emulated",),
        ),
    },
)
