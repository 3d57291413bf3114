"""From source files to shards of clean documents, in two stages.

Reading (`parts`): each source file becomes parts of cleaned documents in a scratch
folder, in parallel; finished parts are kept by a build that goes on after an
interruption. Selecting (`selection`, `shards`): what is a duplicate, which split and
how many copies is decided from a few numbers a document, then the parts are copied into
the final shards.
"""
