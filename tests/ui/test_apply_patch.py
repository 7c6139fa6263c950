"""`codex-py apply-patch` as a program: what it prints, what it leaves, its exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "Success. Updated the following files:\n"


def run(top: Path, *argv: str | bytes, stdin: str | bytes = "") -> subprocess.CompletedProcess:
    code = "import sys; from codex_py.ui.apply_patch import main; sys.exit(main(sys.argv[1:]))"
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], cwd=top, input=data, capture_output=True
    )
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def tree(top: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(top)): None if path.is_dir() else path.read_bytes().decode("latin-1")
        for path in sorted(top.rglob("*"))
    }


def patch(body: str) -> str:
    return f"*** Begin Patch\n{body}\n*** End Patch"


# files before; patch body; files after (None: unchanged); stdout, or stderr when unchanged
CASES = [
    ("W1-001-002", {"m": "x\n", "d": "x\n"}, "*** Add File: n/new.txt\n+a\n+\n+b\n*** Delete File: d\n*** Update File: m\n@@\n-x\n+y", {"m": "y\n", "n": None, "n/new.txt": "a\n\nb\n"}, HEAD + "A n/new.txt\nM m\nD d\n"),
    ("W2", {}, "*** Add File: e\n*** Add File: n\n+", {"e": "", "n": "\n"}, HEAD + "A e\nA n\n"),
    ("W3-011", {"a": "x\n"}, "*** Add File: a\n+y", {"a": "y\n"}, HEAD + "A a\n"),
    ("W4-folder", {"d": None}, "*** Add File: d\n+y", None, "Failed to write file {}/d: Is a directory (os error 21)\n"),
    ("W4-below-a-file", {"a": "x\n"}, "*** Add File: a/b\n+y", None, "Failed to write file {}/a/b: Not a directory (os error 20)\n"),
    ("W5-009", {}, "*** Update File: a\n-x", None, "Failed to read file to update {}/a: No such file or directory (os error 2)\n"),
    ("W6", {"d": None}, "*** Update File: d\n-x", None, "Failed to read file to update {}/d: path `{}/d` is not a file\n"),
    ("W7", {"a": "ok\xff"}, "*** Update File: a\n-ok", None, "Failed to read file to update {}/a: invalid utf-8 sequence of 1 bytes from index 2; only UTF-8 text can be patched\n"),
    ("W8-binary", {"a": "\0\xff"}, "*** Delete File: a", {}, HEAD + "D a\n"),
    ("W9-012", {"d": None, "d/x": "x"}, "*** Delete File: d", None, "Failed to delete file {}/d: Failed to read {}/d: Is a directory (os error 21)\n"),
    ("W11-004", {"a": "x\n", "b": "b"}, "*** Update File: a\n*** Move to: n/m/c\n-x\n+y", {"b": "b", "n": None, "n/m": None, "n/m/c": "y\n"}, HEAD + "M n/m/c\n"),
    ("W12-010", {"a": "x\n", "b": "b"}, "*** Update File: a\n*** Move to: b\n-x\n+y", {"b": "y\n"}, HEAD + "M b\n"),
    ("W13", {"a": "x\n", "d": None}, "*** Update File: a\n*** Move to: d\n-x\n+y", None, "Failed to write file {}/d: Is a directory (os error 21)\n"),
    ("W14", {"a": "x\ny"}, "*** Update File: a\n*** Move to: b\n x", {"b": "x\ny"}, HEAD + "M b\n"),
    ("W15", {"a": "x\n"}, "*** Update File: a\n*** Move to: ./a\n-x\n+y", {"a": "y\n"}, HEAD + "M ./a\n"),
    ("W27", {"a": "x\ny\n"}, "*** Update File: a\n-y\n+Y\n*** Update File: a\n-x\n+X", {"a": "X\nY\n"}, HEAD + "M a\nM a\n"),
    ("W28", {}, "*** Add File: a\n+x\n*** Update File: a\n-x\n+y", {"a": "y\n"}, HEAD + "A a\nM a\n"),
    ("W33", {}, "*** Add File: ~/x\n+y", {"~": None, "~/x": "y\n"}, HEAD + "A ~/x\n"),
    ("W36-delete", {"a": "x\n"}, "*** Delete File: a\n*** Add File: a\n+y", {"a": "y\n"}, HEAD + "A a\nD a\n"),
    ("W36-move", {"a": "x\n"}, "*** Update File: a\n*** Move to: b\n x\n*** Add File: a\n+y", {"a": "y\n", "b": "x\n"}, HEAD + "A a\nM b\n"),
    ("P3-005", {"a": "x"}, "", None, "No files were modified.\n"),
    ("R1-015", {"a": "x\n"}, "*** Add File: n/new\n+x\n*** Update File: missing\n-x", None, "Failed to read file to update {}/missing: No such file or directory (os error 2)\n"),
    ("R2-006", {"a": "1\n2\n"}, "*** Update File: a\n-1\n+one\n@@ nowhere\n-2", None, "Failed to find context 'nowhere' in {}/a\nNo line is like it: read the file again.\n"),
    ("019", {"ï é 🙂": "é\n"}, "*** Update File: ï é 🙂\n-é\n+🙂", {"ï é 🙂": "🙂\n"}, HEAD + "M ï é 🙂\n"),
    ("023-CRLF", {"a": "x\r\ny\r\n"}, "*** Update File: a\n-x\n+z", {"a": "z\r\ny\r\n"}, HEAD + "M a\n"),
    ("nothing-below-a-failed-add", {"a": "x\n"}, "*** Add File: n/m/o\n+x\n*** Add File: a/b\n+x", None, "Failed to write file {}/a/b: Not a directory (os error 20)\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "body", "after", "told"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_a_patch_is_applied_whole_or_not_at_all(tmp_path, files, body, after, told) -> None:
    for name, text in files.items():
        if text is None:
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).write_bytes(text.encode("latin-1" if "\xff" in text else "utf-8"))
    before = tree(tmp_path)
    done = run(tmp_path, stdin=patch(body) if body else "*** Begin Patch\n*** End Patch\n")
    if after is None:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == told.replace("{}", str(tmp_path.resolve()))
        assert tree(tmp_path) == before
    else:
        assert (done.returncode, done.stdout) == (0, told)
        held = {
            name: text if text is None else text.encode("latin-1").decode("utf-8")
            for name, text in tree(tmp_path).items()
        }
        assert held == after


def test_links_stay_links_and_only_links_are_removed(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("x\n")
    for name in ("update", "delete", "dangling"):
        (tmp_path / name).symlink_to("nowhere" if name == "dangling" else "t")
    body = "*** Update File: update\n-x\n+y\n*** Delete File: delete\n*** Delete File: dangling"
    done = run(tmp_path, stdin=patch(body))
    assert (done.returncode, done.stdout) == (0, HEAD + "M update\nD delete\nD dangling\n")
    assert (tmp_path / "update").is_symlink()
    assert tree(tmp_path) == {"t": "y\n", "update": "y\n"}


def test_a_moved_file_stays_executable(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "a").chmod(0o755)
    run(tmp_path, stdin=patch("*** Update File: a\n*** Move to: bin/b\n-x\n+y"))
    assert (tmp_path / "bin/b").stat().st_mode & 0o777 == 0o755


def test_notes_go_to_stderr(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x  \n")
    done = run(tmp_path, stdin=patch("*** Update File: a\n-x\n+y"))
    assert done.stdout == HEAD + "M a\n"
    assert "the block matched line 1 after ignoring trailing blanks" in done.stderr


ADD = patch("*** Add File: n\n+x")
USES = [
    ("argument", (ADD,), "", 0, HEAD),
    ("stdin", (), ADD, 0, HEAD),
    ("P22", (), f"<<'EOF'\n{ADD}\nEOF", 0, HEAD),
    ("cd", ("-C", "sub"), ADD, 0, HEAD),
    ("help", ("--help",), "", 0, "Usage: codex-py apply-patch"),
    ("P1", ("bad",), "", 1, "Invalid patch: The first line of the patch must be '*** Begin Patch'\n"),
    ("P2-empty", ("",), "", 1, "Invalid patch: The last line of the patch must be '*** End Patch'\n"),
    ("P27", (b"\xff",), "", 1, "Error: apply_patch requires a UTF-8 PATCH argument.\n"),
    ("P28", (), b"\xff", 1, "Error: Failed to read PATCH from stdin.\nstream did not contain"),
    ("P29", (), "", 2, "Usage: codex-py apply-patch"),
    ("P30", (ADD, ADD), "", 2, "Error: apply_patch accepts exactly one argument.\n"),
    ("no-folder", ("-C",), "", 2, "Error: -C needs a folder."),
    ("wrong-folder", ("-C", "none"), ADD, 2, "Error: none is not a folder.\n"),
    ("wrong-option", ("--frob",), ADD, 2, "Error: unknown option --frob."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "stdin", "code", "told"), [row[1:] for row in USES], ids=[row[0] for row in USES]
)
def test_every_way_to_call_it(tmp_path, argv, stdin, code: int, told: str) -> None:
    (tmp_path / "sub").mkdir()
    done = run(tmp_path, *argv, stdin=stdin)
    said, silent = (done.stderr, done.stdout) if code else (done.stdout, done.stderr)
    assert (done.returncode, said[: len(told)], silent) == (code, told, "")
    assert (tmp_path / "sub/n").exists() == ("-C" in argv and code == 0)


def test_it_loads_no_model_and_no_screen(tmp_path: Path) -> None:
    code = (
        "import sys; from codex_py.ui.apply_patch import main; main(sys.argv[1:]);"
        "print([m for m in ('openai', 'pydantic', 'rich', 'prompt_toolkit', 'git',"
        " 'ctypes', 'difflib', 'argparse') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, ADD], cwd=tmp_path, capture_output=True)
    assert done.stdout.decode() == HEAD + "A n\n[]\n"
