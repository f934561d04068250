"""Where seeds come from: the demo tenant, and paths relative to the file that names them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mockidp import json
from mockidp.errors import UsageError
from mockidp.seed.load import SeedSource

Seed = SeedSource | Sequence[SeedSource] | None
_PACKAGE = Path(__file__).parents[1]


def demo_seed() -> Path:
    """Return the path of the demo tenant: package data, or beside the package in a checkout."""
    inside = _PACKAGE / "fixtures" / "demo.yaml"
    return inside if inside.exists() else _PACKAGE.parent / "fixtures" / "demo.yaml"


def anchored(seed: Seed) -> list[SeedSource]:
    """Return the sources of a seed, None being the demo tenant.

    A relative path means the file beside the Python file that called mockidp, and where there is none, the
    one in the working directory. Raises `UsageError` for what is no seed.
    """
    if seed is None:
        return [demo_seed()]
    sources: list[Any] = list(seed) if isinstance(seed, list | tuple) else [seed]
    for source in sources:
        if not isinstance(source, str | os.PathLike | Mapping):
            raise UsageError(f"{source!r} is no seed; a path, a mapping or a list of these is one")
    frame = sys._getframe(1)
    while frame.f_back and Path(frame.f_code.co_filename).is_relative_to(_PACKAGE):
        frame = frame.f_back
    caller = Path(frame.f_code.co_filename)
    folder = caller.parent if caller.suffix == ".py" else Path()  # a console script names no seeds
    return [_beside(folder, source) for source in sources]


def fingerprint(sources: Sequence[SeedSource]) -> bytes:
    """Return what is the same for the same seeds, as long as their files do not change.

    Raises `UsageError` for a mapping that holds what no seed can.
    """
    parts: list[object] = []
    for source in sources:
        if isinstance(source, Mapping):
            parts.append(source)
        else:
            path = Path(source).resolve()
            parts.append((str(path), path.stat().st_mtime_ns if path.exists() else None))
    try:
        return json.encode(parts)
    except TypeError as error:
        raise UsageError(f"inline seed: {error}") from None


def _beside(folder: Path, source: SeedSource) -> SeedSource:
    if isinstance(source, Mapping) or Path(source).is_absolute():
        return source
    return folder / source if (folder / source).exists() else source
