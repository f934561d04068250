"""README and docs do what they say: every example runs, and all that a user can name is in them."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

from mockidp import MockIdp
from mockidp.app import all_routes
from mockidp.cli import COMMANDS, SERVE, SERVER, TOKEN
from mockidp.cli import ROUTES as ROUTES_OPTIONS
from mockidp.harness.command_line import parsed
from mockidp.harness.operations import OPERATIONS
from mockidp.model.outbox import KINDS
from mockidp.seed.load import check_files
from mockidp.seed.vocabulary import vocabulary

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
PAGES = [*DOCUMENTS, ROOT / "CHANGELOG.md", *sorted((DOCS / "decisions").glob("*.md"))]
# The second word marks YAML that is no seed, or one that `check` refuses.
# Python that is slow needs the extra `clients`.
YAML = ("yaml", "yaml wrong", "yaml workflow", "yaml compose")
LANGUAGES = ("python", "python slow", *YAML, "sh", "console", "toml")
OPTIONS = {"serve": SERVE, "exec": SERVER, "token": TOKEN, "routes": ROUTES_OPTIONS}
ENDLESS = ("serve", "exec")  # or what they start is not here: their options are parsed


class Block(NamedTuple):
    """One block of code: where it is, and what is in it."""

    document: Path
    line: int
    source: str

    @property
    def file(self) -> str | None:
        """The file that its first line names by a comment: `# shop/tenant.yaml`."""
        match = re.match(r"# ([\w./-]+\.\w+)\n", self.source)
        return match[1] if match else None

    @property
    def holds_tests(self) -> bool:
        return "def test_" in self.source


def blocks(document: Path, language: str) -> list[Block]:
    """Return a document's blocks whose info string is exactly this language."""
    parser = CodeBlockParser(language, lambda example: None)
    examples = Document.parse(str(document), parser).examples()
    return [Block(document, example.line, str(example.parsed)) for example in examples]


def each(language: str) -> pytest.MarkDecorator:
    """Run the test for every block of the language."""
    found = [block for document in DOCUMENTS for block in blocks(document, language)]
    return pytest.mark.parametrize("block", found, ids=lambda block: f"{block.document.name}:{block.line}")


def write_files(document: Path, directory: Path) -> None:
    """Write the files that the document's blocks name."""
    for language in ("python", "yaml", "yaml wrong", "toml"):
        for block in blocks(document, language):
            if block.file:
                path = directory / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.source)


def run(command: list[str], directory: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command there, as a user would who has mockidp installed."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MOCKIDP_", "PYTEST_", "XDG_"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**own, "PATH": path, "HOME": str(directory), **environ}
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=60)


def python(arguments: list[str], directory: Path) -> None:
    """Run Python there, every warning an error."""
    done = run([sys.executable, "-W", "error", *arguments], directory)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def demo() -> Iterator[MockIdp]:
    """A server with the demo tenant for the shell."""
    with MockIdp() as running:
        yield running


@pytest.fixture
def read() -> str:
    """The text of all documents."""
    return "\n".join(document.read_text() for document in DOCUMENTS)


def load_script(path: Path) -> Any:
    """Import a script that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- examples run ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if any(block.holds_tests for block in blocks(document, "python"))],
    ids=lambda document: document.name,
)
def test_the_tests_of_a_document_pass(document: Path, tmp_path: Path) -> None:
    """Every block with tests is a file that pytest runs; a pyproject.toml makes a project of its own."""
    write_files(document, tmp_path)
    for block in blocks(document, "python"):
        if block.holds_tests and not block.file:
            (tmp_path / f"test_line_{block.line}.py").write_text(block.source)
    projects = [path.parent for path in tmp_path.rglob("pyproject.toml")]
    for directory in (tmp_path, *projects):
        ignored = [f"--ignore={project}" for project in projects if project != directory]
        options = ["-q", "-W", "error", f"--rootdir={directory}"]
        options += ["-p", "no:cacheprovider", "-p", "no:asyncio"]
        python(["-m", "pytest", *options, *ignored, str(directory)], directory)


@pytest.mark.slow
@each("python slow")
def test_a_slow_test_passes(block: Block, tmp_path: Path) -> None:
    """A block for the clients of `make test-all` is a file for pytest; their warnings are their own."""
    if importlib.util.find_spec("auth0_server_python") is None and os.environ.get("CI") != "true":
        pytest.skip("pip install -e '.[test,clients]'")
    write_files(block.document, tmp_path)
    path = tmp_path / "test_block.py"
    path.write_text(block.source)
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(path)]
    done = run([sys.executable, "-m", "pytest", *options], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@each("python")
def test_a_program_runs(block: Block, tmp_path: Path) -> None:
    """A block without tests is a program, unless it is a file for the tests beside it."""
    if block.holds_tests or block.file:
        compile(block.source, str(block.document), "exec")
        return
    write_files(block.document, tmp_path)
    python(["-c", block.source], tmp_path)


@each("yaml")
def test_a_seed_is_right(block: Block, tmp_path: Path) -> None:
    """`check` has nothing to say about a seed."""
    path = tmp_path / "seed.yaml"
    path.write_text(block.source)
    environ = dict.fromkeys(re.findall(r"##(\w+)##", block.source), "text")
    environ |= dict.fromkeys(re.findall(r"@@(\w+)@@", block.source), "true")
    assert check_files([path], environ) == []


@each("sh")
def test_a_shell_script_runs(block: Block, tmp_path: Path, demo: MockIdp) -> None:
    """A script of the docs succeeds against the demo tenant, in any directory."""
    demo.reset()
    write_files(block.document, tmp_path)
    done = run(["bash", "-euo", "pipefail", "-c", block.source], tmp_path, IDP=demo.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"error"' not in done.stdout, done.stdout
    demo.raise_problems()


def test_the_curl_flow_links_and_unlinks(tmp_path: Path, demo: MockIdp) -> None:
    """README's script prints Alice twice, with one `sub`, and then OK."""
    demo.reset()
    [flow] = blocks(ROOT / "README.md", "sh")
    done = run(["bash", "-euo", "pipefail", "-c", flow.source], tmp_path, IDP=demo.url)
    first, second, last = done.stdout.splitlines()
    assert [json.loads(first)["email"], json.loads(second)["email"]] == ["alice@example.com"] * 2
    assert json.loads(first)["sub"] == json.loads(second)["sub"]
    assert last == "OK"


@each("console")
def test_a_command_does_what_is_shown(block: Block, tmp_path: Path) -> None:
    """Each `$ ` line parses; what ends by itself runs and prints what is shown, `…` standing for anything."""
    write_files(block.document, tmp_path)
    for part in re.split(r"^\$ ", block.source, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        words = shlex.split(line, comments=True)
        assert run(["bash", "-n", "-c", line], tmp_path).returncode == 0, line
        if words[:3] != ["python", "-m", "mockidp"]:
            continue
        command = words[3] if words[3:] and words[3] in COMMANDS else "serve"
        if command in ENDLESS and "--help" not in words:
            options = words[words.index(command) + 1 :] if command in words else words[3:]
            parsed(command, OPTIONS[command], options[: options.index("--")] if "--" in options else options)
            continue
        done = run(["bash", "-c", line], tmp_path)
        printed = (done.stdout + done.stderr).strip()
        assert not shown.strip() or fnmatches(printed, shown.strip()), printed
        assert "Traceback" not in printed


def fnmatches(text: str, pattern: str) -> bool:
    """Whether the text is what the pattern shows, where `…` stands for anything."""
    parts = (re.escape(part) for part in pattern.split("…"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


@each("toml")
def test_toml_is_toml(block: Block) -> None:
    """A configuration file can be read, and its pytest options exist."""
    options = tomllib.loads(block.source).get("tool", {}).get("pytest", {}).get("ini_options", {})
    assert {name for name in options if name.startswith("mockidp_")} <= set(ini_options())


@pytest.mark.parametrize("language", ["yaml workflow", "yaml compose"])
def test_other_yaml_is_yaml(language: str) -> None:
    """Files of other tools can be read."""
    for document in DOCUMENTS:
        for block in blocks(document, language):
            assert isinstance(yaml.safe_load(block.source), dict)


@each("yaml wrong")
def test_a_wrong_seed_is_wrong(block: Block, tmp_path: Path) -> None:
    """What the docs call wrong is refused."""
    path = tmp_path / "seed.yaml"
    path.write_text(block.source)
    assert check_files([path], {}) != []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_no_block_escapes(document: Path) -> None:
    """A block without a language that is tested would rot."""
    fences = re.findall(r"^ *```([^\n`]+)$", document.read_text(), re.MULTILINE)
    assert set(fences) <= set(LANGUAGES)
    assert len(fences) == sum(len(blocks(document, language)) for language in LANGUAGES)


def test_the_first_test_is_short() -> None:
    """README promises a test that logs in within a dozen lines."""
    first = blocks(ROOT / "README.md", "python")[0]
    assert first.holds_tests
    assert len(first.source.strip().splitlines()) <= 14


# -- all that has a name is explained --------------------------------------------------------------------


def plugin_tree() -> ast.Module:
    return ast.parse((ROOT / "conftest_plugin.py").read_text())


def fixtures() -> list[str]:
    """Return the plugin's fixtures."""
    functions = [node for node in plugin_tree().body if isinstance(node, ast.FunctionDef)]
    made = [node.name for node in functions if any("fixture" in ast.unparse(d) for d in node.decorator_list)]
    return [name for name in made if not name.startswith("_")]


def ini_options() -> list[str]:
    """Return the plugin's ini options."""
    calls = [node for node in ast.walk(plugin_tree()) if isinstance(node, ast.Call)]
    added = [call for call in calls if ast.unparse(call.func) == "parser.addini"]
    return [str(ast.literal_eval(call.args[0])) for call in added]


def test_fixtures_and_ini_options_are_explained() -> None:
    """docs/pytest.md has each."""
    text = (DOCS / "pytest.md").read_text()
    names = [*fixtures(), *ini_options(), "pytest.mark.mockidp"]
    assert len(names) >= 7
    assert [name for name in names if f"`{name}`" not in text and f"{name}(" not in text] == []


def test_what_a_test_can_do_is_explained() -> None:
    """docs/pytest.md has every attribute of `idp`, of its messages, requests, clock and browser."""
    text = (DOCS / "pytest.md").read_text()
    with MockIdp() as idp:
        parts = {"idp": idp, "idp.clock": idp.clock, "idp.outbox": idp.outbox, "idp.requests": idp.requests}
        parts["browser"] = idp.browser()
        named = [f"{part}.{name}" for part, thing in parts.items() for name in public_names(thing)]
    assert [name for name in named if name not in text] == []


def test_the_constructor_is_explained() -> None:
    """docs/pytest.md has every argument of `MockIdp`."""
    text = (DOCS / "pytest.md").read_text()
    assert [name for name in inspect.signature(MockIdp).parameters if f"`{name}" not in text] == []


def public_names(thing: object) -> list[str]:
    """Return what a class of ours adds, but for what the house alone uses."""
    own = {name for cls in type(thing).__mro__ if cls.__module__.startswith("mockidp") for name in vars(cls)}
    internal = {"serving", "raise_problems", "tenant", "layer", "router", "state", "restore", "begin", "end"}
    return sorted(name for name in {*own, *vars(thing)} - internal if not name.startswith("_"))


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_explained(command: str) -> None:
    """docs/command-line.md has each command, each option and each environment variable."""
    text = (DOCS / "command-line.md").read_text()
    assert f"`{command}`" in text
    for option in OPTIONS.get(command, ()):
        assert f"`{option.flag}" in text, f"explain {option.flag}"
        assert f"`{option.variable}`" in text, f"explain {option.variable}"


def test_seed_keys_are_explained() -> None:
    """docs/seeds.md has every section, and every key of those that an export does not have."""
    text = (DOCS / "seeds.md").read_text()
    words = vocabulary()
    keys = [key for section in ("users", "sessions", "mockidp") for key in words.kinds[section].fields]
    assert [key for key in [*words.sections, *keys] if f"`{key}`" not in text] == []


def test_control_operations_are_explained() -> None:
    """docs/control-api.md has each, with the members that it takes."""
    text = (DOCS / "control-api.md").read_text()
    for operation in OPERATIONS:
        assert f"`{operation.method} /_mockidp/{operation.name}`" in text
        for member in getattr(operation.takes, "__struct_fields__", ()):
            assert f"`{member}`" in text, f"{operation.path}: {member}"


def test_kinds_of_mail_are_explained() -> None:
    """docs/mail.md has a row for each."""
    text = (DOCS / "mail.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in text] == []


def test_the_coverage_table_is_up_to_date() -> None:
    """docs/coverage.md is what docs/make_coverage.py makes."""
    made = load_script(DOCS / "make_coverage.py").render()
    assert (DOCS / "coverage.md").read_text() == made, "run: python docs/make_coverage.py"


def test_every_route_is_in_the_docs() -> None:
    """The table leaves none out."""
    text = (DOCS / "coverage.md").read_text()
    assert [route for route in all_routes() if f"`{route.method} {route.template}`" not in text] == []


# -- links -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links name files and headings that exist."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), f"{page.name}: {target}"
        assert not fragment or fragment in headings(path), f"{page.name}: {target}"


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
