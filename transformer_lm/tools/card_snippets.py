"""Programs of a model card that a reader can run as they stand."""

from transformer_lm.tools.trained_model import TrainedModel


def snippet(trained: TrainedModel, name: str) -> str:
    """Returns a fenced program that uses the model.

    Args:
      trained: the model.
      name: repository on the Hub, or a folder.
    """
    trust = ", trust_remote_code=True" if trained.family == "transformer_lm" else ""
    if trained.is_decoder:
        return _fenced(
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'tokenizer = AutoTokenizer.from_pretrained("{name}"{trust})',
            f'model = AutoModelForCausalLM.from_pretrained("{name}"{trust})',
            'inputs = tokenizer("昨日、", return_tensors="pt")',
            "outputs = model.generate(**inputs)",
            "print(tokenizer.decode(outputs[0], skip_special_tokens=True))",
        )
    if trained.family == "electra":
        return _fenced(
            "from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline",
            "",
            "# generator/ fills in hidden tokens; discriminator/ is the one to fine-tune.",
            "options = {'subfolder': 'generator'}",
            f'tokenizer = AutoTokenizer.from_pretrained("{name}", **options)',
            f'model = AutoModelForMaskedLM.from_pretrained("{name}", **options)',
            'fill = pipeline("fill-mask", model=model, tokenizer=tokenizer)',
            'print(fill(f"昨日、{tokenizer.mask_token}へ行きました。"))',
        )
    return _fenced(
        "from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline",
        "",
        f'tokenizer = AutoTokenizer.from_pretrained("{name}")',
        f'model = AutoModelForMaskedLM.from_pretrained("{name}")',
        'fill = pipeline("fill-mask", model=model, tokenizer=tokenizer)',
        'print(fill(f"昨日、{tokenizer.mask_token}へ行きました。"))',
    )


def _fenced(*lines: str) -> str:
    return "\n".join(["```python", *lines, "```"])
