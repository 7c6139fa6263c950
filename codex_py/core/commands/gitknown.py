"""The table of git commands that only read, with the options each may be given unasked."""

from __future__ import annotations

from dataclasses import field

from codex_py.core.commands.options import Program
from codex_py.dataclass import dataclass

RUNS = "it runs another program"
WRITES = "it writes a file"
TRAPS = {
    "-c": "a setting can make git run a program",
    "--config-env": "a setting can make git run a program",
    "--exec-path": "it takes git's programs from elsewhere",
    "--git-dir": "it takes the repository's settings from elsewhere",
    "--work-tree": "it takes the files from elsewhere",
    "--paginate": RUNS,
    "-p": RUNS,
    "--output": WRITES,
    "--ext-diff": RUNS,
    "--textconv": RUNS,
    "--filters": RUNS,
    "--exec": RUNS,
    "-O": RUNS,
    "--open-files-in-pager": RUNS,
    "--show-signature": RUNS,
    "-v": RUNS,
    "--no-index": "it reads files outside of the repository",
    "--contents": "it reads a file outside of the repository",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One git command."""

    program: Program
    list_only: str = ""
    """Options of which one must be there when there is an operand: without, it would change."""
    verbs: dict[str, Command] = field(default_factory=dict)
    """What its first word may be; an empty one for no word at all."""


DIFF = (
    " -pusRabwWzBMCD -U= -S= -G= -M? -C? -B? -X? -l= --patch --no-patch --unified= --raw"
    " --patch-with-stat --numstat --shortstat --stat? --stat-width= --stat-count= --compact-summary"
    " --dirstat? --summary --name-only --name-status --check --color? --no-color --color-moved?"
    " --word-diff? --word-diff-regex= --color-words? --no-renames --find-renames? --find-copies?"
    " --find-copies-harder --break-rewrites? --minimal --patience --histogram --anchored="
    " --diff-algorithm= --ignore-all-space --ignore-space-change --ignore-space-at-eol"
    " --ignore-cr-at-eol --ignore-blank-lines --ignore-matching-lines= --inter-hunk-context="
    " --function-context --full-index --binary --abbrev? --diff-filter= --pickaxe-all"
    " --pickaxe-regex --relative? --no-relative --text --exit-code --quiet --src-prefix="
    " --dst-prefix= --no-prefix --line-prefix= --ignore-submodules? --submodule? --no-ext-diff"
    " --no-textconv --find-object= --follow --cc --combined-all-paths -c"
)
WALK = (
    " -gin -n= -L= -# --oneline --all --branches? --tags? --remotes? --glob= --exclude= --graph"
    " --decorate? --no-decorate --decorate-refs= --max-count= --skip= --since= --after= --until="
    " --before= --author= --committer= --grep= --all-match --invert-grep --regexp-ignore-case"
    " --extended-regexp --fixed-strings --perl-regexp --merges --no-merges --min-parents="
    " --max-parents= --first-parent --reverse --topo-order --date-order --author-date-order"
    " --walk-reflogs --cherry --cherry-pick --cherry-mark --left-right --left-only --right-only"
    " --boundary --simplify-by-decoration --full-history --ancestry-path --date= --relative-date"
    " --format= --pretty? --abbrev-commit --no-abbrev-commit --parents --children --source"
    " --no-color --name-only --use-mailmap --no-notes --notes? --show-pulls --encoding="
    " --remove-empty"
    " --no-walk? --merge --not --no-mailmap --log-size -E -F -i -m --expand-tabs?"
)


def _diffing(options: str) -> Command:
    return Command(Program(DIFF + options, "texts", traps=TRAPS))


def _row(options: str, at_most: int = 1000, list_only: str = "") -> Command:
    return Command(Program(options, "texts", at_most=at_most, traps=TRAPS), list_only)


LIST = (
    "-avr -v --list --all --remotes --verbose --show-current --contains? --no-contains? --merged?"
    " --no-merged? --sort= --format= --points-at= --column? --no-column --color? --no-color -i"
    " --ignore-case --abbrev? --omit-empty"
)

COMMANDS: dict[str, Command] = {
    "status": _row(
        "-sbvuz -u? --short --branch --porcelain? --long --verbose --untracked-files? --ignored?"
        " --ignore-submodules? --column? --no-column --show-stash --ahead-behind --no-ahead-behind"
        " --renames --no-renames --find-renames? --null"
    ),
    "log": _diffing(WALK),
    "show": _diffing(WALK),
    "whatchanged": _diffing(WALK),
    "diff": _diffing(" --cached --staged --merge-base --ours --theirs --base -0 -1 -2 -3"),
    "diff-tree": _diffing(" -rtmv --root --no-commit-id --stdin --always"),
    "diff-index": _diffing(" --cached -m"),
    "diff-files": _diffing(" -0 -q"),
    "shortlog": _row("-nsec -w? --numbered --summary --email --group= --committer" + WALK),
    "rev-list": _row(WALK + " --count --objects --disk-usage --timestamp"),
    "blame": _row(
        "-bltfnscwekp -L= -M? -C? --date= --porcelain --line-porcelain --show-email --show-name"
        " --show-number --root --since= --abbrev= --score-debug --first-parent --reverse"
        " --no-progress --color-lines --color-by-age --ignore-rev="
    ),
    "grep": _row(
        "-nivwIEGFPlLqchHoaWpzr -e= -A= -B= -C= -m= -# --cached --untracked --exclude-standard"
        " --no-exclude-standard --recurse-submodules --ignore-case --word-regexp --text"
        " --invert-match --full-name --extended-regexp --basic-regexp --perl-regexp"
        " --fixed-strings --line-number --column --files-with-matches --name-only"
        " --files-without-match --null --only-matching --count --color? --no-color --break"
        " --heading --show-function --function-context --context= --after-context="
        " --before-context= --max-count= --max-depth= --threads= --and --or --not --all-match"
        " --quiet --no-textconv"
    ),
    "ls-files": _row(
        "-cdmoiskutvfz -x= --cached --deleted --modified --others --ignored --stage --directory"
        " --no-empty-directory --unmerged --killed --resolve-undo --exclude= --exclude-standard"
        " --error-unmatch --full-name --recurse-submodules --abbrev? --debug --eol --deduplicate"
        " --format="
    ),
    "ls-tree": _row(
        "-drtlz --long --name-only --name-status --object-only --full-name --full-tree --abbrev?"
        " --format="
    ),
    "rev-parse": _row(
        "-q --verify --quiet --short? --abbrev-ref? --symbolic --symbolic-full-name --all"
        " --branches? --tags? --remotes? --show-toplevel --show-prefix --show-cdup --git-dir"
        " --absolute-git-dir --git-common-dir --is-inside-work-tree --is-inside-git-dir"
        " --is-bare-repository --is-shallow-repository --show-superproject-working-tree"
        " --show-object-format? --path-format= --git-path= --since= --until= --default= --not"
        " --revs-only --no-revs --flags --no-flags"
    ),
    "cat-file": _row("-tesp", 2),
    "describe": _row(
        "--all --tags --contains --abbrev= --candidates= --exact-match --debug --long --match="
        " --exclude= --always --first-parent --dirty? --broken?"
    ),
    "name-rev": _row("--tags --refs= --exclude= --all --name-only --no-undefined --always"),
    "merge-base": _row("-a --all --octopus --independent --is-ancestor --fork-point"),
    "for-each-ref": _row(
        "--count= --sort= --format= --points-at= --merged? --no-merged? --contains? --no-contains?"
        " --ignore-case --color?"
    ),
    "show-ref": _row(
        "-dqs --head --heads --branches --tags --dereference --hash? --verify --abbrev?"
    ),
    "show-branch": _row("-ar --all --remotes --list --sha1-name --no-name --current --topics"),
    "count-objects": _row("-vH --verbose --human-readable"),
    "check-ignore": _row("-qvn --quiet --verbose --non-matching --no-index"),
    "check-attr": _row("-a --all --cached"),
    "cherry": _row("-v --abbrev?"),
    "range-diff": _diffing(" --creation-factor= --no-dual-color --left-only --right-only"),
    "symbolic-ref": _row("-q --quiet --short", 1),
    "version": _row("--build-options", 0),
    "branch": _row(
        LIST, list_only="--list --contains --no-contains --merged --no-merged --points-at"
    ),
    "tag": _row(
        LIST.replace("-avr -v ", "-l -n? "),
        list_only="-l --list --contains --no-contains --merged --no-merged --points-at",
    ),
    "config": _row(
        "-z --null --show-origin --show-scope --get --get-all --local --global --type= --name-only",
        1,
        list_only="--get --get-all",
    ),
    "stash": Command(
        Program(), verbs={"list": _diffing(WALK), "show": _diffing(" --include-untracked")}
    ),
    "remote": Command(
        Program(),
        verbs={"": _row("-v --verbose", 0), "get-url": _row("--push --all", 1)},
    ),
    "worktree": Command(Program(), verbs={"list": _row("-vz --verbose --porcelain", 0)}),
    "reflog": Command(
        Program(),
        verbs={"": _diffing(WALK), "show": _diffing(WALK), "exists": _row("", 1)},
    ),
    "notes": Command(Program(), verbs={"list": _row("", 1), "show": _row("", 1), "": _row("", 0)}),
    "bisect": Command(Program(), verbs={"log": _row("", 0)}),
}
