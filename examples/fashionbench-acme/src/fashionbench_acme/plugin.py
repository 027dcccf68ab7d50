"""What the plugin registers: frozen descriptions, whose targets are imported when a cell runs."""

from fashionbench import BackendSpec, DatasetSpec, Licence, ProtocolCard, TaskSpec, hookimpl

#: The version of the plugin API that this plugin was written for.
FASHIONBENCH_API = (1, 0)

ENCODER = frozenset({"encode-image", "encode-text"})
TASK, VERSION, METRICS = "acme/swatches", "1.0.0", ("hit@1",)


@hookimpl
def register_datasets():
    """Return the data set: eight-pixel squares that the package draws itself."""
    return [
        DatasetSpec(
            id="acme/swatches",
            summary="four colours and their names",
            target="fashionbench_acme.swatches:Swatches",
            revision="1",
            access="bundled",
            licence=Licence(id="CC0-1.0", source="drawn by Acme", usage="any"),
        )
    ]


@hookimpl
def register_tasks():
    """Return the task, with the protocol card that says all that changes its numbers."""
    card = {
        "split": "all",
        "query": "every swatch",
        "gallery": "every name",
        "metrics": METRICS,
        "average": "queries",
        "tie_rule": "expected",
        "tie_tolerance": "0.000001",
    }
    return [
        TaskSpec(
            id=TASK,
            summary="find the name of a colour swatch",
            target="fashionbench_acme.swatches:find_the_name",
            version=VERSION,
            kind="cross-modal-retrieval",
            dataset="acme/swatches",
            protocol=ProtocolCard.of(TASK, VERSION, card),
            needs=(ENCODER,),
            metrics=METRICS,
            main_metric="hit@1",
        )
    ]


@hookimpl
def register_backends():
    """Return the backend; its option can be set with ``--option blur=0.5``."""
    return [
        BackendSpec(
            id="acme/mean-colour",
            summary="the mean colour of an image; the colour that a word names",
            target="fashionbench_acme.mean_colour:MeanColour",
            revision="1",
            capabilities=ENCODER,
            options={"blur": 0.0},
        )
    ]
