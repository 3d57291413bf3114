"""Commands: `python -m transformer_lm.tools.<name>`."""
