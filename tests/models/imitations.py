"""Model servers as they answer about their models, in the shapes their documentation gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.server import Server
from tests.turns import Turn

Json = dict[str, Any]


def ollama(turns: Sequence[Turn] = (), *, running: int = 0, num_ctx: int = 0) -> Server:
    """Ollama with two models that converse and one that embeds; `running` is qwen3's context."""
    names = ("llama3.2:latest", "qwen3:8b", "nomic-embed-text:latest")
    rows = [{"id": each, "object": "model", "owned_by": "library"} for each in names]

    def show(body: Json) -> Json:
        arch = "qwen3" if body["model"].startswith("qwen3") else "llama"
        able = ["completion", "tools", "thinking"] if arch == "qwen3" else ["completion", "vision"]
        parameters = (
            f'stop                           "<|im_end|>"\nnum_ctx {num_ctx}' if num_ctx else ""
        )
        return {
            "details": {"family": arch},
            "parameters": parameters,
            "model_info": {
                "general.architecture": arch,
                f"{arch}.context_length": 40_960 if arch == "qwen3" else 131_072,
                f"{arch}.embedding_length": 4096,
            },
            "capabilities": able,
        }

    loaded = [{"name": "qwen3:8b", "model": "qwen3:8b", "size": 1, "context_length": running}]
    routes = {"/api/show": show, "/api/ps": {"models": loaded if running else []}}
    return Server(turns, rows=rows, routes=routes, speaks=("chat",))


def lmstudio(turns: Sequence[Turn] = ()) -> Server:
    """LM Studio with one model loaded, one not, and one that embeds."""
    names = ("qwen2.5-coder-7b-instruct", "qwen2-vl-7b-instruct", "text-nomic-v1.5")
    rows = [{"id": each, "object": "model", "owned_by": "organization_owner"} for each in names]
    base = {"object": "model", "publisher": "p", "quantization": "Q4_K_M"}
    told = [
        {**base, "id": names[0], "type": "llm", "state": "not-loaded", "max_context_length": 32_768,
         "capabilities": ["tool_use"]},
        {**base, "id": names[1], "type": "vlm", "state": "loaded", "max_context_length": 131_072,
         "loaded_context_length": 4_096},
        {**base, "id": names[2], "type": "embeddings", "state": "not-loaded",
         "max_context_length": 2_048},
    ]  # fmt: skip
    routes = {"/api/v0/models": {"object": "list", "data": told}}
    return Server(turns, rows=rows, routes=routes, speaks=("chat",))


def llamacpp(turns: Sequence[Turn] = ()) -> Server:
    """llama-server with its one model."""
    rows = [{"id": "/models/coder.gguf", "object": "model", "owned_by": "llamacpp",
             "meta": {"n_ctx_train": 131_072}}]  # fmt: skip
    props = {
        "default_generation_settings": {"id": 0, "n_ctx": 24_576, "params": {}},
        "total_slots": 4,
        "modalities": {"vision": True, "audio": False},
    }
    return Server(turns, rows=rows, routes={"/props": props}, speaks=("chat", "responses"))


def vllm(turns: Sequence[Turn] = ()) -> Server:
    """vLLM with its one model."""
    rows = [{"id": "Qwen/Qwen3-8B", "object": "model", "owned_by": "vllm", "root": "Qwen/Qwen3-8B",
             "max_model_len": 32_768, "permission": []}]  # fmt: skip
    return Server(turns, rows=rows, speaks=("chat",))


def openrouter(turns: Sequence[Turn] = ()) -> Server:
    """OpenRouter's list: prices are dollars a token, as text."""
    rows = [
        {
            "id": "qwen/qwen3-coder",
            "context_length": 262_144,
            "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
            "pricing": {"prompt": "0.00000022", "completion": "0.00000095",
                        "input_cache_read": "0.000000055", "request": "0"},
            "supported_parameters": ["tools", "max_tokens"],
        },
        {
            "id": "openrouter/auto",
            "context_length": 2_000_000,
            "architecture": {"input_modalities": ["text", "image"]},
            "pricing": {"prompt": "-1", "completion": "-1"},
            "supported_parameters": [],
        },
    ]  # fmt: skip
    return Server(turns, rows=rows, speaks=("chat",))
