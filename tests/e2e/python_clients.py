"""What the tests with Python clients share: extra packages, the mock's authority, environments for SDKs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mockidp import MockIdp

CALLBACK = "http://localhost:3000/callback"
DATABASE = "Username-Password-Authentication"
DEMO = Path(__file__).parents[2] / "fixtures" / "demo.yaml"
API = "https://api.example.com"
IN_CI = os.environ.get("CI") == "true"


def needs(*modules: str) -> pytest.MarkDecorator:
    """Skip the test where a package of the extra `clients` is missing; in CI let it fail there."""
    missing = [module for module in modules if find_spec(module) is None]
    reason = f"{', '.join(missing)} not installed: pip install -e '.[test,clients]'"
    return pytest.mark.skipif(bool(missing) and not IN_CI, reason=reason)


DJANGO = [
    pytest.mark.slow,
    needs("django", "mozilla_django_oidc", "social_django"),
    # python3-openid, which social-auth imports
    pytest.mark.filterwarnings("ignore:defusedxml.cElementTree is deprecated:DeprecationWarning"),
]


def point_at(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment that `idp.env` is, as a user's test would."""
    for name, value in idp.env.items():
        monkeypatch.setenv(name, value)


def answer(callback: str) -> dict[str, str]:
    """Return the parameters of a callback, from its query or its fragment."""
    parts = urlsplit(callback)
    return {name: values[0] for name, values in parse_qs(parts.fragment or parts.query).items()}


def environment(directory: Path, *requirements: str) -> Path:
    """Return the Python of a virtual environment with these packages: for clients that exclude others.

    Made once and kept in the directory; workers take turns. Without the packages the test is skipped, or
    fails in CI.
    """
    name = hashlib.sha256(repr((sys.version, requirements)).encode()).hexdigest()[:16]
    home = directory / name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "installed"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            venv.create(home, clear=True)
            install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
            install += ["--disable-pip-version-check", *requirements]
            done = subprocess.run(install, capture_output=True, text=True, timeout=600)
            if done.returncode != 0:
                (pytest.fail if IN_CI else pytest.skip)(f"{' '.join(install)} failed:\n{done.stderr[-2000:]}")
            stamp.touch()
    return python


@cache
def key_pair() -> tuple[str, str]:
    """Return the private key and the public key of a client, both as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def client_with_a_key() -> dict[str, object]:
    """Return a seed with the client `keyed`, which authenticates by `private_key_jwt`."""
    credential = {"name": "key", "credential_type": "public_key", "pem": key_pair()[1], "alg": "RS256"}
    keyed = {
        "name": "Keyed",
        "client_id": "keyed",
        "app_type": "regular_web",
        "callbacks": [CALLBACK],
        "client_authentication_methods": {"private_key_jwt": {"credentials": [credential]}},
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    }
    grant = {"client_id": "Keyed", "audience": API, "scope": ["read:x"]}
    return {"clients": [keyed], "clientGrants": [grant]}
