"""Servers as processes: start them, wait until they answer, weigh them, end them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.http1 import Answer, Broken, Client
from benchmarks.peers import ROOM, Server

PATIENCE = 30.0  # seconds until a server must answer


class NotServing(Exception):
    """A server ended, or did not answer in time; the message has the end of its output."""


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    server: Server
    port: int
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    spawned: float

    def client(self) -> Client:
        """Return a connection to it."""
        return Client(self.port, tls=self.server.tls)

    def last_words(self) -> str:
        """Return the end of what it printed."""
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace").strip()[-1500:]

    def wait_for(self, target: str, status: int, patience: float = PATIENCE) -> float:
        """Ask every millisecond until the answer has that status; return the seconds since the spawn."""
        while time.perf_counter() - self.spawned < patience:
            answer = self._ask(target)
            if answer is not None and answer.status == status:
                return time.perf_counter() - self.spawned
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        raise NotServing(f"{self.server.name} does not answer {target}\n{self.last_words()}")

    def _ask(self, target: str) -> Answer | None:
        client = self.client()
        try:
            return client.get(target)
        except (OSError, Broken):
            return None
        finally:
            client.close()

    def memory(self) -> float:
        """Return the resident megabytes (RSS, 10^6 bytes) of the process and all that it started."""
        return sum(resident(pid) for pid in tree(self.process.pid)) / 1e6


def resident(pid: int) -> int:
    """Return the resident bytes of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    return 0


def tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            children += [int(child) for child in task.read_text().split()]
    return [pid, *(found for child in children for found in tree(child))]


def environment() -> dict[str, str]:
    """Return the environment without what changes how Python runs.

    With PYTHONDONTWRITEBYTECODE, say, a server would compile all of its modules at every start.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Spawn a server; it is waited for by whoever measures, and ended with the block."""
    port = free_port()
    ROOM.mkdir(exist_ok=True)
    with tempfile.TemporaryFile() as output:
        spawned = time.perf_counter()
        process = subprocess.Popen(
            server.command(port),
            cwd=ROOM,
            env={**environment(), **server.environ(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield Running(server, port, process, output, spawned)
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
