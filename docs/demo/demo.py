"""The main job on a small real repository: a failing test, one command, a green test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(sys.executable).parent / "codex-py"
REPOSITORY = TOP / ".demo" / "calculator"

FILES = {
    "calc.py": '''\
"""A small calculator."""


def multiply(a, b):
    return a * b


def divide(a, b):
    return a * b
''',
    "test_calc.py": """\
import unittest

from calc import divide, multiply


class CalcTest(unittest.TestCase):
    def test_multiply(self):
        self.assertEqual(multiply(2, 3), 6)

    def test_divide(self):
        self.assertEqual(divide(6, 3), 2)


if __name__ == "__main__":
    unittest.main()
""",
    ".gitignore": "__pycache__/\n",
}

PROMPT = "fix the failing test"


def main() -> int:
    """Run the demonstration. Returns 0 when the test is green at the end."""
    repository()
    before = tests()
    print(f"1. A repository with a failing test: {REPOSITORY.relative_to(TOP)}")
    print(f"   python3 test_calc.py exits with {before}\n")
    brain = [] if os.environ.get("OPENAI_API_KEY") else ["--local"]
    if brain:
        print("2. No OPENAI_API_KEY is set, so the built-in 1.5B model is used, offline.")
        if not local_model():
            return 1
    else:
        print("2. Using your OPENAI_API_KEY.")
    command = [str(PROGRAM), "exec", "--approval-mode", "full-auto", *brain, PROMPT]
    shown = " ".join(["codex-py", *command[1:-1], f'"{PROMPT}"'])
    print(f"\n3. $ {shown}\n", flush=True)
    code = subprocess.run(command, cwd=REPOSITORY, check=False).returncode
    print(f"\n   codex-py exited with {code}")
    after = tests()
    print(f"4. python3 test_calc.py exits with {after}\n")
    subprocess.run(["git", "--no-pager", "diff", "--stat"], cwd=REPOSITORY, check=False)
    subprocess.run(["git", "--no-pager", "diff"], cwd=REPOSITORY, check=False)
    print("\nThe test is green." if after == 0 else "\nThe test still fails.")
    return 0 if after == 0 and code == 0 else 1


def repository() -> None:
    """A fresh repository with one commit."""
    shutil.rmtree(REPOSITORY, ignore_errors=True)
    REPOSITORY.mkdir(parents=True)
    for name, text in FILES.items():
        (REPOSITORY / name).write_text(text, "utf-8")
    who = ["-c", "user.name=demo", "-c", "user.email=demo@example.invalid"]
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a calculator"]):
        subprocess.run(["git", *who, *args], cwd=REPOSITORY, check=True)


def tests() -> int:
    """The exit code of the repository's own test."""
    done = subprocess.run(
        ["python3", "test_calc.py"], cwd=REPOSITORY, capture_output=True, check=False
    )
    return done.returncode


def local_model() -> bool:
    """Install the embedded model and its server when they are missing."""
    status = [str(PROGRAM), "local", "status"]
    if subprocess.run(status, capture_output=True, check=False).returncode == 0:
        return True
    print("   This downloads its server (34 MB) and its weights (1.1 GB), once.", flush=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--editable", f"{TOP}[local]"]
    if subprocess.run(pip, check=False).returncode != 0:
        print("   The server could not be installed; set OPENAI_API_KEY instead.")
        return False
    return subprocess.run([str(PROGRAM), "local", "install"], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
