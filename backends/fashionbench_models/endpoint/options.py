"""Options of a model behind an endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from fashionbench.errors import ConfigError

_MILLION = 1_000_000
_SIZE = re.compile(r"([1-9]\d*)x([1-9]\d*)")
#: How the person is shown to a model that edits images.
SHOWN = ("masked", "whole")


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How a model behind an OpenAI-compatible endpoint is asked.

    :param url: such as ``https://api.example.com/v1``; without a user name or password in it.
    :param model: the name of the model there.
    :param key_variable: the environment variable that holds the key; the key itself is never an option and never kept.
    :param prompt: what it is told; empty for the task's instruction, or what the backend says.
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
    image_side: int = 0
    concurrency: int = 4
    requests_per_minute: int = 0
    timeout: float = 60.0
    attempts: int = 6
    backoff: float = 1.0
    price_in: float = 0.0
    price_out: float = 0.0
    budget: float = 0.0

    @property
    def tokens_have_a_price(self) -> bool:
        """Whether an answer that does not say its tokens has an unknown cost."""
        return bool(self.price_in or self.price_out)

    @property
    def priced(self) -> bool:
        """Whether anything has a price."""
        return self.tokens_have_a_price

    def cost(self, sent: int, received: int, answers: int) -> float:  # noqa: ARG002
        """Return the price of tokens and answers."""
        return (sent * self.price_in + received * self.price_out) / _MILLION

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
        for name, least in {"concurrency": 1, "attempts": 1, "requests_per_minute": 0, "image_side": 0}.items():
            self._at_least(name, least)
        if min(self.timeout, self.backoff, self.price_in, self.price_out, self.budget) < 0 or not self.timeout:
            raise ConfigError(
                "timeout, backoff, price_in, price_out and budget cannot be negative", remedy="correct it"
            )
        if self.budget and not self.priced:
            raise ConfigError("a budget needs prices", remedy="give price_in and price_out, of a million tokens")

    def _at_least(self, name: str, least: float) -> None:
        if getattr(self, name) < least:
            raise ConfigError(f"the option {name} is {getattr(self, name)}", remedy=f"it is at least {least}")


@dataclass(frozen=True, slots=True)
class ChatOptions(EndpointOptions):
    """How a model that writes is asked.

    :param max_tokens: the longest answer.
    """

    max_tokens: int = 64

    def __post_init__(self) -> None:
        # Not super(): a class with slots is another one than that which the compiler saw.
        EndpointOptions.__post_init__(self)
        self._at_least("max_tokens", 1)


@dataclass(frozen=True, slots=True)
class EditOptions(EndpointOptions):
    """How a model that edits images is asked.

    :param prompt: what it is told for try-on; empty for words that fit ``person``.
    :param design_prompt: what it is told for design, with ``{text}``; empty for words that fit ``person``.
    :param person: ``masked`` shows the person grey within the agnostic mask, and sends the mask; ``whole`` shows it as
        it is, which in a paired task is the answer.
    :param size: of what the model makes, such as ``1024x1536``: the photo is laid on white of this shape, and cut out
        of the answer again. Empty where the model keeps the shape of the photo.
    :param quality: passed on where it is not empty.
    :param response_format: passed on where it is not empty; ``b64_json`` for servers that would send a link.
    :param price_image: of one image that comes back.
    """

    timeout: float = 180.0
    design_prompt: str = ""
    person: str = "masked"
    size: str = ""
    quality: str = ""
    response_format: str = ""
    price_image: float = 0.0

    @property
    def priced(self) -> bool:
        """Whether anything has a price."""
        return bool(self.price_in or self.price_out or self.price_image)

    def cost(self, sent: int, received: int, answers: int) -> float:
        """Return the price of tokens and images."""
        return EndpointOptions.cost(self, sent, received, answers) + answers * self.price_image

    @property
    def canvas(self) -> tuple[int, int] | None:
        """Width and height of what the model makes; None where it keeps the photo's shape."""
        found = _SIZE.fullmatch(self.size)
        return (int(found[1]), int(found[2])) if found else None

    def __post_init__(self) -> None:
        EndpointOptions.__post_init__(self)
        self._at_least("price_image", 0)
        if self.person not in SHOWN:
            raise ConfigError(f"the option person is {self.person!r}", remedy=f"give {' or '.join(SHOWN)}")
        if self.size and self.canvas is None:
            raise ConfigError(f"the option size is {self.size!r}", remedy="give WIDTHxHEIGHT, such as 1024x1536")
        if self.design_prompt and "{text}" not in self.design_prompt:
            raise ConfigError("the option design_prompt has no {text}", remedy="write where the words go")
