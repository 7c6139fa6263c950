"""What the rules for the small model make of a task's words, of its slips, and of what broke."""

from __future__ import annotations

import ast
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from codex_py.core.entries import Entry
from codex_py.models.local_aims import amiss, renames, renaming
from codex_py.models.local_checks import acts, given, helped, shown
from codex_py.models.local_dialect import body, looping
from codex_py.models.local_doubts import asks, doubt
from codex_py.models.local_grammar import grammar
from codex_py.models.local_moves import check, first_looks, moves
from codex_py.models.local_profile import files
from codex_py.models.local_repairs import placed, repaired, widened
from codex_py.models.local_scene import Scene, scene
from codex_py.models.local_syntax import lost, twice, unreadable
from codex_py.models.local_traces import broke
from codex_py.models.local_words import Action, parsed
from tests.models.test_local_profile import LISTED, did, edit, read, request, user, why

MEAN = "def mean(values):\n    return sum(values) / len(values)\n"
SCRIPT = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--big')\np.parse_args()\n"


# What a task says of a call


@pytest.mark.parametrize(
    ("asked", "tried"),
    [
        ("mean([1, 2]) should be 1.5. Fix it.", "abs(mean([1, 2]) - 1.5)"),
        ("mean([4]) in stats.py gives 5 but it must return 4", "abs(mean([4]) - 4)"),
        ("`mean([4])` returns 5 instead of 4", "abs(mean([4]) - 4)"),
        ("mean crashes on an empty list, let it return None", "mean([]) == None"),
        ("mean fails for an empty list", "print(mean([]))"),
        ("mean([]) raises ZeroDivisionError", "print(mean([]))"),
        ("mean(x) should be 1", ""),
        ("median([1]) should be 1", ""),
        ("mean should raise a ValueError on an empty list", ""),
        ("what does mean do?", ""),
    ],
)
def test_what_a_task_tells_of_a_call_is_tried(asked: str, tried: str, tmp_path: Path) -> None:
    command = shown(asked, {"stats.py": MEAN})
    assert tried in command if tried else command == ""
    if "print" in tried or "None" in tried:
        (tmp_path / "stats.py").write_text(MEAN)
        argv = [sys.executable, *shlex.split(command)[1:]]
        assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 1
        (tmp_path / "stats.py").write_text("def mean(values):\n    return None\n")
        assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_a_command_in_a_task_is_run_when_it_runs_a_file_that_is_there() -> None:
    known = {"a.py": 1, "b.csv": 1}
    assert given("`python a.py b.csv` stops with an error", known) == "python3 a.py b.csv"
    assert given("python3 a.py b.csv crashes", known) == "python3 a.py b.csv"
    assert given("`rm -rf a.py` is bad, `python3 c.py` is not here", known) == ""
    assert given("`python3 a.py; rm b.csv` fails", known) == "python3 a.py"


def test_a_new_option_is_looked_for_in_the_help() -> None:
    found = helped("add an option --big", {"a.py": SCRIPT})
    assert found == "python3 a.py --help | grep -e --big"
    assert helped("add an option --small", {"a.py": SCRIPT}) == ""
    assert helped("add an option --big", {"a.py": SCRIPT, "b.py": SCRIPT}) == ""


def test_a_check_from_the_words_runs_before_and_after() -> None:
    asked = user("mean([4]) in stats.py gives 5 but it must return 4")
    log: list[Entry] = [files([("stats.py", 60)]), asked, *read("stats.py", MEAN)]
    ((name, tried),) = moves(log)
    assert name == "shell"
    assert tried["command"].startswith("python3 -c ")
    log += did("shell", ok=False, said="AssertionError: 5", auto=True, **tried)
    assert scene(log).failing() is not None
    assert not scene(log).changed
    log += did("edit_file", path="stats.py", old="sum(values)", new="sum(values) + 0")
    assert moves(log) == (("shell", tried),)
    assert why(Action("done", "Fixed."), scene(log)) == "failing"


def test_a_module_that_does_nothing_is_no_check() -> None:
    assert not acts("a.py", '"""Words."""\nX = 1\n' + MEAN)
    assert acts("a.py", MEAN + "print(mean([]))\n")
    assert check(Scene("a.py crashes", views={"a.py": MEAN})) == ""


# What a task asks of a file


def test_sorting_keeps_the_lines() -> None:
    for new, found in (("a\nb\n", "order"), ("a\nb\nc\n", ""), ("c\na\nb\n", "order")):
        doubted = amiss("put a.txt into alphabetical order", "a.txt", "c\na\nb\n", new)
        assert (doubted.why if doubted else "") == found
    once = "sort a.txt and drop duplicate lines"
    assert amiss(once, "a.txt", "b\na\nb\n", "a\nb\n") is None
    assert amiss("sort a.txt", "a.txt", "b\na\nb\n", "a\nb\n") is not None
    assert amiss("make a.py sort names", "a.py", "b\na\n", "c\n") is None
    done = Action("done", "Sorted.")
    edited = did("edit_file", path="a.txt", old="x\n", new="y\n")
    for text, found in (("b\na\nx", "left"), ("a\nb\nx", ""), ("2\n10\nx", "left")):
        log = [LISTED, user("sort a.txt"), *read("a.txt", text), *edited]
        assert why(done, scene(log)) == found, text
    copied = did("shell", command="cp b.txt c.txt")
    for text, found in (("2\n10\n3", "left"), ("2\n3\n10", ""), ("9\n3\n1", "")):
        log = [LISTED, user("sort a.txt"), *read("a.txt", text), *copied]
        assert why(done, scene(log)) == found, text
    log = [LISTED, user("sort a.txt by length"), *read("a.txt", "b\na\nx"), *edited]
    assert why(done, scene(log)) == ""


def test_what_goes_to_the_end_is_not_put_between() -> None:
    asked = "add the line c at the end of a.txt"
    found = amiss(asked, "a.txt", "a\nb\n", "a\nc\nb\n")
    assert found is not None and "'b'" in found.hint
    assert amiss(asked, "a.txt", "a\nb\n", "a\nb\nc\n") is None
    assert amiss("append c to the list x", "a.txt", "a\nb\n", "a\nc\nb\n") is None


def test_a_file_of_lines_gets_no_program() -> None:
    program = "with open('a.log') as file:\n    print(file.read())\n"
    found = amiss("write the errors of a.log into b.log", "b.log", None, program)
    assert found is not None and found.why == "program"
    assert amiss("write b.py", "b.py", None, program) is None


def test_which_names_get_another_name() -> None:
    for asked, pairs in (
        ("rename area to surface in a.py and wherever it is used", [("area", "surface")]),
        ("rename the variable `x` in a.py to `total`", [("x", "total")]),
        ("in a.py call the variables l and r left and right", [("l", "left"), ("r", "right")]),
        ("the key usr in a.json should be called user", [("usr", "user")]),
        ("rename f to g and make it return 2", []),
        ("what is f called?", []),
    ):
        assert renames(asked) == pairs, asked


def test_renaming_changes_nothing_else() -> None:
    asked, before = "rename x to total in a.py", "x = 1\nprint(x, 'xx')\n"
    assert amiss(asked, "a.py", before, "total = 1\nprint(total, 'xx')\n") is None
    assert amiss(asked, "a.py", before, "total = 1\nprint(x, 'xx')\n") is None
    found = amiss(asked, "a.py", before, "total = 1\n")
    assert found is not None
    assert found.hint.endswith(renaming(asked, ["a.py"]))
    assert renaming(asked, ["a.py"]) == r"sed -i 's/\bx\b/total/g' a.py"


def test_a_name_is_changed_everywhere_at_once() -> None:
    log = [LISTED, user("rename f to g in a.py"), *read("a.py", "def f(): ...\nh = f")]
    found = doubt(edit("a.py", "def f(): ...\n", "def g(): ...\n"), scene(log))
    assert found is not None
    assert (found.why, found.bars) == ("lost", ("write", "edit"))
    assert found.hint.endswith(renaming("rename f to g", ["a.py"]))


def test_a_name_is_looked_for_in_all_files_before_and_after() -> None:
    log: list[Entry] = [LISTED, user("rename f to g in a.py"), *read("a.py", "def f(): ...")]
    ((name, looking),) = moves(log)
    assert looking["command"] == "grep -rnwIF --exclude-dir=.git -e f ."
    told = "./a.py:1:def f(): ...\n./test_a.py:1:f()"
    log += did(name, said=told, auto=True, **looking)
    assert scene(log).places == ["a.py", "test_a.py"]
    log += did("edit_file", path="a.py", old="def f(): ...\n", new="def g(): ...\n")
    assert moves(log) == (("shell", looking),)
    log += did(name, said="./test_a.py:1:f()", auto=True, **looking)
    found = doubt(Action("done", "Renamed."), scene(log))
    assert found is not None
    assert found.hint.endswith(r"sed -i 's/\bf\b/g/g' test_a.py")
    log += did("shell", command=r"sed -i 's/\bf\b/g/g' test_a.py")
    log += did(name, ok=False, said="Exit code: 1", auto=True, **looking)
    assert doubt(Action("done", "Renamed."), scene(log)) is None


def test_a_question_changes_no_file() -> None:
    assert asks("how many threads does it use?")
    assert not asks("why does a.py crash? fix it")
    log = (LISTED, user("what does f return?"), *read("a.py", "def f(): ..."))
    told = body(request(*log))["grammar"]
    assert "edit" not in told.splitlines()[0] and "write" not in told.splitlines()[0]
    assert "edit" in body(request(LISTED, user("make f good"), *log[2:]))["grammar"]


def test_what_git_ignores_stands_in_its_own_file() -> None:
    listed = files([(".gitignore", 9), ("a.py", 9)])
    assert first_looks(scene([listed, user("git should not track dist")])) == [".gitignore"]


# What an answer plainly means


def test_a_command_does_not_empty_what_it_reads() -> None:
    assert repaired("sort -u a.txt > a.txt") == "sort -u a.txt > a.txt.new && mv a.txt.new a.txt"
    for each in ("sort a.txt > b.txt", "echo a >> a.txt", "sort a.txt", "cat > a.txt"):
        assert repaired(each) == each
    action = parsed("run sort a.txt > a.txt", Scene())
    assert action is not None and action.given is not None
    assert action.given["command"].endswith("mv a.txt.new a.txt")


def test_an_edit_of_what_stands_twice_is_made_where_it_is_meant() -> None:
    before = "def one(a):\n    return a\n\n\ndef two(a):\n    return a\n"
    mended = before[: before.rindex("return a\n")] + "return -a\n"
    old, new = "    return a\n", "    return -a\n"

    def made(new: str, told: str) -> str:
        part, put = placed(before, old, new, told)
        return before.replace(part, put) if before.count(part) == 1 else "nothing"

    assert made(new, "FAIL: test_two") == mended
    assert made("    return a\n\n\ndef two(a):\n    return -a\n", "") == mended
    for told in ("FAIL: test_one and two", "FAIL: test_both", ""):
        assert made(new, told) == "nothing"
    assert made("    return a\n\n\ndef three(a):\n    return 3\n", "two") == "nothing"


def test_an_edit_takes_the_lines_that_it_writes_anew() -> None:
    before = "[a]\nx = 1\ny = [1, 2]\nz = 3\n\n[b]\nx = 1\n"
    new = "[a]\nx = 1\ny = [1, 2, 3]\nz = 3\n"
    assert before.replace(widened(before, "[a]\n", new), new) == f"{new}\n[b]\nx = 1\n"
    assert widened(before, "z = 3\n", new) == new.replace(", 3]", "]")
    assert widened(before, "z = 3\n", "z = 3\nw = 4\n") == "z = 3\n"
    assert widened(before, "x = 1\n", new) == "x = 1\n"
    here = scene([LISTED, user("add 3 to y in a.toml"), *read("a.toml", before.rstrip())])
    action = parsed(f"edit a.toml\n<<<<<<< old\n[a]\n=======\n{new}>>>>>>> new", here)
    assert action is not None and action.given is not None
    assert action.given["old"] == new.replace(", 3]", "]")


def test_an_answer_that_says_the_same_again_and_again_is_ended() -> None:
    assert looping("done it is\n" + "so and so it is\n" * 20)
    assert not looping("# Title\n" + "=" * 80 + "\n" + "import os\nimport sys\n" * 5)


# What broke


TRACE = """Traceback (most recent call last):
  File "/w/run.py", line 3, in <module>
    mean([])
  File "/w/stats.py", line 2, in mean
    return sum(values) / len(values)
ZeroDivisionError: division by zero"""


def test_where_it_broke_is_where_it_is_changed() -> None:
    views = {"stats.py": MEAN + "\n\ndef other(): ...\n", "run.py": "import stats\n\nmean([])\n"}
    place = broke(TRACE, views)
    assert place is not None
    assert (place.path, place.line, place.first, place.last) == ("stats.py", 2, 1, 2)
    assert broke(TRACE.rpartition("  File")[0], views) is not None
    assert broke(TRACE + '\n  File "/usr/lib/x.py", line 1, in f', views) is None
    told = grammar(Scene(views=views), within=place)
    assert "edit run.py" not in told
    assert "(e0l0 | e0l1) " in told
    test = {"test_a.py": "from a import f\nassert f() == 2\n"}
    assert broke('  File "/w/test_a.py", line 2, in <module>', test) is None
    here = (*read("stats.py", MEAN), *did("shell", ok=False, said=TRACE, command="python3 run.py"))
    asked = body(request(LISTED, user("run.py crashes, fix it"), *here))
    assert "(It broke in line 2 of stats.py: return sum" in str(asked["messages"][-1])
    assert "(e0l0 | e0l1) " in asked["grammar"]


def test_what_no_python_would_run_is_seen() -> None:
    assert unreadable("a.py", "return 1\n")
    assert unreadable("a.py", "def f():\n    return 1\n") == ""
    again = "args = p.parse_args()\np.add_argument('x')\nargs = p.parse_args()\n"
    assert twice("a.py", "args = p.parse_args()\n", again) == "args = p.parse_args()"
    assert twice("a.py", again, again) == ""
    ast.parse(again)
    assert lost("a.py", "", "print(x)\n") == "x"


def test_a_test_that_is_to_pass_is_not_edited() -> None:
    log = [LISTED, user("make test_a.py pass"), *read("a.py", "def f():\n    return 1")]
    log += read("test_a.py", "assert f() == 2")
    found = doubt(edit("test_a.py", "assert f() == 2\n", "\n"), scene(log))
    assert found is not None
    assert (found.why, found.spared) == ("test", "test_a.py")
    told = body(request(*log), [found])["grammar"]
    assert "edit a.py" in told
    assert "edit test_a.py" not in told


def test_a_file_that_is_to_be_moved_is_not_rewritten() -> None:
    log = [LISTED, user("rename a.py to b.py"), *read("a.py", "x = 1")]
    found = doubt(edit("a.py", "x = 1\n", "x = 2\n"), scene(log))
    assert found is not None
    assert (found.why, found.bars) == ("moves", ("write", "edit"))
    assert found.hint.endswith("run mv a.py b.py")
    assert why(Action("run", given={"command": "mv a.py b.py"}), scene(log)) == ""


def test_files_that_a_task_is_not_about_stay_where_they_are() -> None:
    listed = files([("a.csv", 1), ("b.csv", 1), ("n.txt", 1)])
    here = scene([listed, user("move all the csv files into data")])
    assert why(Action("run", given={"command": "mv a.csv b.csv n.txt data/"}), here) == "beyond"
    assert why(Action("run", given={"command": "mv a.csv b.csv data/"}), here) == ""
    assert why(Action("run", given={"command": "cat n.txt a.csv"}), here) == ""


def test_an_option_is_added_before_they_are_read() -> None:
    before = "p = P()\np.add_argument('a')\nargs = p.parse_args()\nprint(args.a)"
    here = scene([LISTED, user("add an option --b to a.py"), *read("a.py", before)])
    after = edit("a.py", "print(args.a)\n", "p.add_argument('--b')\nprint(args.a)\n")
    assert why(after, here) in ("late", "lost")
    listed = scene([LISTED, user("change a.py"), *read("a.py", f"from c import P\n{before}")])
    assert why(after, listed) == "late"
