"""Known places: secrets nobody inside may read, caches that tools must write, folders never a root."""

from __future__ import annotations

# Below the home folder.
SECRETS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".config/gcloud", ".kube", ".docker/config.json", ".netrc",
    ".git-credentials", ".config/git/credentials", ".config/gh", ".config/hub", ".npmrc", ".pypirc",
    ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".terraform.d",
    ".password-store", ".local/share/keyrings", ".config/op", ".vault-token", ".boto",
    ".mozilla", ".config/google-chrome", ".config/chromium", ".config/BraveSoftware",
    ".config/microsoft-edge", ".bash_history", ".zsh_history", ".python_history", ".node_repl_history",
    ".psql_history", ".mysql_history", ".lesshst", ".codex/auth.json", ".codex/history.jsonl",
    ".codex/sessions", ".codex-py", ".claude/.credentials.json", ".claude.json", ".gemini",
    ".config/github-copilot", ".config/openai", ".local/share/opencode/auth.json",
    ".huggingface/token", ".cache/huggingface/token", ".config/doctl", ".fly", ".my.cnf", ".pgpass",
    ".s3cfg", ".config/rclone", ".config/sops", ".oci", ".databrickscfg", ".snowflake",
)  # fmt: skip
SYSTEM_SECRETS = (
    "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers",
    "/etc/sudoers.d", "/etc/krb5.keytab", "/etc/ssl/private", "/etc/kubernetes",
    "/etc/rancher", "/etc/wireguard", "/etc/NetworkManager/system-connections", "/root/.ssh",
    "/var/lib/docker", "/var/run/secrets",
)  # fmt: skip

# (folder below home, variable that moves it, where it goes below /tmp)
CACHES = (
    (".cache", "XDG_CACHE_HOME", ".cache"),
    (".cache/uv", "UV_CACHE_DIR", ".cache/uv"),
    (".cache/pip", "PIP_CACHE_DIR", ".cache/pip"),
    (".cache/go-build", "GOCACHE", ".cache/go-build"),
    (".npm", "npm_config_cache", ".npm"),
    ("go/pkg/mod", "GOMODCACHE", ".go-mod"),
    (".gradle", "GRADLE_USER_HOME", ".gradle"),
    (".local/share/uv/tools", "UV_TOOL_DIR", ".uv/tools"),
    (".local/share/uv/python", "UV_PYTHON_INSTALL_DIR", ".uv/python"),
)
# Overlaid when they exist; each holds only what can be fetched again.
OVERLAID = (
    ".cache", ".npm", ".cargo/registry", ".cargo/git", "go/pkg", ".gradle/caches",
    ".m2/repository", ".local/share/pnpm", ".pnpm-store", ".yarn/berry", ".bun/install/cache",
    ".nuget/packages", ".ivy2", ".sbt", ".local/share/uv",
)  # fmt: skip

# Never a root: a command would own the machine's or the user's whole world.
SYSTEM_FOLDERS = frozenset(
    {
        "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt",
        "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin",
        "/usr/lib", "/usr/local", "/usr/sbin", "/var", "/var/lib", "/var/tmp", "/private",
        "/private/tmp", "/private/var", "/Users", "/System", "/Library", "/Applications",
    }
)  # fmt: skip
NEVER_BELOW = ("/dev", "/proc", "/sys")
KEEP_RUN = ("/run/current-system", "/run/opengl-driver", "/run/booted-system")
RESOLVER = "/etc/resolv.conf"
