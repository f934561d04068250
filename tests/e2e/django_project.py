"""A Django project in one file: mozilla-django-oidc at /oidc/, social-auth's auth0 backend at /social/.

Imported by tests only, after `needs`: a process has one Django configuration, which several tests share.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse

APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "mozilla_django_oidc",
    "social_django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

if not settings.configured:
    settings.configure(
        SECRET_KEY="the project's own",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["shop.example.com"],
        INSTALLED_APPS=APPS,
        MIDDLEWARE=MIDDLEWARE,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LOGIN_REDIRECT_URL="/me",
        LOGIN_REDIRECT_URL_FAILURE="/failed",
        LOGOUT_REDIRECT_URL="/",
        SOCIAL_AUTH_URL_NAMESPACE="social",
    )
    django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402
from django.urls import include, path  # noqa: E402


def me(request: HttpRequest) -> JsonResponse:
    """Tell who is logged in, and which accounts social-auth knows of them."""
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({})
    accounts = user.social_auth.order_by("id").values_list("provider", "uid")
    return JsonResponse({"email": user.email, "accounts": list(accounts)})


def logout_url(request: HttpRequest) -> str:
    """Return where mozilla-django-oidc sends the browser after a logout: the tenant's own logout."""
    query = {
        "id_token_hint": request.session["oidc_id_token"],
        "post_logout_redirect_uri": request.build_absolute_uri("/"),
    }
    return f"{settings.OIDC_OP_LOGOUT_ENDPOINT}?{urlencode(query)}"


urlpatterns = [
    path("me", me),
    path("oidc/", include("mozilla_django_oidc.urls")),
    path("social/", include("social_django.urls", namespace="social")),
]


@contextmanager
def database() -> Iterator[None]:
    """Keep the tables in memory."""
    call_command("migrate", verbosity=0)
    yield
    BaseDatabaseWrapper.close(connection)  # Django leaves one in memory open


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Undo what happens to the tables inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
