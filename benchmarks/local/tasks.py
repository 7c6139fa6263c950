"""Small tasks for the embedded model: files in, a prompt, and a check of what is on disk after.

The tuning half was looked at while prompts and examples were written; the held-out half was
not. Both were written before either was run with what was tuned; a few tuning tasks came later.
"""

from __future__ import annotations

from held_out import HELD_OUT
from task import Task
from tuning import TUNING
from tuning_more import TUNING_MORE

TASKS: list[Task] = [*TUNING, *TUNING_MORE, *HELD_OUT]
