"""What a process must not be left with: threads and sockets."""

from __future__ import annotations

import contextlib
import os
import sys
import threading


def threads(port: int) -> list[threading.Thread]:
    """The threads of the host of that port that do not end; on a busy machine one may need a moment."""
    its = [thread for thread in threading.enumerate() if thread.name == f"mockidp-host:{port}"]
    for thread in its:
        thread.join(5)
    return [thread for thread in its if thread.is_alive()]


def sockets() -> set[str]:
    """The open sockets of this process; Linux tells."""
    links = set()
    for number in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):
            links.add(os.readlink(f"/proc/self/fd/{number}"))
    return {link for link in links if link.startswith("socket:")}
