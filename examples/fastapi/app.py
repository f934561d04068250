"""An asynchronous shop of the tenant acme.eu.auth0.com: customers log in, and its API takes their tokens."""

import os
from typing import Annotated, Any

import httpx2
import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.middleware.sessions import SessionMiddleware

ISSUER = "https://acme.eu.auth0.com/"
AUDIENCE = "https://api.acme.example"
CLIENT_ID = "shop"

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=os.environ["SESSION_SECRET"], same_site="lax")
keys = jwt.PyJWKClient(f"{ISSUER}.well-known/jwks.json")
auth0 = OAuth().register(
    "auth0",
    client_id=CLIENT_ID,
    client_secret=os.environ["AUTH0_CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    server_metadata_url=f"{ISSUER}.well-known/openid-configuration",
)


@app.get("/login")
async def login(request: Request, connection: str | None = None) -> Response:
    more = {"connection": connection} if connection else {}
    redirect: Response = await auth0.authorize_redirect(request, str(request.url_for("callback")), **more)
    return redirect


@app.get("/callback")
async def callback(request: Request) -> Response:
    tokens = await auth0.authorize_access_token(request)
    request.session["access_token"] = tokens["access_token"]
    return RedirectResponse("/me", status_code=303)


@app.get("/me")
async def me(request: Request) -> Any:
    """Return the customer's profile, as the tenant has it now."""
    if "access_token" not in request.session:
        raise HTTPException(401, "log in first")
    bearer = {"Authorization": f"Bearer {request.session['access_token']}"}
    async with httpx2.AsyncClient(base_url=ISSUER) as tenant:
        answer = await tenant.get("userinfo", headers=bearer)
    return answer.raise_for_status().json()


@app.post("/password", status_code=202)
async def forgotten_password(email: str, tasks: BackgroundTasks) -> None:
    """Let the tenant mail a link, after this was answered."""
    tasks.add_task(ask_for_mail, email)


async def ask_for_mail(email: str) -> None:
    form = {"client_id": CLIENT_ID, "email": email, "connection": "Customers"}
    async with httpx2.AsyncClient(base_url=ISSUER) as tenant:
        (await tenant.post("dbconnections/change_password", json=form)).raise_for_status()


def checked_claims(token: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, Any]:
    """Return what an access token says: a function for a thread, as PyJWT waits for the keys."""
    try:
        key = keys.get_signing_key_from_jwt(token.credentials)
        return jwt.decode(token.credentials, key, ["RS256"], audience=AUDIENCE, issuer=ISSUER)
    except jwt.PyJWTError as error:
        raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from None


@app.get("/api/orders")
async def orders(claims: Annotated[dict[str, Any], Depends(checked_claims)]) -> Any:
    if "read:orders" not in claims.get("scope", "").split():
        raise HTTPException(403, "needs the scope read:orders")
    return {"orders": [], "of": claims["sub"]}


@app.exception_handler(OAuthError)
async def refused(_request: Request, error: OAuthError) -> Response:
    return JSONResponse({"error": error.error, "description": error.description}, 403)


@app.exception_handler(httpx2.HTTPError)
async def unavailable(_request: Request, _error: httpx2.HTTPError) -> Response:
    return JSONResponse({"error": "try again in a moment"}, 503, {"Retry-After": "1"})
