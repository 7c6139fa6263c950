"""What a session's turns need, put together: tools, words, policy, limits."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from codex_py.brain import Brain
from codex_py.core import money
from codex_py.core.entries import Entry, Notice
from codex_py.core.errors import UsageError
from codex_py.core.kit import Ask, Kit
from codex_py.core.limits import Limits
from codex_py.core.policy import Policy
from codex_py.core.room import room
from codex_py.core.session import Session
from codex_py.core.tool import Tool
from codex_py.host import Host
from codex_py.host.keeping import Keeper
from codex_py.lines import reader
from codex_py.prompts import text
from codex_py.proof import Proof, files_now
from codex_py.settings import Settings, secret_places
from codex_py.tools import builtin


def equip(
    settings: Settings,
    host: Host,
    brain: Brain,
    session: Session,
    ask: Ask,
    keeper: Keeper | None,
) -> Kit:
    """The kit of a session for a brain. Raises UsageError for a file or budget that is amiss."""
    tools = builtin(brain.patch_style, vision=brain.vision)
    instructions = _instructions(settings, tools)
    if brain.profile is not None:
        tools = tuple(tool for tool in tools if tool.name in brain.profile.tools)
        instructions = brain.profile.instructions
    return Kit(
        model=brain.client,
        settings=replace(brain.sampling(session.id), output_schema=settings.output_schema),
        instructions=brain.clean.text(instructions),
        tools=tools,
        specs=tuple(tool.spec() for tool in tools),
        policy=Policy(
            mode=settings.approval_mode,
            search=brain.settings.search,
            roots=(*host.roots, host.temporary) if host.temporary else host.roots,
            secret=secret_places(settings),
            shown=tuple(filter(None, (os.path.realpath(session.beside), host.temporary))),
        ),
        read_line=reader(host.roots, host.environ),
        host=host,
        ask=ask,
        keeper=keeper,
        limits=limits_of(settings, brain),
        price=brain.price,
        patience=settings.stream_idle_timeout_ms / 1000 if brain.model else 0.0,
        nudge=_nudge(settings, brain),
        proof=Proof(host, settings.verify, settings.require, settings.require_tries, files_now),
        requires=bool(settings.require),
        vision=brain.vision,
        eyes=brain.eyes(settings.image_detail),
        window=settings.model_context_window or brain.window,
        room=_room(settings, brain, settings.model_context_window or brain.window),
        sized=_sized(settings, brain, session) if brain.asking else None,
        compact_prompt=text("compact.md").strip(),
        picture_limit=settings.image_tokens_per_turn,
        output_limit=settings.tool_output_token_limit * 4,
    )


def _room(settings: Settings, brain: Brain, window: int) -> int:
    largest = brain.model.max_output if brain.model else 0
    return room(window, largest, settings.model_auto_compact_token_limit)


def _sized(
    settings: Settings, brain: Brain, session: Session
) -> Callable[[], Awaitable[tuple[int, int]]]:
    told = False

    async def sized() -> tuple[int, int]:
        nonlocal told
        window = await brain.asking() if brain.asking else 0
        if window and not told:
            told = True
            only = "only " if window < SMALL else ""
            text = f"{brain.label} has a context of {only}{window:,} tokens, as its server says"
            session.append(Notice(text=text, level="warning" if only else "info"))
        return window, _room(settings, brain, window)

    return sized


SMALL = 16_000
"""Tokens of context under which an agent soon runs out of room."""


def _nudge(settings: Settings, brain: Brain) -> Callable[[Sequence[Entry]], str]:
    if not settings.output_schema:
        return brain.nudge
    from codex_py.core.schema import insisting  # late: few runs ask for a schema

    return insisting(settings.output_schema, brain.nudge)


def limits_of(settings: Settings, brain: Brain) -> Limits:
    """The limits of a run. Raises UsageError for a budget of money that could not be kept."""
    cost = money.read(settings.max_cost)
    if cost is not None and brain.price is None:
        tier = settings.service_tier
        what = f"{brain.label} at service tier {tier}" if tier else brain.label
        raise UsageError(
            f"--max-cost {settings.max_cost}: the price of {what} is not known, so no budget of "
            f"money can be kept; put it into {settings.home / 'models.toml'} as "
            f'[models."{brain.label}"] price = [input, cached, output] (US dollars per million '
            "tokens), or use --max-tokens"
        )
    return Limits(
        max_steps=settings.max_steps or brain.max_steps,
        max_cost=cost,
        max_tokens=settings.max_tokens,
        max_time=settings.max_time,
    )


def _instructions(settings: Settings, tools: Sequence[Tool]) -> str:
    if settings.model_instructions_file:
        try:
            with open(settings.model_instructions_file, encoding="utf-8") as file:
                base = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"model_instructions_file: {error}") from error
    else:
        base = text("system.md")
    patching = any(tool.name == "apply_patch" for tool in tools)
    parts = [base.strip(), text("patch.md" if patching else "replace.md").strip()]
    if settings.developer_instructions:
        parts.append(settings.developer_instructions)
    return "\n\n".join(parts)
