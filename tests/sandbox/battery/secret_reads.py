"""Attacks on secrets: denied folders by every road, keys in the environment, the person's own logins."""

from __future__ import annotations

import os
from pathlib import Path

from tests.sandbox.battery.files_tricks import only_x86
from tests.sandbox.battery.model import Options, must_block, should_block
from tests.sandbox.battery.stage import Stage


def _read(s: Stage, code: str, *, wrap: tuple[str, ...] = ()) -> bool:
    folder = s.home / "private"
    folder.mkdir()
    word = f"word-{s.nonce[::-1]}"
    (folder / "key").write_text(word)
    ran = s.py(code, Options(deny_read=(folder,), wrap=wrap), D=folder, F=folder / "key")
    return word in ran.text or any(
        word in p.read_text(errors="replace") for p in s.ws.rglob("*") if p.is_file()
    )


@must_block("s01-secret", "read a secret folder")
def s01(s: Stage) -> bool:
    return _read(s, "print(open(F).read())")


@must_block("s02-secret-link", "read it through symlink, hard link, /proc/self/root, a listing")
def s02(s: Stage) -> bool:
    return _read(
        s,
        """
tried(os.symlink, D, "l"); tried(os.link, F, "h"); tried(os.rename, D, "moved")
for p in ("l/key", "h", "moved/key", "/proc/self/root" + F, "/proc/1/root" + F): tried(lambda: print(open(p).read()))
for name in tried(os.listdir, D) or []: tried(lambda: print(open(D + "/" + name).read()))
tried(os.chmod, D, 0o777); tried(os.chmod, F, 0o666); tried(lambda: print(open(F).read()))
""",
    )


@must_block("s03-secret-ns", "read it after unmounting or bind-mounting in a user namespace")
def s03(s: Stage) -> bool:
    wrap = ("unshare", "-m", "--propagation", "private") if os.getuid() == 0 else ()
    return _read(
        s,
        """
def go():
    for flags in (0, 2): call(166, D.encode(), flags)
    tried(os.mkdir, "m"); mount(os.path.dirname(D), "m", None, 0x1000 | 0x4000)
    for p in (F, "m/private/key"): tried(lambda: print(open(p).read(), flush=True))
in_child(go); in_child(lambda: (new_userns(), go()))
""",
        wrap=wrap,
    )


@must_block(
    "s11-secret-file", "a single denied file, also through its folder's descriptor and io_uring"
)
def s11(s: Stage) -> bool:
    from tests.sandbox.battery.uring import RING

    only_x86()
    secret = s.ws / ".env"
    word = f"word-{s.nonce[::-1]}"
    secret.write_text(word)
    ran = s.py(
        RING
        + """
d = os.open(".", os.O_PATH)
for p in (".env", "/proc/self/cwd/.env", "./././/.env"): tried(lambda: print(open(p).read()))
tried(lambda: print(os.read(os.open(".env", 0, dir_fd=d), 99)))
tried(os.rename, ".env", "e2"); tried(lambda: print(open("e2").read())); tried(os.link, ".env", "e3"); tried(lambda: print(open("e3").read()))
path = ctypes.create_string_buffer(b".env")
fd = tried(lambda: Ring().do(op=18, fd=-100, addr=ctypes.addressof(path), length=0, offset=0, flags=0))
if fd and fd > 0: print(os.read(fd, 99))
""",
        Options(deny_read=(secret,)),
    )
    return word in ran.text


@should_block("s04-env-keys", "API keys are in the command's own environment")
def s04(s: Stage) -> bool:
    word = f"sk-proj-{s.nonce}{s.nonce}"
    names = (
        "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "MY_PASSWORD",
        "DATABASE_URL",
        "NPM_CONFIG__AUTH",
        "HARMLESS_NAME",
        "openai_api_key",
    )
    ran = s.py(
        "print(sorted(os.environ.items()))",
        Options(
            env={n: f"postgres://u:{word}@h/d" if n == "DATABASE_URL" else word for n in names}
        ),
    )
    return word in ran.text


@should_block("s05-env-proc", "API keys are in the environment of another process inside")
def s05(s: Stage) -> bool:
    word = f"sk-proj-{s.nonce}{s.nonce}"
    ran = s.py(
        "for p in Path('/proc').glob('[0-9]*/environ'):\n    tried(lambda: print(p.read_bytes()))\n    tried(lambda: print(open(p.parent / 'cmdline').read()))",
        Options(env={"OPENAI_API_KEY": word}),
    )
    return word in ran.text


LOGINS = (
    ".ssh/id_ed25519",
    ".aws/credentials",
    ".netrc",
    ".gnupg/private-keys-v1.d/a.key",
    ".config/gh/hosts.yml",
    ".config/gcloud/credentials.db",
    ".kube/config",
    ".docker/config.json",
    ".git-credentials",
    ".npmrc",
    ".pypirc",
    ".cargo/credentials.toml",
    ".azure/msal_token_cache.json",
    ".bash_history",
    ".codex/auth.json",
    ".claude/.credentials.json",
    ".local/share/keyrings/login.keyring",
    ".mozilla/firefox/p/logins.json",
    ".config/google-chrome/Default/Login Data",
    ".password-store/a.gpg",
)


@should_block("s06-logins", "read the person's own logins with no deny rule given")
def s06(s: Stage) -> bool:
    for name in LOGINS:
        path = s.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"login {s.nonce[::-1]}")
    ran = s.py(
        """
for name in NAMES.split(":"):
    try:
        if WORD in Path(HOME, name).read_text(): claim(name.replace(" ", "_"))
    except OSError: pass
""",
        NAMES=":".join(LOGINS),
        HOME=s.home,
        WORD=s.nonce[::-1],
    )
    return bool(ran.claims)


@should_block("s07-shadow", "read /etc/shadow and the host's ssh keys")
def s07(s: Stage) -> bool:
    s.need_root()
    ran = s.py("""
for path in ("/etc/shadow", "/etc/gshadow", *map(str, Path("/etc/ssh").glob("*_key"))):
    if tried(lambda: open(path).read(9)): claim(path)
""")
    return bool(ran.claims)


@should_block("s08-kernel-log", "read the kernel log")
def s08(s: Stage) -> bool:
    s.need_root()
    ran = s.py("""
if LIBC.klogctl(3, ctypes.create_string_buffer(4096), 4096) > 0: claim("syslog")
if tried(lambda: os.read(os.open("/dev/kmsg", os.O_NONBLOCK), 8192)): claim("kmsg")
""")
    return bool(ran.claims)


@must_block(
    "s09-deny-later", "a denied file inside a writable root cannot be replaced or moved away"
)
def s09(s: Stage) -> bool:
    secret = s.ws / "conf/token"
    secret.parent.mkdir()
    word = f"word-{s.nonce[::-1]}"
    secret.write_text(word)
    opt = Options(deny_read=(secret,))
    s.py("tried(os.rename, 'conf', 'c2'); tried(os.rename, 'conf/token', 't2')", opt)
    ran = s.py(
        "for p in Path('.').rglob('*'):\n    if p.is_file(): tried(lambda: print(p.read_text()))",
        opt,
    )
    return word in ran.text


@should_block("s10-other-home", "HOME points elsewhere: read a login in the account's real home")
def s10(s: Stage) -> bool:
    from tests.sandbox.battery.stage import real_home

    folder = real_home() / ".password-store"
    if folder.exists() or not os.access(real_home(), os.W_OK):
        from tests.sandbox.battery.model import Skip

        raise Skip("the real home has such a folder, or cannot be written")
    folder.mkdir()
    s.later(folder.rmdir)
    s.later(lambda: Path(folder, "bty").unlink(missing_ok=True))
    (folder / "bty").write_text(s.nonce[::-1])
    ran = s.py("print(open(P).read())", P=folder / "bty")
    return s.nonce[::-1] in ran.text
