"""All cases in order, gathered from the modules that hold them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from tests.sandbox.battery.model import Case

MODULES = (
    "work_basic",
    "work_programs",
    "work_tools",
    "work_git",
    "files_plain",
    "files_tricks",
    "files_system",
    "processes",
    "processes_ipc",
    "processes_end",
    "terminals",
    "net_ip",
    "net_unix",
    "net_odd",
    "git_exec",
    "git_shape",
    "git_more",
    "secret_reads",
    "kernel_calls",
)


def all_cases() -> list[Case]:
    """Every case, sorted by module and then by place in the module; ids are unique."""
    cases = [case for name in MODULES for case in _in_module(name)]
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ValueError(f"two cases are called {case.id}")
        seen.add(case.id)
    return cases


def _in_module(name: str) -> Iterator[Case]:
    module = importlib.import_module(f"tests.sandbox.battery.{name}")
    for value in vars(module).values():
        if isinstance(value, Case):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Case))
