"""The `gonogo` command; the only place that ends the process."""

from __future__ import annotations

import sys
import traceback

import typer

from gonogo.cli.advance import advance
from gonogo.cli.approve import approve, reject
from gonogo.cli.assign import assign
from gonogo.cli.attest import attest
from gonogo.cli.cases import cases
from gonogo.cli.checklist import checklist_app
from gonogo.cli.ci import ci
from gonogo.cli.compile import compile_features
from gonogo.cli.decide import decide
from gonogo.cli.doctor import doctor
from gonogo.cli.drill import drill
from gonogo.cli.follow_up import follow_up
from gonogo.cli.gate import gate_app
from gonogo.cli.history import history
from gonogo.cli.keys import keys_app
from gonogo.cli.load import load
from gonogo.cli.report import report
from gonogo.cli.restore import restore
from gonogo.cli.rollback import rollback
from gonogo.cli.run import run
from gonogo.cli.sandbox import sandbox
from gonogo.cli.seal import seal
from gonogo.cli.status import status
from gonogo.cli.trust import trust_app
from gonogo.cli.verify import verify
from gonogo.cli.waive import waive
from gonogo.cli.watch import watch
from gonogo.errors import EXIT_INTERNAL, GonogoError, SourceError
from gonogo.reports.visible import show_text

app = typer.Typer(
    name="gonogo",
    help="Turn what a release team writes into executable scenarios, run them against the deployed system, and decide: "
    "GO, HOLD or NO-GO.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": False})(run)
app.command("compile")(compile_features)
app.command("doctor")(doctor)
app.command("cases")(cases)
app.command("ci")(ci)
app.command("decide")(decide)
app.command("status")(status)
app.command("follow-up")(follow_up)
app.command("seal")(seal)
app.command("verify")(verify)
app.command("report")(report)
app.command("advance")(advance)
app.command("restore")(restore)
app.command("approve")(approve)
app.command("reject")(reject)
app.command("waive")(waive)
app.command("watch")(watch)
app.command("assign")(assign)
app.command("attest")(attest)
app.command("history")(history)
app.command("load")(load)
app.command("rollback")(rollback)
app.command("drill")(drill)
app.add_typer(keys_app, name="keys")
app.add_typer(trust_app, name="trust")
app.add_typer(gate_app, name="gate")
app.add_typer(checklist_app, name="checklist")
app.command("sandbox", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(sandbox)


def main() -> None:
    """Run the command line and exit with the documented code."""
    try:
        # Typer itself prints errors of usage (2) and takes an interrupt for 130.
        app()
    except GonogoError as error:
        report_error(error)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last resort: an internal error is never taken for NO-GO
        traceback.print_exc()
        sys.stderr.write("gonogo: internal error; this is a defect of gonogo, please report it\n")
        sys.exit(EXIT_INTERNAL)


def report_error(error: GonogoError) -> None:
    """Print an error to stderr: every problem on a line of its own, then what to do."""
    lines = [str(problem) for problem in error.problems] if isinstance(error, SourceError) else []
    lines.append(f"gonogo: {error.message}")
    if error.hint:
        lines.append(f"  {error.hint}")
    sys.stderr.write(show_text("\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
