import json
import re
from pathlib import Path

import pytest

from transformer_lm.config import ConfigError, defaults, from_saved, resolve
from transformer_lm.config_files import load_config, override, settings_from
from transformer_lm.models import MODELS
from transformer_lm.registry import UserError

ROOT = Path(__file__).parents[1]
TINY = str(ROOT / "configs" / "tiny.py")
CONFIGS = sorted(str(path) for path in (ROOT / "configs").glob("*.py"))
PARTS = {
    "model": "transformer_lm",
    "objective": "causal_lm",
    "tokenizer": "sentencepiece",
    "optimizer": "adamw",
    "schedule": "rsqrt",
}
REFERENCE_KEYS = [
    "vocab_path",
    "vocab_size",
    "max_corpus_chars",
    "spm_train_options",
    "dataset_name",
    "train_split",
    "eval_dataset_name",
    "eval_split",
    "per_device_batch_size",
    "eval_per_device_batch_size",
    "sampling_temperature",
    "sampling_top_k",
    "num_train_steps",
    "num_eval_steps",
    "num_predict_steps",
    "learning_rate",
    "warmup_steps",
    "label_smoothing",
    "weight_decay",
    "max_target_length",
    "max_eval_target_length",
    "max_predict_length",
    "logits_via_embedding",
    "num_layers",
    "qkv_dim",
    "emb_dim",
    "mlp_dim",
    "num_heads",
    "dropout_rate",
    "attention_dropout_rate",
    "save_checkpoints",
    "restore_checkpoints",
    "checkpoint_every_steps",
    "eval_every_steps",
    "use_bfloat16",
    "seed",
    "prompts",
]


def settings_with_text(file):
    """Settings of a config that may leave its files of text to the command line."""
    needs_files = load_config(file).dataset_name == "text_files"
    return settings_from(file, [f"--config.data_path={TINY}"] if needs_files else [])


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: Path(file).stem)
def test_every_config_resolves(file):
    settings = settings_with_text(file)
    batch = settings.training.global_batch_size(8)
    assert settings.problems_on(8, 1) == []
    assert batch >= 8


@pytest.mark.parametrize("family", MODELS)
def test_every_family_has_a_tiny_config(family):
    settings = settings_from(f"{TINY}:{family}", [])
    assert dict(settings.choices)["model"] == family
    assert resolve(from_saved(json.loads(settings.to_json()))) == settings


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: Path(file).stem)
def test_settings_survive_json(file):
    settings = settings_with_text(file)
    assert resolve(from_saved(json.loads(settings.to_json()))) == settings


def test_every_key_of_transformer_lm_japanese_exists():
    config = load_config(str(ROOT / "configs" / "japanese_0.1b_v1.py"))
    assert [key for key in REFERENCE_KEYS if key not in config] == []


def test_reference_numbers():
    small = settings_from(str(ROOT / "configs" / "japanese_0.1b_v1.py"), [])
    large = settings_from(str(ROOT / "configs" / "japanese_1.0b_v1.py"), [])
    assert (small.model.num_layers, small.model.emb_dim, small.model.mlp_dim) == (
        *(12, 768, 3072),
    )
    assert (large.model.num_layers, large.model.emb_dim, large.model.num_heads) == (
        *(18, 2048, 16),
    )
    assert small.training.compute_dtype == "bfloat16"
    assert (small.schedule.learning_rate, small.schedule.warmup_steps) == (0.0016, 1000)
    assert (small.optimizer.beta2, small.optimizer.epsilon) == (0.98, 1e-9)


def problems(arguments, file=TINY):
    with pytest.raises(ConfigError) as error:
        settings_from(file, arguments)
    return error.value.problems


def test_all_problems_come_at_once():
    found = problems(
        [
            "--config.num_heads=5",
            "--config.warmup_steps=2000",
            "--config.grad_accumulation_steps=3",
            "--config.label_smoothing=1.5",
            "--config.learnin_rate=1",
            "--config.seed=zero",
            "--config.model=gpt2",
        ]
    )
    text = "\n".join(found)
    assert "num_heads=5 must divide qkv_dim=32" in text
    assert "warmup_steps=2000 exceeds num_train_steps=40" in text
    assert "grad_accumulation_steps=3 must divide batch_size=8" in text
    assert "label_smoothing=1.5 must lie in [0, 1)" in text
    assert "unknown key 'learnin_rate'. Did you mean 'learning_rate'?" in text
    assert "seed='zero' must be of type int" in text
    assert "model=gpt2 cannot be chosen on the command line" in text
    assert len(found) == 7


@pytest.mark.parametrize(
    ("argument", "key", "value"),
    [
        ("--config.learning_rate=1", "learning_rate", 1.0),
        ("--config.vocab_path=a/b", "vocab_path", "a/b"),
        ("--config.clip_norm=0.5", "clip_norm", 0.5),
        ("--config.batch_size=None", "batch_size", None),
        ("--config.scan_layers", "scan_layers", True),
        ("--noconfig.save_checkpoints=true", "save_checkpoints", True),
        ("--config.prompts=a=b;;c", "prompts", "a=b;;c"),
    ],
)
def test_values_are_read_as_the_type_of_their_key(argument, key, value):
    config = load_config(TINY)
    argument = argument.replace("--noconfig", "--config")
    assert override(config, [argument]) == []
    assert config[key] == value
    assert type(config[key]) is type(value)


def test_the_best_metric_is_one_that_is_measured():
    (found,) = problems(["--config.best_metric=loss"], f"{TINY}:electra")
    assert "best_metric='loss' is not measured by objective='replaced_token'" in found
    assert "discriminator_loss" in found
    assert problems(["--config.best_metric=pair_loss"])


@pytest.mark.parametrize(
    ("family", "argument", "message"),
    [
        ("gpt2", "row_mode=lines", "must be 'packed', 'document' or"),
        ("bert", "row_mode=document", "leave it at 'packed'"),
        ("roberta", "long_documents=drop", r"no effect on this .* \(masked\)"),
        ("roberta", "short_sequence_probability=0.2", "has no effect"),
        ("roberta", "row_mode=lines", "must be 'packed', 'document' or"),
        ("albert", "max_target_length=4", "must be at least 5"),
        ("albert", "short_sequence_probability=2", r"must lie in \[0, 1\]"),
    ],
)
def test_rows_that_cannot_be(family, argument, message):
    (found,) = problems([f"--config.{argument}"], f"{TINY}:{family}")
    assert re.search(message, found)


@pytest.mark.parametrize("mode", ["document", "contiguous"])
def test_what_becomes_of_long_documents_is_for_packed_rows(mode):
    keys = [f"--config.row_mode={mode}"]
    assert settings_from(TINY, keys).windows.row_mode == mode
    (found,) = problems([*keys, "--config.long_documents=drop"])
    assert f"'drop' has no effect with row_mode='{mode}'" in found


def test_one_batch_size_only():
    assert "set exactly one of the three" in problems(["--config.batch_size=None"])[0]
    both = problems(["--config.per_device_batch_size=4"])
    assert "batch_size=8, per_device_batch_size=4, per_process_batch=None" in both[0]


def batches_of_processes(*keys):
    return settings_from(TINY, ["--config.batch_size=None", *keys])


def test_processes_may_have_batches_of_their_own():
    settings = batches_of_processes(
        "--config.per_process_batch=80,80,48,48", "--config.grad_accumulation_steps=5"
    )
    training = settings.training
    assert training.global_batch_size(8) == 256
    assert training.rows_of_processes(8, 4) == (80, 80, 48, 48)
    assert training.process_micro_rows(8, 4) == 16
    assert settings.problems_on(8, 4) == []
    assert settings.problems_on(8, 2) == [
        "per_process_batch='80,80,48,48' is for 4 process(es); there are 2"
    ]
    assert "16 rows" in settings.problems_on(12, 4)[0]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["per_process_batch=80,48"], "set it to 5 .of 16 rows. or a multiple"),
        (["per_process_batch=80,48", "grad_accumulation_steps=3"], "are then 26.6667"),
        (["per_process_batch=80;48"], "must be rows of each process, by commas"),
        (["per_process_batch=80,0"], "must be rows of each process"),
        (["per_process_batch=8,8", "fsdp_parallel=2"], "whole parameters on each"),
    ],
)
def test_batches_of_processes_that_cannot_be(keys, message):
    arguments = ["batch_size=None", *keys]
    (found,) = problems([f"--config.{argument}" for argument in arguments])
    assert re.search(message, found)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], "with a computation in float32 keeps less than it computes"),
        (["dtype=float16"], "with a computation in float16"),
        (
            ["dtype=bfloat16", "ema_decay=0.9"],
            "ema_decay=0.9 needs param_dtype=float32",
        ),
        (["dtype=bfloat16", "beta2=0.999"], "beta2=0.999 is too near to 1"),
        (["dtype=bfloat16", "param_dtype=float16"], "'float16' is unknown"),
    ],
)
def test_parameters_in_bfloat16_have_rules(keys, message):
    arguments = ["param_dtype=bfloat16", *keys]
    (found,) = problems([f"--config.{argument}" for argument in arguments])
    assert re.search(message, found)


def test_one_precision_only():
    found = problems(["--config.dtype=float16", "--config.use_bfloat16=true"])
    assert "set only one" in found[0]
    assert "dtype='float8' is unknown" in problems(["--config.dtype=float8"])[0]


def test_devices_that_do_not_divide_the_batch_are_named():
    settings = settings_from(TINY, ["--config.batch_size=12"])
    found = settings.problems_on(8, 1)
    assert found == [
        "a global batch of 12 rows is not a multiple of 8 (= 1 grad_accumulation_steps x"
        " 8 data-parallel devices; 1 process(es)); change batch_size or"
        " per_device_batch_size"
    ]
    wrong = settings_from(TINY, ["--config.fsdp_parallel=3"]).problems_on(8, 1)
    assert "makes 6 devices; there are 8" in wrong[0]


def test_no_two_parts_disagree_about_a_key():
    """A key that two parts share is one key, so it has one default and one type."""
    import dataclasses

    from transformer_lm.models import MODELS
    from transformer_lm.run_settings import CHOICES, FIXED

    for model in MODELS:
        seen = {}
        classes = [MODELS[model], *FIXED.values()]
        for table in CHOICES.values():
            classes += [table[name] for name in table if table is not MODELS]
        for cls in classes:
            for field in dataclasses.fields(cls):
                # Parts of one kind exclude each other, so only other kinds count.
                before = seen.setdefault(field.name, (field.type, field.default, cls))
                kinds = [
                    part
                    for part, table in CHOICES.items()
                    if before[2] in table.values() and cls in table.values()
                ]
                if not kinds:
                    assert before[:2] == (field.type, field.default), field.name


def test_every_key_is_described():
    """The docstring below each field is what the configuration page shows."""
    import ast
    import inspect

    from transformer_lm.run_settings import CHOICES, FIXED

    classes = list(FIXED.values())
    for table in CHOICES.values():
        classes += list(table.values())
    for cls in classes:
        body = ast.parse(inspect.getsource(cls)).body[0].body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign):
                assert isinstance(after, ast.Expr), f"{cls.__name__}.{node.target.id}"


def test_defaults_need_each_choice():
    with pytest.raises(UserError, match="exactly"):
        defaults(model="transformer_lm")
    with pytest.raises(UserError, match="Did you mean 'rsqrt'"):
        defaults(**{**PARTS, "schedule": "rsqr"})


def test_a_missing_config_file_lists_the_shipped_ones():
    with pytest.raises(UserError, match=r"no file .*tinny.py.*mean 'tiny'.*quickstart"):
        load_config("configs/tinny.py")
    elsewhere = str(ROOT / "tests" / "tiny.py")
    with pytest.raises(UserError, match="there is no file"):
        load_config(elsewhere)


@pytest.mark.parametrize("name", ["tiny:bert", "tiny.py:bert", "configs/tiny.py:bert"])
def test_a_shipped_config_is_found_by_name_from_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config(name).model == "bert"


def test_a_file_that_exists_wins_over_a_shipped_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tiny.py").write_text(
        "from transformer_lm.config_files import load_config\n"
        "def get_config():\n"
        "    config = load_config('tiny:bert')\n"
        "    config.num_layers = 7\n"
        "    return config\n"
    )
    assert load_config("configs/tiny.py").num_layers == 7
    assert load_config("tiny").num_layers == 2


def test_a_failing_config_file_is_named_with_its_line(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("def get_config():\n    return 1 / 0\n")
    with pytest.raises(UserError, match=r"broken.py:2: ZeroDivisionError"):
        load_config(str(file))


def test_saved_settings_without_a_choice_are_refused_and_all_are_named():
    flat = settings_from(TINY, []).flat()
    del flat["model"], flat["optimizer"]
    with pytest.raises(ConfigError, match="the saved settings") as refused:
        from_saved(flat)
    wanted = ["key 'model' is missing", "key 'optimizer' is missing"]
    assert refused.value.problems == wanted


def test_saved_settings_of_a_newer_program_are_refused():
    flat = settings_from(TINY, []).flat()
    with pytest.raises(ConfigError, match="unknown key 'invented'"):
        from_saved(flat | {"invented": 1})
    del flat["z_loss"]
    assert resolve(from_saved(flat)) == settings_from(TINY, [])
