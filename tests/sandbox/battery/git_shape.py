"""Attacks on the shape of repositories: history, pointers to other repositories, submodules, alternates."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.sandbox.battery.git_exec import HOOKS, payload, person_uses_git
from tests.sandbox.battery.model import Options, must_block, should_block
from tests.sandbox.battery.stage import Stage
from tests.sandbox.battery.work_git import commits, repository


@should_block("g15-history", "destroy the history")
def g15(s: Stage) -> bool:
    """A snapshot from which the caller can restore is not seen here: the folder itself is judged."""
    repository(s)
    s.sh("rm -rf .git/objects .git/refs .git/packed-refs .git/HEAD .git/logs")
    return len(commits(s, s.ws)) < 2


@must_block("g15-history-ro", "destroy the history with --git read-only")
def g15_ro(s: Stage) -> bool:
    repository(s)
    s.sh(
        "rm -rf .git; git commit -qam gone; git reset -q --hard HEAD~1; mv .git g",
        Options(git="read-only"),
    )
    return commits(s, s.ws) != ["second", "first"]


@must_block(
    "g24-pointer", "a model-written .git file makes the next command open another repository"
)
def g24(s: Stage) -> bool:
    other = repository(s, s.out / "other")
    first = "Path('.git').write_text(f'gitdir: {OTHER}/.git\\n'); tried(os.mkdir, 'sub'); tried(Path('sub/.git').write_text, f'gitdir: {OTHER}/.git\\n')"
    s.py(first, OTHER=other)
    s.py(
        "tried(Path(OTHER, '.git/made').write_text, 'x'); tried(Path(OTHER, '.git/HEAD').write_text, 'x')",
        OTHER=other,
    )
    return (other / ".git/made").exists()


@must_block("g25-backlink", "the same, with a forged worktree entry that points back")
def g25(s: Stage) -> bool:
    other = repository(s, s.out / "other")
    s.py(
        """
os.makedirs("fake/worktrees/w"); Path("fake/worktrees/w/gitdir").write_text(os.getcwd() + "/.git\\n")
Path("fake/worktrees/w/commondir").write_text(OTHER + "/.git\\n"); Path("fake/worktrees/w/HEAD").write_text("ref: refs/heads/main\\n")
Path(".git").write_text(f"gitdir: {os.getcwd()}/fake/worktrees/w\\n")
""",
        OTHER=other,
    )
    s.py("tried(Path(OTHER, '.git/made').write_text, 'x')", OTHER=other)
    return (other / ".git/made").exists()


@must_block(
    "g30-link-dir", "a link .git -> another repository's .git, then the next command writes there"
)
def g30(s: Stage) -> bool:
    other = repository(s, s.out / "other")
    s.py(
        "os.symlink(OTHER + '/.git', '.git'); os.mkdir('s'); os.symlink(OTHER + '/.git', 's/.git')",
        OTHER=other,
    )
    s.py(
        "for p in ('.git/made', 's/.git/made', OTHER + '/.git/made'): tried(Path(p).write_text, 'x')",
        OTHER=other,
    )
    return (other / ".git/made").exists()


def _submodule(s: Stage) -> Path:
    lib = repository(s, s.base / "lib")
    repository(s)
    s.git("checkout", "-q", "--", ".")
    s.git("submodule", "add", "-q", str(lib), "lib")
    s.git("commit", "-qm", "sub")
    return s.ws / ".git/modules/lib"


@must_block("g31-submodule", "plant hooks and config in a submodule's folder below .git/modules")
def g31(s: Stage) -> bool:
    _submodule(s)
    s.py(
        HOOKS
        + "plant('.git/modules/lib/hooks'); tried(lambda: open('.git/modules/lib/config', 'a').write(EVIL))",
        RUN=payload(s),
    )
    return person_uses_git(s) or person_uses_git(s, s.ws / "lib")


@must_block("g32-submodule-file", "point a submodule's .git file at a doctored folder")
def g32(s: Stage) -> bool:
    _submodule(s)
    s.py(
        HOOKS
        + "import shutil\nshutil.copytree('.git/modules/lib', 'm'); Path('m/config').write_text(EVIL)\n"
        "tried(os.unlink, 'lib/.git'); Path('lib/.git').write_text('gitdir: ../m\\n')",
        RUN=payload(s),
    )
    return person_uses_git(s) or person_uses_git(s, s.ws / "lib")


@should_block(
    "g33-new-worktree", "a new linked worktree in the workspace whose commondir is doctored"
)
def g33(s: Stage) -> bool:
    repository(s)
    s.py(
        HOOKS
        + """
import shutil
shutil.copytree(".git", "c", symlinks=True); open("c/config", "a").write(EVIL)
os.makedirs("w"); os.makedirs("c/worktrees/w"); Path("w/.git").write_text(f"gitdir: {os.getcwd()}/c/worktrees/w\\n")
shutil.copy(".git/HEAD", "c/worktrees/w/HEAD"); Path("c/worktrees/w/commondir").write_text("../..\\n")
Path("c/worktrees/w/gitdir").write_text(os.getcwd() + "/w/.git\\n")
""",
        RUN=payload(s),
    )
    return person_uses_git(s, s.ws / "w")


@must_block("g34-info", "info/attributes with a filter the person's own config defines")
def g34(s: Stage) -> bool:
    repository(s)
    s.git("config", "--global", "filter.mine.clean", payload(s) + "; cat")
    s.py(
        "tried(os.makedirs, '.git/info', exist_ok=True); Path('.git/info/attributes').write_text('* filter=mine\\n'); Path('f.txt').write_text('x')"
    )
    return person_uses_git(s)


@must_block(
    "g35-parent-rename", "rename the folder above a nested repository and build a doctored one"
)
def g35(s: Stage) -> bool:
    nested = repository(s, s.ws / "vendor/lib")
    s.py(
        HOOKS
        + "import shutil\nshutil.copytree('vendor', 'v2', symlinks=True); open('v2/lib/.git/config', 'a').write(EVIL)\n"
        "tried(os.rename, 'vendor', 'v1'); tried(os.rename, 'v2', 'vendor')\n"
        "os.path.exists('vendor') or os.rename('v2', 'vendor')",
        RUN=payload(s),
    )
    return person_uses_git(s, nested)


@should_block(
    "g36-shared-hardlink", "objects hard-linked from a local clone: overwrite the origin's"
)
def g36(s: Stage) -> bool:
    other = repository(s, s.out / "other")
    shutil.rmtree(s.ws)
    s.git("clone", "-q", str(other), str(s.ws), cwd=s.base)
    s.py(
        "for p in Path('.git/objects').rglob('??????????????????????????????????????'):\n    tried(p.chmod, 0o644); tried(p.write_bytes, b'x')"
    )
    return s.git("fsck", cwd=other).returncode != 0
