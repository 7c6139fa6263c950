"""Ordinary work: compilers, test runners, package tools and their caches."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.sandbox.battery.model import Options, Skip, must_work, should_work
from tests.sandbox.battery.stage import Stage

LONG = Options(timeout=90)


@must_work("w22-gcc", "compile, link and run a C program")
def w22(s: Stage) -> bool:
    s.need("gcc")
    (s.ws / "a.c").write_text('#include <stdio.h>\nint main(void) { puts("built"); }\n')
    return s.sh("gcc -O1 -o a a.c && ./a", LONG).text == "built\n"


@must_work("w23-make", "make with parallel jobs and a job server")
def w23(s: Stage) -> bool:
    s.need("make")
    (s.ws / "Makefile").write_text("all: a b c\n\tcat a b c > all\na b c:\n\techo $@ > $@\n")
    s.sh("make -s -j3", LONG)
    return (s.ws / "all").read_text() == "a\nb\nc\n"


@must_work("w24-pytest", "pytest with tmp_path and its cache")
def w24(s: Stage) -> bool:
    try:
        import _pytest
    except ImportError:
        raise Skip("no pytest for this interpreter") from None
    packages = str(Path(_pytest.__file__).parents[1])
    (s.ws / "test_a.py").write_text(
        "def test_a(tmp_path, capfd):\n    (tmp_path / 'f').write_text('x')\n    assert 1\n"
    )
    ran = s.sh(
        f"{sys.executable} -m pytest -q test_a.py",
        Options(timeout=90, env={"PYTHONPATH": _joined(packages)}),
    )
    return ran.code == 0 and "1 passed" in ran.text and (s.ws / ".pytest_cache").is_dir()


def _joined(packages: str) -> str:
    from tests.sandbox.battery.backends import launcher_path

    return f"{launcher_path()}:{packages}"


@must_work("w28-node", "node with worker threads and a child process")
def w28(s: Stage) -> bool:
    s.need("node")
    (s.ws / "a.js").write_text(
        "const {Worker, isMainThread, parentPort} = require('worker_threads');\n"
        "if (isMainThread) { new Worker(__filename).on('message', (m) => {\n"
        "  console.log(m, require('child_process').execSync('echo kid').toString().trim());\n"
        "}); } else parentPort.postMessage('worker');\n"
    )
    return s.sh("node a.js", LONG).text == "worker kid\n"


@must_work("w29-venv", "a Python virtual environment")
def w29(s: Stage) -> bool:
    ran = s.sh(
        f"{sys.executable} -m venv --without-pip v && v/bin/python -c 'import sys; print(sys.prefix)'",
        LONG,
    )
    return ran.text.strip() == str(s.ws / "v")


@should_work(
    "w40-pip", "pip builds and installs a local package into a venv, with its cache folder"
)
def w40(s: Stage) -> bool:
    pip = s.sh(f"{sys.executable} -m pip --version", LONG)
    if s.backend == "none" and pip.code != 0:
        raise Skip("no pip for this interpreter")
    (s.ws / "p/made").mkdir(parents=True)
    (s.ws / "p/made/__init__.py").write_text("value = 9\n")
    meta = "made-1.0.dist-info"
    ran = s.py(
        """
import zipfile
with zipfile.ZipFile("made-1.0-py3-none-any.whl", "w") as z:
    z.writestr("made/__init__.py", "value = 9")
    z.writestr(META + "/METADATA", "Metadata-Version: 2.1\\nName: made\\nVersion: 1.0\\n")
    z.writestr(META + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr(META + "/RECORD", "")
done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-index", "--target", "t",
    "made-1.0-py3-none-any.whl"], capture_output=True, text=True)
cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True).stdout.strip()
Path(cache, "http-v2").mkdir(parents=True, exist_ok=True); Path(cache, "http-v2/x").write_text("x")
print(done.returncode, done.stderr[-300:])
""",
        LONG,
        META=meta,
    )
    return ran.text.startswith("0") and ran.code == 0 and (s.ws / "t/made/__init__.py").exists()


@should_work("w41-npm", "npm run and npm's cache folder")
def w41(s: Stage) -> bool:
    s.need("npm")
    (s.ws / "package.json").write_text(
        '{"name": "a", "version": "1.0.0", "scripts": {"t": "echo ran"}}'
    )
    (s.ws / "dep").mkdir()
    (s.ws / "dep/package.json").write_text('{"name": "dep", "version": "1.0.0"}')
    ran = s.sh(
        "npm run -s t && npm install --offline --no-audit --no-fund ./dep && npm cache verify", LONG
    )
    return ran.code == 0 and ran.text.startswith("ran\n") and (s.ws / "node_modules/dep").exists()


@should_work("w42-caches", "cache folders a tool derives from its environment can be written")
def w42(s: Stage) -> bool:
    (s.home / ".cache").mkdir()
    ran = s.py("""
home = Path.home()
places = {
    "uv": os.environ.get("UV_CACHE_DIR", home / ".cache/uv"),
    "pip": os.environ.get("PIP_CACHE_DIR", home / ".cache/pip"),
    "npm": os.environ.get("npm_config_cache", home / ".npm"),
    "go": os.environ.get("GOCACHE", home / ".cache/go-build"),
    "xdg": Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "anything",
}
for place in map(Path, places.values()):
    place.mkdir(parents=True, exist_ok=True); (place / "x").write_text("x")
print(len(places))
""")
    return ran.text == "5\n"


@should_work("w43-chromium", "a headless browser draws a page")
def w43(s: Stage) -> bool:
    import shutil

    names = ("chromium", "chromium-browser", "google-chrome", "chrome", "firefox")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None or "firefox" in found:
        raise Skip("no headless browser here")
    (s.ws / "p.html").write_text("<p id=x></p><script>x.textContent = 6 * 7</script>")
    ran = s.sh(
        f"{found} --headless --no-sandbox --disable-gpu --user-data-dir=$PWD/profile"
        " --dump-dom file://$PWD/p.html",
        LONG,
    )
    return ">42<" in ran.text


@must_work("w57-scripts", "perl, awk, sed, find, xargs and grep")
def w57(s: Stage) -> bool:
    ran = s.sh(
        "seq 5 | awk '{s+=$1} END {print s}'; echo abc | perl -pe 's/b/x/'; find . -name '*.none' | xargs -r ls; seq 3 | grep -c ."
    )
    return ran.text == "15\naxc\n3\n"


@should_work("w58-script", "script(1) records a terminal session")
def w58(s: Stage) -> bool:
    s.need("script")
    s.sh("script -qec 'test -t 1 && echo seen' log < /dev/null")
    return "seen" in (s.ws / "log").read_text()
