"""/api/v2: the Management API. One module per segment of the URL; `not_emulated` answers for the rest."""

from __future__ import annotations

from mockidp.http.routing import Route
from mockidp.management import (
    identities,
    invitations,
    jobs,
    tickets,
    user_blocks,
    users,
    users_by_email,
)

ROUTES: tuple[Route, ...] = (
    *users.ROUTES,
    *users_by_email.ROUTES,
    *identities.ROUTES,
    *user_blocks.ROUTES,
    *tickets.ROUTES,
    *jobs.ROUTES,
    *invitations.ROUTES,
)
