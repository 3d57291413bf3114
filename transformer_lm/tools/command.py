"""How a tool starts: arguments in, plain messages out."""

import argparse
import logging
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from tqdm.contrib.logging import logging_redirect_tqdm

from transformer_lm.exit_codes import INTERRUPTED, USER_ERROR
from transformer_lm.redaction import without_tokens
from transformer_lm.registry import UserError


class ToolParser(argparse.ArgumentParser):
    """Takes whole names of flags only; a wrong flag is one line, without the usage."""

    def __init__(self, *, module: str, description: str) -> None:
        """Makes a parser for `python -m <module>`.

        Args:
          module: full name of the tool's module.
          description: what the tool does; line breaks are kept.
        """
        super().__init__(
            prog=f"python -m {module}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Ends the process with a message."""
        stop(self, f"{message}; --help lists the flags")


class ConfigParser(ToolParser):
    """Has --config, and keeps `--config.key=value` arguments apart as `overrides`."""

    def __init__(self, *, module: str, description: str) -> None:
        """Makes a parser; arguments as of `ToolParser`."""
        super().__init__(module=module, description=description)
        self.add_argument(
            "--config",
            required=True,
            help="config file; --config.key=value changes a key",
        )

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parses the rest."""
        found, rest = super().parse_known_args(args, namespace)
        found.overrides = [text for text in rest if text.startswith("--config.")]
        return found, [text for text in rest if text not in found.overrides]


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
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
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
    name = parser.prog.rpartition(".")[2]
    print(f"{name}: {without_tokens(message)}", file=sys.stderr)
    raise SystemExit(code)
