"""One image, one text, or both as what a multimodal language model is given, by the processor's chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from PIL.Image import Image


def has_template(processor: Any) -> bool:
    """Tell whether a processor brings a chat template."""
    template = getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None)
    return bool(template)


def conversation(image: Image | None, text: str, instruction: str = "") -> list[dict[str, Any]]:
    """Return one turn of a user, after the instruction as the system's turn if there is one."""
    content: list[dict[str, Any]] = []
    if image is not None:
        content.append({"type": "image", "image": image})
    if text:
        content.append({"type": "text", "text": text})
    system = [{"role": "system", "content": [{"type": "text", "text": instruction}]}] if instruction else []
    return [*system, {"role": "user", "content": content}]


def model_inputs(processor: Any, turns: list[dict[str, Any]]) -> Any:
    """Apply the chat template and make tensors, as [1, L] of one conversation without padding.

    :raises BackendError: where the template refuses the conversation.
    """
    try:
        return processor.apply_chat_template(
            turns, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
    except Exception as error:  # a template is a program of its authors, and raises what they thought of
        first = str(error).partition("\n")[0]
        msg = f"the chat template of {type(processor).__name__} refuses the conversation: {first}"
        raise BackendError(msg, remedy="leave the option instruction empty, or give another model") from error
