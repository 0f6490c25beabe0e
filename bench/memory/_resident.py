"""What the programs of this folder share: resident memory as the kernel sees it, and a settling time.

A line that begins with "# rss" carries measurements and is left out when outputs are compared."""
import os
import time

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident():
    """Bytes of anonymous memory now resident: files and shared memory are not the allocator's doing."""
    with open("/proc/self/statm") as file:
        fields = file.read().split()
    return (int(fields[1]) - int(fields[2])) * PAGE


def show(start, peak, freed):
    """Print the figures: at the start, with everything alive, right after the frees, and two seconds of light work later."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        time.sleep(0.01)
        [str(i) for i in range(100)]
    print("# rss start=%d peak=%d freed=%d settled=%d" % (start, peak, freed, resident()))
