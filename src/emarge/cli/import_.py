import argparse
import csv
import io
import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from emarge.cli.parsers import Subparsers
    from emarge.hosting.models import Base
    from emarge.institutions.identities import Correction
    from emarge.lib.import_report import FileReport
    from emarge.timetable.files_import import Lockings, Progress, SourceFile

_ACCOUNT, _PLANNING = "School", "planning01"
_FIRST_MONTH_OF_A_YEAR = 8
_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "import",
        help="take a school's students, teachers and timetable (CSV and iCalendar files)",
        description=(
            "Takes lists of teachers and students (CSV) and timetables (iCalendar) into a base, and tells line by "
            "line what became of them. What a file is comes from its content. The same files again change nothing."
        ),
        epilog="Exit codes: 0 done, 1 at least one file was refused as a whole, 2 the command was misused.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    add_data(parser)
    parser.add_argument(
        "--base", metavar="NAME", help="the base to import into; made when DIR holds none (default: the only one)"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.csv", help="write the whole report, line by line")
    parser.add_argument("--dry-run", action="store_true", help="tell what would happen, write nothing")
    parser.add_argument(
        "--subject-to-sign-in",
        action="store_true",
        help="say that the courses and the complete students of the files are subject to sign-in",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    if args.report is not None and not args.report.absolute().parent.is_dir():
        raise CommandError(f"There is no folder {args.report.parent} to write the report into.", code=2)
    with ExitStack() as stack:
        data = args.data
        if args.dry_run and not (data / "web" / "secret-key").exists():
            # Nothing is written, not even an empty base: the files are tried on one that goes away.
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emarge-dry-run-")))
            os.environ.pop("EMARGE_DATABASE", None)
        from emarge.cli.django_setup import setup

        setup(data, create=True)
        reports = _import(args, stack)
    _print(reports, dry_run=args.dry_run)
    if args.report is not None:
        args.report.write_text(report_csv(reports), encoding="utf-8-sig", newline="")
    return 1 if any(report.refused for report in reports) else 0


def _import(args: argparse.Namespace, stack: ExitStack) -> "list[FileReport]":
    from django.db import connection, transaction

    from emarge.timetable.files_import import import_files

    sources = [_read(path) for path in args.files]
    stack.callback(connection.close)
    # Each file has its own savepoint inside; a base that was only made for files all refused goes away again.
    with _progress_bar() as progress, transaction.atomic():
        base, made = _base(args.base)
        at = datetime.now(UTC)
        reports = import_files(base, sources, at=at, lockings=roll_call_lockings(at), progress=progress)
        if args.subject_to_sign_in:
            flag_as_subject(base, reports, at=at)
        if args.dry_run or (made and all(report.refused for report in reports)):
            transaction.set_rollback(True)
            made = False
    if made:
        _say(gettext("The base “%(name)s” was made.") % {"name": base.name})
    return reports


def gettext(message: str) -> str:
    """The message in the language that is active; Django is only imported once the command runs."""
    from django.utils import translation

    return translation.gettext(message)


def roll_call_lockings(at: datetime) -> "Lockings":
    """What a roll call holds in place: its meeting, and the identifiers of the students on it."""
    from emarge.attendance.actions import record_corrections
    from emarge.attendance.models import RollCall, RollCallLine
    from emarge.timetable.files_import import Lockings

    def meetings(keys: Collection[int]) -> set[int]:
        return set(RollCall.objects.filter(meeting_id__in=keys).values_list("meeting_id", flat=True))

    def students(keys: Collection[int]) -> set[int]:
        return set(RollCallLine.objects.filter(student_id__in=keys).values_list("student_id", flat=True))

    def corrections(found: "Sequence[Correction]") -> None:
        record_corrections(found, by=None, at=at)

    return Lockings(meetings, students, corrections)


def flag_as_subject(base: "Base", reports: "list[FileReport]", *, at: datetime) -> None:
    """Say that the courses and the complete students of these files are subject to sign-in."""
    from django_scopes import scope

    from emarge.attendance.actions import flag_courses, flag_students
    from emarge.institutions.models import Student
    from emarge.lib.import_report import FileKind
    from emarge.timetable.models import Course

    with scope(base=base):
        for report in reports:
            if report.kind is FileKind.STUDENTS:
                students = Student.objects.filter(pk__in=report.keys)
                flag_students(students, subject_to=True, by=None, at=at)
            elif report.kind is FileKind.TIMETABLE:
                flag_courses(Course.objects.filter(pk__in=report.keys), subject_to=True, by=None, at=at)


def _read(path: Path) -> "SourceFile":
    from emarge.timetable.files_import import SourceFile

    try:
        return SourceFile(str(path), path.read_bytes())
    except OSError as error:
        return SourceFile(str(path), fault=gettext("the file cannot be read: %(why)s") % {"why": error.strerror})


def _base(name: str | None) -> "tuple[Base, bool]":
    """The base to import into, and whether it was made now."""
    from emarge.hosting.actions import create_base
    from emarge.hosting.models import Base

    bases = list(Base.objects.order_by("id"))
    if not bases:
        return create_base(_ACCOUNT, _PLANNING, name or _this_year(datetime.now(UTC))), True
    return choose_base(name), False


def choose_base(name: str | None) -> "Base":
    """The base of a name, or the only one there is; CommandError when that is not one base."""
    from emarge.hosting.models import Base

    bases = list(Base.objects.order_by("id"))
    fitting = [base for base in bases if name is None or base.name == name]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(base.name for base in bases) or "none"
    raise CommandError(f"Say which base with --base NAME. There are: {names}.", code=2)


def _this_year(now: datetime) -> str:
    """The school year of a day, as schools call it: 2026-2027."""
    first = now.year if now.month >= _FIRST_MONTH_OF_A_YEAR else now.year - 1
    return f"{first}-{first + 1}"


@contextmanager
def _progress_bar() -> "Iterator[Progress]":
    """A bar on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, TaskID] = {}

        def step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(Path(name).name, total=total)
            bar.update(tasks[name], completed=done)

        yield step


def _print(reports: "list[FileReport]", *, dry_run: bool) -> None:
    from emarge.lib.import_report import FILE_KIND_TEXTS, OUTCOME_COUNT_TEXTS, OUTCOME_TEXTS, Outcome

    for report in reports:
        kind = str(FILE_KIND_TEXTS[report.kind]) if report.kind else "?"
        if report.refused:
            refused = gettext("%(file)s (%(kind)s): refused as a whole, nothing of it was taken: %(why)s")
            _say(refused % {"file": report.file, "kind": kind, "why": report.refused})
            continue
        counts = report.count()
        said = [text % {"count": counts[outcome]} for outcome, text in OUTCOME_COUNT_TEXTS.items() if counts[outcome]]
        summary = gettext("%(file)s (%(kind)s): %(counts)s")
        _say(summary % {"file": report.file, "kind": kind, "counts": ", ".join(said) or gettext("nothing")})
        for note in report.notes:
            _say(f"  {note}")
        for line in report.lines:
            if line.remarks or line.outcome in {Outcome.REFUSED, Outcome.UPDATED, Outcome.CORRECTED}:
                outcome = str(OUTCOME_TEXTS[line.outcome])
                told = gettext("%(who)s: %(why)s") % {"who": line.subject, "why": "; ".join(line.remarks)}
                _say(f"  {line.number:>6}  {outcome:<10} {told}")
    if dry_run:
        _say(gettext("Dry run: nothing was written."))


def _say(text: str) -> None:
    # What comes from a file must not drive the terminal; the spaces that do not break are of our own sentences.
    print("".join(sign if sign.isprintable() or sign in _SPACES else "\N{REPLACEMENT CHARACTER}" for sign in text))


def report_csv(reports: "list[FileReport]") -> str:
    """The whole report as a table (docs/formats/imports.md); no cell of it can be run by a spreadsheet."""
    from emarge.lib.import_report import OUTCOME_TEXTS, Outcome
    from emarge.lib.tables import harmless

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["file", "line", "outcome", "who", "why"])
    for report in reports:
        whole = [report.refused] if report.refused else report.notes
        outcome = str(OUTCOME_TEXTS[Outcome.REFUSED]) if report.refused else ""
        for note in whole:
            writer.writerow([harmless(report.file), "", outcome, "", harmless(note)])
        for line in report.lines:
            why = "; ".join(line.remarks)
            cells = [report.file, str(line.number), str(OUTCOME_TEXTS[line.outcome]), line.subject, why]
            writer.writerow([harmless(cell) for cell in cells])
    return text.getvalue()
