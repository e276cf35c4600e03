"""Many new rows of one table in one go."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

_AS_THEY_ARE = (models.CharField, models.IntegerField, models.ForeignKey)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert new rows without giving them their primary keys; IntegrityError when a constraint refuses one.

    ``bulk_create`` compiles one statement over all values anew each time: several times the work of this.
    """
    if rows:
        statement, columns = _statement(type(rows[0]), connection.vendor)
        values = [
            [prepare(getattr(row, name), connection) if prepare else getattr(row, name) for name, prepare in columns]
            for row in rows
        ]
        with connection.cursor() as cursor:
            cursor.executemany(statement, values)


@cache
def _statement(model: type[models.Model], _vendor: str) -> tuple[str, list[tuple[str, Callable[..., Any] | None]]]:
    """The statement of a model, and how each value is prepared for it: numbers and texts go as they are."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]  # noqa: SLF001 - documented
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    columns = [(field.attname, None if isinstance(field, _AS_THEY_ARE) else field.get_db_prep_save) for field in fields]
    table = quote(model._meta.db_table)  # noqa: SLF001 - documented
    return f"INSERT INTO {table} ({names}) VALUES ({marks})", columns  # noqa: S608 - names of our own models
