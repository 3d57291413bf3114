"""The page that an exported model is presented with on the Hugging Face Hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import yaml
from etils import epath

import transformer_lm
from transformer_lm.data.source import Selection, folders_of
from transformer_lm.json_files import read_object
from transformer_lm.line_files import read_records
from transformer_lm.metrics import ENVIRONMENT_FILE, METRICS_FILE, format_number
from transformer_lm.tools.card_snippets import snippet
from transformer_lm.tools.trained_model import TrainedModel

CURVES_FILE = "curves.png"
PAIR_FAMILIES = ("bert", "albert")
_KEYS = (
    *("model", "objective", "num_layers", "emb_dim", "num_heads", "mlp_dim"),
    *("tokenizer", "max_target_length", "batch_size", "per_device_batch_size"),
    *("grad_accumulation_steps", "optimizer", "learning_rate", "schedule"),
    *("warmup_steps", "num_train_steps", "weight_decay", "dropout_rate"),
    *("ema_decay", "dtype", "use_bfloat16", "seed"),
)
"""Keys of the table; all others are in training_settings.json."""


@dataclass(frozen=True)
class CardFacts:
    """What a person decides about a model, and the run does not know."""

    name: str
    """Repository on the Hub, or the folder's name."""
    language: str = "ja"
    license: str | None = None
    """Identifier as the Hub knows it, such as cc-by-sa-4.0."""


def model_card(
    trained: TrainedModel, facts: CardFacts, checks: Sequence[str], *, has_curves: bool
) -> str:
    """Returns the Markdown page with its YAML head, in Japanese and English.

    Args:
      trained: the model, opened from its work folder.
      facts: what the run does not know.
      checks: what the self-check found, a line each.
      has_curves: whether curves.png lies beside the page.
    """
    flat = trained.settings.flat()
    evaluation = _evaluation(trained)
    head = yaml.safe_dump(
        _metadata(trained, facts, evaluation), allow_unicode=True, sort_keys=False
    )
    rows = {key: flat[key] for key in _KEYS if flat.get(key) is not None}
    parameters = sum(leaf.size for leaf in jax.tree.leaves(trained.parameters))
    size = f"{parameters / 1e6:,.1f}M"
    data = _described(trained.settings.source.training())
    seen = _tokens_seen(trained)
    curves = (f"![curves]({CURVES_FILE})",) if has_curves else ()
    code = snippet(trained, facts.name)
    marks = "\n".join(f"- {line}" for line in checks)
    notes = _notes(trained)
    return "\n".join(
        [
            f"---\n{head}---\n",
            f"# {facts.name}\n",
            "## 日本語\n",
            f"`{trained.family}` を `{flat['objective']}` で事前学習した言語モデルです"
            f"（{size} パラメータ、{trained.step:,} ステップ、最大 {seen} トークン）。"
            f"学習データ：`{data}`。語彙：{trained.tokenizer.vocab_size:,}"
            f"（`{flat['tokenizer']}`）。\n",
            *(f"- {japanese}" for japanese, _ in notes),
            "\n### 使い方\n",
            code,
            "\n### 評価（検証用データ）\n",
            _table(evaluation),
            *curves,
            "\n### 学習の設定\n",
            _table(rows),
            "すべての設定は `training_settings.json` にあります。\n",
            "## English\n",
            f"A language model of the family `{trained.family}`, pretrained with"
            f" `{flat['objective']}` ({size} parameters, {trained.step:,} steps, at most"
            f" {seen} tokens). Data: `{data}`. Vocabulary:"
            f" {trained.tokenizer.vocab_size:,} (`{flat['tokenizer']}`).\n",
            *(f"- {english}" for _, english in notes),
            "\nHow to use it, held-out figures and hyper-parameters are in the tables and"
            " the program above; `training_settings.json` has all settings.\n",
            "### Proved at export\n",
            marks or "The self-check was switched off: nothing was compared.",
            "\n### Versions\n",
            _table(_versions(trained)),
        ]
    )


def _notes(trained: TrainedModel) -> list[tuple[str, str]]:
    """What a user must know, in Japanese and English."""
    notes = []
    objective = dict(trained.settings.choices)["objective"]
    if trained.family in PAIR_FAMILIES and objective == "masked_lm":
        notes.append(
            (
                "文のペアを判定するヘッドは学習していません（重みは初期値のままです）。",
                "The head for pairs of sentences was not trained; its weights are random.",
            )
        )
    if trained.settings.training.ema_decay is not None:
        notes.append(
            (
                "重みは学習中のパラメータの移動平均です。",
                "The weights are the moving average of those in training.",
            )
        )
    return notes


def _metadata(
    trained: TrainedModel, facts: CardFacts, evaluation: Mapping[str, Any]
) -> dict[str, Any]:
    """The YAML head, as the Hub reads it."""
    task = "text-generation" if trained.is_decoder else "fill-mask"
    metadata: dict[str, Any] = {
        "language": facts.language,
        "library_name": "transformers",
        "pipeline_tag": task,
        "tags": [trained.family, "transformer_lm", "jax", "pytorch"],
    }
    if facts.license is not None:
        metadata["license"] = facts.license
    results = [
        {"type": name, "value": value, "name": name}
        for name, value in evaluation.items()
        if name in ("loss", "perplexity", "bits_per_character", "accuracy")
    ]
    if results:
        held_out = trained.settings.source.evaluation()
        name, kind = _described(held_out), held_out.dataset_name
        metadata["model-index"] = [
            {
                "name": facts.name.rpartition("/")[2],
                "results": [
                    {
                        "task": {"type": task},
                        "dataset": {"name": name, "type": kind},
                        "metrics": results,
                    }
                ],
            }
        ]
    return metadata


def _described(text: Selection) -> str:
    """The name of a data set and, of the paths of its text, the last part of each."""
    paths = [epath.Path(path).name for path in folders_of(text.data_path)]
    return ": ".join(filter(None, [text.dataset_name, ", ".join(paths)]))


def _evaluation(trained: TrainedModel) -> dict[str, float]:
    """The held-out figures nearest to the exported step, and not after it."""
    found: dict[str, float] = {}
    for record in read_records(epath.Path(trained.folder) / METRICS_FILE):
        if trained.step is None or record["step"] <= trained.step:
            held_out = {
                name.removeprefix("eval_"): value
                for name, value in record.items()
                if name.startswith("eval_")
            }
            found = {"step": record["step"], **held_out} if held_out else found
    return found


def _tokens_seen(trained: TrainedModel) -> str:
    """Steps by tokens of a batch, its padding included."""
    environment = _read_json(epath.Path(trained.folder) / ENVIRONMENT_FILE)
    devices = str(environment.get("devices", "1")).split(" ")[0]
    rows = trained.settings.training.global_batch_size(int(devices))
    length = trained.settings.windows.max_target_length
    return f"{(trained.step or 0) * rows * length:,}"


def _versions(trained: TrainedModel) -> dict[str, str]:
    """Versions that the run noted, and this program's."""
    own = {"transformer_lm": transformer_lm.__version__}
    return own | _read_json(epath.Path(trained.folder) / ENVIRONMENT_FILE)


def _read_json(file: epath.Path) -> dict[str, Any]:
    return read_object(file, "remove it") if file.exists() else {}


def _table(rows: Mapping[str, Any]) -> str:
    """A Markdown table; figures are written for people."""
    lines = [
        f"| {key} | {format_number(value) if isinstance(value, float) else value} |"
        for key, value in rows.items()
    ]
    return "\n".join(["| | |", "|---|---|", *lines, ""])
