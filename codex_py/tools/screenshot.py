"""screenshot: a page as a person would see it."""

from __future__ import annotations

import asyncio
import os

from pydantic import BaseModel, ConfigDict, Field

from codex_py.core.entries import Text
from codex_py.core.errors import ToolError
from codex_py.core.tool import Call, Output, Tool
from codex_py.effects import Effects
from codex_py.host import Host
from codex_py.tools._seen import pictured

SECONDS = 45.0
WIDTH, HEIGHT, LARGEST = 1_280, 800, 4_096
NONE = (
    "No Chromium or Chrome is installed here (looked for chromium, google-chrome on the PATH). "
    "Say so to the user; `apt-get install chromium` or the like would do."
)

REACH = " Only servers that commands of this session started can be reached, while they run."


class Params(BaseModel):
    """Which page, and how large the window is."""

    model_config = ConfigDict(extra="forbid")

    page: str = Field(description="An HTML file, or a URL on localhost.")
    width: int | None = Field(default=None, description=f"{WIDTH} if null.")
    height: int | None = Field(default=None, description=f"{HEIGHT} if null.")


def effects(params: Params, host: Host) -> Effects:
    """Runs the browser; a file is rendered confined, a server asked from where commands run."""
    from codex_py.host.browser import find  # late: most sessions render nothing

    url = _url(params.page, host)
    width, height = _size(params)
    browser = os.path.basename(find(host.environ.get("PATH", "")) or "chromium")
    command = f"{browser} --headless --screenshot --window-size={width},{height} '{url}'"
    return Effects(command=command, cwd=host.cwd, confined=url.startswith("file:"))


async def run(params: Params, call: Call) -> Output:
    """The picture, the size of the whole page, and what the page's console complained of."""
    from codex_py.host.browser import NoPage, find, render  # late: most sessions render nothing
    from codex_py.host.images import NotAnImage, see

    browser = find(call.host.environ.get("PATH", ""))
    if not browser:
        raise ToolError(NONE)
    allowed = call.host.allowed
    command = allowed.command if allowed and allowed.command else ""
    size = _size(params)
    try:
        page = await render(
            call.host, command, browser, _url(params.page, call.host), size, SECONDS
        )
        seen = await asyncio.to_thread(see, page.data, call.eyes)
    except NoPage as error:
        near = call.confined and "ERR_CONNECTION" in str(error)
        raise ToolError(f"{error}.{REACH if near else ''}") from None
    except NotAnImage as error:
        raise ToolError(f"The browser's picture cannot be shown: {error}.") from None
    told, image = pictured(seen, f"{params.page} in {size[0]} x {size[1]}", call)
    lines = [f"{params.page}: {told}"]
    if page.status >= 400:
        lines.append(f"The server answered {page.status}.")
    if page.height > size[1] or page.width > size[0]:
        lines.append(f"The whole page is {page.width} x {page.height}; only its top is shown.")
    lines += [f"console: {each}" for each in page.console]
    data = {"same": image.blob[:16], "blob": image.blob, "confined": call.confined}
    return Output((Text("\n".join(lines)), image), data=data)


def _size(params: Params) -> tuple[int, int]:
    width, height = params.width or WIDTH, params.height or HEIGHT
    if not (16 <= width <= LARGEST and 16 <= height <= LARGEST):
        raise ToolError(f"width and height must be 16 to {LARGEST} pixels.")
    return width, height


def _url(page: str, host: Host) -> str:
    from pathlib import Path  # late: most sessions render nothing

    from codex_py.host.browser import local

    if local(page):
        if not page.isprintable() or set(page) & set("'\\"):
            raise ToolError("The URL holds characters that must be percent-encoded.")
        return page
    if "://" in page and not page.startswith("file://"):
        raise ToolError("Only files, and http://localhost or http://127.0.0.1 addresses.")
    path = page.removeprefix("file://")
    if host.outward(path):
        raise ToolError(f"{page} is a link that leads out of the workspace; name the file itself.")
    real = host.real(os.path.expanduser(path))
    if not os.path.isfile(real):
        raise ToolError(f"There is no file {page}.")
    if host.temporary and real.startswith(host.temporary + "/"):
        real = os.path.realpath(host.absolute(path))  # as the browser sees its /tmp
    return Path(real).as_uri()


TOOL = Tool(
    name="screenshot",
    description="See a web page as Chromium renders it.",
    params=Params,
    effects=effects,
    run=run,
)
