"""A shop: its customers log in with Auth0 and link their accounts, and it has an API of its own."""

import os
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, session, url_for

shop = Blueprint("shop", __name__)


def create_app() -> Flask:
    """Return the application, configured by the variables AUTH0_… and SECRET_KEY."""
    app = Flask(__name__)
    app.config.from_mapping({name: value for name, value in os.environ.items() if name.startswith("AUTH0_")})
    app.config["ISSUER"] = issuer = f"https://{app.config['AUTH0_DOMAIN']}/"
    app.config["AUTH0_SERVER_METADATA_URL"] = f"{issuer}.well-known/openid-configuration"
    app.config["KEYS"] = jwt.PyJWKClient(f"{issuer}.well-known/jwks.json")
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.secret_key = os.environ["SECRET_KEY"]
    scope = {"scope": "openid profile email", "code_challenge_method": "S256"}
    app.config["AUTH0"] = OAuth(app).register("auth0", client_kwargs=scope)
    app.register_blueprint(shop)
    return app


@shop.before_request
def require_login() -> Any:
    is_own = request.path.startswith(("/profile", "/account"))
    return redirect(url_for(".login")) if is_own and "user" not in session else None


@shop.get("/login")
def login() -> Any:
    return current_app.config["AUTH0"].authorize_redirect(url_for(".callback", _external=True))


@shop.get("/callback")
def callback() -> Any:
    tokens = current_app.config["AUTH0"].authorize_access_token()
    session["user"], session["access_token"] = dict(tokens["userinfo"]), tokens["access_token"]
    return redirect(url_for(".account"))


@shop.get("/profile")
def profile() -> Any:
    return session["user"]


@shop.get("/account")
def account() -> Any:
    config, user = current_app.config, session["user"]
    form = {"grant_type": "client_credentials", "audience": f"{config['ISSUER']}api/v2/"}
    client = config["AUTH0_CLIENT_ID"], config["AUTH0_CLIENT_SECRET"]
    tokens = requests.post(f"{config['ISSUER']}oauth/token", form, auth=client, timeout=10)
    tokens.raise_for_status()
    bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
    found = requests.get(f"{config['ISSUER']}api/v2/users/{quote(user['sub'])}", headers=bearer, timeout=10)
    found.raise_for_status()
    identities = [f"{each['provider']}|{each['user_id']}" for each in found.json()["identities"]]
    return render_template("account.html", user=user, identities=identities)


@shop.post("/account/link/<connection>")
def link(connection: str) -> Any:
    where, auth0 = url_for(".callback", _external=True), current_app.config["AUTH0"]
    return auth0.authorize_redirect(where, connection=connection, access_token=session["access_token"])


@shop.post("/account/unlink/<key>")
def unlink(key: str) -> Any:
    body = {"access_token": session["access_token"], "user_id": key}
    requests.post(f"{current_app.config['ISSUER']}unlink", json=body, timeout=10).raise_for_status()
    return redirect(url_for(".account"))


@shop.get("/logout")
def logout() -> Any:
    session.clear()
    config = current_app.config
    query = {"client_id": config["AUTH0_CLIENT_ID"], "returnTo": url_for(".login", _external=True)}
    return redirect(f"{config['ISSUER']}v2/logout?{urlencode(query)}")


@shop.get("/api/orders")
def orders() -> Any:
    config, token = current_app.config, request.headers.get("Authorization", "").removeprefix("Bearer ")
    key = config["KEYS"].get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, ["RS256"], audience=config["AUTH0_AUDIENCE"], issuer=config["ISSUER"])
    if "read:orders" not in claims.get("scope", "").split():
        abort(403, "needs the scope read:orders")
    return {"orders": [], "of": claims["sub"]}


@shop.errorhandler(OAuthError)
def refused(error: OAuthError) -> Any:
    if error.error == "too_many_requests":
        return unavailable(error)
    return {"error": error.error, "description": error.description}, 403


@shop.errorhandler(jwt.PyJWTError)
def unauthorized(error: jwt.PyJWTError) -> Any:
    return {"error": str(error)}, 401, {"WWW-Authenticate": "Bearer"}


@shop.errorhandler(jwt.PyJWKClientConnectionError)
@shop.errorhandler(requests.RequestException)
def unavailable(_error: Exception) -> Any:
    return "Please try again in a moment.", 503, {"Retry-After": "1"}
