"""Learns how much each sign of an unsupported claim weighs, for codex_py/core/receipt.

python benchmarks/weigh.py            learn, and write weighed.json
python benchmarks/weigh.py --check    five-fold: precision and recall of the marks it adds

Learnt from the clauses of the cases open to rules which no claim was found doubtful in. What
each sounds like is told by weights that were learnt without its message (five folds), as it
will be for messages of the future. Logistic regression; the same input gives the same file.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from zlib import crc32

TOP = Path(__file__).parent.parent
sys.path.insert(0, str(TOP))
sys.path.insert(0, str(Path(__file__).parent))

import claims as learning  # noqa: E402

from codex_py.core.receipt.message import learned  # noqa: E402
from codex_py.core.receipt.message.prose import clauses  # noqa: E402
from codex_py.core.receipt.verdict import weighed  # noqa: E402
from tests.receipts.load import Case, cases  # noqa: E402

FOLDS = 5
Row = tuple[dict[str, float], bool]
"""The signs of a clause, and whether a person calls something in it unsupported."""


def fold(name: str) -> int:
    """Where a message belongs."""
    return crc32(name.encode()) % FOLDS


def sounding(known: list[learning.Sample], out: int) -> learned.Weights:
    """The detector of a language, learnt without the messages of a fold."""
    part = [each for each in known if ".tsv:" in each[2] or fold(each[2]) != out]
    data = {label: learning.told(*learning.learn(part, label)) for label in learned.LABELS}
    return learned.parsed(data)


def rows(case: Case) -> list[Row]:
    """The clauses of a message in which no doubtful claim was found."""
    ledger = case.ledger()
    found = case.claims(weigh=False)
    made = []
    doubtful = [
        (each.start, each.end)
        for each in found
        if each.verdict != "supported" and each.kind in ("ran", "tests", "url")
    ]
    for clause in clauses(case.message):
        mine = [each for each in found if each.start < clause.end and clause.start < each.end]
        if any(each.verdict != "supported" for each in mine):
            continue
        bad = any(
            each.verdict != "supported" and each.start < clause.end and clause.start < each.end
            for each in case.labels
        )
        near = weighed.beside(clause, doubtful, case.message)
        told = weighed.signs(clause, ledger, supported=bool(mine), beside=near)
        made.append((told, bad))
    return made


def learn(known: list[Row], rounds: int = 400, rate: float = 0.5) -> tuple[float, dict[str, float]]:
    """Weights by plain gradient steps over all rows, large ones held back a little."""
    names = list(known[0][0])
    bias, weights = -2.0, dict.fromkeys(names, 0.0)
    for _ in range(rounds):
        slope, slopes = 0.0, dict.fromkeys(names, 0.0)
        for told, bad in known:
            z = bias + sum(weights[name] * value for name, value in told.items() if value)
            gap = bad - 1 / (1 + math.exp(-z))
            slope += gap
            for name, value in told.items():
                if value:
                    slopes[name] += gap * value
        bias += rate * slope / len(known) * 4
        for name in names:
            weights[name] += rate * (slopes[name] / len(known) * 4 - 0.002 * weights[name])
    return bias, weights


def check(known: dict[str, list[Row]]) -> None:
    """What the marks are worth on messages not learnt from."""
    told: list[tuple[float, bool]] = []
    for out in range(FOLDS):
        bias, weights = learn(
            [r for name, mine in known.items() if fold(name) != out for r in mine]
        )
        for name, mine in known.items():
            if fold(name) == out:
                told += [
                    (bias + sum(weights[key] * value for key, value in signs.items()), bad)
                    for signs, bad in mine
                ]
    for limit in (0.25, 0.3, 0.33, 0.4, 0.5):
        edge = math.log(limit / (1 - limit))
        right = sum(bad for z, bad in told if z > edge)
        marked = sum(z > edge for z, _ in told)
        print(
            f"over {limit}: {right} of {marked} marks right, of {sum(b for _, b in told)} to find"
        )


def main(argv: list[str]) -> int:
    """Learn, or check."""
    known: dict[str, list[Row]] = {}
    mine = [each for each in cases() if not each.held_out]
    for out in range(FOLDS):
        made = {name: sounding(learning.samples(name), out) for name in ("en", "zh")}
        learned.put(made)
        for case in mine:
            if fold(case.id) == out:
                known[case.id] = rows(case)
    if "--check" in argv:
        check(known)
        return 0
    bias, weights = learn([row for each in known.values() for row in each])
    data = {"bias": round(bias, 2), "weights": {name: round(w, 2) for name, w in weights.items()}}
    path = TOP / "codex_py/core/receipt/verdict/weighed.json"
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    print(path.read_text("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
