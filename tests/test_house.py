"""The house: which room may use which, how large things may grow, what importing loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
SOURCES = sorted((TOP / "codex_py").rglob("*.py")) + sorted(
    (TOP / "sandbox" / "codex_py_sandbox").rglob("*.py")
)

ARROWS = {
    # room: the rooms it may import, beside itself; `.` is the package's own thin names
    "effects": set(),
    "redact": set(),
    "eyes": set(),
    "pictures": {"eyes", "sandbox"},
    "version": set(),
    "dataclass": set(),  # every room may use it
    "launch": set(),
    "prompts": set(),
    "host": {"redact", "effects", "eyes", "pictures", "sandbox", "snapshots"},
    "core": {"redact", "effects", "eyes", "host"},
    "models": {"core", "eyes", "prompts"},
    "tools": {"core", "effects", "eyes", "host", "pictures", "prompts"},
    "settings": {"core", "redact"},
    "context": {"core", "settings"},
    "ground": {"core", "host", "settings"},
    "lines": {"core"},
    "proof": {"core", "effects", "host"},
    "brain": {"redact", "core", "eyes", "models", "settings", "prompts"},
    "showing": {"core", "eyes", "host", "pictures"},
    "equip": {"brain", "core", "host", "lines", "prompts", "proof", "settings", "tools"},
    "undo": {"core", "host", "snapshots"},
    "agent": {
        "launch",
        "showing",
        "proof",
        "lines",
        "brain",
        "equip",
        "context",
        "core",
        "effects",
        "eyes",
        "ground",
        "host",
        "models",
        "prompts",
        "settings",
        "tools",
        "version",
    },
    "ui": {
        "launch",
        "showing",
        "proof",
        "lines",
        "pictures",
        "agent",
        "brain",
        "equip",
        "context",
        "core",
        "effects",
        "eyes",
        "ground",
        "host",
        "models",
        "redact",
        "settings",
        "snapshots",
        "tools",
        "undo",
        "version",
        "sandbox",
    },
    "cli": {"core", "redact", "settings", "ui", "version", "sandbox"},
    "__main__": {"cli", "version"},
    "__init__": {"version"},
    "sandbox": set(),
    "snapshots": set(),
}

CORE_HOST = {"core/tool.py", "core/kit.py"}
"""The only files of core that know the host: a kit carries it, a tool is given it."""

BUDGET = 330
"""Lines of one file."""
SANDBOX = 450
"""Lines of one file of the sandbox, whose launcher imports as few files as it can."""
FUNCTION = 65
"""Lines of one function."""
METHODS = 24
"""Public methods of one class: docs/notes/0005 says why it is not ten."""


def room(path: Path) -> str:
    if "codex_py_sandbox" in path.parts:
        return "sandbox"
    inside = path.relative_to(TOP / "codex_py")
    return inside.parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module a file imports, deferred and type-checking imports counted too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 or room(path) == "sandbox", f"{path}: relative import"
            if node.module:
                found.add(node.module)
                if node.module == "codex_py":
                    found |= {f"codex_py.{each.name}" for each in node.names}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_arrows_point_down(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "codex_py_sandbox":
            target = "sandbox"
        elif parts[0] == "codex_py" and len(parts) > 1:
            target = parts[1]
        else:
            continue
        assert target in {here, "dataclass", *ARROWS[here]}, f"{here} may not use {target} ({name})"
        if here == "core" and target == "host":
            assert str(path.relative_to(TOP / "codex_py")) in CORE_HOST


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_files_and_functions_keep_their_budgets(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = text.count("\n")
    assert lines <= (SANDBOX if room(path) == "sandbox" else BUDGET), f"{lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            size = node.end_lineno - node.lineno + 1
            assert size <= FUNCTION, f"{node.name} has {size} lines"
            count = len(node.args.args) + len(node.args.kwonlyargs)
            assert count <= 10, f"{node.name} has {count} parameters"
        elif isinstance(node, ast.ClassDef):
            public = [
                each
                for each in node.body
                if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
                and not each.name.startswith("_")
            ]
            assert len(public) <= METHODS, f"{node.name} has {len(public)} public methods"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_every_file_opens_with_a_sentence(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert said, "no docstring"
    assert said.split("\n")[0].rstrip().endswith((".", ".`", ":", "?")), said.split("\n")[0]


DOORS = {
    "openai": {"models"},
    "git": {"host"},
    "prompt_toolkit": {"ui"},
    "rich": {"ui"},
    "subprocess": {"host", "sandbox", "models"},
    "socket": {"host", "models", "sandbox", "ui"},
}
"""Modules that only some rooms may import: one door each."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_one_door_each(path: Path) -> None:
    for name in imports(path):
        rooms = DOORS.get(name.split(".")[0])
        assert rooms is None or room(path) in rooms, f"{room(path)} imports {name}"


def test_no_mocks_anywhere() -> None:
    for path in sorted((TOP / "tests").rglob("*.py")):
        assert not any("mock" in name for name in imports(path)), path


def loaded(code: str) -> set[str]:
    """The modules in a fresh interpreter after running some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split("\n"))


HEAVY = {
    "openai", "pydantic", "git", "prompt_toolkit", "rich", "asyncio", "tree_sitter", "argparse",
    "json", "tomllib", "subprocess", "typing", "dataclasses", "importlib.metadata",
}  # fmt: skip


def test_importing_the_package_loads_nothing_heavy() -> None:
    bare = loaded("pass")
    assert not (loaded("import codex_py") - bare) & (HEAVY - {"typing"})


def test_version_loads_nothing_but_the_version() -> None:
    bare = loaded("pass")
    code = "import sys; sys.argv = ['codex-py', '--version']\n"
    code += "from codex_py.__main__ import main; main()"
    new = loaded(code) - bare
    assert {each for each in new if each.startswith("codex_py")} == {
        "codex_py",
        "codex_py.__main__",
        "codex_py.version",
    }
    assert not new & (HEAVY - {"typing"})


def test_help_loads_no_model_and_no_terminal() -> None:
    code = "import contextlib, io\nfrom codex_py.cli import main\n"
    code += "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
    code += "    main(['exec', '--help'])"
    assert not loaded(code) & {"openai", "pydantic", "git", "prompt_toolkit", "rich", "asyncio"}


def test_public_names_can_be_fetched() -> None:
    import codex_py

    for name in codex_py.__all__:
        assert getattr(codex_py, name)


def test_the_turn_is_read_in_one_sitting() -> None:
    assert (TOP / "codex_py/core/turn.py").read_text("utf-8").count("\n") <= BUDGET


ROOMS = {
    "core": 5_000,
    "core/commands": 3_300,
    "core/receipt": 300,
    "core/receipt/log": 1_200,
    "core/receipt/message": 1_300,
    "core/receipt/verdict": 2_300,
    "host": 4_800,
    "pictures": 1_400,
    "models": 7_600,
    "tools": 4_500,
    "ui": 5_000,
    "ui/tui": 6_500,
    "ui/render": 3_000,
}
"""Lines of one room, without the rooms inside it: docs/notes/0005."""


@pytest.mark.parametrize("name", ROOMS)
def test_rooms_keep_their_budgets(name: str) -> None:
    here = [path for path in SOURCES if path.parent == TOP / "codex_py" / name]
    lines = sum(path.read_text("utf-8").count("\n") for path in here)
    assert lines <= ROOMS[name], f"{name} has {lines} lines"
