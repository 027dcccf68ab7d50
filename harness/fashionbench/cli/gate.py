"""``fashionbench gate``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.job_summary import append_summary
from fashionbench.cli.options import Place, State, json_option, new_folder_said
from fashionbench.terminal import echo

EXAMPLES = """
\b
Examples:
  fashionbench gate --baseline baseline.yaml --candidate results --policy gate.yaml
  fashionbench gate --baseline baseline.yaml --candidate results --policy gate.yaml --junit gate.xml
  fashionbench gate --baseline baseline.yaml --policy gate.yaml --self-check
  fashionbench gate accept --candidate results --baseline baseline.yaml --who "A. Name" --why "new sampler"
"""

_reference = Place()
_file = click.Path(path_type=Path, dir_okay=False)


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.option("--baseline", type=_reference, help="A store, or a YAML file of record ids.")
@click.option("--candidate", type=_reference, help="A store, or a YAML file of record ids.")
@click.option("--policy", type=_file, help="What is asked, in YAML.")
@click.option("--inconclusive", type=click.Choice(["fail", "pass"]), help="In place of the policy's own word.")
@click.option("--self-check", is_flag=True, help="Judge the baseline against itself: a test of the gate.")
@click.option("--junit", type=_file, help="Write JUnit XML to this file.")
@click.option("--markdown", type=_file, help="Write a Markdown table to this file.")
@json_option
@click.pass_context
def gate(
    ctx: click.Context,
    /,
    *,
    baseline: str | Path | None,
    candidate: str | Path | None,
    policy: Path | None,
    inconclusive: str | None,
    self_check: bool,
    junit: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> int:
    """Judge in continuous integration whether a candidate is not worse than a baseline, by a policy.

    Every cell of the baseline that the policy covers is judged. Ends with exit code 0 where nothing is worse than the
    margins, 1 for a regression, 2 where the command cannot be carried out, and 3 where the data cannot tell, or where
    something is missing or was measured otherwise.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from fashionbench.api.gates import gate as judge
    from fashionbench.errors import ConfigError
    from fashionbench.output_files import check_output, write_output
    from fashionbench.studies import gate_report
    from fashionbench.studies.gate_policy import GatePolicy, read_policy

    if baseline is None or policy is None:
        raise ConfigError("a gate needs --baseline and --policy", remedy="'fashionbench gate --help' shows examples")
    if (candidate is None) != self_check:
        raise ConfigError("a gate needs --candidate, or --self-check instead", remedy="give one of the two")
    for output in filter(None, (junit, markdown)):
        check_output(output)
    chosen = read_policy(policy)
    if inconclusive is not None:
        chosen = GatePolicy.model_validate({**chosen.model_dump(), "inconclusive": inconclusive})
    state: State = ctx.obj
    result = judge(baseline, candidate, chosen, plugins=state.plugins)
    for path, text in ((junit, gate_report.junit(result)), (markdown, gate_report.markdown(result))):
        if path is not None:
            write_output(path, text)
    append_summary(gate_report.markdown(result))
    if as_json:
        echo(gate_report.as_json(result), nl=False, raw=True)
    else:
        for line in gate_report.lines(result):
            echo(line)
        echo(gate_report.headline(result))
    return result.code


@gate.command("accept", epilog=EXAMPLES)
@click.option("--candidate", required=True, type=_reference, help="A store, or a YAML file of record ids.")
@click.option("--baseline", required=True, type=_file, help="The file to write.")
@click.option("--who", required=True, help="Who accepts it.")
@click.option("--why", required=True, help="For what reason.")
def accept(*, candidate: str | Path, baseline: Path, who: str, why: str) -> None:
    """Make the candidate's records the baseline; who, when, why and what was before stay in the file."""
    from fashionbench.api.gates import accept_baseline
    from fashionbench.errors import counted

    with new_folder_said(baseline.parent):
        made = accept_baseline(candidate, baseline, who=who, why=why)
    echo(f"wrote {baseline}: {counted(len(made.records), 'record')} of {made.store}")
