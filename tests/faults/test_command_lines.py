"""No command line ends in a traceback, whatever its words."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_command_lines import check, lines, paths

from fashionbench.cli.main import group

#: How many lines of each command are tried: few in the suite, ten times as many with the whole jobs.
EXAMPLES = int(os.environ.get("FASHIONBENCH_FUZZ", "20"))
COMMANDS = dict(paths(group))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_command_line_ends_with_a_code_and_a_reason(hostile, path, data):
    check(data.draw(lines(path, COMMANDS[path])))
