"""The verdict on what an address or a document outside the workspace is said to hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codex_py.core.receipt.message.found import Found
from codex_py.core.receipt.verdict.ledger import Ledger

Ruling = tuple[Literal["supported", "unverified", "contradicted"], str, Sequence[int]]


def url(claim: Found, ledger: Ledger) -> Ruling:
    """It must have been fetched or read in this session."""
    docs = [
        each.n
        for each in ledger.facts.looks
        if re.search(r"\bdocs?/|README|\.md$|\.rst$", each.target)
    ]
    url = claim.groups.get("name") or claim.groups.get("name2") or ""
    host = re.sub(r"^https?://", "", url).split("/")[0].rstrip(".,;:")
    if host:
        fetched = [each.n for each in ledger.facts.commands if host in each.command and each.ok]
        fetched += [
            each.n for each in ledger.facts.looks if host in each.target or host in each.output
        ]
        if fetched:
            return "supported", "the log shows it being read", fetched
        known = [n for n, text in ledger.words if host in text]
        if known:
            return "unverified", "the address is in the log, its content was not read", known
    else:
        web = [
            each.n
            for each in ledger.facts.looks
            if each.tool in ("web_search", "web_fetch", "fetch")
        ]
        web += [
            each.n
            for each in ledger.facts.commands
            if re.search(r"\b(?:curl|wget)\b", each.command) and each.ok
        ]
        if web:
            return "supported", "the log shows a look-up", web
        if docs and claim.rule is not None and claim.rule.despite:
            return "supported", "the log shows documentation being read", docs
    if ledger.facts.network == "off":
        return "contradicted", "nothing in this session reached the network", ()
    return "unverified", "the log shows no read of it", ()
