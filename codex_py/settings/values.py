"""What can be set, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from codex_py.core.modes import Mode
from codex_py.dataclass import dataclass

Money = str
"""US dollars as an exact decimal; empty for none."""
Span = float
"""Seconds; in a file also text such as `10m` or `1h30m`."""

THEMES = ("ansi", "dark", "light", "colour-blind")
"""The colours of the terminal."""
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Provider:
    """A server of the user's own, from `[model_providers.NAME]`."""

    name: str
    base_url: str
    env_key: str = ""
    wire_api: str = "responses"
    http_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_http_headers: Mapping[str, str] = field(default_factory=dict)
    """Header names and the variables that hold their values."""
    kind: str = ""
    """`ollama`, `lmstudio`, `llamacpp` or `vllm`: such a server is asked for its models' facts."""
    query_params: Mapping[str, str] = field(default_factory=dict)
    """Added to every address, as Azure's `api-version`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. The key names are Codex's where it has one."""

    home: Path
    """`CODEX_PY_HOME`, by default `~/.codex-py`."""
    approval_mode: Mode = "suggest"
    mode_given: bool = False
    """The mode was chosen by flag or file, not left at its default."""
    model: str = "o4-mini"
    model_provider: str = ""
    model_providers: Mapping[str, Provider] = field(default_factory=dict)
    openai_base_url: str = ""
    model_reasoning_effort: str = ""
    model_reasoning_summary: str = "auto"
    model_verbosity: str = ""
    model_context_window: int = 0
    model_auto_compact_token_limit: int = 0
    """Sum up the conversation at so many tokens; 0: when the model's window is nearly full."""
    service_tier: str = ""
    web_search: str = "disabled"
    """`cached` or `live` lets the provider's own search send queries to the web."""
    tool_output_token_limit: int = 10_000
    """Tokens, counted as 4 characters each, of a tool result shown to the model."""
    model_pictures: str = ""
    """`yes` or `no`: whether the model takes pictures, where the catalogue does not know."""
    image_detail: str = ""
    """`low`, `high`, `original` or `auto`; empty: as suits the model."""
    thumbnails: str = "auto"
    """`auto`, `off`, or the way the terminal shows pictures: `kitty`, `iterm2`, `sixel`."""
    image_tokens_per_turn: int = 50_000
    """Tokens, about, that the pictures of one turn may cost; 0: no limit."""
    project_doc_max_bytes: int = 32_768
    project_doc_fallback_filenames: tuple[str, ...] = ()
    project_root_markers: tuple[str, ...] = (".git",)
    developer_instructions: str = ""
    model_instructions_file: str = ""
    writable_roots: tuple[str, ...] = ()
    """From `[sandbox_workspace_write]`: folders writable beside the workspace."""
    writable: tuple[str, ...] = ()
    """From there too: paths, files too, that confined commands may write."""
    readable: tuple[str, ...] = ()
    """From there too: paths among the secrets that may be read."""
    keep_env: tuple[str, ...] = ()
    """From there too: names (or globs) of variables that confined commands may see."""
    network_access: bool = False
    """From there too: confined commands may use the network."""
    deny_read: tuple[str, ...] = ()
    """Paths whose contents no command and no tool may read without a question."""
    git: str = "commit"
    """`commit` lets confined commands commit; `read-only` makes all of `.git` read-only."""
    require_git: bool = False
    """Refuse auto-edit and full-auto outside a Git repository."""
    max_steps: int = 0
    """Model responses of one turn; 0: no limit."""
    max_cost: Money = ""
    """US dollars of one run, checked before each request."""
    max_tokens: int = 0
    """Tokens of one run, input and output; 0: no limit."""
    max_time: Span = 0.0
    """Seconds of one turn; 0: no limit."""
    theme: str = "ansi"
    """From `[tui]`: the colours."""
    vi_keys: bool = False
    """From there too: edit with vi keys."""
    notifications: bool = True
    """From there too: a bell or notification when the person is needed and looks elsewhere."""
    undo: bool = True
    """Keep what files held before each step, so that it can be undone."""
    undo_max_files: int = 400_000
    """A workspace of more files is not kept: only edits can be undone there."""
    undo_file_mb: int = 16
    """Larger files are not kept."""
    undo_disk_mb: int = 8_192
    """What all snapshots may take on the disk; the oldest go first."""
    output_file_mb: int = 256
    """MiB of one command's whole output that are kept in a file beside the log."""
    command_timeout: float = 120.0
    """Seconds a command may take when the model does not say."""
    request_max_retries: int = 5
    turn_max_retries: int = 30
    """Retries of all requests of one turn."""
    network_wait: float = 600.0
    """Seconds that a network is waited for which was there and is gone."""
    ca_certificate: str = ""
    """A file of authorities (PEM) trusted beside the system's."""
    stream_idle_timeout_ms: int = 300_000
    local: bool = False
    """Use the embedded model."""
    local_model: str = ""
    """A GGUF file of the user's own in place of the embedded model's weights."""
    local_idle_minutes: int = 10
    """Minutes after which the embedded model's server ends when nobody uses it."""
    oss: bool = False
    """Use a model server that runs on this machine."""
    output_schema: str = ""
    """JSON schema, as text, that the final message must be of: from `--output-schema`."""
    model_given: bool = False
    """The model was chosen by flag or file, not left at its default."""
    verify: bool = False
    """Ask the model once for evidence of what its final message claims without any."""
    require: tuple[str, ...] = ()
    """Commands that must end with 0 before a turn is done; the harness runs them, confined."""
    require_tries: int = 3
    """How often a required command's failure is sent back to the model."""
