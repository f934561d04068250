"""The Authentication API: one file per endpoint."""

from __future__ import annotations

from mockidp.authentication import (
    authorize,
    dbconnections,
    logout,
    oauth_revoke,
    oauth_token,
    signing_certificate,
    unlink,
    userinfo,
    well_known,
)
from mockidp.http.routing import Route

ROUTES: tuple[Route, ...] = (
    *authorize.ROUTES,
    *oauth_token.ROUTES,
    *oauth_revoke.ROUTES,
    *userinfo.ROUTES,
    *well_known.ROUTES,
    *signing_certificate.ROUTES,
    *logout.ROUTES,
    *unlink.ROUTES,
    *dbconnections.ROUTES,
)
