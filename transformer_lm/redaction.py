"""Tokens taken out of what is shown or written."""

import os
import re

_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Where huggingface_hub looks for a token."""

_TOKEN = re.compile(r"\b(?:hf|api)_[A-Za-z0-9]{16,}\b")
"""What tokens of the Hub look like (https://huggingface.co/docs/hub/security-tokens)."""

_SHOWN = "[token]"


def without_tokens(text: str) -> str:
    """Returns a text with the tokens of the Hugging Face Hub taken out.

    >>> without_tokens("401 for hf_AbCdEfGhIjKlMnOpQr, sorry")
    '401 for [token], sorry'
    """
    for variable in _VARIABLES:
        token = os.environ.get(variable, "").strip()
        if token:
            text = text.replace(token, _SHOWN)
    return _TOKEN.sub(_SHOWN, text)


def without_token_variables() -> dict[str, str]:
    """Returns the environment without them, for a process that needs none."""
    return {name: value for name, value in os.environ.items() if name not in _VARIABLES}
