"""wrk as the client of throughput measures: a process of its own, one thread, N connections that are kept."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk.lua")


class Failed(Exception):
    """A measure has no honest number; the message is its footnote."""


@dataclass(frozen=True)
class Request:
    """What wrk sends over and over."""

    target: str
    method: str = "GET"
    body: str = ""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Load:
    """What came of it: successful answers per second, and milliseconds until an answer."""

    per_second: float
    p50: float
    p99: float


def load(request: Request, port: int, connections: int, seconds: float, *, tls: bool = False) -> Load:
    """Send requests for so long; raises `Failed` when any was refused or lost.

    wrk itself takes whole seconds only, but interrupted it prints what it has.
    """
    program = shutil.which("wrk")
    if program is None:
        raise Failed("wrk is not installed")
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{request.target}"
    options = [
        "-t",
        "1",
        "-c",
        str(connections),
        "-d",
        f"{seconds + 60:.0f}s",
        "--timeout",
        "10s",
        "-s",
        str(SCRIPT),
    ]
    command = [program, *options, url, "--", request.method, request.body, *request.headers]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    return _read(output)


def _read(output: str) -> Load:
    line = next((line for line in output.splitlines() if line.startswith("{")), None)
    if line is None:
        raise Failed(f"wrk printed no figures: {output.strip()[-200:]}")
    counted = json.loads(line)
    refused, broken, answers = counted["refused"], counted["broken"], counted["requests"]
    if refused or broken:
        raise Failed(f"{refused} of {answers} answers refused, {broken} broken connections")
    if not answers:
        raise Failed("no answer in time")
    rate = answers / (counted["microseconds"] / 1e6)
    return Load(rate, counted["p50"] / 1000, counted["p99"] / 1000)
