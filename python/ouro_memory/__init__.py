"""Memory tracing from within a program that runs under `ouro run`; elsewhere all of this does nothing.

`import ouro` is the usual name of it; this one is for programs in which another project has that.
"""

from .events import mark, snapshot
from .host import Tracing
from .stretch import Trace, line_profile, reset_peak, trace, traced_memory, tracing

__version__ = "0.1.0"
__all__ = [
    "Trace",
    "Tracing",
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
        from .host import find

        return find() is not None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
