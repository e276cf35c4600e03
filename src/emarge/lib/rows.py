"""Many new rows of one table in one go."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import Any

from django.db import connection, models

_AS_THEY_ARE = (models.CharField, models.IntegerField, models.ForeignKey)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert new rows without giving them their primary keys; IntegrityError when a constraint refuses one.

    ``bulk_create`` compiles one statement over all values anew each time: several times the work of this.
    """
    if rows:
        statement, names, prepared = _statement(type(rows[0]), connection.vendor)
        values = [list(names(row)) for row in rows]
        for place, prepare in prepared:
            for row in values:
                if row[place] is not None:
                    row[place] = prepare(row[place])
        with connection.cursor() as cursor:
            cursor.executemany(statement, values)


@cache
def _statement(
    model: type[models.Model], vendor: str
) -> tuple[str, Callable[[models.Model], tuple[Any, ...]], list[tuple[int, Callable[[Any], Any]]]]:
    """The statement of a model, what reads the values of a row, and which of them are prepared, and how."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]  # noqa: SLF001 - documented
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)  # noqa: SLF001 - documented
    prepared = [
        (place, _prepare(field, vendor)) for place, field in enumerate(fields) if not isinstance(field, _AS_THEY_ARE)
    ]
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - names of our own models
    return statement, attrgetter(*(field.attname for field in fields)), prepared


def _prepare(field: Any, vendor: str) -> Callable[[Any], Any]:
    """How a value of a field goes to the database: what most rows hold is prepared without Django's detours."""
    if vendor == "sqlite" and isinstance(field, models.UUIDField):
        return attrgetter("hex")
    if isinstance(field, models.BinaryField) and vendor == "sqlite":
        return bytes
    return partial(field.get_db_prep_save, connection=connection)
