"""A block of Markdown as lines of styled text that fit the paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from codex_py.ui.render.cells import cells
from codex_py.ui.render.code import slowly
from codex_py.ui.render.paper import NARROWEST, Paper
from codex_py.ui.render.stream import Block
from codex_py.ui.render.table import table

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode
    from rich.text import Text

MARKS = {"strong": "**", "em": "*", "s": "~~"}
STYLES = {"strong": "strong", "em": "em", "s": "struck"}
WEB = re.compile(r"https?://[!-~]+$")
NAMED = re.compile(r"://|^[\w.-]+\.[a-zA-Z]{2,}(?:/|$)")


class Markdown:
    """Draws blocks; without colour the marks of emphasis and code stay visible."""

    def __init__(self) -> None:
        self._parser: MarkdownIt | None = None

    def draw(self, block: Block, paper: Paper) -> Iterator[list[Text]]:
        """The lines of a finished block, with the blank line that belongs before it.

        They come a few at a time, sometimes none, so that drawing can be left for a moment.
        """
        if block.gap:
            yield [paper.text()]
        if block.kind == "code":
            yield from _fenced(block, paper)
            return
        from markdown_it.tree import SyntaxTreeNode  # late: most starts show no Markdown

        source = "\n".join(block.lines)
        tree = SyntaxTreeNode(self.parser.parse(source, {}))
        yield []
        for node in tree.children:
            yield _block(node, paper)

    @property
    def parser(self) -> MarkdownIt:
        """CommonMark with tables and strikethrough; HTML is text like any other."""
        if self._parser is None:
            from markdown_it import MarkdownIt  # late: most starts show no Markdown

            self._parser = MarkdownIt("commonmark", {"html": False})
            self._parser.enable(["table", "strikethrough"])
            # A lone definition `[a]: b` would vanish: what the model wrote is shown.
            self._parser.disable("reference")
        return self._parser


def _fenced(block: Block, paper: Paper) -> Iterator[list[Text]]:
    if block.opens:
        yield paper.wrap(paper.text(f"```{block.language}", "dim"))
    for group in slowly(block.lines, block.language, paper, block.before):
        yield [line for code in group for line in paper.fold(code)]
    if block.closes:
        yield [paper.text("```", "dim")]


def _blocks(nodes: Iterable[SyntaxTreeNode], paper: Paper, *, tight: bool = True) -> list[Text]:
    told: list[Text] = []
    for node in nodes:
        if told and not tight:
            told.append(paper.text())
        told += _block(node, paper)
    return told


def _block(node: SyntaxTreeNode, paper: Paper) -> list[Text]:
    match node.type:
        case "heading":
            return _heading(node, paper)
        case "fence" | "code_block":
            return _code(node, paper)
        case "bullet_list" | "ordered_list":
            return _list(node, paper)
        case "blockquote":
            bar = paper.text(paper.sign("quote"), "quote")
            return _indented(node.children, paper, bar, bar)
        case "table":
            return table(_rows(node, paper), paper)
        case "hr":
            return [paper.text(paper.sign("rule") * min(40, paper.width), "dim")]
        case _ if node.children and node.children[0].type == "inline":
            return paper.wrap(_inline(node.children[0], paper))
        case _:
            return paper.wrap(paper.text(node.content if not node.children else ""))


def _heading(node: SyntaxTreeNode, paper: Paper) -> list[Text]:
    words = _inline(node.children[0], paper) if node.children else paper.text()
    if paper.colour:
        words.stylize("heading.top" if node.tag == "h1" else "heading")
        return paper.wrap(words)
    return paper.wrap(paper.joined("#" * int(node.tag[1]) + " ", words))


def _code(node: SyntaxTreeNode, paper: Paper) -> list[Text]:
    lines = tuple(node.content.removesuffix("\n").split("\n"))
    if node.type == "code_block":
        return [each for line in lines for each in paper.fold(paper.text("    " + line))]
    words = node.info.split()
    block = Block("code", lines, False, words[0] if words else "", (), True, True)
    return [line for group in _fenced(block, paper) for line in group]


def _list(node: SyntaxTreeNode, paper: Paper) -> list[Text]:
    told: list[Text] = []
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    for item in node.children:
        mark = paper.sign("bullet") if number is None else f"{number}{item.markup} "
        first = paper.text(mark, "dim" if number is None else "")
        told += _indented(item.children, paper, first, paper.text(" " * len(mark)))
        number = None if number is None else number + 1
    return told


def _indented(nodes: list[SyntaxTreeNode], paper: Paper, first: Text, rest: Text) -> list[Text]:
    room = paper.width - cells(first.plain)
    if room < NARROWEST:
        # Nested too deep for this width: go on without indenting further.
        return [first, *_blocks(nodes, paper)]
    inner = _blocks(nodes, paper.resized(room), tight=_tight(nodes))
    told = [paper.joined(first if at == 0 else rest, line) for at, line in enumerate(inner)]
    return told or [first]


def _tight(nodes: list[SyntaxTreeNode]) -> bool:
    return sum(node.type == "paragraph" for node in nodes) < 2


def _rows(node: SyntaxTreeNode, paper: Paper) -> list[list[tuple[Text, str]]]:
    found = []
    for part in node.children:
        for row in part.children:
            cells = []
            for cell in row.children:
                words = _inline(cell.children[0], paper) if cell.children else paper.text()
                style = str(cell.attrs.get("style", ""))
                cells.append((words, style.removeprefix("text-align:") or "left"))
            found.append(cells)
    return found


def _inline(node: SyntaxTreeNode, paper: Paper, *, shown: bool = True) -> Text:
    whole = paper.text()
    for each in node.children:
        whole.append_text(_piece(each, paper, shown))
    return whole


def _piece(node: SyntaxTreeNode, paper: Paper, shown: bool) -> Text:
    match node.type:
        case "text":
            return paper.text(node.content, prose=True)
        case "softbreak" | "hardbreak":
            return paper.text("\n")
        case "code_inline":
            return paper.text(node.content if paper.colour else f"`{node.content}`", "code")
        case "strong" | "em" | "s":
            inner = _inline(node, paper, shown=shown)
            if not paper.colour:
                mark = paper.text(MARKS[node.type])
                return paper.joined(mark, inner, mark)
            inner.stylize(STYLES[node.type])
            return inner
        case "link":
            return _link(_inline(node, paper), str(node.attrs.get("href", "")), paper)
        case "image":
            words = _inline(node, paper) if node.children else paper.text(node.content)
            source = str(node.attrs.get("src", ""))
            return _link(paper.joined("[image] ", words), source, paper)
        case _:
            return paper.text(node.content, prose=True)


def _link(words: Text, address: str, paper: Paper) -> Text:
    """Words that lead somewhere. Where to is hidden only behind words that name no address."""
    plain: Any = words.plain
    words.stylize("link")
    if paper.links and WEB.fullmatch(address):
        from rich.style import Style  # late: costs a tenth of a second

        words.stylize(Style(link=address))
        if plain == address or not NAMED.search(plain):
            return words
    if plain == address or not address:
        return words
    return paper.joined(words, (f" ({address})", "dim"))
