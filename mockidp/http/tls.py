"""The certificate authority behind the https side of the port (RFC 5280, RFC 6066 section 3).

Never shipped: made at first use, so that a tenant spoken to in plain HTTP pays nothing, not even the imports.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    import trustme

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_CERTIFICATE_MARK = b"-----BEGIN CERTIFICATE"


class CertificateAuthority:
    """The CA, and a certificate for every name a client asks for.

    Certificates are issued per SNI name on demand, so that a real tenant's domain can be pointed here.

    Args:
        state_dir: where the CA is kept for the next process, as `ca-key.pem` (private: key and certificate, the
            one truth, so that two processes starting at once cannot mix theirs) and `ca.pem` (to be trusted by
            clients). None keeps the CA in memory, and `ca.pem` in a private temporary directory until `close`.

    Everything but the constructor raises ValueError when the files in `state_dir` are damaged.
    """

    def __init__(self, state_dir: Path | None = None) -> None:
        self._state_dir = state_dir
        self._lock = threading.RLock()
        self._authority: trustme.CA | None = None
        self._pem_path: Path | None = None
        self._remove_pem: weakref.finalize[..., CertificateAuthority] | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def pem_path(self) -> Path:
        """The path of `ca.pem`, for a client's trust store (`verify=`, `SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`)."""
        with self._lock:
            authority = self._make()
            if self._pem_path is None:
                # mkdtemp is 0700. A finalizer, not TemporaryDirectory: that one warns when close() was forgotten.
                directory = tempfile.mkdtemp(prefix="mockidp-ca-")
                self._remove_pem = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
                self._pem_path = Path(directory, "ca.pem")
                self._pem_path.write_bytes(authority.cert_pem.bytes())
            return self._pem_path

    def server_context(self) -> ssl.SSLContext:
        """Return the context for accepted sockets: `localhost`'s, which turns into another's by SNI (RFC 6066 §3)."""
        return self._context("localhost")

    def close(self) -> None:
        """Remove the temporary `ca.pem`. What is in a state directory stays."""
        with self._lock:
            if self._remove_pem is not None:
                self._remove_pem()
                self._remove_pem = self._pem_path = None

    def _context(self, name: str) -> ssl.SSLContext:
        with self._lock:
            context = self._contexts.get(name)
            if context is None:
                import ssl

                names = _LOCAL_NAMES if name == "localhost" else (name,)
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.set_alpn_protocols(["http/1.1"])
                context.sni_callback = self._choose
                self._make().issue_cert(*names).configure_cert(context)
                self._contexts[name] = context
            return context

    def _choose(self, sock: ssl.SSLObject, name: str | None, _initial: ssl.SSLContext) -> int | None:
        if name is None or name == "localhost":
            return None
        try:
            sock.context = self._context(name.lower())
        except (ValueError, UnicodeError):  # not a host name that a certificate can hold (RFC 5890)
            from ssl import AlertDescription

            return AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return None

    def _make(self) -> trustme.CA:
        if self._authority is None:
            if self._state_dir is None:
                import trustme

                self._authority = trustme.CA(organization_name="mockidp")
            else:
                self._authority = _load_or_create(self._state_dir)
                self._pem_path = self._state_dir / "ca.pem"
        return self._authority


def _load_or_create(directory: Path) -> trustme.CA:
    """Read the CA of `directory`, or make it; of several processes doing so at once, the first one's is used."""
    import trustme

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret, public = directory / "ca-key.pem", directory / "ca.pem"
    advice = f"remove {secret} and {public} to have a new certificate authority made"
    orphaned = public.exists()  # looked at before the key, which the first process writes first
    if not secret.exists():
        if orphaned:
            raise ValueError(f"{secret}: the key of {public} is missing; {advice}")
        fresh = trustme.CA(organization_name="mockidp")
        _write_once(secret, fresh.private_key_pem.bytes() + fresh.cert_pem.bytes())
    key, mark, certificate = secret.read_bytes().partition(_CERTIFICATE_MARK)
    authority = _parse(mark + certificate, key, f"{secret}: not a private key with its certificate; {advice}")
    pem = authority.cert_pem.bytes()
    if not public.exists():
        _write_once(public, pem)
    if public.read_bytes() != pem:
        raise ValueError(f"{public}: not the certificate in {secret}; {advice}")
    return authority


def _parse(certificate: bytes, key: bytes, complaint: str) -> trustme.CA:
    import trustme
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        authority = trustme.CA.from_pem(certificate, key)
        # A certificate signed by the wrong key would fail later, in the client, with a riddle.
        if authority._certificate.public_key() == authority._private_key.public_key():
            return authority
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(complaint) from error
    raise ValueError(complaint)


def _write_once(path: Path, content: bytes) -> None:
    """Create a private file, whole or not at all, unless another process was first."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
