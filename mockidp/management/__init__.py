"""/api/v2: the Management API. One module per segment of the URL; `not_emulated` answers for the rest.

They are imported when such a URL is first asked for.
"""

from __future__ import annotations

from mockidp.http.routing import rooms

ROOMS = rooms(
    __name__,
    {
        "api": (
            "users",
            "users_by_email",
            "identities",
            "user_blocks",
            "tickets",
            "jobs",
            "invitations",
        ),
    },
)
