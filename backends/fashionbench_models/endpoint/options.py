"""Options of a model behind an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from fashionbench.errors import ConfigError


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How a model behind an OpenAI-compatible endpoint is asked.

    :param url: such as ``https://api.example.com/v1``; without a user name or password in it.
    :param model: the name of the model there.
    :param key_variable: the environment variable that holds the key; the key itself is never an option and never kept.
    :param prompt: what it is told; empty for the task's instruction.
    :param max_tokens: the longest answer.
    :param image_side: images are made smaller to this many pixels on the longer side; 0 sends them as they are.
    :param concurrency: requests at once.
    :param requests_per_minute: 0 for no limit of our own.
    :param timeout: seconds until an answer is given up and asked for again.
    :param attempts: how often an answer is asked for before the run stops.
    :param backoff: seconds before the second attempt, doubled for each further one.
    :param price_in: of a million tokens that are sent, in any currency.
    :param price_out: of a million tokens that come back.
    :param budget: stop before this is spent in one run, in the same currency; 0 for no limit.
    """

    url: str = "https://api.openai.com/v1"
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    prompt: str = ""
    max_tokens: int = 64
    image_side: int = 0
    concurrency: int = 4
    requests_per_minute: int = 0
    timeout: float = 60.0
    attempts: int = 6
    backoff: float = 1.0
    price_in: float = 0.0
    price_out: float = 0.0
    budget: float = 0.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"the option url is {self.url!r}", remedy="give http://… or https://…, up to /v1")
        if parts.username or parts.password or parts.query:
            # It would stand in every record.
            msg = "the option url holds a user name, a password or parameters, and records keep options"
            raise ConfigError(msg, remedy=f"put the key into the environment variable {self.key_variable}")
        if not self.model:
            raise ConfigError(
                "the endpoint has no model", remedy="give the option model=NAME, as the endpoint calls it"
            )
        low = {"concurrency": 1, "attempts": 1, "max_tokens": 1, "requests_per_minute": 0, "image_side": 0}
        for name, least in low.items():
            if getattr(self, name) < least:
                raise ConfigError(f"the option {name} is {getattr(self, name)}", remedy=f"it is at least {least}")
        if min(self.timeout, self.backoff, self.price_in, self.price_out, self.budget) < 0 or not self.timeout:
            raise ConfigError(
                "timeout, backoff, price_in, price_out and budget cannot be negative", remedy="correct it"
            )
        if self.budget and not (self.price_in or self.price_out):
            raise ConfigError("a budget needs prices", remedy="give price_in and price_out, of a million tokens")
