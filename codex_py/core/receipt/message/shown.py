"""What the code blocks of a message claim: outputs shown, digests, options of own programs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codex_py.core.receipt.log.runs import KNOWN
from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.message.language import languages
from codex_py.core.receipt.message.names import OWN
from codex_py.core.receipt.message.prose import Block, blocks

OUTPUT = re.compile(
    r"\b(?:outputs?|results?|printed|prints|shows?|showed|returned"
    r"|console|logs?|ran|running|produces?d?|gives?|gave|reported"
    r"|transcript|session)\b|输出|结果|打印|显示|运行|执行|日志|返回",
    re.IGNORECASE,
)
TRANSCRIPT = re.compile(
    r"^\s*(?:>>> |In \[\d+\]: )|^\s*\$ \S[^\n]*\n(?!\s*(?:\$|\#|$))|^collected \d+ items"
    r"|\b\d+ (?:passed|failed)\b.* in [\d.]+ ?s"
    r"|^Ran \d+ tests? in|^BUILD SUCCESS|^test result: |^Tests:\s+\d+|^ok\s+\S+\s+[\d.]+s",
    re.MULTILINE,
)
DIGEST = re.compile(
    r"(?<![0-9a-zA-Z/+])(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})(?!\w)"
)
HASHING = re.compile(r"sha-?\d|md5|hash|checksum|digest|摘要|校验|哈希|指纹", re.IGNORECASE)


def shown(message: str) -> Iterator[Found]:
    """Every claim of a code block."""
    known = languages(message)
    for block in blocks(message):
        front = block.before.strip()
        plan = any(
            each.no["plan"].search(front)
            or each.no["negated"].search(front)
            or each.example.search(front)
            for each in known
        )
        if not block.text.strip():
            continue
        yield from _options(block)
        if plan:
            continue
        if HASHING.search(message):
            for found in DIGEST.finditer(block.text):
                yield _found("hash", block, found.start(), found.end(), {"name": found[0]})
        transcript = TRANSCRIPT.search(block.text)
        if not transcript and (SOURCE.match(block.info) or _command(block.text)):
            continue
        if OUTPUT.search(front) or transcript:
            yield _found("ran", block, 0, len(block.text.rstrip()), {})


SOURCE = re.compile(
    r"(?:py|python|js|javascript|ts|typescript|tsx|jsx|go|rust|rs|java|c|cpp|ruby|rb|php|sql|css|html|diff"
    r"|toml|ya?ml|ini|dockerfile|hcl|kotlin|swift)$",
    re.IGNORECASE,
)
"""Languages of blocks that show code, not what it printed."""


def _command(text: str) -> bool:
    """Whether a block is one command to be run, and no output."""
    line = text.strip()
    return "\n" not in line and bool(KNOWN.match(line))


def _options(block: Block) -> Iterator[Found]:
    """Options that an example gives to the project's own program."""
    at = 0
    for line in block.text.split("\n"):
        plain = re.sub(r"\s#.*", "", line).strip().removeprefix("$ ")
        if OWN.match(plain) and not KNOWN.match(plain) and re.fullmatch(r"[^{}();<>]+", plain):
            program = plain.split()[0]
            for flag in re.finditer(r"(?<!\S)--[a-z][\w-]+", line):
                told = {"what": "option", "verb": ""}
                target = f"{program} {flag[0]}"
                yield _found("exists", block, at + flag.start(), at + flag.end(), told, target)
        at += len(line) + 1


def _found(
    kind: str, block: Block, at: int, end: int, groups: dict[str, str], target: str = ""
) -> Found:
    text = block.text[at:end]
    start = block.start + at + len(text) - len(text.lstrip())
    return Found(
        kind, text.strip(), start, block.start + end, None, None, groups=groups, target=target
    )
