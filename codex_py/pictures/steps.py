"""Pure: what to do to a picture before it is looked at, from words like `crop 10 20 300 200`."""

from __future__ import annotations

from codex_py.dataclass import dataclass

MOST = 16
"""Steps of one look."""

FORMS = {
    "crop": "crop X Y WIDTH HEIGHT",
    "zoom": "zoom FACTOR (0.01 to 32)",
    "rotate": "rotate DEGREES (clockwise)",
    "flip": "flip h, or flip v",
    "grey": "grey",
    "contrast": "contrast FACTOR (0 to 20)",
    "invert": "invert",
    "threshold": "threshold LEVEL (0 to 255)",
    "edges": "edges",
    "grid": "grid PIXELS (2 or more)",
    "beside": "beside FILE",
    "diff": "diff FILE",
    "page": "page NUMBER, as the first step",
}
"""Every step with its form, as the reader of an error is told it."""
SPELLED = {"gray": "grey", "edge": "edges", "greyscale": "grey", "grayscale": "grey"}


class WrongStep(ValueError):
    """A step that cannot be read; the message says which, and how it is written."""


class Impossible(ValueError):
    """A step that cannot be done to this picture; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, its numbers, its word (`h`, `v`) or its file."""

    name: str
    numbers: tuple[float, ...] = ()
    word: str = ""

    def __str__(self) -> str:
        told = " ".join(f"{each:g}" for each in self.numbers)
        return " ".join(each for each in (self.name, told, self.word) if each)


def parse(texts: tuple[str, ...] | list[str]) -> tuple[Step, ...]:
    """Steps from their words. Raises WrongStep."""
    if len(texts) > MOST:
        raise WrongStep(f"{len(texts)} steps are too many: at most {MOST}")
    found = tuple(_step(text) for text in texts)
    if any(step.name == "page" for step in found[1:]):
        raise WrongStep(f"`page` must be the first step: {FORMS['page']}")
    return found


def _step(text: str) -> Step:
    name, _, rest = text.strip().partition(" ")
    name = SPELLED.get(name.lower(), name.lower())
    rest = rest.strip()
    if name not in FORMS:
        raise WrongStep(f"there is no step {text!r}. Steps: {'; '.join(FORMS.values())}")
    wrong = WrongStep(f"{text!r} cannot be read: write `{FORMS[name]}`")
    if name in ("beside", "diff"):
        if not rest or "\0" in rest:
            raise wrong
        return Step(name, word=rest)
    if name == "flip":
        side = {"horizontal": "h", "vertical": "v"}.get(rest.lower(), rest.lower())
        if side not in ("h", "v"):
            raise wrong
        return Step(name, word=side)
    try:
        numbers = tuple(float(each) for each in rest.replace(",", " ").split())
    except ValueError:
        raise wrong from None
    if not _fits(name, numbers):
        raise wrong
    return Step(name, numbers)


def _fits(name: str, numbers: tuple[float, ...]) -> bool:
    if not all(abs(each) < 1e7 for each in numbers):  # NaN is not less
        return False
    wanted = {"crop": 4, "grey": 0, "invert": 0, "edges": 0}.get(name, 1)
    if len(numbers) != wanted:
        return False
    first = numbers[0] if numbers else 0.0
    ranges = {"zoom": (0.01, 32), "contrast": (0, 20), "threshold": (0, 255), "grid": (2, 1e7)}
    ranges["page"] = (1, 100_000)
    low, high = ranges.get(name, (-1e7, 1e7))
    if name == "crop":
        return numbers[2] >= 1 and numbers[3] >= 1
    return low <= first <= high
