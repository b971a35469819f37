"""gankit broken on purpose: one module for each kind of harm, and what they share.

processes.py    forked processes with gankit imported, so that a case costs little
operations.py   every file operation below a folder, seen before, half-way and after
hooks.py        what is done at one: a kill, a signal, an error, a pause
runs.py         the tiny run, what it must come to, and whether it did
"""
