"""Files, flags and functions named in a clause."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codex_py.core.receipt.log.runs import KNOWN
from codex_py.core.receipt.message.prose import CODE, Clause

PATH = re.compile(
    r"(?<![\w/.:-])(?:~/|\.{1,2}/|/)?(?:[\w.@+-]+/)*[\w.@+-]*\w\.(?:py"
    r"|pyi|js|jsx|ts|tsx|mjs|cjs|go|rs|c|h"
    r"|cc|cpp|hpp|java|kt|rb|php|sh|bash|zsh|md|rst|txt|json|toml|yaml"
    r"|yml|ini|cfg|conf|html|css|scss"
    r"|sql|xml|csv|tsv|lock|svg|png|jpg|jpeg|gif|webp|pdf|ipynb|vue"
    r"|svelte|swift|cs|lua|pl|r|jl|ex|exs"
    r"|env|log|db|sqlite|proto|tf|gradle|bat|ps1|dockerfile|mk|bak|orig|cron|scala|dart|zig|erb|j2"
    r"|tmpl|graphql|prisma|parquet|pkl|zip|gz|tgz|patch|diff|service|timer|sum|mod|properties)"
    r"(?![\w/])",
    re.IGNORECASE,
)
BARE = re.compile(r"^(?:(?:[\w.@+-]+/)+[\w.@+-]*|Makefile|Dockerfile|LICENSE|README|\.\w[\w.-]*)$")
FLAG = re.compile(r"^(?:-\w(?:,\s*|\s*/\s*))?(--[a-z][\w-]+)(?:[= ][^`]*)?$", re.IGNORECASE)
FUNCTION = re.compile(r"^(?:[\w.]+\.)?([A-Za-z_]\w*)\([^`]*\)$")
NAME = re.compile(r"^(?:[\w.]+\.)?([A-Za-z_]\w{2,})$")
ENDPOINT = re.compile(r"^(?:(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s+)?/[a-z][\w/{}:<>-]*$")
UPPER = re.compile(r"^[A-Z][A-Z0-9]*_[A-Z0-9_]+$")
NOUN = re.compile(
    r"^\W{0,2}\s*(?:function|method|class|helper|constant|option|flag|setting|module|variable"
    r"|decorator"
    r"|endpoint|route|fixture|property|exception|argument|parameter|switch|environment variable"
    r"|env var|config key|key|column|hook|target|subcommand|command"
    r"|环境变量|接口|配置项|路由|字段|命令"
    r"|函数|方法|类|常量|选项|参数|变量|模块|装饰器|异常)",
    re.IGNORECASE,
)
NOUN_BEFORE = re.compile(
    r"(?:function|method|class|helper|constant|option|flag|setting"
    r"|variable|decorator|fixture|exception"
    r"|endpoint|route|environment variable|env var|key|target|subcommand|环境变量|接口|配置项|路由"
    r"|函数|方法|类|常量|选项|参数|变量|装饰器|异常)(?:s|\s+(?:named|called))?\s*$",
    re.IGNORECASE,
)
SPELLED = re.compile(r"^[A-Za-z]\w*(?:_\w+|[a-z][A-Z]\w*|\.[a-z]\w+)$")
ROW = re.compile(r"^\s*\|\s*$")
TOLD = re.compile(
    r"\b(?:comes from|lives in|defined (?:in|as|by)|calls?|called|handled by"
    r"|delegates? to|wrapped by|see)\s+$"
)
ABSENT = re.compile(
    r"(?:\b(?:no|not|without|never|missing|lacks?|absent)|n't)\s+(?:\w+\s+){0,2}\W{0,2}$"
    r"|(?:没有|不存在|缺少|未找到|找不到|并无|无)\s*(?:名为|叫)?\W{0,2}$",
    re.IGNORECASE,
)
ABSENT_AFTER = re.compile(
    r"\W{0,2}\s*(?:\w+\s+){0,2}(?:does not|doesn't|do not|don't|did not|no longer)\s+exist"
    r"|\W{0,2}\s*(?:is|are|was|were)\s+(?:missing|absent|not\s+(?:found|present|there|defined))"
    r"|\W{0,2}\s*(?:不存在|没有找到|缺失)",
    re.IGNORECASE,
)


def spellings(word: str) -> tuple[str, ...]:
    """How code may spell a name that a message gives: `--dry-run` is `dry-run`, `dryRun` there."""
    if not word.startswith("-"):
        return (word,)
    plain = word.lstrip("-")
    first, *rest = plain.split("-")
    quoted = tuple(f"{mark}{plain}" for mark in "\"'`(, ")
    camel = first + "".join(each.capitalize() for each in rest)
    return tuple(dict.fromkeys((word, plain.replace("-", "_"), camel, *quoted)))


SCRIPT = re.compile(
    r"^(?:npm|pnpm|yarn|bun) run ([\w:.-]+)|^(?:make|just|rake|bundle exec rake|task) ([\w:.-]+)"
)
OWN = re.compile(r"^(?:\./)?[\w.-]+(?:/[\w.-]+)*(?: +[^`]+)$")


def _in_command(code: re.Match[str]) -> Iterator[tuple[int, int, str, str]]:
    """What a command between backquotes names of the project: its script, its options."""
    inner = code[2].strip()
    if script := SCRIPT.match(inner):
        yield code.start(), code.end(), script[1] or script[2], "target"
    elif OWN.match(inner) and not KNOWN.match(inner):
        program, _, rest = inner.partition(" ")
        for flag in re.findall(r"(?<!\S)--[a-z][\w-]+", rest):
            yield code.start(), code.end(), f"{program} {flag}", "option"


def lead(text: str) -> int:
    return len(text) - len(text.lstrip(" -*•#\t"))


def paths(clause: Clause) -> Iterator[tuple[int, int, str]]:
    """Paths named in a clause, in backquotes or not; a command between backquotes is none."""
    covered: list[tuple[int, int]] = []
    for code in CODE.finditer(clause.text):
        covered.append(code.span())
        inner = re.sub(r":\d+(?:-\d+)?$", "", code[2].strip())
        if re.search(r"\w/\d$", inner):
            continue  # a function and how many arguments it takes
        if (
            PATH.fullmatch(inner)
            or (BARE.match(inner) and "/" in inner.strip("/"))
            or (BARE.match(inner) and "/" not in inner and not inner.startswith("."))
        ):
            yield code.start(), code.end(), inner
    for found in PATH.finditer(clause.text):
        if not any(start <= found.start() < end for start, end in covered):
            if not re.search(r"https?://\S*$", clause.text[: found.start()]):
                yield found.start(), found.end(), found[0]


def names(clause: Clause) -> Iterator[tuple[int, int, str, str]]:
    """Files, flags and functions named in a clause: place, name, and which of the three."""
    for start, end, path in paths(clause):
        yield start, end, path, "path"
    for code in CODE.finditer(clause.text):
        inner = code[2].strip()
        if flag := FLAG.match(inner):
            yield code.start(), code.end(), flag[1], "flag"
        elif ENDPOINT.match(inner) or UPPER.match(inner):
            yield code.start(), code.end(), inner.split()[-1], "name"
        elif function := FUNCTION.match(inner):
            yield code.start(), code.end(), function[1], "name"
        elif (name := NAME.match(inner)) and not PATH.fullmatch(inner):
            behind, front = clause.text[code.end() :], clause.text[: code.start()]
            own = SPELLED.match(inner) and (ROW.search(front) or TOLD.search(front))
            if NOUN.match(behind) or NOUN_BEFORE.search(front) or own:
                yield code.start(), code.end(), name[1], "name"
    for code in CODE.finditer(clause.text):
        yield from _in_command(code)
    for flag in re.finditer(r"(?<![\w`-])--[a-z][\w-]+", clause.text):
        if clause.text[: flag.start()].count("`") % 2 == 0:
            yield flag.start(), flag.end(), flag[0], "flag"
