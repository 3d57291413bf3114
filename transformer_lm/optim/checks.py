"""What the config classes of several optimizers check about their fields."""


def decay_rate_problems(config: object, *names: str) -> list[str]:
    """Names the fields of `config` that are no decay of a running mean."""
    return [
        f"{name}={getattr(config, name)} must lie in [0, 1)"
        for name in names
        if not 0 <= getattr(config, name) < 1
    ]


def positive_problems(config: object, *names: str) -> list[str]:
    """Names the fields of `config` that are set and not above 0."""
    return [
        f"{name}={getattr(config, name)} must be > 0"
        for name in names
        if getattr(config, name) is not None and getattr(config, name) <= 0
    ]


def at_least_zero_problems(config: object, *names: str) -> list[str]:
    """Names the fields of `config` that are set and below 0."""
    return [
        f"{name}={getattr(config, name)} must be at least 0"
        for name in names
        if getattr(config, name) is not None and getattr(config, name) < 0
    ]
