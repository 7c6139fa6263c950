"""The tools against a real folder: what they read, refuse and say."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from codex_py.core.entries import words
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.host import Host, Undeclared, open_host
from codex_py.host.confine import Ground
from codex_py.tools import (
    apply_patch,
    builtin,
    edit_file,
    list_files,
    read_file,
    search,
    shell,
    view_image,
    write_file,
)
from tests.drawn import quarters, saved

Use = Callable[..., Output]


class Desk:
    """Uses tools as a turn does: parse, declare, narrow the host, run; remembers what was seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ground = Ground(str(folder), (str(folder),), str(folder.parent / "own"))
        self.host: Host = open_host(ground, os.environ, timeout=10)
        self.seen: dict[str, str] = {}
        self.said: list[str] = []

    def use(self, tool: Tool, **arguments: Any) -> Output:
        params = tool.parse(json.dumps(arguments))
        effects = self.host.resolved(tool.effects(params, self.host))
        call = Call(
            call_id="c1",
            host=self.host.under(effects),
            confined="",
            say=self.said.append,
            keep=lambda data: f"{len(data)}",
            spill=self._spill,
            digest_seen=self.seen.get,
        )
        output = asyncio.run(tool.run(params, call))
        self.seen |= output.data.get("seen", {})
        return output

    def text(self, tool: Tool, **arguments: Any) -> str:
        return words(self.use(tool, **arguments).parts)

    def _spill(self, name: str) -> tuple[Path, BinaryIO]:
        path = self.folder.parent / f"{name}.txt"
        return path, open(path, "wb", buffering=0)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "work"
    folder.mkdir()
    made = Desk(folder)
    yield made
    made.host.close()


def test_a_file_is_read_with_numbers_in_ranges_and_the_cut_is_said(desk: Desk) -> None:
    (desk.folder / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 5001)))
    whole = desk.text(read_file.TOOL, path="a.txt")
    assert whole.startswith("    1 line 1\n    2 line 2\n")
    assert whole.endswith("[lines 1-2000 of 5000]")
    part = desk.text(read_file.TOOL, path="a.txt", start=4999, lines=10)
    assert part == " 4999 line 4999\n 5000 line 5000\n[lines 4999-5000 of 5000]"
    with pytest.raises(ToolError, match="has 5000 lines"):
        desk.use(read_file.TOOL, path="a.txt", start=6000)


def test_very_long_lines_and_empty_files_are_said(desk: Desk) -> None:
    (desk.folder / "long").write_text("x" * 100_000)
    (desk.folder / "empty").write_text("")
    assert "98,000 more" in desk.text(read_file.TOOL, path="long")
    assert desk.text(read_file.TOOL, path="empty") == "empty is empty."


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
        (b"\x7fELF\0\0", "an ELF program"),
        (b"a\0b", "binary"),
    ],
)
def test_a_binary_is_refused_politely(desk: Desk, data: bytes, what: str) -> None:
    (desk.folder / "f").write_bytes(data)
    with pytest.raises(ToolError, match=f"not text: {what}"):
        desk.use(read_file.TOOL, path="f")


def test_text_that_is_not_utf8_is_still_shown(desk: Desk) -> None:
    (desk.folder / "latin").write_bytes("café\n".encode("latin-1"))
    (desk.folder / "wide").write_text("wide\n", "utf-16")
    assert "caf\ufffd" in desk.text(read_file.TOOL, path="latin")
    assert desk.text(read_file.TOOL, path="wide").endswith("wide")


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing"])
def test_what_is_no_file_is_refused_and_nothing_hangs(desk: Desk, kind: str) -> None:
    path = desk.folder / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(OSError):
        desk.use(read_file.TOOL, path="x")


def tree(folder: Path) -> None:
    os.makedirs(folder / ".git/info")
    for name, text in {
        ".gitignore": "*.log\n/build/\n!keep.log\n",
        ".git/info/exclude": "private.txt\n",
        "a.py": "needle here\n",
        "b.log": "needle\n",
        "keep.log": "needle kept\n",
        "private.txt": "needle\n",
        "build/out.py": "needle\n",
        "sub/.gitignore": "skip.py\n",
        "sub/c.py": "Needle up\n",
        "sub/skip.py": "needle\n",
        "sub/build/d.py": "needle deep\n",
        "node_modules/m.js": "needle\n",
        "bin": "needle\0",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "link.py").symlink_to("a.py")


def test_listing_honours_gitignore_at_every_level(desk: Desk) -> None:
    tree(desk.folder)
    lines = desk.text(list_files.TOOL, depth=8).splitlines()
    assert lines == [
        ".gitignore", "a.py", "bin", "keep.log", "link.py", "sub/", "sub/.gitignore",
        "sub/build/", "sub/build/d.py", "sub/c.py",
    ]  # fmt: skip
    assert desk.text(list_files.TOOL, path="sub", depth=1) == ".gitignore\nbuild/\nc.py"


def test_listing_is_bounded_and_says_so(desk: Desk) -> None:
    for n in range(600):
        (desk.folder / f"f{n:03}").touch()
    lines = desk.text(list_files.TOOL).splitlines()
    assert len(lines) == 501 and "only the first 500" in lines[-1]


@pytest.mark.parametrize("engine", ["rg", "grep"])
def test_searching_honours_gitignore(desk: Desk, engine: str) -> None:
    if engine == "rg" and not shutil.which("rg"):
        pytest.skip("ripgrep is not installed")
    tree(desk.folder)
    if engine == "grep":
        bare = desk.folder.parent / "bin"
        bare.mkdir()
        for name in ("grep", "xargs"):
            found = shutil.which(name)
            assert found
            (bare / name).symlink_to(found)
        desk.host.close()
        ground = Ground(str(desk.folder), (str(desk.folder),), str(desk.folder.parent / "own"))
        desk.host = open_host(ground, {**os.environ, "PATH": str(bare)}, timeout=10)
    found_lines = set(desk.text(search.TOOL, pattern="needle").splitlines())
    assert {
        "a.py:1:needle here",
        "keep.log:1:needle kept",
        "sub/build/d.py:1:needle deep",
    } <= found_lines
    assert not any(
        each.startswith(("b.log", "build/", "sub/skip", "node_mod")) for each in found_lines
    )
    assert desk.text(search.TOOL, pattern="needle", path="sub", ignore_case=True, glob="c.*") == (
        "c.py:1:Needle up"
    )
    assert desk.text(search.TOOL, pattern="n.*dle h", literal=True) == "No match."
    assert desk.text(search.TOOL, pattern="needle", path="a.py") == "a.py:1:needle here"
    with pytest.raises(ToolError, match="The search failed"):
        desk.use(search.TOOL, pattern="(")


def test_a_command_gives_its_output_and_exit_code(desk: Desk) -> None:
    output = desk.use(shell.TOOL, command="echo out; echo err >&2; exit 3")
    assert words(output.parts) == "Exit code: 3\nout\nerr"
    assert not output.ok
    assert output.data["exit_code"] == 3
    assert "out" in "".join(desk.said)


def test_a_command_that_takes_too_long_is_ended_with_its_children(desk: Desk) -> None:
    output = desk.use(shell.TOOL, command="sleep 300 & echo $!; sleep 300", timeout=1)
    text = words(output.parts)
    assert text.startswith("Timed out") and output.data["timed_out"]
    child = int(text.splitlines()[1])
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text()


def test_a_long_output_keeps_head_and_tail_in_flat_memory(desk: Desk) -> None:
    output = desk.use(shell.TOOL, command="seq 1 1000000")
    text = words(output.parts)
    assert "Exit code: 0\n1\n2\n" in text and text.endswith("999999\n1000000")
    assert "6,888,896 bytes" in text
    assert len(text) < 40_000
    assert Path(output.full).read_text().count("\n") == 1_000_000


def test_progress_bars_are_shown_as_they_ended(desk: Desk) -> None:
    assert desk.text(shell.TOOL, command="printf '10%%\\r50%%\\rdone\\nnext\\n'") == (
        "Exit code: 0\ndone\nnext"
    )


def test_a_command_has_no_input_and_no_terminal(desk: Desk) -> None:
    text = desk.text(shell.TOOL, command="cat; test -t 0 || echo none; echo $TERM $GIT_PAGER")
    assert text == "Exit code: 0\nnone\ndumb cat"


@pytest.mark.parametrize("command", ["", "  ", "a\0b"])
def test_an_impossible_command_is_refused(desk: Desk, command: str) -> None:
    with pytest.raises(ToolError):
        desk.use(shell.TOOL, command=command)


def test_a_new_file_is_written_and_one_never_read_is_not_overwritten(desk: Desk) -> None:
    assert "Wrote new.txt (1 lines)" in desk.text(write_file.TOOL, path="new.txt", content="x\n")
    (desk.folder / "old.txt").write_text("precious\n")
    with pytest.raises(ToolError, match="you have not read it") as caught:
        desk.use(write_file.TOOL, path="old.txt", content="gone\n")
    assert "precious" in str(caught.value)
    assert (desk.folder / "old.txt").read_text() == "precious\n"
    desk.seen |= caught.value.data["seen"]
    desk.use(write_file.TOOL, path="old.txt", content="new\n")
    assert (desk.folder / "old.txt").read_text() == "new\n"


def test_a_file_that_changed_since_it_was_read_is_said(desk: Desk) -> None:
    path = desk.folder / "a.txt"
    path.write_text("one\ntwo\n")
    desk.use(read_file.TOOL, path="a.txt")
    path.write_text("one\ntwo\nthree\n")
    with pytest.raises(ToolError, match="has changed since you read it"):
        desk.use(write_file.TOOL, path="a.txt", content="x\n")
    assert "had changed since you last read it" in desk.text(
        edit_file.TOOL, path="a.txt", old="one", new="ONE"
    )
    assert path.read_text() == "ONE\ntwo\nthree\n"


def test_an_edit_that_does_not_match_changes_nothing_and_shows_the_nearest(desk: Desk) -> None:
    (desk.folder / "a.py").write_text("def f(x):\n    return x + 1\n")
    with pytest.raises(ToolError, match="Nothing was changed in a") as caught:
        desk.use(edit_file.TOOL, path="a.py", old="def f(x):\n    return x + 2\n", new="y")
    assert "return x + 1" in str(caught.value)
    with pytest.raises(ToolError, match="write_file makes new files"):
        desk.use(edit_file.TOOL, path="b.py", old="a", new="b")
    with pytest.raises(ToolError, match="not valid JSON"):
        desk.use(edit_file.TOOL, path="a.py", old="x + 1", new="\ud800")
    assert (desk.folder / "a.py").read_text() == "def f(x):\n    return x + 1\n"


def test_a_patch_keeps_the_mode_and_changes_all_or_nothing(desk: Desk) -> None:
    script = desk.folder / "run.sh"
    script.write_text("#!/bin/sh\necho old\n")
    script.chmod(0o755)
    patch = (
        "*** Begin Patch\n*** Update File: run.sh\n*** Move to: bin/go.sh\n-echo old\n+echo new\n"
    )
    with pytest.raises(ToolError, match="verification failed"):
        desk.use(apply_patch.TOOL, input=patch + "*** Delete File: missing\n*** End Patch")
    assert script.read_text() == "#!/bin/sh\necho old\n"
    assert not (desk.folder / "bin").exists()
    output = desk.use(apply_patch.TOOL, input=patch + "*** End Patch")
    moved = desk.folder / "bin/go.sh"
    assert moved.read_text() == "#!/bin/sh\necho new\n" and moved.stat().st_mode & 0o777 == 0o755
    assert not script.exists()
    change = output.data["changes"][0]
    assert (change["path"], change["from"], change["added"], change["removed"]) == (
        "bin/go.sh", "run.sh", 1, 1,
    )  # fmt: skip


def test_what_a_tool_did_not_declare_the_host_refuses(desk: Desk) -> None:
    from codex_py.effects import Effects
    from codex_py.host.change import Change

    (desk.folder / "a").write_text("a")
    narrow = desk.host.under(Effects(reads=(str(desk.folder / "b"),)))
    with pytest.raises(Undeclared):
        narrow.read("a", 100)
    with pytest.raises(Undeclared):
        narrow.commit([Change("update", "a", b"a", b"b")])
    with pytest.raises(Undeclared):
        asyncio.run(narrow.run("true", ".", 1, print, lambda: desk._spill("x")))  # type: ignore[return-value, arg-type]
    assert (desk.folder / "a").read_text() == "a"


def test_a_link_swapped_in_after_the_decision_leads_nowhere(desk: Desk, tmp_path: Path) -> None:
    from codex_py.effects import Effects

    secret = tmp_path / "secret"
    secret.write_text("secret")
    (desk.folder / "a").write_text("plain")
    allowed = desk.host.under(desk.host.resolved(Effects(reads=("a",))))
    (desk.folder / "a").unlink()
    (desk.folder / "a").symlink_to(secret)
    with pytest.raises(OSError):
        allowed.read("a", 100)


def test_a_picture_is_shown_and_what_is_none_is_refused(desk: Desk) -> None:
    png = saved(quarters())
    (desk.folder / "p.png").write_bytes(png)
    output = desk.use(view_image.TOOL, path="p.png")
    assert (output.parts[1].media_type, output.parts[1].width) == ("image/png", 80)  # type: ignore[union-attr]
    (desk.folder / "p.png").write_bytes(png[:-8])
    with pytest.raises(ToolError, match="cannot be shown"):
        desk.use(view_image.TOOL, path="p.png")


@pytest.mark.parametrize("style", ["patch-freeform", "patch-function", "replace"])
def test_every_schema_is_strict(style: str) -> None:
    for tool in builtin(style):
        nodes = [tool.spec().schema]
        while nodes:
            node = nodes.pop()
            if node.get("type") == "object":
                assert node["additionalProperties"] is False, tool.name
                assert node["required"] == list(node["properties"]), tool.name
            nodes += [each for each in node.values() if isinstance(each, dict)]
            for each in (*node.get("properties", {}).values(), *node.get("$defs", {}).values()):
                nodes.append(each)
    names = {tool.name for tool in builtin(style)}
    assert ("apply_patch" in names) is style.startswith("patch")
    assert ("edit_file" in names) is (style == "replace")


def test_of_too_long_an_output_the_file_keeps_head_and_tail_and_the_result_says_so(
    desk: Desk,
) -> None:
    desk.host = replace(desk.host, most=100_000)
    output = desk.use(shell.TOOL, command="seq 1 1000000")
    text, kept = words(output.parts), Path(output.full).read_text()
    assert kept.startswith("1\n2\n") and kept.endswith("\n999999\n1000000\n")
    assert len(kept) < 101_000 and "6,788,896 bytes were not kept" in kept
    assert "of 6,888,896 bytes left out here" in text and "whole output:" not in text
    assert f"of the whole output {output.full} holds the first and the last 50,000 bytes" in text
    assert "6,788,896 bytes between them were not kept" in text
    assert output.data["bytes"] == 6_888_896
