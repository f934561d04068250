"""The environment variables that point SDKs of any language to a mock."""

from __future__ import annotations

from typing import Protocol

TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


class Reached(Protocol):
    """A mock, as far as clients reach it."""

    @property
    def url(self) -> str: ...
    @property
    def issuer(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def ca_path(self) -> str: ...


def environment(idp: Reached) -> dict[str, str]:
    """Return the variables; the issuer is that of `token()`."""
    issuer = idp.issuer.rstrip("/")
    return {
        "AUTH0_DOMAIN": idp.domain,
        "AUTH0_ISSUER_BASE_URL": issuer,
        "ISSUER_BASE_URL": issuer,
        **dict.fromkeys(TRUST, idp.ca_path),
        "MOCKIDP_URL": idp.url,
    }
