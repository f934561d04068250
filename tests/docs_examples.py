"""The examples of the documents: blocks by language, the files that they name, and a place to run them in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# An info string of two words marks what has the language's form and is no seed, no shell script to run.
LANGUAGES = ("python", "yaml", "sh", "console", "toml", "json", "yaml workflow", "yaml compose")
_FILE = re.compile(r"# ([\w./-]+\.\w+)$")


class Block(NamedTuple):
    """One block of code: where it is, and what is in it."""

    document: Path
    line: int
    source: str

    @property
    def id(self) -> str:
        """What pytest calls it."""
        return f"{self.document.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that its first line names by a comment: `# shop/tenant.yaml`."""
        match = _FILE.match(self.source.partition("\n")[0])
        return match[1] if match else None


def blocks(document: Path, language: str) -> list[Block]:
    """Return a document's blocks whose info string is exactly this language."""
    parser = CodeBlockParser(language, lambda example: None)
    examples = Document.parse(str(document), parser).examples()
    return [Block(document, example.line, str(example.parsed)) for example in examples]


def all_blocks(language: str) -> list[Block]:
    """Return the blocks of all documents."""
    return [block for document in DOCUMENTS for block in blocks(document, language)]


def write_files(document: Path, directory: Path) -> list[Path]:
    """Write the files that the document's blocks name, and return them."""
    written = []
    for language in ("python", "yaml", "toml", "json"):
        for block in blocks(document, language):
            if block.file:
                path = directory / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.source)
                written.append(path)
    return written


def run(command: list[str], directory: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command there, as a user with mockidp installed would."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MOCKIDP_", "PYTEST_"))}
    env = {**own, "PATH": path, "HOME": str(directory), **_importable(), **environ}
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=60)


def python(arguments: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run Python there, every warning an error."""
    return run([sys.executable, "-W", "error", *arguments], directory)


def pytest_run(arguments: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest there, with the plugin that is installed."""
    plugin = [] if _installed() else ["-p", "conftest_plugin"]
    quiet = ["-q", "-W", "error", "-p", "no:cacheprovider", "--color=no", f"--rootdir={directory}"]
    return python(["-m", "pytest", *quiet, *plugin, *arguments], directory)


def _installed() -> bool:
    found = bool(entry_points(group="pytest11", name="mockidp"))
    assert found or not os.environ.get("CI"), "mockidp is not installed: pip install -e ."
    return found


def _importable() -> dict[str, str]:
    return {} if _installed() else {"PYTHONPATH": str(ROOT)}
