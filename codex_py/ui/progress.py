"""Progress of a one-shot run as plain lines for stderr: what really happens, as it happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from codex_py.core.entries import (
    Assistant,
    Checked,
    Cited,
    Decision,
    Delta,
    Entry,
    Hosted,
    Image,
    Notice,
    Part,
    Reasoning,
    ToolCall,
    ToolResult,
    TurnEnded,
    User,
    words,
)
from codex_py.ui.text import duration, listed, one_line, paint, picture, visible

SHOWN = 6
"""Lines of a command's output that are shown."""
SUBJECTS = {
    "read_file": "path",
    "list_files": "path",
    "search": "pattern",
    "view_image": "path",
    "screenshot": "page",
    "python": "code",
}


class Progress:
    """A listener that writes one or a few lines for each thing that happened."""

    def __init__(self, write: Callable[[str], object], *, colour: bool) -> None:
        self._write = write
        self._colour = colour
        self._calls: dict[str, ToolCall] = {}
        self._held = ""
        self.beside: Path | None = None
        """The folder of the session's pictures, once there is one: what tools made is there."""

    def __call__(self, event: Entry | Delta) -> None:
        """Show one entry or delta."""
        match event:
            case Reasoning() if event.summary:
                self._release()
                self._line("·", one_line(_headline(event.summary)), "dim")
            case Assistant() if event.partial:
                self._line("•", f"{visible(event.text.strip())} [cut off]", "")
            case Assistant() if event.text.strip():
                self._release()
                self._held = event.text
            case Hosted():
                self._release()
                self._line("→", one_line(f"{event.name} {event.detail}", 300), "dim")
            case Cited():
                told = "\n".join(listed(event.sources))
                if self._held:
                    self._held += f"\n\n{told}"
                else:
                    self._line(" ", visible(told), "dim")
            case ToolCall():
                self._release()
                self._calls[event.call_id] = event
            case Decision() if event.verdict == "allow" and "command" in event.effects:
                self._line("$", one_line(str(event.effects["command"]), 400), "bold")
            case ToolResult():
                self._result(event)
                self._pictures(event.parts, self.beside)
            case User():
                self._pictures(event.parts, None)
            case Checked():
                self._checked(event)
            case Notice():
                style = {"info": "dim", "warning": "yellow", "error": "red"}[event.level]
                self._line("!", visible(event.text), style)
            case Delta(of="retry"):
                self._line("↻", visible(event.text), "yellow")
            case Delta(of="quiet"):
                self._line("…", f"{visible(event.text)}; Ctrl+C ends it", "dim")
            case TurnEnded() if event.reason != "done":
                self._release()

    def _pictures(self, parts: Sequence[Part], beside: Path | None) -> None:
        for part in parts:
            if isinstance(part, Image):
                where = f"\n{visible(str(beside / part.blob))}" if beside else ""
                self._line("▣", f"{picture(part)}{where}", "dim")

    def _release(self) -> None:
        """Show a held message: something followed it, so it was not the final one."""
        if self._held:
            self._line("•", visible(self._held.strip()), "")
            self._held = ""

    def _result(self, result: ToolResult) -> None:
        call = self._calls.pop(result.call_id, None)
        if call is None:
            return
        if "command" in result.data:
            self._command(result)
        elif result.data.get("changes"):
            for each in result.data["changes"]:
                sign = {"add": "A", "delete": "D"}.get(each["kind"], "M")
                moved = f" (from {visible(each['from'])})" if each.get("from") else ""
                counts = f"+{each.get('added', 0)} -{each.get('removed', 0)}"
                self._line(sign, f"{visible(each['path'])}{moved} {counts}", "green")
        elif "plan" in result.data:
            marks = {"completed": "✓", "in_progress": "▸", "pending": "·"}
            for step in result.data["plan"]:
                self._line(" ", f"{marks[step['status']]} {one_line(step['step'])}", "dim")
        elif result.ok:
            self._line("→", f"{call.name} {self._subject(call)}".rstrip(), "dim")
        else:
            why = words(result.parts).split("\n")[0]
            self._line("✗", f"{call.name} {self._subject(call)}: {one_line(why, 300)}", "red")

    def _command(self, result: ToolResult) -> None:
        lines = visible(words(result.parts)).rstrip().split("\n")
        first, body = lines[0], lines[1:]
        if len(body) > SHOWN:
            left = len(body) - SHOWN
            body = [f"… {left} line{'s' * (left > 1)} before", *body[-SHOWN:]]
        for line in body:
            self._line(" ", f"  {line[:200]}", "dim")
        mark, style = ("✓", "green") if result.ok else ("✗", "red")
        size = f" · {result.data['bytes']:,} bytes" if result.data["bytes"] > 40_000 else ""
        took = duration(float(result.data["seconds"]))
        self._line(mark, f"{first.lower().rstrip('.')} · {took}{size}", style)

    def _checked(self, check: Checked) -> None:
        mark, style = ("✓", "green") if check.ok else ("✗", "red")
        ended = "timed out" if check.timed_out else f"exit code {check.exit_code}"
        what = one_line(check.command, 300)
        self._line(mark, f"required: {what} · {ended} · {duration(check.seconds)}", style)

    def _subject(self, call: ToolCall) -> str:
        import json  # late: a line or two a run

        try:
            value = json.loads(call.arguments).get(SUBJECTS.get(call.name, ""), "")
        except (ValueError, RecursionError, AttributeError):
            return ""
        return one_line(str(value)) if value else ""

    def _line(self, mark: str, text: str, style: str) -> None:
        first, *rest = text.split("\n")
        shown = "\n".join([f"{mark} {first}", *(f"  {line}" for line in rest)])
        self._write(f"{paint(shown, style, self._colour) if style else shown}\n")


def _headline(summary: str) -> str:
    first = summary.strip().split("\n")[0]
    return first.strip("*# ")
