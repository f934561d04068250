"""The certificate authority behind the https side of the port (RFC 5280, RFC 6066 section 3).

Never shipped: made at first use, so that a tenant spoken to in plain HTTP pays nothing, not even the imports.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    import trustme


class CertificateAuthority:
    """The CA, and a certificate for every name a client asks for: a real tenant's domain can be pointed here.

    Args:
        state_dir: keeps the CA for the next process: `ca-key.pem` (key and certificate: one file, so that two
            processes starting at once cannot mix theirs) and `ca.pem`; ValueError when damaged, at first use.
            None: kept in memory, and `ca.pem` in a private temporary directory until `close`.
    """

    def __init__(self, state_dir: Path | None = None) -> None:
        self._state_dir = state_dir
        self._lock = threading.RLock()
        self._authority: trustme.CA | None = None
        self._temporary: Path | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def pem_path(self) -> Path:
        """The path of `ca.pem`, for clients' trust (`verify=`, `SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`)."""
        with self._lock:
            if self._authority is None and self._state_dir is not None and _is_whole(self._state_dir):
                return self._state_dir / "ca.pem"  # without the libraries, which take longer than the rest
            authority = self._make()
            if self._state_dir is not None:
                return self._state_dir / "ca.pem"
            if self._temporary is None:
                self._temporary = Path(tempfile.mkdtemp(prefix="mockidp-ca-"))
                # TemporaryDirectory would warn when close() was forgotten; this one just cleans up.
                weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)
                (self._temporary / "ca.pem").write_bytes(authority.cert_pem.bytes())
            return self._temporary / "ca.pem"

    def server_context(self) -> ssl.SSLContext:
        """Return the context for accepted sockets: `localhost`'s, exchanged when SNI asks for another's."""
        return self._context("localhost")

    def close(self) -> None:
        """Remove the temporary `ca.pem`; what is in a state directory stays."""
        with self._lock:
            temporary, self._temporary = self._temporary, None
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)

    def _context(self, name: str) -> ssl.SSLContext:
        with self._lock:
            if name not in self._contexts:
                import ssl

                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.set_alpn_protocols(["http/1.1"])
                context.sni_callback = self._choose
                names = ("localhost", "127.0.0.1", "::1") if name == "localhost" else (name,)
                self._make().issue_cert(*names).configure_cert(context)
                self._contexts[name] = context
            return self._contexts[name]

    def _choose(self, sock: ssl.SSLObject, name: str | None, _first: ssl.SSLContext) -> None:
        with suppress(ValueError):  # a name that no certificate can hold (RFC 5890): localhost's then
            sock.context = self._context((name or "localhost").lower())

    def _make(self) -> trustme.CA:
        if self._authority is None:
            import trustme

            kept = self._state_dir
            self._authority = _kept(kept) if kept else trustme.CA(organization_name="mockidp")
        return self._authority


def _is_whole(directory: Path) -> bool:
    """Whether key and certificate are there and belong together; seen without trustme, which loads slowly."""
    import ssl

    secret, public = directory / "ca-key.pem", directory / "ca.pem"
    try:
        # OpenSSL also compares key and certificate; without a password it would ask the terminal for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(secret, password="")
        return secret.read_bytes().endswith(public.read_bytes()) and public.stat().st_size > 0
    except (ValueError, OSError):
        return False


def _kept(directory: Path) -> trustme.CA:
    """Read the CA of `directory`, or make it; of several processes doing so at once, the first one wins."""
    import trustme

    secret, public = directory / "ca-key.pem", directory / "ca.pem"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not secret.exists():
            fresh = trustme.CA(organization_name="mockidp")
            _create(secret, fresh.private_key_pem.bytes() + fresh.cert_pem.bytes())
    except OSError as error:
        raise ValueError(f"{directory} cannot keep it ({error}); name another --state-dir") from error
    try:
        key, mark, certificate = secret.read_bytes().partition(b"-----BEGIN CERTIFICATE")
        authority = trustme.CA.from_pem(mark + certificate, key)
        _create(public, authority.cert_pem.bytes())
        if not _is_whole(directory):
            raise ValueError(f"{public.name} is not the certificate of the key in {secret.name}")
    except (ValueError, OSError) as error:
        raise ValueError(f"{secret}: unusable CA ({error}); remove it and {public} to renew it") from error
    return authority


def _create(path: Path, content: bytes) -> None:
    """Create a private file, whole or not at all, unless it is there."""
    with tempfile.NamedTemporaryFile(dir=path.parent) as file, suppress(FileExistsError):  # 0600
        file.write(content)
        file.flush()
        os.link(file.name, path)
