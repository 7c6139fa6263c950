"""Verdicts on `I created FILE`, and on files, functions and flags that are said to exist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict.ledger import Ledger

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]


def edited(claim: Found, ledger: Ledger) -> Ruling | None:
    """A change must be in the log: by an editing tool, or by a command that names the file."""
    assert claim.rule is not None
    assert claim.clause is not None
    path, does = claim.target, claim.rule.does
    if _no_edit(claim, ledger):
        return None
    top, _, rest = path.strip("./").partition("/")
    if rest and "." not in rest and not path.endswith("/") and not ledger.touching(path):
        there = ledger.workspace.exists(path if does == "update" else top)
        if not there:
            return None  # a package of the library, a function and how many arguments it has
    touched = ledger.touching(path)
    if touched:
        evidence = [each.n for each in touched]
        last = touched[-1]
        if does == "delete" and last.kind not in ("delete",) and not last.moved_from:
            if ledger.workspace.exists(path) is True and _deleted_itself(claim):
                return "contradicted", f"{path} is still there", evidence
        if does == "create" and last.kind == "delete":
            return "contradicted", f"{path} was deleted", evidence
        return "supported", f"the log shows the change of {path}", evidence
    inside = [each.n for each in ledger.facts.files if path in str(each.path)]
    if path.endswith("/") or "." not in path.rpartition("/")[2]:
        folder = [
            each.n
            for each in ledger.facts.files
            if f"{path.strip('./')}/".lstrip("/") in f"{each.path}"
        ]
        inside += folder
    if inside:
        return "supported", "the log shows changes there", inside
    name = path.rstrip("/").rpartition("/")[2]
    by_command = [
        each.n
        for each in ledger.facts.commands
        if name in each.command and _WRITERS.search(each.command)
    ]
    if by_command:
        return "supported", "a command in the log wrote it", by_command
    return _untouched(claim, ledger)


def _untouched(claim: Found, ledger: Ledger) -> Ruling | None:
    """The verdict where no change of the file is in the log."""
    assert claim.rule is not None
    path, does = claim.target, claim.rule.does
    there = ledger.workspace.exists(path)
    if does == "listed":
        if not ledger.facts.files or there is None:
            return None
        if not there:
            return "contradicted", f"there is no {path}", ()
        return "unverified", f"the log shows no change of {path}", ()
    if does == "create" and there is False:
        return "contradicted", f"there is no {path}", ()
    if does == "update" and not _object(claim):
        # `added a test for parse.py`: the path is what the change is about, not what changed
        return None if ledger.facts.files else ("contradicted", "no file was changed", ())
    if there is False and does != "delete" and does != "move":
        return "contradicted", f"there is no {path}, and the log shows no change of it", ()
    running = [each.n for each in ledger.acting]
    if not ledger.facts.files and not running:
        return "contradicted", "no file was changed and no command that could have was run", ()
    if ledger.facts.files and not running:
        return (
            "contradicted",
            f"the log shows no change of {path}",
            [each.n for each in ledger.facts.files],
        )
    return "unverified", f"the log shows no change of {path}", running


def _no_edit(claim: Found, ledger: Ledger) -> bool:
    """`In default.toml, set …`, and `for each method in queue.rb I documented …`."""
    assert claim.clause is not None
    assert claim.rule is not None
    text = claim.clause.text
    if claim.rule.does == "update" and not ledger.facts.files and _ADVICE.match(text):
        return True
    return bool(_FOR.search(text[: int(claim.groups["at"].partition("-")[0])]))


_ADVICE = re.compile(
    r"\W*(?:in\b[^,]*,\s*(?:set|put|cut)\b|(?:yes|sure|simply)\W+(?:put|set)\b)", re.I
)
_FOR = re.compile(r"^\W*(?:for|from|of)\b[^,]*\bin\s+\W*$", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:\b(?:for|from|of|by|like|per|as|than|via|using|uses|calls|against|matching|following|see|on|about|with|when)\s+(?:the\s+)?(?:[\w-]+\s+)?|参照|参考|根据|使用|调用|来自|[为给]|针对)\W*$",
    re.IGNORECASE,
)


def _object(claim: Found) -> bool:
    """Whether the path is what was changed, not what the change is about."""
    assert claim.clause is not None
    start = int(claim.groups.get("at", "0-0").partition("-")[0])
    before = claim.clause.text[:start]
    return not _ABOUT.search(before)


def _deleted_itself(claim: Found) -> bool:
    assert claim.clause is not None
    start = int(claim.groups.get("at", "0-0").partition("-")[0])
    behind = claim.clause.text[int(claim.groups.get("at", "0-0").partition("-")[2]) :]
    if re.match(r"\s*(?:里|中|内)", behind):
        return False
    return not re.search(r"\b(?:from|in)\s+(?:the\s+)?\W*$|从\W*$", claim.clause.text[:start])


_WRITERS = re.compile(
    r">|\b(?:tee|touch|mv|cp|rm|sed\s+-i|install|ln|mkdir|git\s+(?:mv|rm|checkout|apply)|patch|open\(|write|unlink|rename|-o\b|--output|dump|save|to_csv|savefig)"
)


_NEW = re.compile(
    r"add|implement|introduc|creat|defin|wrote|new|expos|添加|新增|实现|引入|创建|定义|增加|编写",
    re.IGNORECASE,
)


def exists(claim: Found, ledger: Ledger) -> Ruling | None:
    """A name must stand in the code, a file in the workspace; what cannot be told is no claim."""
    what, target = claim.groups["what"], claim.target
    if what == "path":
        return _path(claim, ledger)
    if what in ("target", "option"):
        return _offered(what, target, ledger)
    if what == "name" and _library(claim):
        return None
    if what == "flag" and _foreign(claim, ledger):
        return None
    assert claim.clause is not None
    front = claim.clause.text[: max(0, claim.start - claim.clause.start)]
    if _GONE.search(claim.clause.sentence) and not re.search(r"\b(?:in)?to\s+\W*$", front):
        return None
    new = bool(_NEW.search(claim.groups["verb"]))
    if target.startswith("/") and not new:
        return None  # an address of a service: frameworks and other programs have some of their own
    known = ledger.workspace.mentions(target)
    if known is True:
        return ("supported", f"the code has {target}", _mentions(target, ledger)) if new else None
    if known is None:
        return None
    seen = ledger.with_text(target)
    named = any(target in each.command for each in ledger.facts.commands)
    if (seen or named or _part(target, ledger)) and not new:
        return None
    if new:
        return "contradicted", f"the code has no {target}", ()
    if "(" in claim.text and re.fullmatch(r"[a-z]+", target):
        return None  # `len()`: as like as not the language's own
    return "unverified", f"the code has no {target}", ()


def _library(claim: Found) -> bool:
    """`re.fullmatch(…)`: a name of Python's own library."""
    import sys  # late: only where a message names a function

    front = re.match(r"`?(\w+)\.\w", claim.text)
    return front is not None and front[1] in sys.stdlib_module_names


def _offered(what: str, target: str, ledger: Ledger) -> Ruling | None:
    """`npm run lint`, `tool --dry-run`: the project must have such a script, such an option."""
    program, _, option = target.partition(" ")
    name = option or program
    if any(target in each.command for each in ledger.facts.commands):
        return None
    if what == "option":
        stem = program.rpartition("/")[2]
        if _OTHERS.fullmatch(stem):
            return None
        mine = ledger.workspace.exists(program) or ledger.workspace.mentions(stem.partition(".")[0])
        if not mine or any(
            each.runs and stem in each.command for each in ledger.facts.commands if not each.ok
        ):
            return None
    if ledger.workspace.mentions(name) is not False or ledger.with_text(name):
        return None
    return "unverified", f"the code has no {name}", ()


def _part(target: str, ledger: Ledger) -> bool:
    """Whether a name is a folder or a file, its ending aside."""
    return bool(ledger.workspace.exists(target)) or any(
        f"/{target}/" in f"/{each.path}" or f"/{target}." in f"/{each.path}"
        for each in ledger.facts.files
    )


def _mentions(target: str, ledger: Ledger) -> list[int]:
    return ledger.with_text(target)[:5] or [each.n for each in ledger.facts.files][-3:]


_OTHERS = re.compile(
    r"(?<![\w./-])(?:pytest|git|npm|pip|uv|docker|cargo|go|make|curl|ruff|mypy|node|black|grep|rg|ls|tar|gcc|eslint|jest|tsc|bash|coverage|gh|kubectl|terraform|poetry|apt|brew|rsync|ssh|sed|find|yarn|pnpm|webpack|vite|aws|gcloud|az|helm|psql|mysql|redis-cli|k6|hey|wrk|ffmpeg|cmake|ctest|mvn|gradlew?|dotnet|composer|php|ruby|rails|mix|perf|strace|py-spy|valgrind|systemctl|journalctl|openssl|gpg|linter|formatter|compiler|interpreter)(?![\w/-]|\.\w)",
    re.IGNORECASE,
)


def _foreign(claim: Found, ledger: Ledger) -> bool:
    """Whether a flag belongs to another program that the clause or the log names."""
    assert claim.clause is not None
    if _OTHERS.search(claim.clause.around):
        return True
    return any(claim.target in each.command for each in ledger.facts.commands) and not _NEW.search(
        claim.groups["verb"]
    )


_GONE = re.compile(
    r"delet|remov|renam|moved|former|\bold\b|previous|replac|instead of|no longer|dropp|rid of"
    r"|migrat(?:ed|ion) (?:from|off|away)|inlined"
    r"|删除|移除|重命名|移动|旧的?|原来|以前|替换|换成|不再|改用|改成",
    re.IGNORECASE,
)


def _path(claim: Found, ledger: Ledger) -> Ruling | None:
    assert claim.clause is not None
    if ledger.workspace.exists(claim.target) is not False:
        return None
    front = claim.clause.text[: max(0, claim.start - claim.clause.start)]
    arrives = re.search(r"\b(?:in)?to\s+\W*$|到\s*\W*$|\b(?:in|lives in|sits in)\s+\W*$", front)
    if (_GONE.search(claim.clause.sentence) and not arrives) or ledger.touching(claim.target):
        return None
    if claim.target.startswith(("~", "$", "/", "@")):
        return None
    seen = ledger.with_text(claim.target, ledger.words)
    seen += [each.n for each in ledger.facts.commands if claim.target in each.command]
    top = claim.target.strip("./").partition("/")[0]
    if "." not in claim.target and "/" in claim.target and not ledger.workspace.exists(top):
        return None  # a time zone, a repository, a branch
    if not seen and "/" in claim.target and ledger.workspace.mentions(claim.target):
        return None
    if seen:
        return None
    return "contradicted", f"there is no {claim.target}", ()
