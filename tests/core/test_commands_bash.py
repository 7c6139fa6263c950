"""What is said of a free command line holds when the real bash runs it.

Lines are made at random from pieces that bash and the grammar could read differently. Every program
they can reach is a stub that writes down how it was started; a line called free must start only
programs that were named, with words that are free themselves, and leave no file behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_py.core.commands import read_line
from codex_py.core.commands.judge import judge
from codex_py.core.commands.words import Word

STUBS = """cat ls grep sort git find head wc sed evil touch tee timeout env xargs sudo rm date uniq
bash sh tr""".split()
STUB = """#!{sh}
told="${{0##*/}}"
for word; do told="$told\x1f$word"; done
printf '%s\\036' "$told" >> {log}
echo '-o W evil'
"""
LINES = r"""cat a⏎ls⏎echo hi⏎grep x a⏎[ -f a ]⏎[[ a == b ]]⏎cd d⏎x=1⏎evil⏎true⏎read x⏎head -1 a⏎sort a
⏎git log⏎find . -name a⏎(ls)⏎{ ls; }⏎echo "$x"⏎echo 'a b'⏎echo $(ls)⏎if true; then ls; fi
⏎for x in a b; do echo $x; done⏎case a in a) ls;; esac⏎! ls⏎time ls⏎echo `ls`⏎cat <(ls)⏎echo a\ b
⏎cat 2>/dev/null a⏎ls >&2⏎printf '%s' a⏎command ls⏎timeout 5 cat a⏎bash -c 'ls'⏎set -e
⏎echo {a,b}⏎cat a # evil⏎cat <<E🞄hi🞄E🞄"""
PIECES = r"""cat ls evil echo printf test [ ] [[ ]] cd read set time command env if then else fi for in do
done case esac { } ( ) (( )) $( ` <( >( $(( ${ | || && & ; ;; \ ' " $' $" # < > >W 2>&1 2>/dev/null >&2
<<< <<E🞄 🞄E🞄 <<'E'🞄 &>W 1>W >|W <>W {a,b} {1..2} * ? ~ $x ${x} $HOME $? $1 "$x" x= y=evil a[$(evil)]
-v -o -oW W -n -e -eq 1 = == ! -f a -- =~ f() 🞄 🞄\ \🞄 @(a|b) 10#$(evil) $(evil) `evil` |& <&- 3>W
{fd}>W x+=1 eval e''vil ev\il $'evil' 'e'vil sh -c -0 -exec {} + \;""".split()


def sign(text: str) -> str:
    return text.replace("🞄", "\n")


WHOLE = st.sampled_from([sign(line.replace("\n", "")) for line in LINES.split("⏎")])
SMALL = st.sampled_from([*map(sign, PIECES), " ", " ", "\n", "\t"])


@st.composite
def command_lines(draw: st.DrawFn) -> str:
    """One to three whole commands with a few pieces pushed in anywhere."""
    line = draw(WHOLE)
    for _ in range(draw(st.integers(0, 2))):
        line += draw(st.sampled_from([";", "|", "&&", "||", "\n", " "])) + draw(WHOLE)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(line)))
        line = line[:at] + draw(SMALL) + line[at + draw(st.integers(0, 1)) :]
    return line


class Stage:
    """A folder in which a line can be run and watched."""

    def __init__(self, where: Path) -> None:
        self.bin, self.work, self.log = where / "bin", where / "work", where / "log"
        self.bin.mkdir()
        for name in STUBS:
            (self.bin / name).write_text(STUB.format(sh=shutil.which("sh"), log=self.log))
            (self.bin / name).chmod(0o755)
        (self.work / "d").mkdir(parents=True)
        (self.work / "a").write_text("-o W evil\n")

    def run(self, line: str) -> list[list[str]]:
        """Run it with bash; gives how every program was started."""
        self.log.write_bytes(b"")
        with subprocess.Popen(
            [shutil.which("bash") or "bash", "--norc", "--noprofile", "-c", line],
            cwd=self.work,
            env={"PATH": str(self.bin), "HOME": str(self.work)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as running:
            running.wait(timeout=20)
        records = self.log.read_text("utf-8", "replace").split("\x1e")[:-1]
        return [record.split("\x1f") for record in records]


def holds(stage: Stage, line: str) -> bool:
    """Check a line if it is free; gives whether it was."""
    read = read_line(line)
    if not read.reading:
        return False
    named = {name for part in read.parts for name in part.programs}
    for argv in stage.run(line):
        assert argv[0] in named, (line, argv)
        if argv[0] not in ("bash", "sh"):
            assert judge(tuple(Word(word) for word in argv)).reading, (line, argv)
    assert sorted(os.listdir(stage.work)) == ["a", "d"], line
    return True


QUIET = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(line=command_lines())
def test_free_lines_do_only_what_was_read(
    tmp_path_factory: pytest.TempPathFactory, line: str
) -> None:
    if read_line(line).reading:
        holds(Stage(tmp_path_factory.mktemp("stage")), line)


@pytest.mark.slow
@settings(max_examples=30_000, deadline=None, suppress_health_check=QUIET)
@given(line=command_lines())
def test_many_free_lines_do_only_what_was_read(
    tmp_path_factory: pytest.TempPathFactory, line: str
) -> None:
    if read_line(line).reading:
        holds(Stage(tmp_path_factory.mktemp("stage")), line)


@pytest.mark.parametrize(
    "line",
    [
        "ls\n\\rm a",
        "ls >&2\\\ntimeout 5",
        "cat -n2>/dev/null a",
        "[ -f a ]#||sh -c 'cat a'",
        "[ -eq -nt > W ]",
        "echo a`evil`b",
    ],
)
def test_lines_that_bash_reads_otherwise_are_not_free(tmp_path: Path, line: str) -> None:
    assert not holds(Stage(tmp_path), line)


def test_the_stage_sees_what_runs(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert stage.run("cat 'a b' $(evil)") == [["evil"], ["cat", "a b", "-o", "W", "evil"]]
    assert holds(stage, "cat a | sort && echo hi")
