"""Installs what is measured beside mockidp, into `.peers`, in the versions that the files here pin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.peers import HERE, NPM, PEERS, ROOM, Server

TIMEOUT = 400  # seconds for one installation


class CannotInstall(Exception):
    """A peer cannot be installed here; the message says why."""


def install_wrk() -> None:
    """Install wrk from Debian's packages when it is missing."""
    if shutil.which("wrk"):
        return
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    _run([*sudo, "apt-get", "update"])
    _run([*sudo, "apt-get", "install", "-y", "--no-install-recommends", "wrk"])


def install_peers() -> dict[str, str]:
    """Install all peers, side by side; return why, for those that cannot be had here."""
    ROOM.mkdir(exist_ok=True)
    shutil.copytree(HERE / "pypi" / "nanoidp", ROOM / "nanoidp-config", dirs_exist_ok=True)
    _make_certificate(ROOM / "home" / ".simulacrum" / "certs")
    missing: dict[str, str] = {}

    def install(names: list[str], installation: Callable[[], None]) -> None:
        try:
            installation()
        except CannotInstall as error:
            missing.update(dict.fromkeys(names, str(error)))

    with ThreadPoolExecutor(2) as pool:
        pool.submit(install, [peer.name for peer in PEERS if peer.registry == "npm"], _install_npm)
        for peer in PEERS:
            if peer.registry == "PyPI":
                pool.submit(install, [peer.name], partial(_install_pypi, peer))
    return missing


def version(server: Server) -> str:
    """Return the installed version."""
    if server.registry == "npm":
        return str(json.loads((HERE / "npm" / "package.json").read_text())["dependencies"][server.name])
    pins = (HERE / "pypi" / f"{server.name}.txt").read_text().splitlines()
    return next(pin.partition("==")[2] for pin in pins if pin.startswith(f"{server.name}=="))


def _install_npm() -> None:
    NPM.mkdir(exist_ok=True)
    lock, installed = HERE / "npm" / "package-lock.json", NPM / ".installed"
    for source in (HERE / "npm").iterdir():
        shutil.copy(source, NPM)
    if installed.exists() and installed.read_text() == lock.read_text():
        return
    print("installing the peers of npm", flush=True)
    _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], NPM)
    installed.write_text(lock.read_text())


def _install_pypi(peer: Server) -> None:
    pins, installed = HERE / "pypi" / f"{peer.name}.txt", ROOM / peer.name / ".installed"
    if installed.exists() and installed.read_text() == pins.read_text():
        return
    interpreter = _interpreter(peer.python)
    print(f"installing {peer.name}", flush=True)
    _run([interpreter, "-m", "venv", "--clear", str(ROOM / peer.name)])
    pip = [str(ROOM / peer.name / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _run([*pip, "--disable-pip-version-check", "--no-compile", "--no-deps", "--requirement", str(pins)])
    installed.write_text(pins.read_text())


def _interpreter(least: tuple[int, int]) -> str:
    """Return a Python of at least that version: this one, one in the path, or one of pyenv's."""
    if sys.version_info[:2] >= least:
        return sys.executable
    names = [f"python3.{minor}" for minor in range(least[1], least[1] + 4)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(name) for name in names]
    found += [str(path) for name in names for path in sorted(pyenv.glob(f"*/bin/{name}"))]
    for candidate in found:
        # pyenv's shims are in the path for versions that are not switched on
        if candidate and subprocess.run([candidate, "--version"], capture_output=True).returncode == 0:
            return candidate
    raise CannotInstall(f"needs Python {least[0]}.{least[1]}, which is not on this machine")


def _make_certificate(directory: Path) -> None:
    """Make what mkcert would: the simulator serves https only."""
    import trustme

    if (directory / "localhost.pem").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    rsa = trustme.KeyType.RSA
    issued = trustme.CA(key_type=rsa).issue_cert("localhost", "127.0.0.1", key_type=rsa)
    issued.private_key_pem.write_to_path(str(directory / "localhost-key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(directory / "localhost.pem"))


def _run(command: list[str], directory: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"could not be installed: {error}") from None
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise CannotInstall(f"could not be installed: {' '.join(lines[-3:])[-300:]}")
