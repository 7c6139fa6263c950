"""The keys: what each does, and the list that /keys shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from prompt_toolkit.application.current import get_app
from prompt_toolkit.filters import Condition, is_searching, vi_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from codex_py.ui.tui.composer import Composer

TABLE = (
    ("Enter", "send; while a turn runs: queue for after it"),
    ("Ctrl+S", "send now, into the running turn (steer); empty: the first queued message"),
    ("Ctrl+J, Alt+Enter, \\ Enter", "new line"),
    ("Esc", "interrupt what runs; close a menu or question"),
    ("Shift+Tab", "next approval mode"),
    ("Up, Down", "earlier and later messages; Up on an empty line takes a queued one back"),
    ("Ctrl+R", "search earlier messages"),
    ("Ctrl+G", "write in $EDITOR"),
    ("Ctrl+V", "paste a picture from the clipboard"),
    ("Ctrl+O", "show the last folded output in full"),
    ("Ctrl+L", "clear the screen (the scrollback stays)"),
    ("Ctrl+C", "clear the line; twice on an empty one: quit"),
    ("Ctrl+D", "quit, on an empty line"),
    ("Ctrl+Z", "suspend"),
    ("Ctrl+A E K U W Y, Alt+B F D", "as in readline"),
    ("@", "complete a file"),
    ("/", "commands"),
    ("?", "this list"),
    ("!", "run a command of your own; its output goes to the model"),
)


def bindings(composer: Composer) -> KeyBindings:
    """Every key of our own; the editing keys are prompt_toolkit's."""
    keys = KeyBindings()
    _question(keys, composer)
    _long_question(keys, composer)
    _menu(keys, composer)
    _composer(keys, composer)
    _session(keys, composer)
    return keys


def _question(keys: KeyBindings, composer: Composer) -> None:
    talk = composer.talk
    asking = Condition(lambda: talk.question is not None)

    @keys.add(Keys.Any, filter=asking)
    def _(event: KeyPressEvent) -> None:
        if not talk.key(event.data):
            composer.buffer.insert_text(event.data)

    @keys.add("up", filter=asking)
    @keys.add("c-p", filter=asking)
    @keys.add("s-tab", filter=asking)
    def _(_event: KeyPressEvent) -> None:
        if talk.question:
            talk.question.move(-1)

    @keys.add("down", filter=asking)
    @keys.add("c-n", filter=asking)
    @keys.add("tab", filter=asking)
    def _(_event: KeyPressEvent) -> None:
        if talk.question:
            talk.question.move(1)

    @keys.add("enter", filter=asking)
    def _(_event: KeyPressEvent) -> None:
        question = talk.question
        if question and talk.settled and (value := question.taken) is not None:
            question.pick(value)

    @keys.add("escape", filter=asking)
    @keys.add("c-c", filter=asking)
    @keys.add("c-d", filter=asking)
    def _(_event: KeyPressEvent) -> None:
        if talk.question:
            talk.question.pick(talk.question.escape)


def _long_question(keys: KeyBindings, composer: Composer) -> None:
    """What a list takes that is long enough to be filtered."""
    talk = composer.talk
    asking = Condition(lambda: talk.question is not None)

    @keys.add("backspace", filter=asking)
    @keys.add("c-h", filter=asking)
    def _(_event: KeyPressEvent) -> None:
        if talk.question:
            talk.question.rub()

    def going(where: Literal["home", "end", "pageup", "pagedown"]) -> None:
        @keys.add(where, filter=asking)
        def _(_event: KeyPressEvent) -> None:
            if talk.question:
                talk.question.go(where)

    going("home")
    going("end")
    going("pageup")
    going("pagedown")

    @keys.add(Keys.BracketedPaste, filter=asking)
    def _(event: KeyPressEvent) -> None:
        if not (talk.question and talk.question.paste(event.data)):
            composer.paste(event.data)


def _menu(keys: KeyBindings, composer: Composer) -> None:
    menu = composer.menu
    showing = Condition(lambda: menu.open and composer.talk.question is None)

    @keys.add("up", filter=showing)
    @keys.add("c-p", filter=showing)
    def _(_event: KeyPressEvent) -> None:
        menu.move(-1)

    @keys.add("down", filter=showing)
    @keys.add("c-n", filter=showing)
    def _(_event: KeyPressEvent) -> None:
        menu.move(1)

    @keys.add("tab", filter=showing)
    def _(_event: KeyPressEvent) -> None:
        composer.complete()

    @keys.add("escape", filter=showing)
    def _(_event: KeyPressEvent) -> None:
        composer.dismiss()


def _composer(keys: KeyBindings, composer: Composer) -> None:
    typing = Condition(lambda: composer.talk.question is None) & ~is_searching
    plain = typing & Condition(lambda: not composer.menu.open)

    @keys.add("enter", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.enter()

    @keys.add("c-s", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.enter(steer=True)

    @keys.add("c-j", filter=typing)
    @keys.add("escape", "enter", filter=typing)
    @keys.add("escape", "c-j", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.buffer.insert_text("\n")

    @keys.add("backspace", filter=typing)
    @keys.add("c-h", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.backspace()

    @keys.add("up", filter=plain & Condition(composer.can_take_back))
    def _(_event: KeyPressEvent) -> None:
        composer.take_back()

    @keys.add("up", filter=plain & ~vi_navigation_mode & ~Condition(composer.can_take_back))
    def _(event: KeyPressEvent) -> None:
        composer.buffer.auto_up(event.arg)

    @keys.add("down", filter=plain & ~vi_navigation_mode)
    def _(event: KeyPressEvent) -> None:
        composer.buffer.auto_down(event.arg)

    @keys.add("c-g", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.acts.do("own.edit_draft")

    @keys.add("c-v", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.acts.do("own.paste_picture")

    @keys.add(Keys.BracketedPaste, filter=typing)
    def _(event: KeyPressEvent) -> None:
        composer.paste(event.data)

    @keys.add("c-c", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.control_c()

    @keys.add("c-d", filter=typing & Condition(lambda: not composer.buffer.text))
    def _(_event: KeyPressEvent) -> None:
        composer.acts.leave()

    stays = ~vi_mode | vi_navigation_mode

    @keys.add("escape", filter=plain & stays)
    def _(_event: KeyPressEvent) -> None:
        composer.escape()


def _session(keys: KeyBindings, composer: Composer) -> None:
    typing = Condition(lambda: composer.talk.question is None) & ~is_searching

    @keys.add("s-tab", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        composer.acts.do("modes.cycle")

    @keys.add("c-o")
    def _(_event: KeyPressEvent) -> None:
        composer.acts.do("own.expand_next")

    @keys.add("c-l")
    def _(_event: KeyPressEvent) -> None:
        get_app().renderer.clear()

    @keys.add("c-z")
    def _(_event: KeyPressEvent) -> None:
        composer.acts.do("own.suspend")

    @keys.add("escape", "[", "I")
    def _(_event: KeyPressEvent) -> None:
        composer.acts.focus(True)

    @keys.add("escape", "[", "O")
    def _(_event: KeyPressEvent) -> None:
        composer.acts.focus(False)
