"""The checks of backends that FashionBench brings."""

pytest_plugins = ["fashionbench.conformance.plugin"]
