"""The tuning half: looked at while prompts, examples and reminders were written."""

from __future__ import annotations

import re

from task import Task, both, fixed, has, holds, is_json, is_toml, lacks, output, prints, text

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
LEAP = """def is_leap(year):
    return year % 4 == 0
"""
TEST_LEAP = """import unittest

from leap import is_leap


class LeapTest(unittest.TestCase):
    def test_fourth(self):
        self.assertTrue(is_leap(2024))
        self.assertFalse(is_leap(2023))

    def test_century(self):
        self.assertFalse(is_leap(1900))
        self.assertTrue(is_leap(2000))


if __name__ == "__main__":
    unittest.main()
"""
GREET = """import argparse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    args = parser.parse_args()
    print(f"hello {args.name}")


if __name__ == "__main__":
    main()
"""
CLIENT = """import time

MAX_RETRIES = 3
DELAY = 0.5


def fetch(get):
    for _ in range(MAX_RETRIES):
        try:
            return get()
        except OSError:
            time.sleep(DELAY)
    return None
"""
SHOP = """RATE = 0.19


def net(items):
    return sum(items)


def duty(items):
    return net(items) * RATE


def total(items):
    return net(items) + duty(items)
"""
PROJECT = """[project]
name = "tool"
version = "1.3.2"
dependencies = ["rich>=13"]
"""
ROOT = """def root(n):
    return n ** 0.5
"""
APP = """import json
import os


def load(path):
    with open(path) as file:
        return json.load(file)
"""
CIRCLE = """def circumference(r):
    return 3.14 * r * r
"""
TEST_CIRCLE = """from circle import circumference

assert circumference(1) == 6.28, circumference(1)
assert circumference(2) == 12.56, circumference(2)
print("fine")
"""
REPORT = """ages = {"ann": 31, "bob": 44}

for name in ["ann", "bob", "eve"]:
    print(name, ages[name])
"""
QUEUE = """class Queue:
    def __init__(self):
        self.items = []

    def add(self, item):
        self.items.insert(0, item)

    def next(self):
        return self.items.pop(0)
"""
TEST_QUEUE = """from queues import Queue

q = Queue()
q.add("a")
q.add("b")
assert q.next() == "a"
assert q.next() == "b"
print("ok")
"""
LISTS = """def first(items):
    return items[0]
"""
POINT = """class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y
"""

TUNING: list[Task] = [
    Task(
        "hello",
        "create hello.py that prints hello world and run it",
        lambda f, _: "hello world" in output(f, "hello.py").lower(),
        solution={"hello.py": "print('hello world')\n"},
    ),
    Task(
        "list",
        "what files are here?",
        has("alpha.txt", "beta.md"),
        {"alpha.txt": "a\n", "beta.md": "b\n"},
        reply="alpha.txt and beta.md",
    ),
    Task(
        "number",
        "what number is in notes.txt?",
        has("4217"),
        {"notes.txt": "the code is 4217\n"},
        reply="4217",
    ),
    Task(
        "fix-cart",
        "fix the failing test",
        fixed("test_cart.py", TEST_CART),
        {"cart.py": CART, "test_cart.py": TEST_CART},
        {"cart.py": CART.replace("-= price", "+= price")},
    ),
    Task(
        "fix-calc",
        "fix the failing test",
        fixed("test_calc.py", TEST_CALC),
        {"calc.py": CALC, "test_calc.py": TEST_CALC},
        {"calc.py": CALC.replace("a * b", "a / b")},
    ),
    Task(
        "fix-words",
        "test_words.py fails. Fix the bug.",
        fixed("test_words.py", TEST_WORDS),
        {"words.py": WORDS, "test_words.py": TEST_WORDS},
        {"words.py": WORDS.replace("<", ">")},
    ),
    Task(
        "rename",
        "rename the function foo to bar in util.py",
        both(prints("import util; print(util.bar(2))", "3"), lacks("util.py", "foo")),
        {"util.py": "def foo(x):\n    return x + 1\n\n\nprint_me = foo\n"},
        {"util.py": "def bar(x):\n    return x + 1\n\n\nprint_me = bar\n"},
    ),
    Task(
        "count",
        "how many lines does data.csv have?",
        has("6"),
        {"data.csv": "a,b\n1,2\n3,4\n5,6\n7,8\n9,0\n"},
        reply="6 lines",
    ),
    Task(
        "mkdir",
        "make a folder src with an empty __init__.py in it",
        lambda f, _: (f / "src/__init__.py").is_file(),
        solution={"src/__init__.py": ""},
    ),
    Task(
        "append",
        "add the line 'done' at the end of log.txt",
        lambda f, _: text(f, "log.txt").split() == ["one", "two", "done"],
        {"log.txt": "one\ntwo\n"},
        {"log.txt": "one\ntwo\ndone\n"},
    ),
    Task(
        "port",
        "change the port to 9090 in config.json",
        is_json("config.json", {"host": "localhost", "port": 9090}),
        {"config.json": '{\n  "host": "localhost",\n  "port": 8080\n}\n'},
        {"config.json": '{\n  "host": "localhost",\n  "port": 9090\n}\n'},
    ),
    Task(
        "todo",
        "which file has a TODO in it?",
        has("b.py"),
        {"a.py": "x = 1\n", "b.py": "# TODO: later\n", "c.py": "y = 2\n"},
        reply="b.py",
    ),
    Task(
        "flag",
        "add a --loud flag to greet.py that prints the greeting in capital letters",
        lambda f, _: (
            output(f, "greet.py", "ann") == "hello ann\n"
            and output(f, "greet.py", "ann", "--loud") == "HELLO ANN\n"
        ),
        {"greet.py": GREET},
        {
            "greet.py": GREET.replace(
                "    args =", '    parser.add_argument("--loud", action="store_true")\n    args ='
            ).replace(
                '    print(f"hello {args.name}")',
                '    said = f"hello {args.name}"\n    print(said.upper() if args.loud else said)',
            )
        },
    ),
    Task(
        "typo",
        "there is a typo in README.md: 'teh' should be 'the'",
        holds("README.md", "# Clock\n\nShows the time of the day.\n"),
        {"README.md": "# Clock\n\nShows teh time of the day.\n"},
        {"README.md": "# Clock\n\nShows the time of the day.\n"},
    ),
    Task(
        "version",
        "set the version to 1.4.0 in pyproject.toml",
        is_toml(
            "pyproject.toml",
            {"project": {"name": "tool", "version": "1.4.0", "dependencies": ["rich>=13"]}},
        ),
        {"pyproject.toml": PROJECT},
        {"pyproject.toml": PROJECT.replace("1.3.2", "1.4.0")},
    ),
    Task(
        "json-add",
        "add the key debug with the value true to settings.json",
        is_json("settings.json", {"name": "demo", "workers": 4, "debug": True}),
        {"settings.json": '{\n  "name": "demo",\n  "workers": 4\n}\n'},
        {"settings.json": '{\n  "name": "demo",\n  "workers": 4,\n  "debug": true\n}\n'},
    ),
    Task(
        "retries",
        "change MAX_RETRIES to 5 in client.py",
        holds("client.py", CLIENT.replace("= 3", "= 5")),
        {"client.py": CLIENT},
        {"client.py": CLIENT.replace("= 3", "= 5")},
    ),
    Task(
        "write-counter",
        "write count.py, a script that prints the number of lines in data.txt",
        lambda f, _: "4" in output(f, "count.py").split(),
        {"data.txt": "a\nb\nc\nd\n"},
        {"count.py": "print(len(open('data.txt').readlines()))\n"},
    ),
    Task(
        "which-function",
        "which function in shop.py computes the tax?",
        has("duty"),
        {"shop.py": SHOP},
        reply="duty computes it",
    ),
    Task(
        "fix-leap",
        "the tests in test_leap.py fail, please fix leap.py",
        fixed("test_leap.py", TEST_LEAP),
        {"leap.py": LEAP, "test_leap.py": TEST_LEAP},
        {"leap.py": LEAP.replace("0\n", "0 and (year % 100 != 0 or year % 400 == 0)\n")},
    ),
    Task(
        "unused-import",
        "remove the unused import from app.py",
        holds("app.py", APP.replace("import os\n", "")),
        {"app.py": APP},
        {"app.py": APP.replace("import os\n", "")},
    ),
    Task(
        "section",
        "add a section '## License' with the text 'MIT' at the end of README.md",
        # With or without an empty line below the heading: both are right.
        lambda f, _: text(f, "README.md").split() == "# Tool Does things. ## License MIT".split(),
        {"README.md": "# Tool\n\nDoes things.\n"},
        {"README.md": "# Tool\n\nDoes things.\n\n## License\n\nMIT\n"},
    ),
    Task(
        "ignore",
        "add *.log to .gitignore",
        lambda f, _: sorted(text(f, ".gitignore").split()) == ["*.log", "*.pyc", "build/"],
        {".gitignore": "*.pyc\nbuild/\n"},
        {".gitignore": "*.pyc\nbuild/\n*.log\n"},
    ),
    Task(
        "negative",
        "make root in root.py raise a ValueError when n is negative",
        prints(
            "import root\n"
            "print(root.root(9))\n"
            "try: root.root(-1)\n"
            "except ValueError: print('refused')",
            "3.0 refused",
        ),
        {"root.py": ROOT},
        {
            "root.py": "def root(n):\n    if n < 0:\n        raise ValueError(n)\n"
            "    return n ** 0.5\n"
        },
    ),
    # From here on: added after the first look at a score, so that kinds of work that failed
    # could be looked at without looking at the held-out half.
    Task(
        "remove-file",
        "delete build.log",
        lambda f, _: not (f / "build.log").exists() and (f / "keep.txt").exists(),
        {"build.log": "x\ny\n", "keep.txt": "k\n"},
        {"build.log": None},
    ),
    Task(
        "fix-circle",
        "the test in test_circle.py fails, fix circle.py",
        fixed("test_circle.py", TEST_CIRCLE),
        {"circle.py": CIRCLE, "test_circle.py": TEST_CIRCLE},
        {"circle.py": CIRCLE.replace("3.14 * r * r", "2 * 3.14 * r")},
    ),
    Task(
        "fix-report",
        "report.py crashes, please fix it",
        lambda f, _: output(f, "report.py").split()[:4] == ["ann", "31", "bob", "44"],
        {"report.py": REPORT},
        {"report.py": REPORT.replace(', "eve"', "")},
    ),
    Task(
        "fix-queue",
        "fix the failing test",
        fixed("test_queues.py", TEST_QUEUE),
        {"queues.py": QUEUE, "test_queues.py": TEST_QUEUE},
        {"queues.py": QUEUE.replace("insert(0, item)", "append(item)")},
    ),
    Task(
        "add-last",
        "add a function last(items) to lists.py that returns the last item",
        prints("import lists; print(lists.last([1, 2, 3]), lists.first([4, 5]))", "3 4"),
        {"lists.py": LISTS},
        {"lists.py": LISTS + "\n\ndef last(items):\n    return items[-1]\n"},
    ),
    Task(
        "add-method",
        "add a method moved(dx) to Point in point.py that returns a new Point with x + dx",
        prints("import point; p = point.Point(1, 2).moved(5); print(p.x, p.y)", "6 2"),
        {"point.py": POINT},
        {
            "point.py": POINT
            + "\n    def moved(self, dx):\n        return Point(self.x + dx, self.y)\n"
        },
    ),
    Task(
        "smallest",
        "which of the prices in prices.txt is the lowest?",
        has("3.20"),
        {"prices.txt": "tea 4.10\nmilk 3.20\nrice 12.00\n"},
        reply="3.20",
    ),
    Task(
        "primes",
        "write primes.py that prints the prime numbers below 20",
        lambda f, _: (
            re.findall(r"\d+", output(f, "primes.py"))[-8:] == "2 3 5 7 11 13 17 19".split()
        ),
        solution={
            "primes.py": "for n in range(2, 20):\n    if all(n % d for d in range(2, n)):\n"
            "        print(n)\n"
        },
    ),
]
