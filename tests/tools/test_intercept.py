"""Which command lines are a patch and nothing else."""

from __future__ import annotations

import pytest

from codex_py.tools._intercept import BarePatch, patch_in_command

PATCH = "*** Begin Patch\n*** Add File: a\n+it's $HOME `x`\n*** End Patch\n"
DOC = f"<<'EOF'\n{PATCH}EOF"
QUOTED = "'" + PATCH.replace("'", "'\\''") + "'"

TAKEN = [
    ("quoted-tag", f"apply_patch {DOC}", None),
    ("bare-tag", f"apply_patch <<PATCH\n{PATCH}PATCH\n", None),
    ("double-quoted-tag", f'apply_patch <<"E"\n{PATCH}E', None),
    ("no-blank", f"apply_patch{DOC}", None),
    ("applypatch", f"applypatch {DOC}\n\n", None),
    ("cd", f"cd foo && apply_patch {DOC}", "foo"),
    ("cd-single", f"cd 'foo bar' && apply_patch {DOC}", "foo bar"),
    ("cd-double", f'cd "foo bar" && apply_patch {DOC}', "foo bar"),
    ("login-shell", "bash -lc '" + f"apply_patch {DOC}".replace("'", "'\\''") + "'", None),
    ("shell", "/bin/sh -c '" + f"cd d && apply_patch {DOC}".replace("'", "'\"'\"'") + "'", "d"),
    ("word", f"apply_patch {QUOTED}", None),
]


@pytest.mark.parametrize(
    ("line", "folder"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN]
)
def test_a_line_that_only_applies_a_patch_gives_it(line: str, folder: str | None) -> None:
    assert patch_in_command(line) == (folder, PATCH)


LEFT = [
    f"cd foo; apply_patch {DOC}",
    f"cd foo || apply_patch {DOC}",
    f"cd foo | apply_patch {DOC}",
    f"cd a && cd b && apply_patch {DOC}",
    f"cd a b && apply_patch {DOC}",
    f"cd ~/a && apply_patch {DOC}",
    f"cd $A && apply_patch {DOC}",
    f'cd "$A" && apply_patch {DOC}',
    f"cd - && apply_patch {DOC}",
    f"echo x && apply_patch {DOC}",
    f"echo x; cd b && apply_patch {DOC}",
    f"apply_patch {DOC} && echo done",
    f"apply_patch {DOC}\necho done",
    f"apply_patch <<'EOF' && echo done\n{PATCH}EOF",
    f"apply_patch foo {DOC}",
    f"apply_patch <<'EOF'\n{PATCH}",
    f"apply_patch <<'EOF\"\n{PATCH}EOF",
    f"apply_patch {QUOTED}; rm x",
    f'apply_patch "{PATCH}"',
    "apply_patch",
    "",
]


@pytest.mark.parametrize("line", LEFT)
def test_a_line_that_does_more_is_left_to_the_shell(line: str) -> None:
    assert patch_in_command(line) is None


@pytest.mark.parametrize("line", [PATCH, f"bash -lc '{PATCH.replace(chr(39), '')}'"])
def test_a_bare_patch_is_told_how_to_be_applied(line: str) -> None:
    with pytest.raises(BarePatch, match="patch detected without explicit call to apply_patch"):
        patch_in_command(line)
