"""--oss: which model of which server on this machine, and what else there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from codex_py.core.errors import UsageError
from codex_py.dataclass import dataclass
from codex_py.models.advice import KNOWN, find_servers
from codex_py.models.catalogue import Catalogue
from codex_py.models.servers import At, Listed, Silent, listing, named

NAMES = {"Ollama": "ollama", "LM Studio": "lmstudio", "llama.cpp": "llamacpp", "vLLM": "vllm"}
"""Providers by the names that servers are looked for under; others are asked as llama.cpp is."""
SHOWN = 8
NOBODY = (
    "--oss: no model server with a model answers on this machine; start Ollama, LM Studio, "
    "llama.cpp or vLLM first, or use --local"
)


@dataclass(frozen=True, slots=True)
class Here:
    """A server of this machine with all it has, what is loaded first."""

    label: str
    provider: str
    base_url: str
    models: tuple[Listed, ...]
    locked: bool = False


def ports(environ: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The ports that are looked at; OLLAMA_HOST may name another for Ollama."""
    told = environ.get("OLLAMA_HOST", "").strip()
    try:
        parts = urlsplit(told if "://" in told else f"http://{told}")
        port = parts.port if (parts.hostname or "") in NEAR else None
    except ValueError:
        port = None
    return tuple((name, port if name == "Ollama" and port else known) for name, known in KNOWN)


NEAR = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "")


def here(environ: Mapping[str, str], known: Catalogue) -> list[Here]:
    """Every server that answers on this machine, and what it has."""
    found: list[Here] = []
    for server in find_servers(ports=ports(environ)):
        provider = NAMES.get(server.name, "llamacpp")
        keys = known.providers[provider].keys
        key = next((environ[name] for name in keys if environ.get(name)), "")
        kind = known.providers[provider].kind if server.name in NAMES else ""
        try:
            models = listing(At(kind, server.base_url, key))
        except Silent:
            models = tuple(Listed(each) for each in server.models)
        found.append(
            Here(server.name, provider, server.base_url, models, server.locked and not models)
        )
    return found


def choose(
    environ: Mapping[str, str], known: Catalogue, wanted: str, tell: Callable[[str], None]
) -> tuple[str, str, str]:
    """Model, provider and address: the model wanted, else the first that is loaded or there.

    Raises UsageError with what the servers have when it is not there.
    """
    servers = [each for each in here(environ, known) if each.models]
    if not servers:
        raise UsageError(NOBODY)
    if wanted:
        for server in servers:
            found = named(server.models, wanted)
            if found is not None:
                return found.name, server.provider, server.base_url
        have = "; ".join(f"{each.label}: {spoken(each.models)}" for each in servers)
        raise UsageError(f"--oss: no server here has {wanted!r}. They have: {have}")
    loaded = [each for each in servers if each.models[0].loaded]
    server = (loaded or servers)[0]
    model = server.models[0]
    others = [each for each in server.models if each is not model]
    also = f"; it also has {spoken(others)}" if others else ""
    more = [f"{each.label}: {spoken(each.models)}" for each in servers if each is not server]
    elsewhere = f" ({'; '.join(more)})" if more else ""
    tell(f"using {model.name} of {server.label} at {server.base_url}{also}{elsewhere}")
    return model.name, server.provider, server.base_url


def spoken(models: Sequence[Listed]) -> str:
    """Names of some models, the first few."""
    names = ", ".join(each.name for each in models[:SHOWN])
    return names + (f" and {len(models) - SHOWN} more" if len(models) > SHOWN else "")
