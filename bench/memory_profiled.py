"""Run a program under memory_profiler as its manual has it, by `@profile` before the function that is of interest: main.

    python memory_profiled.py PROGRAM [ARGUMENT...]

memory_profiler has to be installed for that Python.  What it finds goes to a file in the working folder."""
import os
import sys

program, *arguments = sys.argv[1:]
with open(program, encoding="utf-8") as file:
    source = file.read()
if source.count("\ndef main():") != 1:
    sys.exit("memory_profiled.py: %s has no function main" % program)
copy = os.path.basename(program)
with open(copy, "w", encoding="utf-8") as file:
    file.write(source.replace("\ndef main():", "\n@profile\ndef main():"))
os.execv(sys.executable, [sys.executable, "-m", "memory_profiler", "-o", "run.lines", copy, *arguments])
