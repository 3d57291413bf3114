"""Fetches public sources: which files, and how they arrive whole."""
