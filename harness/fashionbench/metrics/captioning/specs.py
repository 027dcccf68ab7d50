"""The caption metrics, as specifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fashionbench.specs import MetricSpec

if TYPE_CHECKING:
    Unit = Literal["fraction", "score", "distance", "count"]

_TOKENISER = "ptb-3.4.1"
_OF_A_WHOLE_SET = {"bleu-1", "bleu-2", "bleu-3", "bleu-4", "meteor", "caption-vocabulary", "style-distance"}


def _caption(
    name: str, summary: str, *, unit: Unit = "fraction", higher: bool = True, version: str = "1", program: str = ""
) -> MetricSpec:
    made_with = "+".join(filter(None, (program, _TOKENISER)))
    return MetricSpec(
        id=name,
        summary=summary,
        target=f"fashionbench.metrics.captioning.metrics:{name.replace('-', '_')}",
        implementation=f"fashionbench.{name}/{version}+{made_with}",
        predictions="captions/1",
        higher_is_better=higher,
        unit=unit,
        by_item=name not in _OF_A_WHOLE_SET,
        graded=unit == "fraction" and name != "empty-captions",
        packages=("pycocoevalcap",),
        programs=("java",),
    )


#: The attributes of :mod:`fashionbench.metrics.captioning.attributes`; that module needs NumPy, this one may not.
ATTRIBUTES = ("category", "colour", "pattern", "sleeve")
#: Of the list of words, and of how it is read.
_WORDS = "1"


def _attribute(attribute: str) -> MetricSpec:
    return MetricSpec(
        id=f"attribute-accuracy/{attribute}",
        summary=f"share of captions that name the {attribute} first that a reference names first, where one names any",
        target=f"fashionbench.metrics.captioning.attributes:attribute_{attribute}",
        implementation=f"fashionbench.attribute-accuracy/1+words-{_WORDS}",
        predictions="captions/1",
        higher_is_better=True,
        unit="fraction",
    )


CAPTION_METRICS: tuple[MetricSpec, ...] = (
    _caption("bleu-1", "corpus BLEU of words, nearest reference length"),
    _caption("bleu-2", "corpus BLEU up to pairs of words"),
    _caption("bleu-3", "corpus BLEU up to three words"),
    _caption("bleu-4", "corpus BLEU up to four words, nearest reference length"),
    _caption("meteor", "corpus score of METEOR 1.5, English", program="meteor-1.5"),
    _caption("rouge-l", "F-measure of the longest common subsequence, β = 1.2"),
    _caption("cider", "CIDEr-D in [0, 10], idf of the evaluated references; papers print it times 100", unit="score"),
    _caption("spice", "F-measure of scene graphs; needs models that no package brings along", program="spice-1.0"),
    _caption("caption-length", "words a caption: a description, not a merit", unit="count"),
    _caption("caption-vocabulary", "different words of all captions: a description, not a merit", unit="count"),
    _caption("empty-captions", "share of captions without a word, unreadable images included", higher=False),
    _caption(
        "style-distance",
        "Jensen-Shannon distance between the words and word pairs of captions and of references",
        unit="distance",
        higher=False,
    ),
)

ATTRIBUTE_METRICS: tuple[MetricSpec, ...] = tuple(_attribute(attribute) for attribute in ATTRIBUTES)
