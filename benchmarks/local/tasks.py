"""Small tasks for the embedded model: files in, a prompt, and a check of what is on disk after.

The tuning half was looked at while prompts and examples were written; the held-out half was
not. Both were written before either was run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Check = Callable[[Path, str], bool]
"""Given the folder and the final answer, says whether the task was done."""


@dataclass(frozen=True)
class Task:
    """One task."""

    name: str
    prompt: str
    check: Check
    files: dict[str, str] = field(default_factory=dict)
    held_out: bool = False


def text(folder: Path, name: str) -> str:
    """A file's text, empty when it is not there."""
    path = folder / name
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def output(folder: Path, *args: str) -> str:
    """What Python prints for some arguments; `!` and the code when it fails."""
    done = subprocess.run(
        [sys.executable, *args], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout if done.returncode == 0 else f"! {done.returncode}"


def passes(folder: Path, *args: str) -> bool:
    """Whether a Python program ends well."""
    return not output(folder, *args).startswith("!")


def has(*words: str) -> Check:
    """The answer names all of these."""
    return lambda _, answer: all(each.lower() in answer.lower() for each in words)


CART = """def subtotal(prices):
    total = 0
    for price in prices:
        total -= price
    return total


def discount(total, percent):
    return total - total * percent / 100
"""
TEST_CART = """import unittest

from cart import discount, subtotal


class CartTest(unittest.TestCase):
    def test_subtotal(self):
        self.assertEqual(subtotal([5, 7]), 12)

    def test_discount(self):
        self.assertEqual(discount(200, 25), 150)


if __name__ == "__main__":
    unittest.main()
"""
CALC = """def add(a, b):
    return a + b


def divide(a, b):
    return a * b
"""
TEST_CALC = """from calc import add, divide


def test_add():
    assert add(2, 3) == 5


def test_divide():
    assert divide(8, 2) == 4


if __name__ == "__main__":
    test_add()
    test_divide()
    print("ok")
"""
TEMPS = """def to_celsius(f):
    return (f + 32) * 5 / 9
"""
TEST_TEMPS = """from temps import to_celsius

assert to_celsius(212) == 100, to_celsius(212)
assert to_celsius(32) == 0, to_celsius(32)
print("all good")
"""
WORDS = """def longest(words):
    best = ""
    for word in words:
        if len(word) < len(best):
            best = word
    return best
"""
TEST_WORDS = """import unittest
from words import longest


class T(unittest.TestCase):
    def test_longest(self):
        self.assertEqual(longest(["a", "banana", "fig"]), "banana")


unittest.main()
"""
STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop(0)
"""
TEST_STACK = """from stack import Stack

s = Stack()
s.push(1)
s.push(2)
assert s.pop() == 2
assert s.pop() == 1
print("ok")
"""
CRASH = """import sys

names = ["ann", "bob"]
for i in range(3):
    print(names[i])
"""

TASKS: list[Task] = [
    Task(
        "hello",
        "create hello.py that prints hello world and run it",
        lambda f, _: "hello world" in output(f, "hello.py").lower(),
    ),
    Task(
        "list",
        "what files are here?",
        has("alpha.txt", "beta.md"),
        {"alpha.txt": "a\n", "beta.md": "b\n"},
    ),
    Task(
        "number", "what number is in notes.txt?", has("4217"), {"notes.txt": "the code is 4217\n"}
    ),
    Task(
        "fix-cart",
        "fix the failing test",
        lambda f, _: passes(f, "test_cart.py") and text(f, "test_cart.py") == TEST_CART,
        {"cart.py": CART, "test_cart.py": TEST_CART},
    ),
    Task(
        "fix-calc",
        "fix the failing test",
        lambda f, _: passes(f, "test_calc.py") and text(f, "test_calc.py") == TEST_CALC,
        {"calc.py": CALC, "test_calc.py": TEST_CALC},
    ),
    Task(
        "fix-words",
        "test_words.py fails. Fix the bug.",
        lambda f, _: passes(f, "test_words.py") and text(f, "test_words.py") == TEST_WORDS,
        {"words.py": WORDS, "test_words.py": TEST_WORDS},
    ),
    Task(
        "rename",
        "rename the function foo to bar in util.py",
        lambda f, _: (
            output(f, "-c", "import util; print(util.bar(2))").strip() == "3"
            and "foo" not in text(f, "util.py")
        ),
        {"util.py": "def foo(x):\n    return x + 1\n\n\nprint_me = foo\n"},
    ),
    Task(
        "count",
        "how many lines does data.csv have?",
        has("6"),
        {"data.csv": "a,b\n1,2\n3,4\n5,6\n7,8\n9,0\n"},
    ),
    Task(
        "mkdir",
        "make a folder src with an empty __init__.py in it",
        lambda f, _: (f / "src/__init__.py").is_file(),
    ),
    Task(
        "append",
        "add the line 'done' at the end of log.txt",
        lambda f, _: text(f, "log.txt").split() == ["one", "two", "done"],
        {"log.txt": "one\ntwo\n"},
    ),
    Task(
        "port",
        "change the port to 9090 in config.json",
        lambda f, _: (
            text(f, "config.json").replace(" ", "").replace("\n", "")
            == '{"host":"localhost","port":9090}'
        ),
        {"config.json": '{\n  "host": "localhost",\n  "port": 8080\n}\n'},
    ),
    Task(
        "todo",
        "which file has a TODO in it?",
        has("b.py"),
        {"a.py": "x = 1\n", "b.py": "# TODO: later\n", "c.py": "y = 2\n"},
    ),
    Task(
        "fix-stack",
        "fix the failing test",
        lambda f, _: passes(f, "test_stack.py") and text(f, "test_stack.py") == TEST_STACK,
        {"stack.py": STACK, "test_stack.py": TEST_STACK},
        held_out=True,
    ),
    Task(
        "fix-temps",
        "the test in test_temps.py fails, fix temps.py",
        lambda f, _: passes(f, "test_temps.py") and text(f, "test_temps.py") == TEST_TEMPS,
        {"temps.py": TEMPS, "test_temps.py": TEST_TEMPS},
        held_out=True,
    ),
    Task(
        "delete",
        "delete old.txt",
        lambda f, _: not (f / "old.txt").exists() and (f / "new.txt").exists(),
        {"old.txt": "x\n", "new.txt": "y\n"},
        held_out=True,
    ),
    Task(
        "copy",
        "copy a.txt to b.txt",
        lambda f, _: text(f, "b.txt") == "same\n" == text(f, "a.txt"),
        {"a.txt": "same\n"},
        held_out=True,
    ),
    Task(
        "largest",
        "what is the largest number in numbers.txt?",
        has("971"),
        {"numbers.txt": "12\n971\n88\n500\n"},
        held_out=True,
    ),
    Task(
        "add-function",
        "add a function square(n) to maths.py that returns n times n",
        lambda f, _: (
            output(f, "-c", "import maths; print(maths.square(7), maths.half(8))").strip()
            == "49 4.0"
        ),
        {"maths.py": "def half(n):\n    return n / 2\n"},
        held_out=True,
    ),
    Task(
        "word",
        "how often does the word cat occur in story.txt?",
        lambda _, a: "3" in a or "three" in a.lower(),
        {"story.txt": "the cat saw a cat.\nno dog. one cat.\n"},
        held_out=True,
    ),
    Task(
        "crash",
        "names.py crashes, fix it",
        lambda f, _: output(f, "names.py").split() == ["ann", "bob"],
        {"names.py": CRASH},
        held_out=True,
    ),
    Task(
        "sort",
        "sort the lines of fruit.txt alphabetically, in the file",
        lambda f, _: text(f, "fruit.txt").split() == ["apple", "fig", "pear"],
        {"fruit.txt": "pear\napple\nfig\n"},
        held_out=True,
    ),
    Task(
        "https",
        "replace http:// by https:// in links.md",
        lambda f, _: text(f, "links.md") == "[a](https://a.example)\n[b](https://b.example)\n",
        {"links.md": "[a](http://a.example)\n[b](http://b.example)\n"},
        held_out=True,
    ),
    Task(
        "fibonacci",
        "write fib.py that prints the first 10 Fibonacci numbers",
        lambda f, _: (
            output(f, "fib.py").replace(",", " ").replace("[", " ").replace("]", " ").split()[-4:]
            in (["8", "13", "21", "34"], ["13", "21", "34", "55"])
        ),
        held_out=True,
    ),
    Task(
        "docstring",
        "give the function in area.py a docstring",
        lambda f, _: (
            output(f, "-c", "import area; print(bool(area.area.__doc__), area.area(2, 3))").strip()
            == "True 6"
        ),
        {"area.py": "def area(w, h):\n    return w * h\n"},
        held_out=True,
    ),
]
