"""Ours and its peers; each module is imported in a process of its own."""
