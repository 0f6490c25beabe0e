"""Ouro, from within the program: `import ouro`, under `ouro run` or anywhere.

All that it has is ouro_memory's; this is the short name of it, which another project may have, too.  `ouro run` puts this
module on the path ahead of what is installed, so it looks for another `ouro` first, and steps back for it.
"""

import os
import sys


def _find_other():
    """How to load another project's `ouro`, which `ouro run` has put this one before; None when there is none.

    A folder without an __init__.py is no rival: its modules are found beside ours."""
    folder = os.path.dirname(os.path.dirname(__file__))
    if os.environ.get("PYTHONPATH", "").split(os.pathsep)[-1] != folder:
        return None
    others = [entry for entry in sys.path if entry != folder]
    for finder in sys.meta_path:
        spec = finder.find_spec(__name__, others) if hasattr(finder, "find_spec") else None
        if spec is not None and spec.origin is not None and spec.loader is not None:
            return spec
        if spec is not None and spec.submodule_search_locations:
            __path__.extend(spec.submodule_search_locations)
    return None


def _step_back(spec):
    """Let `import ouro` end with another module than this one (importlib gives what is in sys.modules then)."""
    from importlib.util import module_from_spec

    other = module_from_spec(spec)
    sys.modules[__name__] = other
    spec.loader.exec_module(other)


_other = _find_other()
if _other is not None:
    _step_back(_other)
else:
    from ouro_memory import (
        Trace,
        __version__,
        line_profile,
        mark,
        reset_peak,
        snapshot,
        trace,
        traced_memory,
        tracing,
    )

__all__ = [
    "Trace",
    "active",
    "line_profile",
    "mark",
    "reset_peak",
    "snapshot",
    "trace",
    "traced_memory",
    "tracing",
]


def __getattr__(name):
    if name == "active":
        import ouro_memory

        return ouro_memory.active
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
