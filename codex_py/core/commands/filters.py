"""Programs with a language of their own: sed, awk, jq, yq, date and ps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from codex_py.core.commands import sedscript
from codex_py.core.commands.options import Program, files, sort
from codex_py.core.commands.verdict import Verdict, ask
from codex_py.core.commands.words import Word

Words = tuple[Word, ...]
Judge = Callable[..., Verdict]

SED = Program(
    "-nErsuz --quiet --silent --regexp-extended --separate --unbuffered --null-data --posix"
    " --sandbox --debug -e= --expression= --help",
    "pattern",
    traps={
        "-i": "it changes the files in place",
        "-I": "it changes the files in place",
        "--in-place": "it changes the files in place",
        "-f": "its commands are in a file",
        "--file": "its commands are in a file",
    },
)


def sed(words: Words, _judge: Judge) -> Verdict:
    """`sed -n 1,5p file`: commands that print, delete, stop or replace."""
    read = sort(words, SED)
    scripts = list(_values(words, ("-e", "--expression")))
    operands = read.operands
    if not scripts:
        scripts, operands = operands[:1], operands[1:]
    for script in scripts:
        if not script.plain or not sedscript.only_prints(script.text):
            return ask(f"the sed commands `{script.text}` are not known to only print")
    if not scripts:
        return ask("sed has no commands")
    return Verdict(reading=True, why="only prints", reads=tuple(read.reads + files(operands)))


def _values(words: Words, names: tuple[str, ...]) -> list[Word]:
    """Every value an option was given, however it was attached; unknown when in doubt."""
    found: list[Word] = []
    for number, word in enumerate(words):
        text = word.text
        if text == "--":
            break
        if text in names:
            found.append(words[number + 1] if number + 1 < len(words) else Word("", known=False))
        elif any(text.startswith(f"{name}=") for name in names if name.startswith("--")):
            found.append(replace(word, text=text.partition("=")[2]))
        elif re.match(r"-[A-Za-z]+", text) and any(
            name[1] in text for name in names if not name.startswith("--")
        ):
            if not text.startswith("--") and not (number and words[number - 1].text in names):
                found.append(Word(text, known=False))
    return found


AWK = Program(
    "-F= -v= --field-separator= --assign=", "pattern", traps={"-f": "its commands are in a file"}
)
AWK_TOKEN = re.compile(
    r"\"(?:[^\"\\\n]|\\[nt\"\\/])*\"|\$|\d+(?:\.\d+)?|[A-Za-z_]\w*|==|!=|<=|>=|\+\+|--|\+=|&&|\|\|"
    r"|[-+*/%(){},;!~<>=\[\]?:]|\s+",
    re.ASCII,
)
AWK_REGEX = re.compile(r"/(?:[^/\\\n\[\]]|\\.)+/")
AWK_OPENS = frozenset({"", "(", ",", "{", "}", ";", "!", "~", "&&", "||"})
"""Behind these a slash starts a regular expression; elsewhere it divides."""
AWK_WORDS = frozenset(
    """print printf NR NF FNR FS OFS RS ORS FILENAME BEGIN END length substr index split tolower
    toupper sprintf gsub sub match int if else for in next exit while""".split()
)
AWK_NAME = re.compile(r"[a-z][a-z0-9]?|(?:sum|count|total|seen|max|min|line|name|key|val)s?")


def awk(words: Words, _judge: Judge) -> Verdict:
    """`awk '{print $1}'`: only a small part of the language, with nothing that leaves it."""
    read = sort(words, AWK)
    if not read.operands or not read.operands[0].plain:
        return ask("the awk program is not known before it runs")
    for value in _values(words, ("-v", "--assign")):
        if not value.plain or not re.fullmatch(r"[a-z][a-z0-9_]*=[\w .,:/-]*", value.text):
            return ask("awk -v is not of the plain form name=value")
    odd = awk_trouble(read.operands[0].text)
    if odd:
        return ask(f"`{odd}` in an awk program can write files or run programs")
    reads = tuple(files(read.operands[1:]))
    if any("/inet" in path for path in reads):
        return ask("awk opens network connections under this name")
    return Verdict(reading=True, why="only prints", reads=reads)


def awk_trouble(program: str) -> str:
    """The first thing in an awk program that is not known to be harmless, or nothing."""
    at, braces, before = 0, 0, ""
    while at < len(program):
        found = AWK_REGEX.match(program, at) if before in AWK_OPENS else None
        found = found or AWK_TOKEN.match(program, at)
        if not found:
            return program[at : at + 10]
        token, at = found[0], found.end()
        braces += (token == "{") - (token == "}")
        if braces and token in (">", ">="):
            return token
        before = before if token.isspace() else token
        name = bool(re.match(r"[A-Za-z_]", token))
        if name and token not in AWK_WORDS and not AWK_NAME.fullmatch(token):
            return token
    return ""


JQ = Program(
    "-rcnseSMCajR --raw-output --compact-output --null-input --slurp --exit-status --sort-keys"
    " --monochrome-output --color-output --ascii-output --join-output --raw-input --tab --indent="
    " --unbuffered --seq --stream --help",
    "pattern",
    traps={
        "-f": "its program is in a file",
        "--from-file": "its program is in a file",
        "-L": "it loads programs from a folder",
        "-i": "it changes the file in place",
        "--in-place": "it changes the file in place",
    },
)
LEAKS = re.compile(
    r"\b(?:env|import|include|modulemeta|system|input_line)\b"
    r"|\$ENV|__loc__|\bload|strenv|\$__prog|@file",
    re.I,
)
JQ_PAIR = frozenset({"--arg", "--argjson"})


def jq(words: Words, _judge: Judge) -> Verdict:
    """`jq FILTER file`: the filter may not show the environment or load files."""
    rest: list[Word] = []
    at = 0
    while at < len(words):
        if words[at].text in JQ_PAIR and at + 2 < len(words):
            if any(word.many or word.trouble for word in words[at + 1 : at + 3]):
                return ask(f"jq {words[at].text} is given a word not known before it runs")
            at += 3
        else:
            rest.append(words[at])
            at += 1
    read = sort(tuple(rest), JQ)
    operands = read.operands
    if not operands or not operands[0].plain or LEAKS.search(operands[0].text):
        return ask("the filter can show the environment or load other files")
    return Verdict(reading=True, why="only prints", reads=tuple(files(operands[1:])))


YQ = Program(
    "-rnePCMjN -o= -p= -I= --output-format= --input-format= --prettyPrint --raw-output --no-colors",
    "pattern",
    traps={"-i": "it changes the file in place", "-s": "it writes files"},
)


def yq(words: Words, _judge: Judge) -> Verdict:
    """`yq EXPRESSION file`, where a word in front may say how to evaluate."""
    read = sort(words, YQ)
    for word in read.operands:
        if not word.plain or LEAKS.search(word.text):
            return ask(f"`{word.text}` given to yq can show the environment or load other files")
    return Verdict(reading=True, why="only prints", reads=tuple(files(read.operands[1:])))


DATE = Program(
    "-uRjn -d= -I? --date= --utc --universal --iso-8601? --rfc-3339= --rfc-email --help"
    " --version -r<",
    "texts",
    traps={
        "-s": "it sets the clock",
        "--set": "it sets the clock",
        "-f": "it shows lines of a file",
    },
)


def date(words: Words, _judge: Judge) -> Verdict:
    """`date +FORMAT`: anything else as an operand would set the clock."""
    read = sort(words, DATE)
    for word in read.operands:
        first = word.text if word.plain else word.start
        if not first.startswith("+") or word.many:
            return ask(f"`{word.text}` given to date could set the clock")
    return Verdict(reading=True, why="only says the time", reads=tuple(read.reads))


PS = re.compile(r"-?[aAdfFlLTujwx]+|-e[fFlLjw]*|--forest|--no-headers|--headers")
PS_FIELDS = re.compile(
    r"(?:(?:p?pid|comm|cmd|args|user|uid|%?cpu|%?mem|etimes?|stat|rss|vsz|tty|time|start|nlwp|pgid"
    r"|sid|command|state|lstart)=?,?)+"
)
PS_VALUED = frozenset({"-p", "-u", "-C", "-t", "-g", "--pid", "--ppid", "--user"})
PS_SORT = re.compile(r"--sort=[-+a-z%,]+")


def ps(words: Words, _judge: Judge) -> Verdict:
    """`ps aux`, `ps -ef`, `ps -o pid,comm`: not the forms that show environments."""
    at = 0
    while at < len(words):
        word, after = words[at], words[at + 1] if at + 1 < len(words) else None
        if not word.plain:
            return ask("a word is not known before it runs")
        if (word.text in ("-o", "-eo") and after and PS_FIELDS.fullmatch(after.text)) or (
            word.text in PS_VALUED and after and (after.plain or not after.many)
        ):
            at += 2
        elif (
            PS.fullmatch(word.text)
            or PS_SORT.fullmatch(word.text)
            or re.fullmatch(r"-?\d+", word.text)
        ):
            at += 1
        else:
            return ask(f"ps {word.text} could show environments, which may hold secrets")
    return Verdict(reading=True, why="only lists programs")


RULES: dict[str, Callable[[Words, Judge], Verdict]] = {
    "sed": sed,
    "gsed": sed,
    "awk": awk,
    "gawk": awk,
    "mawk": awk,
    "jq": jq,
    "yq": yq,
    "date": date,
    "ps": ps,
}
