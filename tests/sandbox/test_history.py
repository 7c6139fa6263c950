"""The safety copy of a repository, taken and put back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from codex_py_sandbox.history import Keeper

GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid"]


def test_a_branch_comes_back_although_a_copy_was_taken_while_it_was_being_removed(
    tmp_path: Path,
) -> None:
    repo, store = tmp_path / "repo", tmp_path / "store"
    store.mkdir()
    repo.mkdir()
    for args in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*GIT, *args], cwd=repo, check=True)
    keeper = Keeper(f"{repo}/.git", f"{repo}/.git", str(store))
    assert keeper.keep()
    (repo / ".git/refs/heads/main").unlink()
    assert keeper.keep()
    shutil.rmtree(repo / ".git/refs")
    assert keeper.put_back()
    log = ["log", "--format=%s", "main"]
    done = subprocess.run([*GIT, *log], cwd=repo, capture_output=True, text=True)
    assert done.stdout == "first\n", done.stderr
