import pytest

from tests.tools.folders import make_run

SMALL = {
    "num_layers": 1,
    "emb_dim": 16,
    "num_heads": 2,
    "mlp_dim": 24,
    "vocab_size": 400,
    "max_target_length": 32,
    "max_eval_target_length": 32,
    "max_predict_length": 12,
    "spm_train_options": "--hard_vocab_limit=false --byte_fallback=true",
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory, tiny_settings):
    """Returns a function from a family and keys to a work folder, made once."""
    made = {}

    def run(family, **keys):
        name = "-".join([family, *(f"{k}={v}" for k, v in keys.items())])
        if name not in made:
            own = {**SMALL, **keys}
            if family == "transformer_lm":
                own["qkv_dim"] = own["emb_dim"]
            folder = tmp_path_factory.mktemp("runs") / str(len(made))
            made[name] = make_run(tiny_settings(family, **own), folder)
        return made[name]

    return run
