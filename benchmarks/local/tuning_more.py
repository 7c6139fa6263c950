"""More tuning tasks, of everyday kinds that the first did not have; looked at like those."""

from __future__ import annotations

import re

from task import Task, both, fixed, has, holds, is_json, is_toml, lacks, output, prints, text

TEMPS = """def to_celsius(f):
    return f - 32 * 5 / 9


def to_fahrenheit(c):
    return c * 9 / 5 + 32
"""
PAGES = """def pages(items, size):
    \"\"\"How many pages of `size` are needed for `items`.\"\"\"
    return items // size


def page(values, number, size):
    \"\"\"The values on a page; the first page is number 1.\"\"\"
    return values[number * size : (number + 1) * size]
"""
STATS = """def mean(values):
    return sum(values) / len(values)


def spread(values):
    return max(values) - min(values)
"""
TALLY = """import sys


def tally(path):
    counts = {}
    with open(path) as file:
        for line in file:
            name, amount = line.split(",")
            counts[name] = counts.get(name, 0) + int(amount)
    return counts


if __name__ == "__main__":
    for name, total in tally(sys.argv[1]).items():
        print(name, total)
"""
GUESTS = "mia\nbob\nzoe\nann\nbob\nmia\ntom\n"
TREE = """def height(node):
    if node is None:
        return 0
    l = height(node.left)
    r = height(node.right)
    return 1 + max(l, r)
"""
SIZES = """def area(w, h):
    return w * h


def volume(w, h, d):
    return area(w, h) * d
"""
ROOM = """from sizes import area

print("floor", area(3, 4))
print("wall", area(3, 2.5))
"""
LIMITS = "[server]\nhost = 127.0.0.1\nthreads = 4\n\n[cache]\nenabled = yes\nmegabytes = 64\n"
DEPLOY = "name: shop\nreplicas: 2\nimage: shop:1.8\nports:\n  - 80\n"
TOOLS_TOML = """[tool.lint]
line-length = 88
select = ["E", "F"]

[tool.types]
strict = false
"""
PACK = """#!/bin/sh
# Packs the folder given into a .tar.gz beside it.
if [ -z $1 ]; then
    echo "usage: pack.sh FOLDER"
    exit 1
fi
tar -czf $1.tar.gz $1
"""
STOCK = "item,count,price\nbolt,40,0.10\nnut,0,0.08\nscrew,25,0.05\nnail,0,0.02\n"
PARCEL = """def cost(kilos):
    return 4.5 + kilos * 1.2


def heavy(kilos):
    return kilos > 31.5


def refuse(kilos):
    if kilos > 31.5:
        raise ValueError("too heavy")
"""
SLUG_TEST = """import unittest

from slug import slug


class SlugTest(unittest.TestCase):
    def test_words(self):
        self.assertEqual(slug("Hello Big World"), "hello-big-world")

    def test_one(self):
        self.assertEqual(slug("Tea"), "tea")


if __name__ == "__main__":
    unittest.main()
"""
HEAD = """import argparse


def main():
    parser = argparse.ArgumentParser(description="Print the beginning of a file.")
    parser.add_argument("path")
    args = parser.parse_args()
    with open(args.path) as file:
        lines = file.read().splitlines()
    for line in lines[:3]:
        print(line)


main()
"""
MANUAL = """# Kettle

Boils water.

## Usage

    kettle --start

## Support

Write to help@kettle.example.
"""
ACCOUNT = """class Account:
    def __init__(self):
        self.balance = 0

    def deposit(self, amount):
        self.balance += amount

    def withdraw(self, amount):
        self.balance -= amount
"""
TEST_ACCOUNT = """from account import Account


def test_withdraw():
    one = Account()
    one.deposit(10)
    one.withdraw(4)
    assert one.balance == 6


def test_no_overdraft():
    one = Account()
    one.deposit(10)
    try:
        one.withdraw(50)
    except ValueError:
        pass
    else:
        raise AssertionError("must be refused")
    assert one.balance == 10


test_withdraw()
test_no_overdraft()
print("fine")
"""
ACCESS = """10:01 GET /index 200
10:02 GET /missing 404
10:02 POST /login 200
10:05 GET /favicon 404
10:09 GET /index 200
10:11 GET /old 404
10:12 POST /login 500
"""


TUNING_MORE: list[Task] = [
    Task(
        "celsius",
        "to_celsius(212) should give 100 but it gives something else. Correct temps.py.",
        prints(
            "import temps; print(temps.to_celsius(212), temps.to_fahrenheit(100))", "100.0 212.0"
        ),
        {"temps.py": TEMPS},
        {"temps.py": TEMPS.replace("f - 32 *", "(f - 32) *")},
    ),
    Task(
        "page-off-by-one",
        "pages.py: page(values, 1, 2) must return the first two values, but it skips them. Fix it.",
        prints(
            "from pages import page; print(page([5, 6, 7], 1, 2), page([5, 6, 7], 2, 2))",
            "[5, 6] [7]",
        ),
        {"pages.py": PAGES},
        {"pages.py": PAGES.replace("number * size : (number + 1)", "(number - 1) * size : number")},
    ),
    Task(
        "round-up",
        "pages(5, 2) in pages.py returns 2, it should be 3",
        prints("from pages import pages; print(pages(5, 2), pages(4, 2), pages(1, 9))", "3 2 1"),
        {"pages.py": PAGES},
        {"pages.py": PAGES.replace("items // size", "-(-items // size)")},
    ),
    Task(
        "empty-mean",
        "mean in stats.py crashes on an empty list. Let it return 0 then.",
        prints("import stats; print(stats.mean([]), stats.mean([2, 4]))", "0 3.0"),
        {"stats.py": STATS},
        {
            "stats.py": STATS.replace(
                "    return sum(", "    if not values:\n        return 0\n    return sum("
            )
        },
    ),
    Task(
        "blank-lines",
        "`python3 tally.py sales.csv` stops with a ValueError because of the empty line. "
        "Make tally.py skip empty lines.",
        lambda f, _: (
            output(f, "tally.py", "sales.csv") == "ann 8\nbob 2\n"
            and text(f, "sales.csv") == "ann,3\nbob,2\n\nann,5\n"
        ),
        {"tally.py": TALLY, "sales.csv": "ann,3\nbob,2\n\nann,5\n"},
        {
            "tally.py": TALLY.replace(
                "            name,",
                "            if not line.strip():\n                continue\n            name,",
            )
        },
    ),
    Task(
        "order-guests",
        "put the names in guests.txt into alphabetical order",
        holds("guests.txt", "\n".join(sorted(GUESTS.split()))),
        {"guests.txt": GUESTS},
        {"guests.txt": "\n".join(sorted(GUESTS.split())) + "\n"},
    ),
    Task(
        "no-doubles",
        "guests.txt has some names twice. Keep each only once.",
        lambda f, _: sorted(text(f, "guests.txt").split()) == sorted(set(GUESTS.split())),
        {"guests.txt": GUESTS},
        {"guests.txt": "mia\nbob\nzoe\nann\ntom\n"},
    ),
    Task(
        "sort-by-number",
        "sort scores.txt by points, the highest first",
        holds("scores.txt", "zoe 120\nann 95\ntom 40\nbob 7\n"),
        {"scores.txt": "ann 95\nbob 7\nzoe 120\ntom 40\n"},
        {"scores.txt": "zoe 120\nann 95\ntom 40\nbob 7\n"},
    ),
    Task(
        "filter-errors",
        "write all lines of app.log that contain ERROR into errors.log",
        both(
            holds("errors.log", "ERROR disk full\nERROR no route\n"),
            holds("app.log", "INFO start\nERROR disk full\nINFO retry\nERROR no route\n"),
        ),
        {"app.log": "INFO start\nERROR disk full\nINFO retry\nERROR no route\n"},
        {"errors.log": "ERROR disk full\nERROR no route\n"},
    ),
    Task(
        "clear-names",
        "in tree.py call the variables l and r left and right instead",
        holds(
            "tree.py",
            TREE.replace("l = ", "left = ")
            .replace("r = ", "right = ")
            .replace("l, r", "left, right"),
        ),
        {"tree.py": TREE},
        {
            "tree.py": TREE.replace("l = ", "left = ")
            .replace("r = ", "right = ")
            .replace("l, r", "left, right")
        },
    ),
    Task(
        "rename-two-files",
        "rename area to surface in sizes.py and wherever it is used",
        both(
            lambda f, _: output(f, "room.py") == "floor 12\nwall 7.5\n",
            prints("import sizes; print(sizes.surface(2, 3), sizes.volume(1, 2, 3))", "6 6"),
            lacks("sizes.py", "area"),
            lacks("room.py", "area"),
        ),
        {"sizes.py": SIZES, "room.py": ROOM},
        {"sizes.py": SIZES.replace("area", "surface"), "room.py": ROOM.replace("area", "surface")},
    ),
    Task(
        "rename-key",
        "the key usr in people.json should be called user",
        is_json("people.json", [{"user": "ann", "age": 31}, {"user": "bob", "age": 44}]),
        {"people.json": '[\n  {"usr": "ann", "age": 31},\n  {"usr": "bob", "age": 44}\n]\n'},
        {"people.json": '[\n  {"user": "ann", "age": 31},\n  {"user": "bob", "age": 44}\n]\n'},
    ),
    Task(
        "rename-file",
        "rename readme.txt to README.md",
        both(
            lambda f, _: not (f / "readme.txt").exists(),
            holds("README.md", "Clock shows the time.\n"),
        ),
        {"readme.txt": "Clock shows the time.\n", "clock.py": "print('12:00')\n"},
        {"readme.txt": None, "README.md": "Clock shows the time.\n"},
    ),
    Task(
        "gather-csv",
        "create a directory data and move all the csv files there",
        lambda f, _: (
            sorted(each.name for each in (f / "data").glob("*")) == ["a.csv", "b.csv"]
            and (f / "notes.txt").exists()
            and not (f / "a.csv").exists()
        ),
        {"a.csv": "1,2\n", "b.csv": "3,4\n", "notes.txt": "n\n"},
        {"a.csv": None, "b.csv": None, "data/a.csv": "1,2\n", "data/b.csv": "3,4\n"},
    ),
    Task(
        "ini",
        "use 8 threads and turn the cache off in server.ini",
        lambda f, _: (
            [each.replace(" ", "") for each in text(f, "server.ini").split("\n") if each]
            in [
                [
                    "[server]",
                    "host=127.0.0.1",
                    "threads=8",
                    "[cache]",
                    f"enabled={no}",
                    "megabytes=64",
                ]
                for no in ("no", "false", "off", "0")
            ]
        ),
        {"server.ini": LIMITS},
        {"server.ini": LIMITS.replace("4\n\n", "8\n\n").replace("yes", "no")},
    ),
    Task(
        "yaml",
        "deploy.yaml should run 3 replicas of shop:1.9",
        holds("deploy.yaml", DEPLOY.replace("replicas: 2", "replicas: 3").replace("1.8", "1.9")),
        {"deploy.yaml": DEPLOY},
        {"deploy.yaml": DEPLOY.replace("replicas: 2", "replicas: 3").replace("1.8", "1.9")},
    ),
    Task(
        "toml-list",
        'append "W" to the list select in tools.toml',
        is_toml(
            "tools.toml",
            {
                "tool": {
                    "lint": {"line-length": 88, "select": ["E", "F", "W"]},
                    "types": {"strict": False},
                }
            },
        ),
        {"tools.toml": TOOLS_TOML},
        {"tools.toml": TOOLS_TOML.replace('"F"]', '"F", "W"]')},
    ),
    Task(
        "count-flag",
        "head.py always prints 3 lines. Give it an option -n / --lines to say how many.",
        lambda f, _: (
            output(f, "head.py", "text.txt") == "a\nb\nc\n"
            and output(f, "head.py", "text.txt", "--lines", "1") == "a\n"
            and output(f, "head.py", "-n", "4", "text.txt") == "a\nb\nc\nd\n"
        ),
        {"head.py": HEAD, "text.txt": "a\nb\nc\nd\ne\n"},
        {
            "head.py": HEAD.replace(
                "    args =",
                '    parser.add_argument("-n", "--lines", type=int, default=3)\n    args =',
            ).replace("lines[:3]", "lines[: args.lines]")
        },
    ),
    Task(
        "slug",
        "write slug.py so that test_slug.py passes",
        fixed("test_slug.py", SLUG_TEST),
        {"test_slug.py": SLUG_TEST},
        {"slug.py": 'def slug(words):\n    return words.lower().replace(" ", "-")\n'},
    ),
    Task(
        "constant",
        "31.5 stands twice in parcel.py. Make it a constant MAX_KILOS at the top and use that.",
        both(
            lambda f, _: text(f, "parcel.py").count("31.5") == 1,
            prints(
                "import parcel; print(parcel.MAX_KILOS, parcel.heavy(31.5), parcel.heavy(32), "
                "parcel.cost(10))\n"
                "try: parcel.refuse(40)\n"
                "except ValueError: print('no')",
                "31.5 False True 16.5 no",
            ),
        ),
        {"parcel.py": PARCEL},
        {"parcel.py": "MAX_KILOS = 31.5\n\n\n" + PARCEL.replace("31.5", "MAX_KILOS")},
    ),
    Task(
        "overdraft",
        "make test_account.py pass",
        fixed("test_account.py", TEST_ACCOUNT),
        {"account.py": ACCOUNT, "test_account.py": TEST_ACCOUNT},
        {
            "account.py": ACCOUNT.replace(
                "        self.balance -=",
                "        if amount > self.balance:\n            raise ValueError(amount)\n"
                "        self.balance -=",
            )
        },
    ),
    Task(
        "pack",
        "pack.sh fails for a folder with a blank in its name. Quote what has to be quoted.",
        lambda f, _: (
            len(re.findall(r'"\$\{?1\}?"', text(f, "pack.sh"))) >= 2
            and re.search(r'"\$\{?1\}?"?\.tar\.gz', text(f, "pack.sh")) is not None
            and "exit 1" in text(f, "pack.sh")
        ),
        {"pack.sh": PACK},
        {"pack.sh": PACK.replace("-z $1", '-z "$1"').replace("$1.tar.gz $1", '"$1.tar.gz" "$1"')},
    ),
    Task(
        "sold-out",
        "delete the rows of stock.csv whose count is 0",
        holds("stock.csv", "item,count,price\nbolt,40,0.10\nscrew,25,0.05\n"),
        {"stock.csv": STOCK},
        {"stock.csv": "item,count,price\nbolt,40,0.10\nscrew,25,0.05\n"},
    ),
    Task(
        "docs",
        "README.md: the command is now `kettle boil`, not `kettle --start`",
        holds("README.md", MANUAL.replace("kettle --start", "kettle boil")),
        {"README.md": MANUAL},
        {"README.md": MANUAL.replace("kettle --start", "kettle boil")},
    ),
    Task(
        "ignore-folder",
        "git should not track the folder node_modules or .env",
        lambda f, _: (
            {each.strip("/") for each in text(f, ".gitignore").split()}
            == {"*.pyc", "node_modules", ".env"}
        ),
        {".gitignore": "*.pyc\n", "app.py": "print(1)\n"},
        {".gitignore": "*.pyc\nnode_modules/\n.env\n"},
    ),
    Task(
        "how-many-404",
        "how many requests in access.log ended with a 404?",
        lambda _, answer: re.search(r"\b(3|three)\b", answer, re.I) is not None,
        {"access.log": ACCESS},
        reply="three of them",
    ),
    Task(
        "what-default",
        "how many threads does the server use?",
        has("4"),
        {"server.ini": LIMITS},
        reply="4",
    ),
]
