"""The held-out half: which of these failed was seen, how they failed was not looked at."""

from __future__ import annotations

from task import Task, both, fixed, has, holds, is_json, is_toml, lacks, output, prints, text

TEMPS = """def to_celsius(f):
    return (f + 32) * 5 / 9
"""
TEST_TEMPS = """from temps import to_celsius

assert to_celsius(212) == 100, to_celsius(212)
assert to_celsius(32) == 0, to_celsius(32)
print("all good")
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
PALINDROME = """def is_palindrome(word):
    return word == reversed(word)


def vowels(word):
    return sum(letter in "aeiou" for letter in word)
"""
TEST_PALINDROME = """import unittest

from palindrome import is_palindrome, vowels


class PalindromeTest(unittest.TestCase):
    def test_palindrome(self):
        self.assertTrue(is_palindrome("level"))
        self.assertFalse(is_palindrome("lever"))

    def test_vowels(self):
        self.assertEqual(vowels("banana"), 3)


if __name__ == "__main__":
    unittest.main()
"""
REPEAT = """import argparse


def main():
    parser = argparse.ArgumentParser()
    parser.parse_args()
    print("hello")


if __name__ == "__main__":
    main()
"""
NET = """HOST = "example.org"
TIMEOUT = 10
RETRIES = 2


def address(path):
    return f"https://{HOST}/{path}"
"""
CODES = """KEYS = {"a": 1, "b": 2}


def size():
    return len(KEYS)


def password():
    return "marmalade"
"""
TALLY = """def tally(items):
    cnt = 0
    for item in items:
        if item:
            cnt += 1
    return cnt
"""
BOX = """class Box:
    def __init__(self):
        self.items = []

    def put(self, item):
        self.items.append(item)
"""
DIVIDE = """def divide(a, b):
    return a / b
"""
PROJECT = """[project]
name = "clock"
version = "0.2.0"
requires-python = ">=3.10"
"""
SYSTEMS = """# Clock

It runs on:

- Linux
- macOS

Ask for help in the forum.
"""
LEGACY = '{\n  "theme": "dark",\n  "legacy": 1,\n  "tabs": 4\n}\n'

HELD_OUT: list[Task] = [
    Task(
        "fix-stack",
        "fix the failing test",
        fixed("test_stack.py", TEST_STACK),
        {"stack.py": STACK, "test_stack.py": TEST_STACK},
        {"stack.py": STACK.replace("pop(0)", "pop()")},
    ),
    Task(
        "fix-temps",
        "the test in test_temps.py fails, fix temps.py",
        fixed("test_temps.py", TEST_TEMPS),
        {"temps.py": TEMPS, "test_temps.py": TEST_TEMPS},
        {"temps.py": TEMPS.replace("+ 32", "- 32")},
    ),
    Task(
        "delete",
        "delete old.txt",
        lambda f, _: not (f / "old.txt").exists() and (f / "new.txt").exists(),
        {"old.txt": "x\n", "new.txt": "y\n"},
        {"old.txt": None},
    ),
    Task(
        "copy",
        "copy a.txt to b.txt",
        lambda f, _: text(f, "b.txt") == "same\n" == text(f, "a.txt"),
        {"a.txt": "same\n"},
        {"b.txt": "same\n"},
    ),
    Task(
        "largest",
        "what is the largest number in numbers.txt?",
        has("971"),
        {"numbers.txt": "12\n971\n88\n500\n"},
        reply="971",
    ),
    Task(
        "add-function",
        "add a function square(n) to maths.py that returns n times n",
        prints("import maths; print(maths.square(7), maths.half(8))", "49 4.0"),
        {"maths.py": "def half(n):\n    return n / 2\n"},
        {"maths.py": "def half(n):\n    return n / 2\n\n\ndef square(n):\n    return n * n\n"},
    ),
    Task(
        "word",
        "how often does the word cat occur in story.txt?",
        lambda _, a: "3" in a or "three" in a.lower(),
        {"story.txt": "the cat saw a cat.\nno dog. one cat.\n"},
        reply="3 times",
    ),
    Task(
        "crash",
        "names.py crashes, fix it",
        lambda f, _: output(f, "names.py").split() == ["ann", "bob"],
        {"names.py": CRASH},
        {"names.py": CRASH.replace("range(3)", "range(2)")},
    ),
    Task(
        "sort",
        "sort the lines of fruit.txt alphabetically, in the file",
        lambda f, _: text(f, "fruit.txt").split() == ["apple", "fig", "pear"],
        {"fruit.txt": "pear\napple\nfig\n"},
        {"fruit.txt": "apple\nfig\npear\n"},
    ),
    Task(
        "https",
        "replace http:// by https:// in links.md",
        lambda f, _: text(f, "links.md") == "[a](https://a.example)\n[b](https://b.example)\n",
        {"links.md": "[a](http://a.example)\n[b](http://b.example)\n"},
        {"links.md": "[a](https://a.example)\n[b](https://b.example)\n"},
    ),
    Task(
        "fibonacci",
        "write fib.py that prints the first 10 Fibonacci numbers",
        lambda f, _: (
            output(f, "fib.py").replace(",", " ").replace("[", " ").replace("]", " ").split()[-4:]
            in (["8", "13", "21", "34"], ["13", "21", "34", "55"])
        ),
        solution={
            "fib.py": "a, b = 0, 1\nfor _ in range(10):\n    print(a)\n    a, b = b, a + b\n"
        },
    ),
    Task(
        "docstring",
        "give the function in area.py a docstring",
        prints("import area; print(bool(area.area.__doc__), area.area(2, 3))", "True 6"),
        {"area.py": "def area(w, h):\n    return w * h\n"},
        {"area.py": 'def area(w, h):\n    """Area."""\n    return w * h\n'},
    ),
    Task(
        "fix-palindrome",
        "one of the tests fails. Find out why and fix it.",
        fixed("test_palindrome.py", TEST_PALINDROME),
        {"palindrome.py": PALINDROME, "test_palindrome.py": TEST_PALINDROME},
        {"palindrome.py": PALINDROME.replace("reversed(word)", "word[::-1]")},
    ),
    Task(
        "option",
        "add an option --times N to repeat.py: it prints hello N times (default 1)",
        lambda f, _: (
            output(f, "repeat.py").split() == ["hello"]
            and output(f, "repeat.py", "--times", "3").split() == ["hello"] * 3
        ),
        {"repeat.py": REPEAT},
        {
            "repeat.py": REPEAT.replace(
                "    parser.parse_args()\n    print",
                '    parser.add_argument("--times", type=int, default=1)\n'
                "    for _ in range(parser.parse_args().times):\n        print",
            )
        },
    ),
    Task(
        "spelling",
        "the word 'recieve' in notes.md is misspelt, correct it",
        holds("notes.md", "# Notes\n\nYou receive a letter every day.\n"),
        {"notes.md": "# Notes\n\nYou recieve a letter every day.\n"},
        {"notes.md": "# Notes\n\nYou receive a letter every day.\n"},
    ),
    Task(
        "python",
        "change requires-python to >=3.12 in pyproject.toml",
        is_toml(
            "pyproject.toml",
            {"project": {"name": "clock", "version": "0.2.0", "requires-python": ">=3.12"}},
        ),
        {"pyproject.toml": PROJECT},
        {"pyproject.toml": PROJECT.replace("3.10", "3.12")},
    ),
    Task(
        "json-remove",
        "remove the key legacy from options.json",
        is_json("options.json", {"theme": "dark", "tabs": 4}),
        {"options.json": LEGACY},
        {"options.json": '{\n  "theme": "dark",\n  "tabs": 4\n}\n'},
    ),
    Task(
        "timeout",
        "change TIMEOUT in net.py from 10 to 60",
        holds("net.py", NET.replace("= 10", "= 60")),
        {"net.py": NET},
        {"net.py": NET.replace("= 10", "= 60")},
    ),
    Task(
        "rename-variable",
        "rename the variable cnt to count in tally.py",
        both(
            prints("import tally; print(tally.tally([1, 0, 2]))", "2"),
            holds("tally.py", TALLY.replace("cnt", "count")),
        ),
        {"tally.py": TALLY},
        {"tally.py": TALLY.replace("cnt", "count")},
    ),
    Task(
        "write-module",
        "write even.py with a function is_even(n) that says whether n is even",
        prints("import even; print(even.is_even(4), even.is_even(7))", "True False"),
        solution={"even.py": "def is_even(n):\n    return n % 2 == 0\n"},
    ),
    Task(
        "returns",
        "what does the function password in codes.py return?",
        has("marmalade"),
        {"codes.py": CODES},
        reply="marmalade",
    ),
    Task(
        "method",
        "add a method size() to the class Box in box.py that returns the number of items",
        prints("import box; b = box.Box(); b.put(1); b.put(2); print(b.size())", "2"),
        {"box.py": BOX},
        {"box.py": BOX + "\n    def size(self):\n        return len(self.items)\n"},
    ),
    Task(
        "systems",
        "add Windows to the list of systems in README.md",
        both(
            lambda f, _: "\n- Linux\n- macOS\n- Windows\n" in text(f, "README.md"),
            lambda f, _: text(f, "README.md").endswith("Ask for help in the forum.\n"),
        ),
        {"README.md": SYSTEMS},
        {"README.md": SYSTEMS.replace("- macOS\n", "- macOS\n- Windows\n")},
    ),
    Task(
        "zero",
        "make divide in divide.py raise a ValueError when b is 0",
        both(
            prints(
                "import divide\n"
                "print(divide.divide(8, 2))\n"
                "try: divide.divide(1, 0)\n"
                "except ValueError: print('refused')",
                "4.0 refused",
            ),
            lacks("divide.py", "```"),
        ),
        {"divide.py": DIVIDE},
        {
            "divide.py": "def divide(a, b):\n    if b == 0:\n        raise ValueError(b)\n"
            "    return a / b\n"
        },
    ),
]
