"""What `pip install .` puts on the disk, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from benchmarks.peers import HERE, ROOM

PLACE = ROOM / "footprint"
_BEFORE = ("pip", "setuptools", "wheel")


@dataclass(frozen=True)
class Footprint:
    """Megabytes (10^6 bytes, byte code included), and how many packages beside mockidp itself."""

    megabytes: float
    packages: int


def footprint() -> Footprint:
    """Install the core, without extras, and count what came."""
    pip = [str(PLACE / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(PLACE)], check=True, timeout=120)
    empty = _size()
    subprocess.run([*pip, "install", "--quiet", str(HERE.parent)], check=True, timeout=400)
    packages = [
        path for path in PLACE.glob("lib/*/site-packages/*.dist-info") if not path.name.startswith(_BEFORE)
    ]
    return Footprint((_size() - empty) / 1e6, len(packages) - 1)


def _size() -> int:
    files = (path for path in PLACE.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)
