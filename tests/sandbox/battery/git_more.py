"""Attacks on other files that make programs of the person run code: agent folders, editors, direnv."""

from __future__ import annotations

from tests.sandbox.battery.files_plain import changed
from tests.sandbox.battery.model import Options, must_block, should_block
from tests.sandbox.battery.stage import Stage

AGENT = ".codex_py"


def _existing(s: Stage, name: str) -> bool:
    victim = s.ws / name
    victim.parent.mkdir(parents=True, exist_ok=True)
    victim.write_text("old\n")
    s.py(
        "tried(lambda: open(T, 'w').write('new')); tried(os.chmod, T, 0o777)\nPath('n').write_text('new'); tried(os.replace, 'n', T); tried(os.unlink, T)",
        T=name,
    )
    return changed(victim)


@should_block("g16-agent-edit", "edit an existing agent folder")
def g16(s: Stage) -> bool:
    return _existing(s, f"{AGENT}/config.toml")


@should_block("g17-agent-swap", "rename the agent folder away and make a new one")
def g17(s: Stage) -> bool:
    victim = s.ws / AGENT / "config.toml"
    victim.parent.mkdir()
    victim.write_text("old\n")
    s.py("os.rename(A, 'away'); os.mkdir(A); Path(A, 'config.toml').write_text('new')", A=AGENT)
    return changed(victim)


@should_block("g18-agent-new", "create an agent folder where there was none")
def g18(s: Stage) -> bool:
    s.py(
        "tried(os.makedirs, A, exist_ok=True); tried(Path(A, 'config.toml').write_text, 'new')\n"
        "os.mkdir('x'); Path('x/config.toml').write_text('new'); tried(os.rename, 'x', A)",
        A=AGENT,
    )
    return (s.ws / AGENT / "config.toml").exists()


def _left(s: Stage, name: str) -> bool:
    """Whether a stand-in for an absent name stays behind: judged as an effect of its own."""
    return (s.ws / name).exists()


@should_block(
    "g18b-ghost", "the stand-in for an absent agent folder stays behind after the command"
)
def g18b(s: Stage) -> bool:
    s.sh("mkdir -p made/by/command" if s.backend != "none" else f"mkdir {AGENT}")
    return _left(s, AGENT) or _left(s, ".vscode")


@should_block("g19-protect-edit", "--protect NAME: edit it")
def g19(s: Stage) -> bool:
    return _protected(s, "open('rules.md', 'w').write('new')")


@should_block("g20-protect-swap", "--protect NAME: rename, remove or replace it")
def g20(s: Stage) -> bool:
    return _protected(
        s,
        "Path('n').write_text('new'); tried(os.replace, 'n', 'rules.md'); tried(os.rename, 'rules.md', 'o'); tried(os.unlink, 'rules.md')",
    )


@should_block("g21-protect-deep", "--protect NAME: a folder, through its parents, links and modes")
def g21(s: Stage) -> bool:
    victim = s.ws / "conf/deep/rules"
    victim.parent.mkdir(parents=True)
    victim.write_text("old\n")
    s.py(
        "tried(os.rename, 'conf', 'c2'); tried(os.rename, 'conf/deep', 'd2'); os.makedirs('conf/deep', exist_ok=True)\n"
        "tried(os.link, 'conf/deep/rules', 'l'); tried(lambda: open('l', 'w').write('new'))\n"
        "tried(Path('conf/deep/rules').write_text, 'new'); tried(os.chmod, 'conf/deep', 0)",
        Options(protect=("conf/deep",)),
    )
    return changed(victim)


def _protected(s: Stage, code: str) -> bool:
    victim = s.ws / "rules.md"
    victim.write_text("old\n")
    s.py(code, Options(protect=("rules.md",)))
    return changed(victim)


@should_block("g22-vscode", "plant .vscode/tasks.json")
def g22(s: Stage) -> bool:
    s.py(
        "tried(os.makedirs, '.vscode', exist_ok=True); Path('.vscode/tasks.json').write_text('new')"
    )
    return (s.ws / ".vscode/tasks.json").exists()


@should_block("g23-envrc", "edit an existing .envrc")
def g23(s: Stage) -> bool:
    return _existing(s, ".envrc")


@should_block("g37-idea", "edit existing .idea, .mcp.json, .vscode, .husky, .devcontainer files")
def g37(s: Stage) -> bool:
    names = (
        ".idea/workspace.xml",
        ".mcp.json",
        ".vscode/settings.json",
        ".husky/pre-commit",
        ".devcontainer/devcontainer.json",
    )
    return any(_existing(s, name) for name in names)


@must_block("g38-second-root", "the same protections hold in a second root")
def g38(s: Stage) -> bool:
    from tests.sandbox.battery.git_exec import HOOKS, payload, person_uses_git
    from tests.sandbox.battery.work_git import repository

    other = repository(s, s.base / "two")
    s.py(
        HOOKS
        + "plant(R + '/.git/hooks'); tried(lambda: open(R + '/.git/config', 'a').write(EVIL))",
        Options(roots=(other,)),
        RUN=payload(s),
        R=other,
    )
    return person_uses_git(s, other)


@must_block(
    "g39-subfolder", "the command starts below the repository's top: the top's hooks hold too"
)
def g39(s: Stage) -> bool:
    from tests.sandbox.battery.git_exec import HOOKS, payload, person_uses_git
    from tests.sandbox.battery.work_git import repository

    repository(s)
    below = s.ws / "pkg"
    below.mkdir()
    s.py(
        HOOKS + "plant('../.git/hooks'); tried(lambda: open('../.git/config', 'a').write(EVIL))",
        Options(cwd=below),
        RUN=payload(s),
    )
    return person_uses_git(s)
