"""Import the openai SDK without its tree of types, which costs more than all the rest of it."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, cast

from codex_py.dataclass import dataclass

LAZY = ("openai", "openai.lib")
"""Packages whose `__init__` waits until something asks for what it defines."""
LAZY_TREES = ("openai.types",)
"""Packages that wait with all the packages below them."""


@dataclass(frozen=True, slots=True)
class Sdk:
    """The parts of the SDK that we use."""

    client: Any
    """`AsyncOpenAI`."""
    stream: Any
    """`AsyncStream`."""
    errors: Any
    """The module that holds the SDK's exceptions."""
    http: Any
    """The HTTP library under the SDK."""
    surprise: str = ""
    """Why the lean import was given up for the plain one; empty when it worked."""


def load(*, lean: bool = True) -> Sdk:
    """The SDK, imported once by the import system. May be called from any thread.

    The lean import runs the SDK's own modules, all but package files that nothing here needs;
    those run when they are first asked for, so a later `import openai` by anyone gets the real
    things. When the SDK is not laid out as expected, it is imported plainly instead.
    """
    collecting = gc.isenabled()
    gc.disable()  # nothing imported becomes garbage; looking for some costs an eighth of the time
    before = set(sys.modules)
    try:
        return _lean() if lean else _plain("")
    except Exception as error:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "openai":
                sys.modules.pop(name, None)
        return _plain(f"{type(error).__name__}: {error}")
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def _plain(surprise: str) -> Sdk:
    openai: Any = importlib.import_module("openai")
    errors: Any = importlib.import_module("openai._exceptions")
    return Sdk(openai.AsyncOpenAI, openai.AsyncStream, errors, _http(), surprise)


def _http() -> Any:
    base: Any = importlib.import_module("openai._base_client")
    return base.httpx2 if hasattr(base, "httpx2") else base.httpx


def _lean() -> Sdk:
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        client: Any = importlib.import_module("openai._client")
        streaming: Any = importlib.import_module("openai._streaming")
        errors: Any = importlib.import_module("openai._exceptions")
    finally:
        sys.meta_path.remove(finder)
        finder.active = False
    found = Sdk(client.AsyncOpenAI, streaming.AsyncStream, errors, _http())
    _check(found)
    return found


def _check(sdk: Sdk) -> None:
    """Raises when something we lean on is not there."""
    if not callable(sdk.client.post) or not issubclass(sdk.errors.APIStatusError, Exception):
        raise TypeError("the SDK's client is not as expected")
    for name in ("AsyncClient", "Timeout", "Limits", "create_ssl_context", "ConnectError"):
        getattr(sdk.http, name)
    for name in ("APIError", "APIConnectionError", "APITimeoutError", "OpenAIError"):
        getattr(sdk.errors, name)


class _Finder:
    """Finds packages as ever, and makes the chosen ones lazy."""

    def __init__(self) -> None:
        self.active = True

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The import system's question: None leaves it to the other finders."""
        if name not in LAZY and not any(f"{name}.".startswith(f"{each}.") for each in LAZY_TREES):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.submodule_search_locations and spec.loader:
            spec.loader = cast("Any", _Loader(spec.loader, self))
        return spec


class _Loader:
    """Makes a package whose `__init__` runs at the first question it alone can answer."""

    def __init__(self, real: Any, finder: _Finder) -> None:
        self._real = real
        self._finder = finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The usual module."""
        made: ModuleType | None = self._real.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Leave two hooks (PEP 562) in place of the package's own names."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        module.__loader__ = self._real
        names = module.__dict__
        run = self._runner(module)

        def missing(name: str) -> Any:
            if name.startswith("__") and name not in ("__all__", "__version__", "__title__"):
                raise AttributeError(name)
            if self._finder.active and PathFinder.find_spec(
                f"{module.__name__}.{name}", list(module.__path__)
            ):
                return importlib.import_module(f"{module.__name__}.{name}")
            run()
            return getattr(module, name)

        def listing() -> list[str]:
            run()
            return sorted(names)

        names["__getattr__"] = missing
        names["__dir__"] = listing

    def _runner(self, module: ModuleType) -> Callable[[], None]:
        lock = threading.RLock()

        def run() -> None:
            with lock:
                if module.__dict__.pop("__getattr__", None) is not None:
                    module.__dict__.pop("__dir__", None)
                    self._real.exec_module(module)

        return run
