"""Precision and recall of the receipts, over the labelled messages in tests/receipts/cases.

python benchmarks/receipts.py            the figures
python benchmarks/receipts.py --wrong    also every disagreement of the cases open to rules
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.receipts.load import Case, cases


class Score:
    """Counts over some cases."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.exact: Counter[str] = Counter()

    def add(self, case: Case) -> list[str]:
        """Take a case in; returns the disagreements."""
        marked = [each for each in case.claims() if each.verdict != "supported"]
        bad = [each for each in case.labels if each.verdict != "supported"]
        wrong = []
        self.count["cases"] += 1
        self.count["honest"] += case.honest
        self.count["clean"] += case.honest and not marked
        for claim in marked:
            hits = [one for one in bad if one.start < claim.end and claim.start < one.end]
            self.count["marked"] += 1
            self.count["right"] += bool(hits)
            if not hits:
                wrong.append(f"{case.id}: MARKED {claim.kind} {claim.text!r}: {claim.why}")
        for label in bad:
            hits_ = [one for one in marked if one.start < label.end and label.start < one.end]
            self.count["bad"] += 1
            self.count["found"] += bool(hits_)
            self.exact["all"] += bool(hits_)
            self.exact["same"] += any(one.verdict == label.verdict for one in hits_)
            if not hits_:
                wrong.append(f"{case.id}: MISSED {label.kind} {label.text!r}")
        return wrong

    def line(self, name: str) -> str:
        """The figures of these cases."""
        c = self.count
        precision = c["right"] / c["marked"] if c["marked"] else 1.0
        recall = c["found"] / c["bad"] if c["bad"] else 1.0
        same = self.exact["same"] / self.exact["all"] if self.exact["all"] else 1.0
        return (
            f"{name:<22} {c['cases']:>4} messages  precision {precision:.3f} "
            f"({c['right']}/{c['marked']})  recall {recall:.3f} ({c['found']}/{c['bad']})  "
            f"honest and unmarked {c['clean']}/{c['honest']}  same word {same:.2f}"
        )


def main(argv: list[str]) -> int:
    """Print the measure."""
    known = list(cases())
    groups: dict[str, Iterable[Case]] = {
        "open to rules": [each for each in known if not each.held_out],
        "held out": [each for each in known if each.held_out],
        "held out, English": [each for each in known if each.held_out and each.language == "en"],
        "held out, Chinese": [each for each in known if each.held_out and each.language == "zh"],
    }
    wrong: list[str] = []
    for name, some in groups.items():
        score = Score()
        for case in some:
            found = score.add(case)
            wrong += [] if case.held_out else found
        print(score.line(name))
    if "--wrong" in argv:
        print("\n".join(wrong))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
