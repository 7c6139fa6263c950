"""The environment a command may see: the parent's without keys and tokens, or known names only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache

from codex_py_sandbox.policy import Policy

# Globs over upper-case names: all that may be seen where the policy goes by this list.
ALLOWED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "SHLVL", "PWD", "OLDPWD", "HOSTNAME", "HOSTTYPE",
    "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TERMINFO*", "COLORTERM", "COLUMNS", "LINES", "CI",
    "NO_COLOR", "FORCE_COLOR", "CLICOLOR*", "LS_COLORS", "EDITOR", "VISUAL", "PAGER", "*_PAGER",
    "LESS*", "MANPATH", "INFOPATH", "TMPDIR", "TMP", "TEMP", "TEMPDIR", "_",
    "CC", "CXX", "CPP", "LD", "AR", "FC", "*FLAGS", "LD_LIBRARY_PATH", "DYLD_*", "LIBRARY_PATH",
    "CPATH", "*_INCLUDE_PATH", "PKG_CONFIG*", "MAKE*", "CMAKE_*", "CCACHE_*", "SOURCE_DATE_EPOCH",
    "PYTHON*", "VIRTUAL_ENV*", "CONDA_*", "MAMBA_*", "PYENV_*", "PIP_*", "PIPX_*", "UV_*", "POETRY_*",
    "HATCH_*", "PDM_*", "TOX_*", "NOX_*", "PYTEST_*", "COVERAGE_*", "HYPOTHESIS_*", "MYPY*", "RUFF_*",
    "DJANGO_SETTINGS_MODULE", "FLASK_*", "NODE*", "NPM_*", "NVM_*", "FNM_*", "VOLTA_*", "COREPACK_*",
    "YARN_*", "PNPM_*", "BUN_*", "DENO_*", "GO*", "CGO_*", "CARGO*", "RUST*", "JAVA_*", "JDK_*",
    "MAVEN_*", "M2_*", "GRADLE_*", "SDKMAN_*", "KOTLIN_*", "RUBY*", "GEM_*", "BUNDLE_*", "RBENV_*",
    "RAILS_ENV", "RACK_ENV", "PERL*", "PHP*", "COMPOSER_*", "DOTNET_*", "NUGET_*", "ERL_*", "MIX_*",
    "HEX_*", "GHCUP_*", "STACK_*", "OPAM*", "OCAML*", "JULIA_*", "R_*", "NIX_*", "ASDF_*", "MISE_*",
    "HOMEBREW_*", "XDG_*", "GIT_*", "OMP_*", "MKL_*", "OPENBLAS_*", "CUDA_*", "TORCH_*", "TF_*",
    "HF_HOME", "PLAYWRIGHT_*", "PUPPETEER_*", "CHROME_*", "SSL_CERT_*", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE", "DEBIAN_FRONTEND", "CODEX_PY*", "*_PROXY",
)  # fmt: skip
SECRET_NAMES = (
    "*KEY*", "*TOKEN*", "*SECRET*", "*PASSW*", "*PASSPHRASE*", "*CREDENTIAL*", "*_AUTH", "*_AUTH_*",
    "AUTH_*", "*_PAT", "*_DSN", "*_COOKIE*", "*SESSION_ID*", "*WEBHOOK*", "*CONNECTION_STRING*",
    "DATABASE_URL", "*_DATABASE_URL", "REDIS_URL", "MONGO*_UR*", "AMQP_URL", "AWS_*", "AZURE_*",
    "GOOGLE_*", "GCP_*", "OPENAI_*", "ANTHROPIC_*", "PGPASS*", "MYSQL_PWD", "GPG_AGENT_INFO",
)  # fmt: skip
OUTSIDE_NAMES = (
    "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_ASKPASS",
    "GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
    "GIT_CONFIG*", "GIT_EXTERNAL_DIFF", "DBUS_*", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_*",
    "KUBECONFIG", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "TMUX", "TMUX_PANE", "STY",
    "VSCODE_*", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "INVOCATION_ID", "JOURNAL_STREAM",
    "SUDO_*", "LD_PRELOAD", "LD_AUDIT",
)  # fmt: skip
# Names the rules above would catch although they hold nothing secret.
HARMLESS = ("KEYBOARD*", "*KEYMAP*", "XKB_*", "GIT_AUTHOR_*", "GIT_COMMITTER_*")
_SECRET_VALUE = re.compile(
    r"(?:\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"
    r"|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}"
    r"|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{30,}|\bhf_[A-Za-z0-9]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."
    r"|[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s:@]+@)"
)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY")


@cache
def _parted(globs: tuple[str, ...]) -> tuple[frozenset[str], tuple[tuple[str, ...], ...]]:
    """The plain names among globs, and the others, parted at their stars."""
    parts = [tuple(each.split("*")) for each in globs]
    return frozenset(each[0] for each in parts if not each[1:]), tuple(p for p in parts if p[1:])


def _fits(name: str, globs: tuple[str, ...]) -> bool:
    """Whether a name fits a glob that holds no sign but `*`; fnmatch would compile each of 200."""
    plain, wild = _parted(globs)
    return name in plain or any(_like(name, each) for each in wild)


def _like(name: str, parts: tuple[str, ...]) -> bool:
    head, *rest = parts
    if not name.startswith(head):
        return False
    at = len(head)
    for part in rest[:-1]:
        at = name.find(part, at) + len(part)
        if at < len(part):
            return False
    return name.endswith(rest[-1]) and len(name) - at >= len(rest[-1])


def secret(name: str, value: str) -> bool:
    """Whether a variable looks like a key, a token or a way to the user's other programs."""
    upper = name.upper()
    if _fits(upper, HARMLESS):
        return bool(_SECRET_VALUE.search(value))
    if _fits(upper, SECRET_NAMES + OUTSIDE_NAMES):
        return True
    return bool(_SECRET_VALUE.search(value))


def allowed(name: str) -> bool:
    """Whether the list of what commands may see holds a name."""
    upper = name.upper()
    return _fits(upper, ALLOWED + HARMLESS)


def scrub(environ: Mapping[str, str], policy: Policy) -> tuple[dict[str, str], tuple[str, ...]]:
    """The environment for commands under `policy`, and the names that were dropped.

    `policy.env.keep` brings names back, `drop` removes more, `set` is laid on top.
    """
    rules = policy.env
    kept: dict[str, str] = {}
    dropped: list[str] = []
    for name, value in environ.items():
        wanted = any(fnmatchcase(name, glob) for glob in rules.keep)
        unwanted = any(fnmatchcase(name, glob) for glob in rules.drop)
        if (
            "\0" in name + value
            or not name
            or "=" in name
            or name.startswith("BASH_FUNC_")
            or unwanted
            or (not wanted and rules.listed and not allowed(name))
            or (not wanted and secret(name, value))
            or (policy.network == "off" and name.upper() in PROXIES and not wanted)
        ):
            dropped.append(name)
        else:
            kept[name] = value
    if policy.mode != "unrestricted":
        kept["CODEX_PY_SANDBOX"] = policy.mode
        kept["CODEX_PY_SANDBOX_NETWORK"] = policy.network
        if policy.tmp == "private":
            kept["TMPDIR"] = "/tmp"
            for name in ("TMP", "TEMP", "TEMPDIR"):
                kept.pop(name, None)
        # A hard link into a shared cache would carry writes outside.
        kept.setdefault("UV_LINK_MODE", "copy")
        kept.setdefault("npm_config_package_import_method", "copy")
    if policy.mode == "read-only":
        kept["GIT_OPTIONAL_LOCKS"] = "0"
        kept.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    kept["GIT_TERMINAL_PROMPT"] = "0"
    kept.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    kept.update(rules.set)
    return kept, tuple(sorted(dropped))
