"""Tools the model may use: the list, written out by hand."""

from __future__ import annotations

from codex_py.core.tool import Tool


def _pydantic() -> None:
    """Import pydantic without plugins: they cost time, and any package could bring one."""
    import os  # late: importing does nothing

    given = os.environ.get("PYDANTIC_DISABLE_PLUGINS")
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    try:
        import pydantic.main  # noqa: F401  # late: what this is about
    finally:
        if given is None:
            del os.environ["PYDANTIC_DISABLE_PLUGINS"]
        else:
            os.environ["PYDANTIC_DISABLE_PLUGINS"] = given


def builtin(patch_style: str, *, vision: bool = True) -> tuple[Tool, ...]:
    """The tools for a model: `patch` or `replace` says how it edits."""
    _pydantic()
    from codex_py.tools import (  # late: pydantic
        list_files,
        process,
        python,
        read_file,
        search,
        shell,
        update_plan,
    )

    tools = [read_file.TOOL, list_files.TOOL, search.TOOL]
    if patch_style.startswith("patch"):
        from codex_py.tools import apply_patch  # late: one of two ways to edit

        tools.append(apply_patch.TOOL)
    else:
        from codex_py.tools import edit_file, write_file  # late: one of two ways to edit

        tools += [edit_file.TOOL, write_file.TOOL]
    tools += [shell.TOOL, process.TOOL, python.TOOL, update_plan.TOOL]
    if vision:
        from codex_py.tools import screenshot, view_image  # late: only for models with eyes

        tools += [view_image.TOOL, screenshot.TOOL]
    return tuple(tools)
