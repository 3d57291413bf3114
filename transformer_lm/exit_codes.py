"""What the exit codes of all programs here mean."""

USER_ERROR = 2
"""The user can put something right; the message says what."""

PEER_LOST = 75
"""Another process of the run is gone (EX_TEMPFAIL of sysexits.h): start all again."""

INTERRUPTED = 130
"""Ctrl-C where nothing is saved, as shells have it: 128 + SIGINT."""

PREEMPTED = 143
"""Asked to end, and saved; what a shell reports after SIGTERM: 128 + 15."""
