"""The Authentication API: one file per endpoint."""

from __future__ import annotations

from mockidp.authentication import (
    authorize,
    challenge,
    co_authenticate,
    dbconnections,
    lock_settings,
    login,
    login_callback,
    logout,
    not_emulated,
    oauth_revoke,
    oauth_token,
    relay,
    signing_certificate,
    sso_dbconnection_popup,
    tokeninfo,
    unlink,
    user_geoloc_country,
    user_ssodata,
    userinfo,
    usernamepassword_login,
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
    *co_authenticate.ROUTES,
    *login.ROUTES,
    *usernamepassword_login.ROUTES,
    *login_callback.ROUTES,
    *sso_dbconnection_popup.ROUTES,
    *relay.ROUTES,
    *lock_settings.ROUTES,
    *user_ssodata.ROUTES,
    *user_geoloc_country.ROUTES,
    *tokeninfo.ROUTES,
    *challenge.ROUTES,
    *not_emulated.ROUTES,
)
