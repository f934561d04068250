"""`GET /pem`, `/cer`, `/rawpem`: the current signing certificate and key (dashboard, "Signing keys")."""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.http.routing import Call, Route


def pem(call: Call) -> Response:
    """Return the certificate as PEM, as a download."""
    return _download(call.tenant.keys.current().certificate_pem(), "tenant.pem", "application/x-pem-file")


def cer(call: Call) -> Response:
    """Return the certificate as DER, as a download."""
    return _download(call.tenant.keys.current().certificate_der(), "tenant.cer", "application/pkix-cert")


def rawpem(call: Call) -> Response:
    """Return the public key as PEM. unverified: whether a real tenant sends key or certificate here."""
    return Response(call.tenant.keys.current().public_pem(), content_type="text/plain; charset=utf-8")


def _download(body: str | bytes, name: str, content_type: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return Response(body, headers=headers, content_type=content_type)


ROUTES = (Route("GET", "/pem", pem), Route("GET", "/cer", cer), Route("GET", "/rawpem", rawpem))
