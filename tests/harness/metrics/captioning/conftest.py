"""The program of pycocoevalcap that tests compare METEOR with."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def meteor_program():
    """It reads its paraphrases for ten seconds, so all tests ask one."""
    meteor = pytest.importorskip(
        "pycocoevalcap.meteor.meteor", reason="needs the optional dependencies fashionbench[metrics]"
    )
    program = meteor.Meteor()
    yield program
    for pipe in (program.meteor_p.stdin, program.meteor_p.stdout, program.meteor_p.stderr):
        pipe.close()
    program.meteor_p.kill()
    program.meteor_p.wait()
