"""Client of an OpenAI-compatible endpoint, by the package openai: what every kind of question has in common.

Requests run at once up to a limit; what times out, is refused for its rate (429), fails on the other side (5xx) or
comes back broken or empty is asked for again after a growing pause. Every answer is kept as soon as it is there, so a
run that ends in the middle pays for the rest alone. The same request may be answered otherwise tomorrow: the record
says that an endpoint answered, and when.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from fashionbench.errors import BackendError
from fashionbench.redaction import hide, redacted
from fashionbench_models.endpoint.answers import Answer, Answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fashionbench_models.endpoint.options import EndpointOptions


class Request(Protocol):
    """One question to an endpoint.

    :ivar reading: raised when answers are read in another way: kept ones of another reading are asked for again.
    :ivar tokens: the fields of the endpoint's ``usage`` that count what was sent and what came back.
    :ivar has_answer: the field of an answer that is not empty where there is one.
    """

    reading: ClassVar[int]
    tokens: ClassVar[tuple[str, str]]
    has_answer: ClassVar[str]

    @property
    def item(self) -> str:
        """The id of the item that it is about, for messages."""
        ...

    def asked(self) -> dict[str, Any]:
        """Return everything that decides the answer, as JSON."""
        ...

    def send(self, client: Any) -> Any:
        """Ask the package openai's client, and return what it returns."""
        ...

    def read(self, answered: Any) -> str:
        """Return the content of an answer; empty where there is none.

        :raises ValueError: where it cannot be read, and may be asked for again.
        """
        ...


class EndpointClient:
    """Questions to a model behind an endpoint, and what they cost.

    :param cache: a folder in which answers are kept.
    :raises BackendError: where the environment has no key.
    """

    def __init__(self, options: EndpointOptions, cache: Path) -> None:
        import openai  # noqa: PLC0415

        self.endpoint = options
        key = os.environ.get(options.key_variable, "")
        if not key:
            msg = f"the environment variable {options.key_variable} holds no key"
            raise BackendError(msg, remedy="set it; where the endpoint wants none, set it to any word")
        # Its own retries know nothing of answers that are empty or broken.
        # Some servers repeat the key that they refuse. Any word may stand in the place of one that nobody asks for.
        hide(key, f"${options.key_variable}")
        self._client = openai.OpenAI(api_key=key, base_url=options.url, timeout=options.timeout, max_retries=0)
        self._errors = openai.OpenAIError
        self._answers = Answers(cache / "endpoint")
        self._lock = threading.Lock()
        self._next = 0.0
        self._tokens = {"in": 0, "out": 0}
        self._asked = self._kept = self._repeated = self._unmetered = 0

    def answers(self, requests: Sequence[Request]) -> list[str]:
        """Answer each question, several at once.

        :raises BackendError: where an answer cannot be had, or the budget is spent; what was answered is kept.
        """
        with ThreadPoolExecutor(self.endpoint.concurrency) as pool:
            futures = [pool.submit(self._reply, request) for request in requests]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise

    def _reply(self, request: Request) -> str:
        name = {"url": self.endpoint.url, "reading": request.reading, **request.asked()}
        known = self._answers.get(name)
        if known is not None:
            with self._lock:
                self._kept += 1
            return known.content
        answer = self._ask(request)
        self._answers.put(name, answer)
        return answer.content

    def _ask(self, request: Request) -> Answer:
        reason = ""
        for attempt in range(self.endpoint.attempts):
            if attempt:
                with self._lock:
                    self._repeated += 1
                time.sleep(self.endpoint.backoff * 2 ** (attempt - 1))
            self._wait_for_turn()
            self._check_budget()
            try:
                answer = self._answer(request, request.send(self._client))
            except (self._errors, ValueError) as error:
                status = getattr(error, "status_code", None)
                reason = redacted(f"{type(error).__name__}: {error}")
                if status is not None and status < 500 and status not in {408, 409, 429}:
                    raise BackendError(
                        f"the endpoint refuses {request.item}: {reason[:200]}", remedy="see what it says"
                    ) from error
                continue
            if answer.content:
                return answer
            reason = "the answer is empty"
        msg = f"the endpoint gave no answer for {request.item} in {self.endpoint.attempts} attempts: {reason[:200]}"
        raise BackendError(msg, remedy="run the same command again: what was answered is kept and not asked again")

    def _answer(self, request: Request, answered: Any) -> Answer:
        """Read an answer, and count what it cost also where it is empty.

        :raises ValueError: where it is none: a body that is no JSON reaches us as a text.
        """
        if isinstance(answered, str) or not getattr(answered, request.has_answer, None):
            raise ValueError(f"the answer has no {request.has_answer}")
        usage = getattr(answered, "usage", None)
        counts = [getattr(usage, name, None) for name in request.tokens]
        told = all(isinstance(count, int) and count >= 0 for count in counts)
        sent, received = (int(count or 0) for count in counts) if told else (0, 0)
        with self._lock:
            self._unmetered += not told
            self._asked += 1
            self._tokens["in"] += sent
            self._tokens["out"] += received
        return Answer(request.read(answered), sent, received)

    @property
    def cost(self) -> float:
        """What this run has spent, by the prices of the options."""
        return self.endpoint.cost(self._tokens["in"], self._tokens["out"], self._asked)

    def _check_budget(self) -> None:
        if self.endpoint.budget and self._unmetered and self.endpoint.tokens_have_a_price:
            msg = f"{self._unmetered} answers do not say how many tokens they cost, so that a budget cannot be kept"
            raise BackendError(msg, remedy="run without a budget: what was answered is kept and not asked again")
        if self.endpoint.budget and self.cost >= self.endpoint.budget:
            msg = f"the budget of {self.endpoint.budget:g} is spent, {self.cost:.4g} for {self._asked} answers"
            raise BackendError(msg, remedy="raise it: what was answered is kept and not asked again")

    def _wait_for_turn(self) -> None:
        """Wait so long that no more requests a minute are sent than the option allows."""
        if not self.endpoint.requests_per_minute:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + 60 / self.endpoint.requests_per_minute
        time.sleep(max(0.0, turn - now))

    def facts(self, prompt: str) -> dict[str, str]:
        """Say what was asked how, and what it cost, for the record."""
        said = {
            "endpoint": f"{self.endpoint.model} at {self.endpoint.url}, {time.strftime('%Y-%m-%d', time.gmtime())}",
            "prompt": prompt,
            "answers": f"{self._asked} asked for, {self._kept} kept from earlier, {self._repeated} asked for again",
            "tokens": f"{self._tokens['in']} sent, {self._tokens['out']} received"
            + (f"; {self._unmetered} answers do not say" if self._unmetered else ""),
        }
        return said | ({"cost": f"{self.cost:.6g}"} if self.endpoint.priced else {})
