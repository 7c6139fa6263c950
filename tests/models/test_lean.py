"""The lean import of the SDK: small, and the real thing for whoever comes later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent.parent


def python(code: str, *path: Path) -> str:
    """What some code prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=TOP,
        env={"PYTHONPATH": ":".join(map(str, (*path, TOP))), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sdk_is_still_laid_out_as_the_lean_import_expects() -> None:
    code = "from codex_py.models.lean import load; print(repr(load().surprise))"
    assert python(code).strip() == "''"


def test_it_leaves_the_types_and_every_resource_out() -> None:
    code = "import sys; from codex_py.models.lean import load; load()\n"
    code += "print(*(name for name in sys.modules if name.startswith('openai.')))"
    loaded = python(code).split()
    assert "openai._client" in loaded
    assert sum(name.startswith("openai.types.") for name in loaded) < 5
    assert not any(name.startswith("openai.resources.") for name in loaded)


def test_a_later_import_gets_the_real_things() -> None:
    code = """
from codex_py.models.lean import load
sdk = load()
import openai
import openai.types.responses
from openai.types.chat import ChatCompletion
from openai.types.responses import *
assert openai.AsyncOpenAI is sdk.client and openai.AsyncStream is sdk.stream
assert issubclass(openai.RateLimitError, sdk.errors.APIStatusError)
assert openai.types.responses.Response.__module__ == "openai.types.responses.response"
assert ResponseUsage.model_fields and ChatCompletion.model_fields
assert "OpenAI" in dir(openai) and openai.__version__
client = openai.OpenAI(api_key="k")
assert client.responses.create and client.chat.completions.create
for name in openai.__all__:
    getattr(openai, name)
assert load().client is sdk.client
print("whole")
"""
    assert python(code).strip() == "whole"


def test_a_name_that_the_sdk_lacks_is_still_an_error() -> None:
    code = "from codex_py.models.lean import load; load()\nimport openai\n"
    code += "print(hasattr(openai, 'nonsense'), hasattr(openai.types, 'nonsense'))"
    assert python(code).strip() == "False False"


def test_an_sdk_that_was_imported_before_is_used_as_it_is() -> None:
    code = "import openai; from codex_py.models.lean import load; sdk = load()\n"
    code += "print(sdk.client is openai.AsyncOpenAI, repr(sdk.surprise))"
    assert python(code).strip() == "True ''"


def test_many_threads_may_load_it_at_once() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from codex_py.models.lean import load
with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(lambda _: load(), range(8)))
print(len({id(sdk.client) for sdk in found}), {sdk.surprise for sdk in found})
import gc; assert gc.isenabled()
"""
    assert python(code).strip() == "1 {''}"


def test_another_layout_falls_back_to_the_plain_import(tmp_path: Path) -> None:
    package = tmp_path / "openai"
    package.mkdir()
    (package / "_exceptions.py").write_text("class APIError(Exception): pass\n")
    (package / "_base_client.py").write_text("httpx = object()\n")
    (package / "__init__.py").write_text("class AsyncOpenAI: pass\nclass AsyncStream: pass\n")
    code = "from codex_py.models.lean import load; sdk = load()\n"
    code += "import openai; print(sdk.client is openai.AsyncOpenAI, sdk.surprise)"
    told = python(code, tmp_path)
    assert told.startswith("True ModuleNotFoundError")


def test_the_collector_and_the_finders_are_left_as_they_were() -> None:
    code = "import gc, sys; before = list(sys.meta_path); gc.disable()\n"
    code += "from codex_py.models.lean import load; load()\n"
    code += "print(gc.isenabled(), sys.meta_path == before)"
    assert python(code).strip() == "False True"
