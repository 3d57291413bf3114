"""What a wheel has inside the package or as a script, and the repository beside it."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def shipped_folder(name: str) -> Path:
    """Returns where `configs` or `hf_custom_model` is (setup.py maps them)."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def program(file: str) -> str:
    """Returns how a user calls main.py or generate_text.py here."""
    if (PACKAGE.parent / file).is_file():
        return f"python {file}"
    return {
        "main.py": "transformer-lm-train",
        "generate_text.py": "transformer-lm-generate",
    }[file]
