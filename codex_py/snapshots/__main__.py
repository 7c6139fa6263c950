"""Run by path with `-I -S -E`: the keeper, on descriptor 0."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

if __name__ == "__main__":
    from codex_py.snapshots.keeper import main  # late: the path has to be known first

    main()
