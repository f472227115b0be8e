"""The benchmark: one corpus, this program and its peers, measured in the same run.

Run it with `python -m tests.bench` from the root of the repository; `--help` says what else it can do. It
uses the standard library only, and runs every program as users do: as a command, in a folder of its own.
"""
