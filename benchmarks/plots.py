"""Plots of growth and of the soak, small enough to keep beside the figures."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any


def users(rows: Sequence[dict[str, float]], place: Path) -> None:
    """Draw what grows with the users."""
    figure, axes = _axes(2, 2)
    counts = [row["users"] for row in rows]
    labels = {
        "login_ms": "login without a page",
        "read_ms": "management read",
        "find_ms": "search for an e-mail",
        "search_ms": "search by a pattern",
    }
    for key, label in labels.items():
        axes[0].plot(counts, [row[key] for row in rows], marker="o", label=label)
    axes[0].plot(counts, [row["reset_us"] / 1000 for row in rows], marker="o", label="reset()")
    axes[0].set(title="One request, one reset", ylabel="ms, median", yscale="log")
    axes[0].legend(fontsize=8)
    axes[1].plot(counts, [row["reads_per_second"] for row in rows], marker="o")
    axes[1].set(title="Management reads, 16 connections", ylabel="requests a second")
    axes[2].plot(counts, [row["memory_mb"] for row in rows], marker="o")
    axes[2].set(title="Memory after start", ylabel="MB (RSS)")
    axes[3].plot(counts, [row["start_ms"] / 1000 for row in rows], marker="o")
    axes[3].set(title="Start to the first JWKS answer", ylabel="seconds")
    for axis in axes[1:]:
        axis.set_ylim(bottom=0)
    for axis in axes:
        axis.set(xscale="log", xlabel="seeded users")
    _save(figure, place / "users.png")


def connections(curves: dict[str, list[dict[str, float]]], place: Path) -> None:
    """Draw what grows with the connections."""
    figure, axes = _axes(1, 3)
    for name, rows in curves.items():
        counts = [row["connections"] for row in rows]
        axes[0].plot(counts, [row["per_second"] for row in rows], marker="o", label=name)
        (line,) = axes[1].plot(counts, [row["p50"] for row in rows], marker="o", label=f"{name}, p50")
        p99 = [row["p99"] for row in rows]
        axes[1].plot(counts, p99, marker="^", linestyle="--", color=line.get_color(), label=f"{name}, p99")
        axes[2].plot(counts, [row["memory_mb"] for row in rows], marker="o", label=name)
    axes[0].set(title="Throughput", ylabel="requests a second")
    axes[1].set(title="Time to an answer", ylabel="ms", yscale="log")
    axes[2].set(title="Memory after the load", ylabel="MB (RSS)")
    for axis in axes:
        axis.set_xscale("log", base=2)
        axis.set_xticks(counts, [f"{count:g}" for count in counts])
        axis.set_xlabel("connections")
        axis.legend(fontsize=8)
    axes[0].set_ylim(bottom=0)
    axes[2].set_ylim(bottom=0)
    _save(figure, place / "connections.png")


def soak(seconds: Sequence[float], megabytes: Sequence[float], title: str, place: Path) -> None:
    """Draw memory over time."""
    figure, (axis,) = _axes(1, 1)
    axis.plot([second / 60 for second in seconds], megabytes, linewidth=1)
    axis.set(title=title, xlabel="minutes of load", ylabel="MB (RSS)")
    axis.set_ylim(0, max(megabytes) * 1.2)
    _save(figure, place / "soak.png")


def _axes(rows: int, columns: int) -> tuple[Any, list[Any]]:
    import matplotlib  # of the extra `bench`

    matplotlib.use("Agg")
    from matplotlib import pyplot

    size = (4.2 * max(columns, 1.6), 3.4 * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, facecolor="white")
    for axis in axes.flat:
        axis.grid(alpha=0.3)
    return figure, list(axes.flat)


def _save(figure: Any, path: Path) -> None:
    """Write a PNG of few colours: a third of the size, and it looks the same."""
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    figure.tight_layout()
    drawn = BytesIO()
    figure.savefig(drawn, dpi=90)
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
