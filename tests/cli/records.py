"""Records made up for tests: what a host process would have left in the session folder.

The layout comes from src/monitor/record.h itself, through a small C program that is compiled when the
tests run, so that nothing here has to be kept in step by hand.

Run as a program under `ouro run`, this file plays a host: `records.py PLAN` writes the records that
the plan (JSON, from `plan()`) holds into the session folder, and then ends as it is told.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

FIELDS = """magic version size sequence state pid ppid began_ns lasted_ns user_ns system_ns exit_status
forked command command_bytes executable python_version python_hex python_served python_free_threaded
python_interpreters_own_gil note peak_resident n_allocs n_frees n_samples limit limit_refusals
limit_last_size purged gc_mode gc_longest_generation gc_longest_ns gc_freed_bytes
gc_stock_thresholds gc_thresholds gc_raised gc_lowered gc_forced gc_put_off gc_emptied debug n_snapshots_failed
snapshot_longest_ns""".split()
MOMENT_FIELDS = """at_ns live blocks rounding untouched free cached records files other resident
mapped""".split()
GENERATION_FIELDS = "runs ns collected uncollectable".split()

# What is an array of numbers, and how wide one is.
ARRAYS = {"live": 8, "blocks": 8, "n_allocs": 8, "n_frees": 8, "gc_stock_thresholds": 8, "gc_thresholds": 8}
TEXTS = {"magic", "command", "executable", "python_version", "note"}

RUNNING, ENDED, REPLACED, CONFINED = 0, 1, 2, 3
GC_NONE, GC_STOCK, GC_PACED, GC_OBEYED = 0, 1, 2, 3


def layout(folder):
    """{field: [offset, size]} as the C compiler has it."""
    names = list(FIELDS)
    for moment in ("peak", "last"):
        names += [f"{moment}.{field}" for field in MOMENT_FIELDS]
    for generation in range(3):
        names += [f"gc[{generation}].{field}" for field in GENERATION_FIELDS]
    lines = [
        f'    printf("{name} %zu %zu\\n", offsetof(struct ouro_record, {name}),'
        f" sizeof(((struct ouro_record *)0)->{name}));"
        for name in names
    ]
    source = folder / "layout.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdio.h>\n#include <monitor/record.h>\nint main(void)\n{\n"
        '    printf("record 0 %zu\\n", sizeof(struct ouro_record));\n'
        '    printf("OURO_RECORD_VERSION %d 0\\n", OURO_RECORD_VERSION);\n' + "\n".join(lines) + "\n}\n"
    )
    compiler = os.environ.get("CC", "cc").split()
    program = folder / "layout"
    subprocess.run([*compiler, "-I", str(ROOT / "src"), "-o", str(program), str(source)], check=True)
    out = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    return {name: [int(a), int(b)] for name, a, b in (line.split() for line in out.splitlines())}


def moment(**values):
    """A moment whose steps add up: `resident` is worked out unless it is given."""
    moment = {"live": [0, 0, 0], "blocks": [0, 0, 0], **values}
    if "resident" not in moment:
        steps = ("free", "cached", "records", "files", "other")
        moment["resident"] = sum(moment["live"]) - moment.get("untouched", 0) + sum(
            moment.get(step, 0) for step in steps
        )
    return moment


def record(command=("prog",), pid="self", number=7, state=ENDED, cut=None, raw=None, **values):
    """One record for a plan.  `cut`: the file ends there; `raw`: hexadecimal bytes instead."""
    return dict(values, command=list(command), pid=pid, number=number, state=state, cut=cut, raw=raw)


MIB = 1 << 20


def typical(**changes):
    """What a Python program of some size would leave."""
    values = dict(
        command=["python3", "app.py", "--big"],
        executable="/usr/bin/python3.11",
        exit_status=0,
        lasted_ns=2_400_000_000,
        user_ns=2_200_000_000,
        system_ns=150_000_000,
        python_version="3.11.2",
        python_hex=0x030B02F0,
        python_served=7,
        peak=moment(
            at_ns=1_900_000_000,
            live=[20 * MIB, 40 * MIB, 120 * MIB],
            blocks=[20_000, 300_000, 1_100_000],
            rounding=9 * MIB,
            untouched=2 * MIB,
            free=4 * MIB,
            cached=3 * MIB,
            records=1 * MIB,
            files=12 * MIB,
            other=9 * MIB,
            mapped=256 * MIB,
        ),
        last=moment(
            at_ns=2_400_000_000,
            live=[MIB, MIB // 2, MIB // 2],
            blocks=[1_000, 2_000, 3_000],
            rounding=100_000,
            free=8 * MIB,
            cached=2 * MIB,
            records=MIB,
            files=12 * MIB,
            other=9 * MIB,
            mapped=256 * MIB,
        ),
        peak_resident=214 * MIB,
        n_allocs=[1_000_000, 2_200_000, 38_000_000],
        n_frees=[999_000, 2_198_000, 37_997_000],
        n_samples=200,
        purged=150 * MIB,
        gc_mode=GC_PACED,
        gc=[
            {"runs": 120, "ns": 60_000_000, "collected": 1200, "uncollectable": 0},
            {"runs": 4, "ns": 9_000_000, "collected": 30, "uncollectable": 0},
            {"runs": 1, "ns": 41_000_000, "collected": 4, "uncollectable": 0},
        ],
        gc_longest_ns=41_000_000,
        gc_longest_generation=2,
        gc_freed_bytes=400_000,
        gc_stock_thresholds=[700, 10, 10],
        gc_thresholds=[90_000, 10, 10],
        gc_raised=7,
        gc_lowered=1,
        gc_put_off=3,
        gc_emptied=5,
    )
    values.update(changes)
    return record(**values)


def pack(layout, record):
    data = bytearray(layout["record"][1])

    def put(name, value):
        offset, size = layout[name]
        if isinstance(value, (list, tuple)):
            width = ARRAYS[name.split(".")[-1]]
            for i, item in enumerate(value):
                data[offset + i * width : offset + (i + 1) * width] = item.to_bytes(
                    width, sys.byteorder, signed=item < 0
                )
        elif name in TEXTS:
            encoded = os.fsencode(value)[:size]
            data[offset : offset + len(encoded)] = encoded
        else:
            data[offset : offset + size] = value.to_bytes(size, sys.byteorder, signed=value < 0)

    defaults = {
        "magic": "OUROREC1",
        "version": layout["OURO_RECORD_VERSION"][0],
        "size": layout["record"][1],
        "sequence": 2,
        "began_ns": time.time_ns(),
        "lasted_ns": 1_000_000_000,
        "exit_status": -1,
    }
    values = {**defaults, **record}
    command = b"".join(os.fsencode(a) + b"\0" for a in values.pop("command"))
    room = layout["command"][1]
    values["command"] = os.fsdecode(command[:room])
    values.setdefault("command_bytes", min(len(command), room))
    for key in ("number", "cut", "raw"):
        values.pop(key, None)
    for name in ("peak", "last"):
        for field, value in values.pop(name, moment()).items():
            put(f"{name}.{field}", value)
    for i, generation in enumerate(values.pop("gc", ())):
        for field, value in generation.items():
            put(f"gc[{i}].{field}", value)
    for name, value in values.items():
        put(name, value)
    return bytes(data)


def play(plan):
    session = os.environ["OURO_SESSION"]
    for entry in plan["records"]:
        if entry["pid"] == "self":
            entry["pid"] = os.getpid()
        data = bytes.fromhex(entry["raw"]) if entry["raw"] is not None else pack(plan["layout"], entry)
        if entry["cut"] is not None:
            data = data[: entry["cut"]]
        with open(f"{session}/{entry['pid']}.{entry['number']}.rec", "xb") as file:
            file.write(data)
    if plan["code"]:
        exec(plan["code"])
    sys.stdout.flush()
    if plan["exit"] < 0:
        signal.signal(-plan["exit"], signal.SIG_DFL) if plan["exit"] not in (-9, -19) else None
        os.kill(os.getpid(), -plan["exit"])
    os._exit(plan["exit"])


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8", errors="surrogateescape") as file:
        play(json.load(file))
