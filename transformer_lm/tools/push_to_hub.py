"""Uploads an exported folder to the Hugging Face Hub."""

from transformer_lm.redaction import without_tokens
from transformer_lm.registry import UserError


def push(folder: str, repository: str) -> str:
    """Uploads a folder, making the repository (private) where there is none.

    The token is that of the environment (HF_TOKEN) or of `hf auth login`; it is neither
    asked for nor shown.

    Args:
      folder: of an export.
      repository: user/name.

    Returns:
      The address of the model.

    Raises:
      UserError: if the Hub refuses, or cannot be reached; the folder stays.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=repository)
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else error
        # A server may quote what it was sent.
        raise UserError(
            f"{folder} could not be pushed to {repository}:"
            f" {without_tokens(str(reason))}\nThe folder is"
            " whole. Set HF_TOKEN to a token that may write (see docs/export.md), then"
            f" give: hf upload {repository} {folder}"
        ) from None
    return f"{api.endpoint}/{repository}"
