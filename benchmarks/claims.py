"""Learns which sentences claim something: writes the weights that the receipts read.

python benchmarks/claims.py            learn, and write codex_py/core/receipt/message/*.weights.json
python benchmarks/claims.py --check    five-fold: precision and recall on sentences not learnt from

Learnt from tests/receipts/sentences/*.tsv and the clauses of the cases open to rules; logistic
regression by plain gradient steps, small weights left out. The same input gives the same file.
"""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).parent.parent
sys.path.insert(0, str(TOP))

from codex_py.core.receipt.message.learned import LABELS, features  # noqa: E402
from codex_py.core.receipt.message.prose import clauses  # noqa: E402
from tests.receipts.load import cases  # noqa: E402

Sample = tuple[tuple[str, ...], frozenset[str], str]
"""Features, labels, and the message or sentence it is from."""

ROUNDS, RATE, DECAY, SMALLEST = 30, 0.12, 3e-4, 0.25


def samples(language: str) -> list[Sample]:
    """Every labelled sentence of a language."""
    found: list[Sample] = []
    for path in sorted((TOP / "tests/receipts/sentences").glob(f"{language}*.tsv")):
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            labels, _, text = line.partition("\t")
            kinds = frozenset(labels.split("+")) & set(LABELS)
            found.append((_features(text, language), kinds, f"{path.name}:{number}"))
    for case in cases():
        if case.held_out or case.language != language:
            continue
        for clause in clauses(case.message):
            if clause.language.name != language:
                continue
            over = [x for x in case.labels if x.start < clause.end and clause.start < x.end]
            kinds = frozenset(x.kind for x in over) & set(LABELS)
            found.append((_features(clause.text, language), kinds, case.id))
    return found


def _features(text: str, language: str) -> tuple[str, ...]:
    return tuple(sorted(set(features(text, language))))


def learn(known: list[Sample], label: str) -> tuple[float, dict[str, float]]:
    """Weights of one label."""
    bias, weights = -1.0, dict.fromkeys((f for s in known for f in s[0]), 0.0)
    order = list(range(len(known)))
    chance = random.Random(1)
    for turn in range(ROUNDS):
        chance.shuffle(order)
        rate = RATE / (1 + turn / 8)
        keep = 1 - rate * DECAY * 10
        for place in order:
            mine, kinds, _ = known[place]
            z = bias + sum(weights[f] for f in mine)
            gap = (label in kinds) - 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))
            step = rate * gap
            bias += step * 0.1
            for f in mine:
                weights[f] = weights[f] * keep + step
    return bias, weights


def told(bias: float, weights: dict[str, float]) -> dict[str, Any]:
    """Weights as they stand in a file."""
    kept = {f: round(w, 2) for f, w in sorted(weights.items()) if abs(w) >= SMALLEST}
    return {"bias": round(bias, 3), "weights": kept}


def write(language: str, known: list[Sample]) -> None:
    """The file of one language."""
    data = {}
    for label in LABELS:
        data[label] = told(*learn(known, label))
    path = TOP / f"codex_py/core/receipt/message/{language}.weights.json"
    text = json.dumps(data, ensure_ascii=False, indent=0, separators=(",", ":"))
    path.write_text(text + "\n", "utf-8")
    print(f"{path.name}: {len(known)} samples, {len(text) // 1024} kB")


def check(language: str, known: list[Sample]) -> None:
    """Precision and recall on messages not learnt from."""
    names = sorted({each[2] for each in known})
    random.Random(2).shuffle(names)
    for label in LABELS:
        told: list[tuple[float, bool]] = []
        for fold in range(5):
            out = set(names[fold::5])
            bias, weights = learn([s for s in known if s[2] not in out], label)
            for mine, kinds, name in known:
                if name in out:
                    z = bias + sum(weights.get(f, 0.0) for f in mine)
                    told.append((z, label in kinds))
        for limit in (0.0, 0.5, 1.0, 1.5, 2.0):
            hits = sum(y for z, y in told if z > limit)
            marked = sum(z > limit for z, _ in told)
            every = sum(y for _, y in told)
            print(
                f"{language} {label:<6} over {limit}: precision {hits / max(1, marked):.2f}"
                f"  recall {hits / max(1, every):.2f}  of {every}"
            )


def main(argv: list[str]) -> int:
    """Learn, or check."""
    for language in ("en", "zh"):
        known = samples(language)
        (check if "--check" in argv else write)(language, known)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
