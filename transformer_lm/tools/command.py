"""How a tool starts: arguments in, plain messages out."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tqdm.contrib.logging import logging_redirect_tqdm

from transformer_lm.exit_codes import INTERRUPTED, USER_ERROR
from transformer_lm.redaction import without_tokens
from transformer_lm.registry import UserError

PYTHON = "python -m "

CONFIG_HELP = (
    "config file, or the name of a shipped one; --config.key=value changes a key"
)


class ToolParser(argparse.ArgumentParser):
    """Takes whole names of flags only; a wrong flag is one line, without the usage."""

    def __init__(self, *, module: str | None = None, description: str | None) -> None:
        """Makes a parser.

        Args:
          module: full name of the tool's module, for `python -m`; None for a program
            that is called by the name of its file.
          description: what the tool does; line breaks are kept.
        """
        super().__init__(
            prog=module and f"{PYTHON}{module}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Ends the process with a message."""
        stop(self, f"{message}; --help lists the flags")


class ConfigParser(ToolParser):
    """Keeps `--config.key=value` arguments apart, as `overrides`."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parses the rest; `--config.key value` is understood, too."""
        overrides: list[str] = []
        plain: list[str] = []
        awaits_value = False
        for text in sys.argv[1:] if args is None else args:
            is_override = text.startswith(("--config.", "-config."))
            if is_override:
                overrides.append(text)
            elif awaits_value and not text.startswith("-"):
                overrides[-1] += f"={text}"
            else:
                plain.append(text)
            awaits_value = is_override and "=" not in text
        found, rest = super().parse_known_args(plain, namespace)
        found.overrides = overrides
        return found, rest


def start_tool(
    main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser
) -> NoReturn:
    """Runs `main` with the parsed arguments; never returns.

    What modules log at INFO and above goes to stderr, above a progress bar where there
    is one. A `UserError`, or what the system refuses (a full disk), is shown as
    `<tool>: <message>` and ends the process with code 2, Ctrl-C with code 130; all
    without a traceback.
    """
    arguments = parser.parse_args()
    # By force: some libraries have set it up when they were imported.
    logging.basicConfig(format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("transformer_lm").setLevel(logging.INFO)
    try:
        with logging_redirect_tqdm():
            main(arguments)
    except UserError as error:
        stop(parser, str(error))
    except OSError as error:
        if error.errno is None:
            raise
        stop(parser, str(error))
    except KeyboardInterrupt:
        stop(parser, "interrupted", INTERRUPTED)
    raise SystemExit(0)


def stop(
    parser: argparse.ArgumentParser, message: str, code: int = USER_ERROR
) -> NoReturn:
    """Prints `<tool>: <message>`, without tokens, and ends the process."""
    name = parser.prog
    if name.startswith(PYTHON):
        name = name.rpartition(".")[2]
    print(f"{name}: {without_tokens(message)}", file=sys.stderr)
    raise SystemExit(code)
