"""Loads exported folders as a stranger does, and writes down what it finds.

    python -I stranger.py FRAMEWORK FOLDER QUESTIONS.json ANSWERS.json

Imports nothing of this project and knows the Auto classes alone. FRAMEWORK is pt or flax.
"""

import json
import os
import sys
from pathlib import Path

FRAMEWORK = sys.argv[1]
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["USE_TF"] = "0"
os.environ["USE_FLAX"] = "1" if FRAMEWORK == "flax" else "0"
os.environ["USE_TORCH"] = "1" if FRAMEWORK == "pt" else "0"

import numpy as np
import transformers


def logits_of(folder, auto_class, rows):
    prefix = "Flax" if FRAMEWORK == "flax" else ""
    chosen = getattr(transformers, prefix + auto_class)
    model = chosen.from_pretrained(folder, trust_remote_code=True)
    if FRAMEWORK == "flax":
        arrays = {name: np.array(values) for name, values in rows.items()}
        outputs = model(**arrays)
        return model, {key: np.asarray(outputs[key]) for key in outputs}
    import torch

    torch.set_num_threads(1)
    tensors = {name: torch.tensor(values) for name, values in rows.items()}
    with torch.no_grad():
        outputs = model.eval()(**tensors)
    found = {}
    for key in outputs:
        if key.endswith("logits"):
            found[key] = outputs[key].numpy()
    return model, found


def continued(model, tokenizer, prompts, new_tokens):
    """Greedy continuations of prompts of different lengths, in one batch."""
    tokenizer.padding_side = "left"
    inputs = tokenizer(prompts, padding=True, return_tensors="np")
    length = inputs["input_ids"].shape[1]
    limits = {"max_new_tokens": new_tokens, "do_sample": False}
    # The default is the run's own, which tests change.
    limits |= {"repetition_penalty": 1.0}
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    if FRAMEWORK == "flax":
        del limits["repetition_penalty"]
        found = model.generate(ids, attention_mask=mask, **limits).sequences
    else:
        import torch

        tensors = torch.tensor(ids), torch.tensor(mask)
        found = model.generate(tensors[0], attention_mask=tensors[1], **limits)
    return np.asarray(found)[:, length:].tolist()


def answer(folder, asked):
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        folder / asked["tokenizer"], trust_remote_code=True
    )
    found = {"tokenizer": type(tokenizer).__name__, "logits": {}}
    for name, special in (("plain", False), ("special", True)):
        found[name] = [
            tokenizer(line, add_special_tokens=special)["input_ids"]
            for line in asked["lines"]
        ]
    found["decoded"] = [
        tokenizer.decode(ids, skip_special_tokens=True) for ids in found["special"]
    ]
    for place, auto_class in asked["models"].items():
        model, logits = logits_of(folder / place, auto_class, asked["rows"])
        for key, expected in asked["logits"][place].items():
            real = np.array(asked["rows"]["attention_mask"]) > 0
            ours, theirs = np.array(expected, np.float32), logits[key]
            assert ours.shape == theirs.shape, (key, ours.shape, theirs.shape)
            if ours.shape[:2] == real.shape:
                ours, theirs = ours[real], theirs[real]
            found["logits"][f"{place}/{key}"] = float(np.abs(ours - theirs).max())
        if asked["prompts"]:
            found["greedy"] = continued(
                model, tokenizer, asked["prompts"], asked["new_tokens"]
            )
            if FRAMEWORK == "pt":
                pipe = transformers.pipeline(
                    "text-generation", model=model, tokenizer=tokenizer
                )
                (text,) = pipe(asked["prompts"][0], max_new_tokens=4, do_sample=False)
                found["pipeline"] = text["generated_text"]
        elif FRAMEWORK == "pt" and place == asked["fill"]:
            model = transformers.AutoModelForMaskedLM.from_pretrained(folder / place)
            pipe = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer)
            found["pipeline"] = pipe(f"今日は{tokenizer.mask_token}です。", top_k=3)
    return found


def main():
    folder, questions, answers = map(Path, sys.argv[2:])
    found = {"version": transformers.__version__, "exports": {}}
    for name, asked in json.loads(questions.read_text()).items():
        try:
            found["exports"][name] = answer(folder / name, asked)
        except Exception as error:
            import traceback

            lines = traceback.format_exc().splitlines()[-12:]
            found["exports"][name] = {"error": f"{error!r}", "where": lines}
    answers.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
