"""Learning-rate schedules, each with a linear warm-up from 0; made of optax's own."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax


@dataclass(frozen=True)
class Constant:
    """Warm-up, then the peak; also what the other schedules share."""

    learning_rate: float = 0.0016
    """Peak learning rate."""
    warmup_steps: int = 1000
    """Steps from 0 to the peak."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = []
        if self.learning_rate <= 0:
            problems.append(f"learning_rate={self.learning_rate} must be > 0")
        if self.warmup_steps < 0:
            problems.append(f"warmup_steps={self.warmup_steps} must be at least 0")
        return problems

    def build(self, num_train_steps: int) -> optax.Schedule:
        """Returns the learning rate as a function of the step."""
        warmup = optax.linear_schedule(0.0, self.learning_rate, self.warmup_steps)
        decay = self._after_warmup(max(num_train_steps - self.warmup_steps, 1))
        return optax.join_schedules([warmup, decay], [self.warmup_steps])

    def _after_warmup(self, steps: int) -> optax.Schedule:
        """The part after warm-up, `steps` long, counted from 0."""
        del steps
        return optax.constant_schedule(self.learning_rate)


@dataclass(frozen=True)
class ReciprocalSquareRoot(Constant):
    """Falls as 1/sqrt(step), in the way of transformer-lm-japanese (Vaswani et al.)."""

    def _after_warmup(self, steps: int) -> optax.Schedule:
        del steps
        shift = max(self.warmup_steps, 1)

        def rate(count: jax.typing.ArrayLike) -> jax.Array:
            # During warm-up optax asks with a negative count, and drops the answer.
            return self.learning_rate * jnp.sqrt(
                shift / (jnp.maximum(count, 0) + shift)
            )

        return rate


@dataclass(frozen=True)
class Decaying(Constant):
    """What the schedules with an end have in common."""

    end_learning_rate: float = 0.0
    """Learning rate at the last step."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = super().problems()
        if not 0 <= self.end_learning_rate <= self.learning_rate:
            problems.append(
                f"end_learning_rate={self.end_learning_rate} must lie between 0 and"
                f" learning_rate={self.learning_rate}"
            )
        return problems


@dataclass(frozen=True)
class Linear(Decaying):
    """Falls in a straight line."""

    def _after_warmup(self, steps: int) -> optax.Schedule:
        return optax.linear_schedule(self.learning_rate, self.end_learning_rate, steps)


@dataclass(frozen=True)
class Polynomial(Decaying):
    """Falls as (1 - progress) ** schedule_power."""

    schedule_power: float = 1.0
    """1: a straight line; larger: falls early."""

    def _after_warmup(self, steps: int) -> optax.Schedule:
        return optax.polynomial_schedule(
            self.learning_rate, self.end_learning_rate, self.schedule_power, steps
        )


@dataclass(frozen=True)
class Cosine(Decaying):
    """Falls as half a cosine (Loshchilov and Hutter 2017, section 3)."""

    def _after_warmup(self, steps: int) -> optax.Schedule:
        return optax.cosine_decay_schedule(
            self.learning_rate, steps, self.end_learning_rate / self.learning_rate
        )


@dataclass(frozen=True)
class WarmupStableDecay(Decaying):
    """Stays at the peak, then falls linearly (Hu et al. 2024, MiniCPM, section 4)."""

    decay_fraction: float = 0.1
    """Share of the run, at its end, in which the rate falls."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = super().problems()
        if not 0 < self.decay_fraction <= 1:
            problems.append(f"decay_fraction={self.decay_fraction} must lie in (0, 1]")
        return problems

    def build(self, num_train_steps: int) -> optax.Schedule:
        """Returns the learning rate as a function of the step."""
        decay_steps = max(round(self.decay_fraction * num_train_steps), 1)
        decay_start = max(num_train_steps - decay_steps, self.warmup_steps)
        stable = super().build(num_train_steps)
        decay = optax.linear_schedule(
            self.learning_rate, self.end_learning_rate, num_train_steps - decay_start
        )
        return optax.join_schedules([stable, decay], [decay_start])
