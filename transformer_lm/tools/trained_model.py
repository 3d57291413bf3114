"""Opens what was trained: the work folder of a run, or a folder exported from one."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from etils import epath
from flax import linen as nn

from transformer_lm.checkpoint_items import OtherNetworkError
from transformer_lm.config import from_saved, resolve
from transformer_lm.convert.to_hf import CONFIG_FILE, HfModel, read_weights
from transformer_lm.file_names import inside
from transformer_lm.json_files import construct, read_object
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.train.restore import load_trained
from transformer_lm.train.workdir import SETTINGS_FILE, read_settings

EXPORTED_SETTINGS = "training_settings.json"
"""In an exported folder: the settings of the run, without its machine's folders."""

VOCABULARY_FILES = ("spiece.model", "vocab.txt")
"""What a tokenizer is loaded from, beside the files that transformers reads."""

_PLACES = ("vocab_path", "data_dir", "data_path", "eval_data_path", "init_from")


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """A network with its parameters, its tokenizer and the settings of its run."""

    folder: str
    """Where it was read."""
    settings: Settings
    network: nn.Module
    parameters: Any
    """Nested dict of arrays; of the moving average, where the run keeps one."""
    tokenizer: Tokenizer
    step: int | None
    """Updates that it was trained for; None where the folder does not say."""

    @property
    def family(self) -> str:
        """Name of the model's family."""
        return dict(self.settings.choices)["model"]

    @property
    def is_export(self) -> bool:
        """Whether the folder is one of tools.export_hf, not a work folder."""
        return (epath.Path(self.folder) / EXPORTED_SETTINGS).exists()

    @property
    def is_decoder(self) -> bool:
        """Whether it continues texts; otherwise it fills in hidden tokens."""
        return "causal_lm" in self.settings.model.objectives

    @property
    def hf_model(self) -> HfModel:
        """The same as `convert` takes it, with parameters on the host."""
        return HfModel(
            self.family,
            self.settings.model,
            jax.device_get(self.parameters),
            self.tokenizer,
            self.settings.max_length,
        )

    @property
    def position_limit(self) -> int | None:
        """Longest text that the network reads, in tokens; None: any length."""
        return self.settings.model.position_limit(self.settings.max_length)


@dataclasses.dataclass(frozen=True)
class _Exported:
    """What `training_settings.json` says."""

    step: int | None
    settings: dict[str, Any]


def open_trained(
    folder: str, *, step: int | None = None, dtype: str | None = None
) -> TrainedModel:
    """Opens a work folder or an exported folder.

    Args:
      folder: local or gs://.
      step: checkpoint of a work folder; None: the newest.
      dtype: of the computation; None: that of the run.

    Raises:
      UserError: if the folder is neither, holds no checkpoint, or its tokenizer does
        not fit its model.
    """
    path = epath.Path(folder)
    if not (path / EXPORTED_SETTINGS).exists():
        if (path / CONFIG_FILE).exists():
            raise UserError(
                f"{folder} has a {CONFIG_FILE} but no {EXPORTED_SETTINGS}: it was not"
                " written by tools.export_hf. Give such a folder, or a work folder."
            )
        return _open_run(folder, step, dtype)
    if step is not None:
        raise UserError(
            f"{folder} is an exported folder: it holds one step; drop --step"
        )
    saved = _read_exported_settings(path)
    settings = resolve(from_saved(saved.settings), folder)
    tokenizer = settings.tokenizer.load(folder)
    family = dict(settings.choices)["model"]
    parameters = read_weights(family, settings.model, tokenizer, path)
    return TrainedModel(
        folder,
        settings,
        _network(settings, tokenizer, dtype),
        jax.tree.map(jnp.asarray, parameters),
        tokenizer,
        saved.step,
    )


def exported_settings(trained: TrainedModel, vocabulary_file: str) -> dict[str, Any]:
    """Returns the content of `training_settings.json`.

    Folders of the machine that trained are left out: of paths only the last part stays.

    Args:
      trained: the model.
      vocabulary_file: the tokenizer's file in the exported folder.
    """
    flat = trained.settings.flat()
    for key in _PLACES:
        if flat[key] is not None:
            paths = flat[key].split(",")
            flat[key] = ",".join(epath.Path(path).name for path in paths)
    return {"step": trained.step, "settings": {**flat, "vocab_path": vocabulary_file}}


def _open_run(folder: str, step: int | None, dtype: str | None) -> TrainedModel:
    settings = resolve(from_saved(read_settings(folder)), f"{folder}/{SETTINGS_FILE}")
    tokenizer = settings.tokenizer.load(folder)
    try:
        found, _, parameters = load_trained(
            settings, folder, tokenizer.vocab_size, step
        )
    except OtherNetworkError as error:
        raise OtherNetworkError(
            f"{error}\nThe tokenizer {settings.tokenizer.path(folder)} has"
            f" {tokenizer.vocab_size} tokens: put back the one that this run was"
            " trained with."
        ) from None
    network = _network(settings, tokenizer, dtype)
    return TrainedModel(folder, settings, network, parameters, tokenizer, found)


def _read_exported_settings(path: epath.Path) -> _Exported:
    file = path / EXPORTED_SETTINGS
    remedy = "export the run again"
    saved = construct(_Exported, read_object(file, remedy), str(file), remedy)
    name = saved.settings.get("vocab_path")
    if not isinstance(name, str):
        raise UserError(f"{file} names no vocabulary (vocab_path); {remedy}")
    saved.settings["vocab_path"] = str(inside(path, name, file, deep=True))
    return saved


def _network(settings: Settings, tokenizer: Tokenizer, dtype: str | None) -> nn.Module:
    """The network, which computes in `dtype`, or as in training."""
    if dtype is not None:
        training = dataclasses.replace(
            settings.training, dtype=dtype, use_bfloat16=None
        )
        settings = dataclasses.replace(settings, training=training)
    return settings.build_model(tokenizer.vocab_size)
