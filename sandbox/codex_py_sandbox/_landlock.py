"""Landlock: rules that a process lays on itself and its children for ever."""

from __future__ import annotations

import os
import struct

from codex_py_sandbox._linux import hold, syscall

WRITES = 0b1111111110010  # write_file, remove_*, make_*
READS = 0b0000000001101  # execute, read_file, read_dir
LIST = 0b0000000001000  # read_dir alone
WRITES_ALL = 0b1111111111110010  # with refer, truncate and ioctl on devices
FILE = 0b1100000000000111  # the rights that make sense on a file, not a folder


def abi() -> int:
    """The kernel's Landlock version; 0 when there is none or it is switched off."""
    try:
        return syscall("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


class Ruleset:
    """A Landlock ruleset in the making; `restrict` applies it to this thread for ever."""

    def __init__(self, abi: int, *, reads: bool, tcp: bool, scope: bool) -> None:
        self.rights = WRITES | (READS if reads else 0)
        self.rights |= (1 << 13 if abi >= 2 else 0) | (1 << 14 if abi >= 3 else 0)
        self.rights |= 1 << 15 if abi >= 5 else 0
        self.net = 3 if tcp and abi >= 4 else 0
        self.scoped = 3 if scope and abi >= 6 else 0
        attr = struct.pack("QQQ", self.rights, self.net, self.scoped)
        size = 24 if abi >= 6 else 16 if abi >= 4 else 8
        self.fd = syscall("landlock_create_ruleset", attr, size, 0)

    def allow(self, path: str, rights: int | None = None) -> None:
        """Allow `rights` (all handled ones if None) at and below a real `path`.

        What is absent is skipped, and so is what a link leads to: a command that still runs may
        have put one there, and the right would be given to the place it names.
        """
        fd = hold(path)
        if fd < 0:
            return
        try:
            given = self.rights if rights is None else rights & self.rights
            if (os.fstat(fd).st_mode & 0o170000) != 0o040000:
                given &= FILE
            syscall("landlock_add_rule", self.fd, 1, struct.pack("=Qi", given, fd), 0)
        except OSError as error:
            if error.errno != 77:  # a pipe or the like, which no rule can name
                raise
        finally:
            os.close(fd)

    def restrict(self) -> None:
        """Apply to this thread and its children; no_new_privs must be set."""
        syscall("landlock_restrict_self", self.fd, 0)
