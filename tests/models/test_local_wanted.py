"""What a task names that is to be in a file or out of it, and new lines that belong elsewhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codex_py.core.entries import Entry
from codex_py.models.local_dialect import body
from codex_py.models.local_doubts import doubt
from codex_py.models.local_grammar import grammar
from codex_py.models.local_moves import moves
from codex_py.models.local_profile import files
from codex_py.models.local_repairs import narrowed, settled
from codex_py.models.local_scene import scene
from codex_py.models.local_syntax import gone
from codex_py.models.local_wanted import ignored, rows, values
from codex_py.models.local_words import Action, parsed
from tests.models.test_local_profile import did, edit, read, request, user, why

DONE = Action("done", "Done.")
STOCK = "item,count\nbolt,40\nnut,0\nscrew,400\nnail,0\n"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("git should not track the folder build or .env", ["build", ".env"]),
        ("let git ignore dist/ and all *.tmp files.", ["dist/", "*.tmp"]),
        ("put a.log, b.log and c into .gitignore", ["a.log", "b.log", "c"]),
        ("add a line to notes.txt", []),
    ],
)
def test_what_git_is_to_leave_alone_is_told(asked: str, names: list[str]) -> None:
    assert ignored(asked) == names


def test_each_name_for_git_to_ignore_is_waited_for() -> None:
    asked = "git should not track the folder build or .env"
    log: list[Entry] = [files([(".gitignore", 6)]), user(asked), *read(".gitignore", "*.pyc")]
    dropped = doubt(edit(".gitignore", "*.pyc\n", "build/\n.env\n"), scene(log))
    assert dropped is not None and dropped.insert
    log += did("edit_file", path=".gitignore", old="*.pyc\n", new="*.pyc\nbuild/\n")
    found = doubt(DONE, scene(log))
    assert found is not None and found.hint == ".env is not there yet."
    log += did("edit_file", path=".gitignore", old="build/\n", new="build/\n.env\n")
    assert doubt(DONE, scene(log)) is None


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("a.yaml should run 3 replicas of shop:1.9.", ["3", "shop:1.9"]),
        ("change the port from 8080 to 9090 in a2.json", ["9090"]),
        ("use port 9090 instead of 8080", ["9090"]),
        ("double the limit of 4 in a.ini", []),
        ("set the timeout to 30 seconds", []),
        ("change the 2nd line", []),
    ],
)
def test_which_values_a_task_wants(asked: str, wanted: list[str]) -> None:
    assert values(asked, ["a2.json"]) == wanted


def test_each_value_of_a_setting_is_waited_for() -> None:
    listed = files([("a.yaml", 30), ("a.py", 30)])
    log: list[Entry] = [listed, user("a.yaml should run 3 replicas of shop:1.9")]
    log += read("a.yaml", "replicas: 2\nimage: shop:1.8")
    log += did("edit_file", path="a.yaml", old="replicas: 2\n", new="replicas: 3\n")
    found = doubt(DONE, scene(log))
    assert found is not None and found.hint == "shop:1.9 is not there yet."
    log += did("edit_file", path="a.yaml", old="shop:1.8", new="shop:1.9")
    assert doubt(DONE, scene(log)) is None
    code: list[Entry] = [listed, user("a.py should give 7 for f"), *read("a.py", "x = 3")]
    code += did("edit_file", path="a.py", old="x = 3\n", new="x = 3 + 4\n")
    assert doubt(DONE, scene(code)) is None


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("delete the rows of {} whose count is 0", "item,count\nbolt,40\nscrew,400\n"),
        ("remove all rows where item is 'nut' from {}", STOCK.replace("nut,0\n", "")),
        ("delete the rows of {} whose count is not 0", ""),
        ("delete the rows of {} whose count is 7", ""),
        ("delete all lines containing nut from {}", STOCK.replace("nut,0\n", "")),
        ("remove the lines that start with n in {}", "item,count\nbolt,40\nscrew,400\n"),
        ("sort the rows whose count is 0", ""),
    ],
)
def test_rows_that_a_task_says_to_delete(asked: str, left: str, tmp_path: Path) -> None:
    name = "a.txt" if "lines" in asked else "a.csv"
    (tmp_path / name).write_text(STOCK)
    found = rows(asked.format(name), name, STOCK)
    assert bool(found) == bool(left)
    if found:
        subprocess.run(["sh", "-c", found.command], cwd=tmp_path, check=True)
        assert (tmp_path / name).read_text() == left == "\n".join(found.kept) + "\n"
        assert rows(asked.format(name), name, left) is None


def test_other_rows_stay_and_those_go() -> None:
    log: list[Entry] = [
        files([("a.csv", 40)]),
        user("delete the rows of a.csv whose count is 0"),
        *read("a.csv", STOCK.rstrip()),
    ]
    assert why(edit("a.csv", "bolt,40\nnut,0\n", ""), scene(log)) == "rows"
    log += did("shell", command="sed /count=0/d a.csv > a.tmp && mv a.tmp a.csv")
    assert moves(log) == (("read_file", {"path": "a.csv"}),)
    log += read("a.csv", STOCK.rstrip())
    found = doubt(DONE, scene(log))
    assert found is not None and found.why == "left" and "awk" in found.hint


def test_what_is_waited_for_is_in_the_next_edit() -> None:
    log: list[Entry] = [files([("a.ini", 30)]), user("use 8 threads on port 90 in a.ini")]
    log += read("a.ini", "threads = 4\nport = 80")
    log += did("edit_file", path="a.ini", old="threads = 4\n", new="threads = 8\n")
    found = doubt(DONE, scene(log))
    assert found is not None and found.holding == "90"
    told = body(request(*log), [found])["grammar"]
    assert told.startswith("root ::= edit\n")
    assert ' [^\\n]{0,200} "90" [^\\n]{0,200} "\\n" new*' in told
    assert grammar(scene(()), found.bars, holding="90").startswith("root ::= run | write | done\n")


def test_a_new_option_is_made_use_of() -> None:
    before = "p = P()\np.add_argument('--so-big')\na = p.parse_args()\nprint(1)"
    log: list[Entry] = [files([("a.py", 60)]), user("add an option --so-big to a.py")]
    log += [*read("a.py", before), *did("edit_file", path="a.py", old="P()\n", new="P(2)\n")]
    found = doubt(DONE, scene(log))
    assert found is not None
    assert (found.why, found.holding) == ("idle", "a.so_big")
    log += did("edit_file", path="a.py", old="print(1)\n", new="print(a.so_big)\n")
    assert doubt(DONE, scene(log)) is None


def test_what_was_changed_is_not_changed_back() -> None:
    log: list[Entry] = [files([("a.ini", 30)]), user("use 8 threads on port 90 in a.ini")]
    log += read("a.ini", "threads = 4\nport = 80")
    log += did("edit_file", path="a.ini", old="threads = 4\n", new="threads = 8\n")
    assert why(edit("a.ini", "threads = 8\n", "threads = 4\n"), scene(log)) == "back"
    log += [user("use 4 threads again")]
    assert why(edit("a.ini", "threads = 8\n", "threads = 4\n"), scene(log)) == ""


# New lines that belong elsewhere


TOML = '[a]\nx = 1\ny = ["E"]\n\n[b]\nx = 2\n'


def test_a_key_given_once_more_takes_the_old_ones_place() -> None:
    longer = TOML.replace('["E"]', '["E", "W"]')
    assert settled("a.toml", TOML, TOML.replace('["E"]\n', '["E"]\ny = ["E", "W"]\n')) == longer
    assert settled("a.toml", TOML, TOML.replace('y = ["E"]\n', 'y = ["E", "W"]\ny = ["E"]\n')) == (
        longer
    )
    other = TOML + "y = 3\n"
    assert settled("a.toml", TOML, other) == other
    broken = TOML.replace('["E"]\n', '["E"]\ny = [\n  "E"]\n')
    assert settled("a.toml", TOML, broken) == broken
    assert settled("a.txt", "x = 1\n", "x = 1\nx = 2\n") == "x = 1\nx = 2\n"


def test_an_option_after_they_are_read_is_moved_ahead() -> None:
    before = "p = P()\nargs = p.parse_args()\nprint(args)\n"
    late = "p = P()\nargs = p.parse_args()\np.add_argument('--b')\nprint(args.b)\n"
    better = "p = P()\np.add_argument('--b')\nargs = p.parse_args()\nprint(args.b)\n"
    assert settled("a.py", before, late) == better
    assert settled("a.py", late, late) == late
    here = scene([files([("a.py", 60)]), user("add an option --b"), *read("a.py", before.rstrip())])
    said = "p.add_argument('--b')\nprint(args.b)\n"
    action = parsed(f"edit a.py\n<<<<<<< old\nprint(args)\n=======\n{said}>>>>>>> new", here)
    assert action is not None and action.given is not None
    assert before.replace(action.given["old"], action.given["new"]) == better


def test_one_edit_makes_one_text_of_another() -> None:
    for before, content in (("a\nb\na\n", "a\nb\nc\na\n"), ("a\na\n", "a\nb\na\n"), ("a\n", "")):
        found = narrowed(before, content)
        assert found is not None and before.count(found[0]) == 1
        assert before.replace(*found) == content
    assert narrowed("", "a\n") is None


def test_a_line_with_more_in_it_is_not_taken_away() -> None:
    assert gone("a.toml", TOML, TOML.replace('["E"]', '["E", "W"]')) == ""
    assert gone("a.toml", TOML, TOML.replace('y = ["E"]', 'y = ["W"]')) == 'y = ["E"]'
    assert gone(".gitignore", "*.pyc\n", "*.pyc *.log\n") == "*.pyc"
