"""What is looked at during training: held-out metrics and sample texts."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax

from transformer_lm.data.feeding import eval_batches
from transformer_lm.data.known import known_metrics
from transformer_lm.data.row_builders import RowBuilder
from transformer_lm.metrics import normalise
from transformer_lm.run_settings import Settings
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.train.evaluate import evaluate
from transformer_lm.train.program import Program
from transformer_lm.train.samples import sample_texts


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was seen at a step."""

    metrics: dict[str, float]
    """Held-out metrics, named `eval_…`."""
    samples: dict[str, str]
    """Texts by `sample_0`, `sample_1`, … in the order of the prompts."""


@dataclasses.dataclass(frozen=True)
class HoldOut:
    """Evaluates and samples with the parameters of a moment."""

    settings: Settings
    tokenizer: Tokenizer
    program: Program
    rows: RowBuilder

    def look(self, parameters: Any, stops: Callable[[], object]) -> Outcome | None:
        """Evaluates and samples.

        Args:
          parameters: of this moment.
          stops: asked now and then, alike on all processes; if it gives something,
            what was seen is thrown away and None returned.
        """
        metrics = self._metrics(parameters, stops)
        if metrics is None or stops():
            return None
        return Outcome(metrics, self._samples(parameters))

    def _metrics(
        self, parameters: Any, stops: Callable[[], object]
    ) -> dict[str, float] | None:
        """Scores the held-out split; names begin with `eval_`."""
        settings = self.settings
        devices = self.program.mesh.local_mesh.devices.size
        rows = settings.evaluation.eval_per_device_batch_size
        training, count = settings.training, jax.process_count()
        if rows is not None:
            local_rows = rows * devices
        elif training.process_rows:
            local_rows = training.process_micro_rows(jax.device_count(), count)
        else:
            local_rows = training.global_batch_size(jax.device_count()) // count
        limit = settings.evaluation.num_eval_steps
        sums = evaluate(
            self.program.eval_step,
            parameters,
            eval_batches(
                settings.source,
                settings.windows,
                self.tokenizer,
                self.rows,
                batch_size=local_rows,
                process_index=jax.process_index(),
                process_count=count,
            ),
            self.program.mesh,
            rng=jax.random.key(training.seed),
            max_batches=None if limit < 0 else limit,
            stops=stops,
        )
        if sums is None:
            return None
        values = normalise(sums)
        if "bits_per_character" in values:
            values |= known_metrics(settings.source)
        return {f"eval_{name}": value for name, value in values.items()}

    def _samples(self, parameters: Any) -> dict[str, str]:
        """Continues the prompts of the config: `sample_0`, `sample_1` and so on.

        Networks that fill in hidden tokens cannot continue text and give no samples.
        """
        if "causal_lm" not in self.settings.model.objectives:
            return {}
        texts = sample_texts(
            self.settings, self.program.model, parameters, self.tokenizer
        )
        return {f"sample_{number}": text for number, text in enumerate(texts)}
