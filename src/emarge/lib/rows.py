"""Many new rows of one table in one go."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter, itemgetter
from typing import Any

from django.db import connection, models

_AS_THEY_ARE = (models.CharField, models.IntegerField, models.ForeignKey)


def insert(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all of the same columns, by attribute; those left out are null.

    Raises IntegrityError when a constraint refuses one. Making an instance of each, and ``bulk_create``'s one statement
    over all values compiled anew, are several times the work of this.
    """
    if rows:
        names = tuple(rows[0])
        statement, prepared = _statement(model, names, connection.vendor)
        pick = itemgetter(*names)
        values = [list(pick(row)) for row in rows]
        for place, prepare in prepared:
            for row in values:
                if row[place] is not None:
                    row[place] = prepare(row[place])
        with connection.cursor() as cursor:
            cursor.executemany(statement, values)


@cache
def _statement(
    model: type[models.Model], names: tuple[str, ...], vendor: str
) -> tuple[str, list[tuple[int, Callable[[Any], Any]]]]:
    """The statement for these columns, and which values are prepared, and how."""
    by_name = {field.attname: field for field in model._meta.concrete_fields}  # noqa: SLF001 - documented
    fields = [by_name[name] for name in names]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)  # noqa: SLF001 - documented
    prepared = [
        (place, _prepare(field, vendor)) for place, field in enumerate(fields) if not isinstance(field, _AS_THEY_ARE)
    ]
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})", prepared  # noqa: S608 - names of our own models


def _prepare(field: Any, vendor: str) -> Callable[[Any], Any]:
    """How a value of a field goes to the database: what most rows hold is prepared without Django's detours."""
    if vendor == "sqlite" and isinstance(field, models.UUIDField):
        return attrgetter("hex")
    if isinstance(field, models.BinaryField) and vendor == "sqlite":
        return bytes
    return partial(field.get_db_prep_save, connection=connection)
