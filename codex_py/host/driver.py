"""What the kept interpreter runs: code in, what it showed out. Any Python from 3.8 on runs it.

It runs inside what confines the interpreter and knows nothing of codex_py.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import json
import linecache
import os
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg")
MOST = 6  # pictures of one piece of code
LARGEST = 10_000_000  # bytes of one picture
LONGEST = 20_000  # characters of a value


def main() -> None:
    """Answer each line of the socket that came as stdin, until it closes."""
    line = os.dup(0)
    os.set_inheritable(line, False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = io.TextIOWrapper(io.FileIO(0))
    try:
        import faulthandler

        faulthandler.enable()
    except Exception:
        pass
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    written: set[str] = set()
    _watch(written)
    own = os.getpid()
    source = os.fdopen(os.dup(line), "rb")
    for number, asked in enumerate(source, 1):
        written.clear()
        answer = _run(json.loads(asked)["code"], module.__dict__, number, written)
        if os.getpid() != own:
            os._exit(0)  # a child of the code's own must not answer
        data = json.dumps(answer).encode() + b"\n"
        while data:
            data = data[os.write(line, data) :]
        if answer.get("exit"):
            return


def _watch(written: set[str]) -> None:
    def heard(event: str, args: Any) -> None:
        if event == "open" and isinstance(args[0], str) and args[0].lower().endswith(PICTURES):
            mode, flags = args[1], args[2]
            if (isinstance(mode, str) and mode[:1] in "wxa") or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
            ):
                written.add(os.path.abspath(args[0]))

    sys.addaudithook(heard)


def _run(code: str, space: dict[str, Any], number: int, written: set[str]) -> dict[str, Any]:
    before = _here()
    name = f"<call {number}>"
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    answer: dict[str, Any] = {}
    shown: list[Any] = []
    try:
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), space)
            if value is not None:
                space["_"] = value
                shown.append(value)
    except SystemExit as error:
        answer = {"exit": True, "error": f"SystemExit: {error.code}"}
    except BaseException:
        answer["error"] = _trace(name)
    try:
        answer["pictures"], answer["more"] = _pictures(shown, written, before)
        if shown:
            answer["value"] = _text(shown[0])
    except BaseException:
        answer.setdefault("error", _trace(name))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    return answer


def _trace(name: str) -> str:
    kind, error, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_code.co_filename != name:
        trace = trace.tb_next
    return "".join(traceback.format_exception(kind, error, trace))[-8_000:]


def _text(value: Any) -> str:
    """Tables in full as long as they are short, everything else as Python prints it."""
    if _is_picture(value):
        return ""
    text = ""
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "to_string"):
        wide = {"max_cols": 40, "line_width": 200} if hasattr(value, "columns") else {}
        text = str(value.to_string(max_rows=80, **wide))
    text = text or repr(value)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}\n[… {len(text):,} characters …]\n{text[-LONGEST // 2 :]}"
    return text


def _is_picture(value: Any) -> bool:
    top = type(value).__module__.partition(".")[0]
    return top == "PIL" or (top == "matplotlib" and hasattr(value, "savefig"))


def _pictures(
    shown: list[Any], written: set[str], before: dict[str, int]
) -> tuple[list[dict[str, str]], int]:
    """The first few different pictures, and how many more there are; one at a time in memory."""
    seen: set[str] = set()
    told: list[dict[str, str]] = []
    for name, data in _found(shown, written, before):
        digest = hashlib.sha256(data).hexdigest()
        if digest not in seen and len(data) <= LARGEST:
            seen.add(digest)
            if len(seen) <= MOST:
                told.append({"name": name, "data": base64.b64encode(data).decode("ascii")})
    return told, len(seen) - len(told)


def _found(
    shown: list[Any], written: set[str], before: dict[str, int]
) -> Iterator[tuple[str, bytes]]:
    for path in sorted(written | {path for path, at in _here().items() if before.get(path) != at}):
        try:
            if os.path.isfile(path) and 0 < os.path.getsize(path) <= LARGEST:
                with open(path, "rb") as file:
                    data = file.read()
                yield os.path.relpath(path), data
        except OSError:
            continue
    for value in shown:
        if _is_picture(value) and hasattr(value, "save"):
            into = io.BytesIO()
            plain = value if value.mode in ("1", "L", "P", "RGB", "RGBA") else value.convert("RGB")
            plain.save(into, "PNG")
            yield "value", into.getvalue()
    yield from _figures(shown)


def _here() -> dict[str, int]:
    """Pictures in the working folder and when each was written: also by programs."""
    found: dict[str, int] = {}
    try:
        for each in os.scandir("."):
            if each.name.lower().endswith(PICTURES) and each.is_file(follow_symlinks=False):
                found[os.path.abspath(each.path)] = each.stat().st_mtime_ns
    except OSError:
        pass
    return found


def _figures(shown: list[Any]) -> list[tuple[str, bytes]]:
    """Open figures of matplotlib, and one that is the value; they are closed once shown."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    open_ones = [pyplot.figure(number) for number in pyplot.get_fignums()] if pyplot else []
    figures = open_ones + [
        each for each in shown if hasattr(each, "savefig") and each not in open_ones
    ]
    found: list[tuple[str, bytes]] = []
    for number, figure in enumerate(figures, 1):
        into = io.BytesIO()
        figure.savefig(into, format="png")
        found.append((f"figure {number}", into.getvalue()))
    if pyplot and open_ones:
        pyplot.close("all")
    return found


if __name__ == "__main__":
    main()
