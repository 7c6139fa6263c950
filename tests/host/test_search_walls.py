"""What the agent's own search reads is what a command could read, whatever is swapped under it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_py.effects import Effects
from codex_py.host import Host, open_host
from codex_py.host.confine import Ground
from tests.sandbox.battery.backends import ROOT, launcher_path

WORD = "hunter2-is-the-word"


def found(host: Host, path: Path | str, pattern: str = WORD, **more: object) -> list[str]:
    allowed = host.under(host.resolved(Effects(reads=(str(path),))))
    given = {"glob": "", "fixed": True, "ignore_case": False, "limit": 50} | more
    hits = allowed.search(str(path), pattern, **given)  # type: ignore[arg-type]
    assert not hits.error
    return list(hits.lines)


@pytest.fixture(params=["rg", "grep"])
def host(request: pytest.FixtureRequest, outside: Path) -> Iterator[Host]:
    """A host whose home has secrets, with and without ripgrep."""
    home, work = outside / "home", outside / "home/work"
    work.mkdir(parents=True)
    for name in (".ssh/id_rsa", ".netrc", "own/log", "work/plain", "work/[odd]/x", "denied/x"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"{WORD} in {name}\n")
    path = "/usr/bin:/bin" if request.param == "rg" else str(outside / "bin")
    if request.param == "grep":
        (outside / "bin").mkdir()
        for program in ("xargs", "grep", "bash"):
            (outside / "bin" / program).symlink_to(f"/usr/bin/{program}")
    ground = Ground(str(work), (str(work),), str(home / "own"), deny_read=(str(home / "denied"),))
    environ = {**os.environ, "HOME": str(home), "PATH": path}
    opened = open_host(ground, environ, timeout=10, free=True)
    yield opened
    opened.close()


@pytest.mark.sandbox
def test_a_search_from_above_shows_no_secret(host: Host, outside: Path) -> None:
    said = "\n".join(found(host, outside / "home"))
    assert "in work/plain" in said and "in work/[odd]/x" in said
    for name in (".ssh", ".netrc", "own", "denied"):
        assert f"in {name}" not in said


@pytest.mark.sandbox
def test_a_folder_swapped_for_a_link_all_the_time_shows_no_secret(
    host: Host, outside: Path
) -> None:
    work = outside / "home/work"
    (work / "deep").mkdir()
    (work / "deep/id_rsa").write_text("nothing\n")
    (work / "link").symlink_to(outside / "home/.ssh")
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for one, two in (
                ("deep", "kept"),
                ("link", "deep"),
                ("deep", "link"),
                ("kept", "deep"),
            ):
                os.rename(work / one, work / two)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        said = [line for _ in range(40) for line in found(host, work)]
    finally:
        over.set()
        thread.join()
    assert any("plain" in line for line in said)
    assert not [line for line in said if "in .ssh" in line]


@pytest.mark.sandbox
def test_the_commands_own_tmp_can_be_searched_and_its_links_lead_nowhere(
    host: Host, outside: Path
) -> None:
    tmp = Path(host.temporary) / "tmp"
    (tmp / "mine").write_text(f"{WORD} in tmp\n")
    (tmp / "out").symlink_to(outside / "home/.ssh")
    assert [line.partition(":")[0] for line in found(host, "/tmp")] == ["mine"]


UNWALLED = """
import os, sys
from codex_py.host import open_host
from codex_py.host.confine import Ground
from tests.host.test_search_walls import found
home, path = sys.argv[1:]
ground = Ground(f"{home}/work", (f"{home}/work",), f"{home}/own", deny_read=(f"{home}/denied",))
host = open_host(ground, {**os.environ, "HOME": home, "PATH": path}, timeout=10)
print(host.confinement or "nothing confines", *found(host, home), sep="\\n")
host.close()
"""


def test_where_nothing_confines_hidden_paths_are_left_out_all_the_same(
    host: Host, outside: Path
) -> None:
    emulate = [sys.executable, str(ROOT / "tests/sandbox/battery/emulate.py"), "docker-nolandlock"]
    line = [*emulate, "--", sys.executable, "-c", UNWALLED]
    line += [str(outside / "home"), host.environ["PATH"]]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{launcher_path()}"}
    said = subprocess.run(line, env=env, capture_output=True, text=True, check=True).stdout
    assert said.startswith("nothing confines\n")
    assert "in work/plain" in said
    for name in (".ssh", ".netrc", "own", "denied"):
        assert f"in {name}" not in said
