"""What a process must not be left with: threads and sockets."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

import pytest

OTHERS: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def others() -> Iterator[None]:
    """Servers of other tests, such as the session's, are none of ours."""
    OTHERS.update(threading.enumerate())
    yield
    OTHERS.clear()


def threads() -> list[threading.Thread]:
    """The host's threads that do not end: on a busy machine one may need a moment after `stop()`."""
    ours = [t for t in set(threading.enumerate()) - OTHERS if t.name.startswith("mockidp-")]
    for thread in ours:
        thread.join(5)
    return [thread for thread in ours if thread.is_alive()]


def sockets() -> set[str]:
    """The open sockets of this process; Linux tells."""
    links = set()
    for number in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):
            links.add(os.readlink(f"/proc/self/fd/{number}"))
    return {link for link in links if link.startswith("socket:")}
