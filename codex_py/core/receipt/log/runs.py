"""Which programs a command line ran, and whether its exit code speaks for each of them."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from codex_py.dataclass import dataclass

if TYPE_CHECKING:
    from tree_sitter import Node

Code = Literal["own", "success", "hidden"]
"""What the line's exit code tells of one program: `own`: it is the program's; `success`: a 0
proves that the program succeeded, another number does not prove that it failed; `hidden`:
nothing, as after `|| true` or before `| tail`."""


@dataclass(frozen=True, slots=True)
class Run:
    """One program of a command line, with what stood in front of it (`env`, `timeout`) gone."""

    argv: tuple[str, ...]
    code: Code
    fed: bool = False
    """A pipe feeds it."""

    @property
    def name(self) -> str:
        """The program's name without its folder."""
        return self.argv[0].rpartition("/")[2] if self.argv else ""


def runs(command: str) -> tuple[Run, ...]:
    """The programs of a line, in order. Never raises; what cannot be read is one hidden run."""
    try:
        found = _read(command, 0)
    except (ValueError, RecursionError):
        found = None
    if found is None:
        return (Run(tuple(command.split()), "hidden"),)
    return tuple(found)


def _read(command: str, depth: int) -> list[Run] | None:
    import tree_sitter  # late: loads the shell grammar
    import tree_sitter_bash

    source = command.encode("utf-8", "replace")
    language = tree_sitter.Language(tree_sitter_bash.language())
    root = tree_sitter.Parser(language).parse(source).root_node
    if root.has_error or depth > 3:
        return None
    return _Reader(source, depth).statements(root.children, "own")


_WEAKER: dict[tuple[Code, Code], Code] = {
    ("own", "own"): "own",
    ("own", "success"): "success",
    ("success", "own"): "success",
    ("success", "success"): "success",
}


def _weaker(one: Code, other: Code) -> Code:
    return _WEAKER.get((one, other), "hidden")


class _Reader:
    def __init__(self, source: bytes, depth: int) -> None:
        self._source = source
        self._depth = depth
        self._stops = False
        """`set -e` is on: a statement that fails ends the line."""
        self._pipefail = False

    def statements(self, nodes: list[Node], code: Code) -> list[Run]:
        """Statements one after the other: the last one's exit code is the line's."""
        named = [node for node in nodes if node.is_named and node.type != "comment"]
        found: list[Run] = []
        for place, node in enumerate(named):
            last = place == len(named) - 1
            behind = node.next_sibling
            if behind is not None and behind.type == "&":
                found += self.statement(node, "hidden")
                continue
            # the shell's own settings are read in order: `set -e` speaks for what follows
            mine: Code = code if last else "hidden"
            made = self.statement(node, mine)
            if not last and self._stops:
                made = [
                    replace(each, code="success")
                    if each.code == "hidden" and node.type in ("command", "redirected_statement")
                    else each
                    for each in made
                ]
            found += made
        return found

    def statement(self, node: Node, code: Code) -> list[Run]:
        """The runs of one statement whose exit code tells `code` of the whole."""
        match node.type:
            case "command":
                return self.command(node, code)
            case "list":
                return self.joined(node, code)
            case "pipeline":
                return self.pipeline(node, code)
            case "redirected_statement":
                return self.statement(node.children[0], code) if node.children else []
            case "compound_statement" | "subshell" | "do_group":
                return self.statements(node.children, code)
            case "negated_command":
                return self.statement(node.children[-1], "hidden")
        found: list[Run] = []
        for child in node.children:
            if child.is_named:
                found += self.statement(child, "hidden")
        return found

    def joined(self, node: Node, code: Code) -> list[Run]:
        """`a && b`: 0 speaks for both; `a || b`: for neither."""
        left, joiner, right = node.children[0], node.children[1], node.children[-1]
        if joiner.type == "&&":
            weak = _weaker(code, "success")
            before = self.statement(left, weak)
            plain = all(each.name in _QUIET for each in before)
            return before + self.statement(right, code if plain else weak)
        before = self.statement(left, "hidden")
        after = self.statement(right, "hidden")
        if after and after[-1].name in ("exit", "false", "return") and after[-1].argv[1:] != ("0",):
            before = self.statement(left, _weaker(code, "success"))
        return before + after

    def pipeline(self, node: Node, code: Code) -> list[Run]:
        """Only the last program's exit code counts, unless pipefail is set."""
        parts = [child for child in node.children if child.is_named]
        found: list[Run] = []
        for place, part in enumerate(parts):
            last = place == len(parts) - 1
            mine: Code = code if last else "hidden"
            if self._pipefail:
                mine = _weaker(code, "success")
            made = self.statement(part, mine)
            found += [replace(each, fed=True) for each in made] if place else made
        return found

    def command(self, node: Node, code: Code) -> list[Run]:
        """One simple command, and those inside its words."""
        words: list[str] = []
        for child in node.children:
            if child.type in ("variable_assignment", "comment") or child.type.endswith("redirect"):
                continue
            words.append(_word(self._source[child.start_byte : child.end_byte].decode()))
        argv = unwrapped(tuple(words))
        self._settings(argv)
        script = _script(argv)
        if script is not None:
            inner = _read(script, self._depth + 1)
            if inner is not None:
                return [replace(each, code=_weaker(each.code, code)) for each in inner]
        return [Run(argv, code)] if argv else []

    def _settings(self, argv: tuple[str, ...]) -> None:
        if not argv or argv[0] != "set":
            return
        letters = "".join(word[1:] for word in argv[1:] if re.fullmatch(r"-[a-z]+", word))
        self._stops = self._stops or "e" in letters or "errexit" in argv
        self._pipefail = self._pipefail or "pipefail" in argv


def _word(text: str) -> str:
    try:
        found = shlex.split(text)
    except ValueError:
        return text
    return found[0] if len(found) == 1 else text


def _script(argv: tuple[str, ...]) -> str | None:
    """The script of `bash -c SCRIPT`."""
    if argv and argv[0].rpartition("/")[2] in ("bash", "sh", "zsh", "dash"):
        for place, word in enumerate(argv[1:], 1):
            if re.fullmatch(r"-[a-z]*c", word) and place + 1 < len(argv):
                return argv[place + 1]
            if not word.startswith("-"):
                return None
    return None


_QUIET = frozenset({"cd", "export", "source", ".", "set", "pushd", "true", "echo", "mkdir"})
"""Steps in front of a program that do not fail as a rule: a failure is the program's."""
_VALUED = {
    "timeout": ("-s", "-k", "--signal", "--kill-after"),
    "nice": ("-n", "--adjustment"),
    "env": ("-u", "--unset", "-C", "--chdir"),
    "stdbuf": ("-i", "-o", "-e"),
    "uv": ("--with", "--python", "-p", "--extra", "--group", "--project", "--directory"),
    "xvfb-run": ("-s", "--server-args", "-n"),
    "sudo": ("-u", "-g"),
    "conda": ("-n", "--name", "-p"),
    "watch": ("-n",),
    "ionice": ("-c", "-n"),
    "taskset": (),
}
_FRONTS = frozenset(
    """timeout gtimeout nice env stdbuf nohup time command sudo doas xvfb-run ionice chronic
    exec setsid caffeinate""".split()
)
_RUNNERS = {
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("hatch", "run"), ("pdm", "run"),
    ("rye", "run"), ("pixi", "run"), ("bundle", "exec"), ("conda", "run"), ("npm", "exec"),
    ("pnpm", "exec"), ("yarn", "exec"), ("coverage", "run"), ("nix", "develop"),
}  # fmt: skip
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=", re.ASCII)


def unwrapped(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The program that is really run: `env A=1 timeout 60 uv run pytest -q` is `pytest -q`."""
    for _ in range(6):
        name = argv[0].rpartition("/")[2] if argv else ""
        if name in _FRONTS:
            rest = _after(argv[1:], _VALUED.get(name, ()))
            if name in ("timeout", "gtimeout"):
                rest = rest[1:]
        elif len(argv) > 1 and (name, argv[1]) in _RUNNERS:
            rest = _after(argv[2:], _VALUED.get(name, ()))
            if name == "coverage" and rest:
                rest = ("python", *argv[2:])
        elif name in ("npx", "pnpx", "bunx", "uvx", "pipx"):
            rest = _after(argv[1:], ("-p", "--package", "--from", "--with"))
            rest = rest[1:] if name == "pipx" and rest[:1] == ("run",) else rest
        else:
            break
        if not rest or rest == argv:
            break
        argv = rest
    return argv


def _after(words: tuple[str, ...], valued: tuple[str, ...]) -> tuple[str, ...]:
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return words[at + 1 :]
        if word in valued:
            at += 2
        elif word.startswith("-") or _ASSIGNED.match(word):
            at += 1
        else:
            break
    return words[at:]


AROUND = frozenset({"docker", "podman", "docker-compose", "ssh", "vagrant", "distrobox", "lxc"})


def inside(run: Run) -> list[Run]:
    """What may be the command in `docker run --rm IMAGE COMMAND`: each place where one begins."""
    return [Run(unwrapped(run.argv[at:]), run.code) for at in range(2, len(run.argv))]


KNOWN = re.compile(
    r"^(?:\./)?(?:python[\d.]*|node|npm|npx|pnpm|yarn|pytest|go|cargo|make|git|bash|sh|curl|wget"
    r"|docker|podman|uv|pip|ruff|mypy|tox|java|javac|gcc|g\+\+|ruby|perl|php|tsc|eslint|jest|sha\d*sum"
    r"|md5sum|date|wc|grep|rg|ls|cat|sed|awk|jq|time|hyperfine|psql|sqlite3|ps|top|htop|black|flake8"
    r"|pylint|deno|bun|mvn|gradle|dotnet|bundle|rake|terraform|kubectl|systemctl|journalctl|pre-commit|ansible\S*|helm|nox|vite|webpack|bazel|cmake|ctest"
    r"|golangci-lint|prettier|manage\.py|django-admin|flutter|swift|zig|hugo|mkdocs|sphinx-build"
    r"|alembic|flyway|gofmt|rustc|clang|composer|phpunit|rspec|nginx|ffmpeg|openssl|prettier|valgrind|tflint|cargo|gh|aws|gcloud|k6|wrk|ab|bundle|artisan|dig|ping|ssh|redis-cli|mysql|mongosh|\./gradlew)\b"
)
"""How a text begins that is a command rather than a name."""
COMMAND = re.compile(
    r"(?<![\w/.-])(?:swift|mvn|gradle|dotnet|cargo|go|npm|yarn|pnpm|mix|flutter|dart|zig|sbt|bazel"
    r"|terraform|helm|docker|kubectl|composer|ansible-playbook|make|uv|poetry|php artisan"
    r"|bundle exec) (?:run |exec )?(?:build|tests?|check|vet|lint|plan|apply|validate|template"
    r"|compile|fmt"
    r"|clippy"
    r"|audit|bench|format|analyze|publish|verify|migrate|rspec|rubocop)(?![\w-])"
)
"""Commands by their first two words, as they stand in prose."""
