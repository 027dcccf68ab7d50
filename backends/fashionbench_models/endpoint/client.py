"""Client of an OpenAI-compatible endpoint: chat completions of a text, with or without an image, by the package openai.

Requests run at once up to a limit; what times out, is refused for its rate (429), fails on the other side (5xx) or
comes back broken or empty is asked for again after a growing pause. Every answer is kept as soon as it is there, so a
run that ends in the middle pays for the rest alone. The same request may be answered otherwise tomorrow: the record
says that an endpoint answered, and when.
"""

from __future__ import annotations

import base64
import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fashionbench.errors import BackendError
from fashionbench.redaction import hide, redacted
from fashionbench_models.endpoint.answers import Answer, Answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

    from fashionbench_models.endpoint.options import EndpointOptions
    from fashionbench_models.question import Question

_MILLION = 1_000_000


class EndpointClient:
    """Questions to a model behind an endpoint, and what they cost.

    :param cache: a folder in which answers are kept.
    :raises BackendError: where the environment has no key.
    """

    def __init__(self, options: EndpointOptions, cache: Path) -> None:
        import openai  # noqa: PLC0415

        self.options = options
        key = os.environ.get(self.options.key_variable, "")
        if not key:
            msg = f"the environment variable {self.options.key_variable} holds no key"
            raise BackendError(msg, remedy="set it; where the endpoint wants none, set it to any word")
        # Its own retries know nothing of answers that are empty or broken.
        # Some servers repeat the key that they refuse. Any word may stand in the place of one that nobody asks for.
        hide(key, f"${self.options.key_variable}")
        self._client = openai.OpenAI(
            api_key=key, base_url=self.options.url, timeout=self.options.timeout, max_retries=0
        )
        self._errors = openai.OpenAIError
        self._answers = Answers(cache / "endpoint")
        self._lock = threading.Lock()
        self._next = 0.0
        self._tokens = {"in": 0, "out": 0}
        self._asked = self._kept = self._repeated = self._unmetered = 0

    def write(self, questions: Sequence[Question]) -> list[str]:
        """Answer each question, several at once.

        :raises BackendError: where an answer cannot be had, or the budget is spent; what was answered is kept.
        """
        with ThreadPoolExecutor(self.options.concurrency) as pool:
            futures = [pool.submit(self._reply, question) for question in questions]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise

    def _reply(self, question: Question) -> str:
        request = self._request(question)
        known = self._answers.get({"url": self.options.url, **request})
        if known is not None:
            with self._lock:
                self._kept += 1
            return known.text
        answer = self._ask(question.id, request)
        self._answers.put({"url": self.options.url, **request}, answer)
        return answer.text

    def _request(self, question: Question) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": question.text}]
        if question.image is not None:
            content.insert(0, {"type": "image_url", "image_url": {"url": self._data_url(question.image)}})
        return {
            "model": self.options.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": self.options.max_tokens,
            "temperature": 0,
        }

    def _data_url(self, image: Image) -> str:
        side = self.options.image_side
        if side and max(image.size) > side:
            image = image.copy()
            image.thumbnail((side, side))
        png = io.BytesIO()
        image.convert("RGB").save(png, "PNG")
        return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"

    def _ask(self, item: str, request: dict[str, Any]) -> Answer:
        reason = ""
        for attempt in range(self.options.attempts):
            if attempt:
                with self._lock:
                    self._repeated += 1
                time.sleep(self.options.backoff * 2 ** (attempt - 1))
            self._wait_for_turn()
            self._check_budget()
            try:
                answer = self._answer(self._client.chat.completions.create(**request))
            except (self._errors, ValueError) as error:
                status = getattr(error, "status_code", None)
                reason = redacted(f"{type(error).__name__}: {error}")
                if status is not None and status < 500 and status not in {408, 409, 429}:
                    raise BackendError(
                        f"the endpoint refuses {item}: {reason[:200]}", remedy="see what it says"
                    ) from error
                continue
            if answer.text:
                return answer
            reason = "the answer is empty"
        msg = f"the endpoint gave no answer for {item} in {self.options.attempts} attempts: {reason[:200]}"
        raise BackendError(msg, remedy="run the same command again: what was answered is kept and not asked again")

    def _answer(self, completion: Any) -> Answer:
        """Read a completion, and count what it cost also where it is empty.

        :raises ValueError: where it is no completion: a body that is no JSON reaches us as a text.
        """
        if isinstance(completion, str) or not getattr(completion, "choices", None):
            raise ValueError("the answer is no completion")
        usage = getattr(completion, "usage", None)
        counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
        told = all(isinstance(count, int) and count >= 0 for count in counts)
        sent, received = (int(count or 0) for count in counts) if told else (0, 0)
        with self._lock:
            self._unmetered += not told
            self._asked += 1
            self._tokens["in"] += sent
            self._tokens["out"] += received
        return Answer(_text(completion.choices[0].message.content), sent, received)

    @property
    def cost(self) -> float:
        """What this run has spent, by the prices of the options."""
        return (self._tokens["in"] * self.options.price_in + self._tokens["out"] * self.options.price_out) / _MILLION

    def _check_budget(self) -> None:
        if self.options.budget and self._unmetered:
            msg = f"{self._unmetered} answers do not say how many tokens they cost, so that a budget cannot be kept"
            raise BackendError(msg, remedy="run without a budget: what was answered is kept and not asked again")
        if self.options.budget and self.cost >= self.options.budget:
            msg = f"the budget of {self.options.budget:g} is spent, {self.cost:.4g} for {self._asked} answers"
            raise BackendError(msg, remedy="raise it: what was answered is kept and not asked again")

    def _wait_for_turn(self) -> None:
        """Wait so long that no more requests a minute are sent than the option allows."""
        if not self.options.requests_per_minute:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + 60 / self.options.requests_per_minute
        time.sleep(max(0.0, turn - now))

    def facts(self, prompt: str) -> dict[str, str]:
        """Say what was asked how, and what it cost, for the record."""
        said = {
            "endpoint": f"{self.options.model} at {self.options.url}, {time.strftime('%Y-%m-%d', time.gmtime())}",
            "prompt": prompt,
            "decoding": f"temperature 0, at most {self.options.max_tokens} tokens",
            "answers": f"{self._asked} asked for, {self._kept} kept from earlier, {self._repeated} asked for again",
            "tokens": f"{self._tokens['in']} sent, {self._tokens['out']} received"
            + (f"; {self._unmetered} answers do not say" if self._unmetered else ""),
        }
        cost = {"cost": f"{self.cost:.6g}"} if self.options.price_in or self.options.price_out else {}
        return said | cost


def _text(content: Any) -> str:
    """Read the text of a message: some servers send it as a list of parts.

    :raises ValueError: where it is neither a text nor parts of one.
    """
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    said = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    texts = [text for text in said if isinstance(text, str)]
    if len(texts) < len(parts):
        raise ValueError("the answer's content is no text")
    return "".join(texts).strip()
