"""What was read out of a shell command line: its parts, and what each of them would do."""

from __future__ import annotations

from codex_py.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One simple command of the line (or one redirection of a whole group)."""

    text: str
    """The source of this part, as written."""
    argv: tuple[str, ...]
    """The words after quoting is taken away; a word not known before it runs stays as written."""
    reading: bool
    """True only for a part known to change nothing, whatever the files are called."""
    why: str
    """One short phrase: why it is free, or why somebody must be asked."""
    reads: tuple[str, ...] = ()
    """Files and folders named as being read, relative to where the line starts.

    A `cd` earlier in the line is already folded in: do not join `cwd_change` again. A leading `~`
    means the home folder, and a path may hold the wildcards of an unquoted word.
    """
    writes: tuple[str, ...] = ()
    """Files named as being written, spelled in the same way."""
    cwd_change: str | None = None
    """Where a `cd` goes, as spelled; for showing only."""
    walled: bool = False
    """True when it only reads as long as confinement holds.

    git can start programs that a repository's configuration names, and version managers may start
    a program the project chose. Where nothing confines, ask for these.
    """
    programs: tuple[str, ...] = ()
    """Every program this part would start, as spelled; builtins of the shell are left out.

    A bare name is looked up on PATH when it runs. Whoever runs it must make sure that the name
    does not lead into a folder that the agent can write to.
    """
    fed: bool = False
    """True when a pipe feeds it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A whole command line, taken apart."""

    parts: tuple[Part, ...]
    understood: bool
    """False when any of it could not be read with certainty: then somebody must be asked."""
    why: str = ""
    """What was not understood, when something was not."""

    @property
    def reading(self) -> bool:
        """True when every part of it is known to only read."""
        return self.understood and bool(self.parts) and all(part.reading for part in self.parts)

    @property
    def walled(self) -> bool:
        """True when it only reads as long as confinement holds."""
        return any(part.walled for part in self.parts)
