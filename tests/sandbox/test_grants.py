"""What a grant opens, and that it opens nothing beside: tried on every backend."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from codex_py_sandbox import Policy
from tests.sandbox.conftest import BACKENDS, Opener, repository, run

pytestmark = pytest.mark.sandbox
each_backend = pytest.mark.parametrize("backend", BACKENDS)


@each_backend
def test_a_file_and_a_folder_outside_are_opened_and_their_neighbours_are_not(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    for name in ("folder", "other"):
        (tmp_path / name).mkdir()
    for name in ("file", "beside", "folder/.envrc"):
        (tmp_path / name).write_text("old\n")
    given = Policy(roots=(work,), allow_write=(tmp_path / "file", tmp_path / "folder"))
    session = opened(given, backend)
    script = "for n in file beside folder/new other/new folder/.envrc; do echo new > ../$n; done"
    run(session, script, work)
    assert (tmp_path / "file").read_text() == "new\n"
    assert (tmp_path / "folder/new").read_text() == "new\n"
    assert (tmp_path / "beside").read_text() == "old\n"
    assert not (tmp_path / "other/new").exists()
    assert (tmp_path / "folder/.envrc").read_text() == "old\n"


@each_backend
def test_one_protected_path_is_opened_and_the_rest_stays_protected(
    opened: Opener, work: Path, backend: str
) -> None:
    repository(work)
    (work / ".envrc").write_text("old\n")
    session = opened(Policy(roots=(work,), allow_write=(work / ".git/hooks",)), backend)
    run(session, "echo x > .git/hooks/pre-push; echo x >> .git/config; echo x > .envrc", work)
    session.close()
    assert (work / ".git/hooks/pre-push").read_text() == "x\n"
    assert "x\n" not in (work / ".git/config").read_text()
    assert (work / ".envrc").read_text() == "old\n"


@each_backend
def test_one_secret_is_shown_and_its_neighbours_stay_hidden(
    opened: Opener, work: Path, environ: dict[str, str], backend: str
) -> None:
    keys = Path(environ["HOME"]) / ".ssh"
    keys.mkdir()
    for name in ("id_rsa", "known_hosts"):
        (keys / name).write_text(f"this is {name}\n")
    session = opened(Policy(roots=(work,), allow_read=(keys / "known_hosts",)), backend)
    ran = run(session, f"cat {keys}/known_hosts {keys}/id_rsa; echo x >> {keys}/known_hosts", work)
    assert "this is known_hosts" in ran.text
    assert "this is id_rsa" not in ran.text
    assert (keys / "known_hosts").read_text() == "this is known_hosts\n"


@each_backend
def test_a_path_that_became_a_link_is_not_opened(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    granted = work / "sub"
    granted.symlink_to(tmp_path / "elsewhere")
    session = opened(Policy(roots=(work,), allow_write=(granted,)), backend)
    run(session, "echo x > sub/file", work)
    assert not (tmp_path / "elsewhere/file").exists()


@each_backend
def test_the_network_can_be_opened_for_one_command_of_a_session(
    opened: Opener, work: Path, tmp_path: Path, backend: str
) -> None:
    policy = Policy(roots=(work,))
    session = opened(policy, backend)
    online = policy.with_(network="on")
    with socket.socket() as server, socket.socket(socket.AF_UNIX) as unix:
        server.bind(("127.0.0.1", 0))
        unix.bind(str(tmp_path / "sock"))
        for each in (server, unix):
            each.listen()
            each.setblocking(False)
        call = f"exec 3<>/dev/tcp/127.0.0.1/{server.getsockname()[1]}"
        script = f"bash -c '{call}'; echo x > {tmp_path}/out"
        said = run(session, script, work).text
        assert "refused" in said or "not supported" in said
        run(session, script, work, policy=online)
        server.accept()[0].close()
        assert not (tmp_path / "out").exists()
        session.release(online)
        run(session, script, work)
        for each in (server, unix):
            with pytest.raises(BlockingIOError):
                each.accept()
