"""From a sketch to a page: shown, cropped, built, rendered, compared; every picture is kept."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Program
from tests.drawn import BLUE, opened, saved
from tests.server import Server
from tests.turns import call, text
from tests.ui.test_images import sent

PAGE = """\
<!doctype html>
<body style="margin:0; background:white">
<div style="position:absolute; left:50px; top:40px; width:200px; height:100px; background:#00f">
</div>"""


@pytest.mark.sandbox
@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed here")
def test_a_sketch_becomes_a_page_that_looks_like_it(program: Program, repo: Path) -> None:
    sketch = Image.new("RGB", (400, 300), "white")
    sketch.paste(BLUE, (50, 40, 250, 140))
    (repo / "sketch.png").write_bytes(saved(sketch))
    patch = "*** Begin Patch\n*** Add File: page.html\n"
    patch += "".join(f"+{line}\n" for line in PAGE.splitlines()) + "*** End Patch\n"
    look = {"path": "sketch.png", "steps": ["crop 40 30 220 120", "zoom 2", "grid 50"]}
    page = {"page": "page.html", "width": 400, "height": 300}
    turns = [
        call("view_image", look),
        call("apply_patch", {"input": patch}),
        call("screenshot", page),
        call("view_image", {"path": "kept:3", "steps": ["diff sketch.png"]}),
        call("view_image", {"path": "kept:1", "steps": ["beside kept:3"]}),
        call("python", {"code": "side = 6"}),
        call("python", {"code": "side * 7"}),
        text("The page looks like the sketch."),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--full-auto", "-m", "gpt-5-mini", "-i", "sketch.png", "--", "build this page",
                           url=server.url, seconds=120)  # fmt: skip
        if "confined by" not in done.err or "confined by landlock" in done.err:
            pytest.skip(f"Chromium cannot be confined here: {done.err[:200]}")
        assert done.code == 0, done.err
        last = server.posts()[-1]["input"]
    results = [item["output"] for item in last if item["type"].endswith("_output")]
    assert not [each for each in results if "failed" in str(each)], results
    looked, _, shot, apart, beside, _, answer = results
    assert answer == "42"
    assert (
        "crop 40 30 220 120 -> 220 x 120\nzoom 2 -> 440 x 240\ngrid 50 -> 440 x 240"
        in looked[0]["text"]
    )
    assert (
        "shows original x 40 to 260, y 30 to 150; 1 original pixel is 2 shown" in looked[0]["text"]
    )
    assert shot[0]["text"].startswith("page.html: shown 400 x 300, about ")
    rendered = opened(sent(shot[1])).convert("RGB")
    assert rendered.size == (400, 300)
    assert (rendered.getpixel((60, 50)), rendered.getpixel((45, 50))) == (BLUE, (255, 255, 255))
    assert "no pixel differs" in apart[0]["text"]
    assert opened(sent(apart[1])).convert("RGB").getextrema() == ((0, 0),) * 3
    assert opened(sent(beside[1])).size == (808, 300)
    log = program.log()
    kept = [part["image"] for entry in log for part in entry.get("parts", ()) if "image" in part]
    assert len(kept) == len(set(kept)) == 5
    for blob in kept:
        path = next((program.home / "state" / "sessions").rglob(blob))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == blob
    decided = [
        entry
        for entry in log
        if entry["kind"] == "decision" and "command" in entry.get("effects", ())
    ]
    assert [entry["confined"] for entry in decided] == ["workspace-write"] * 3
    assert done.err.count("about ") >= 5
    assert "\x1b" not in done.err


def test_a_page_and_python_are_asked_about_where_commands_are(program: Program, repo: Path) -> None:
    (repo / "page.html").write_text(PAGE)
    turns = [
        call("screenshot", {"page": "page.html"}),
        call("python", {"code": "open('made.txt', 'w').write('x')"}),
        text("could not"),
    ]
    with Server(turns) as server:
        done = program.run("exec", "--auto-edit", "look", url=server.url)
        results = [
            item["output"]
            for item in server.posts()[-1]["input"]
            if item["type"].endswith("_output")
        ]
    assert done.code == 5, done.err
    assert all(each.startswith("Refused: ") for each in results)
    assert not (repo / "made.txt").exists()
    assert "python3 <<'EOF'" in done.err and "--headless" in done.err
