"""Links of the students whom the logs name already; the new rights of profiles that held every right."""

import hashlib
import hmac
import secrets

from django.db import migrations

_NAMING = ["student.listed", "student.flagged"]
_FORMER = {
    "enter_absences",
    "supervise",
    "validate_meetings",
    "edit_parameters",
    "edit_subjection",
    "request_audit_trails",
    "approve_audit_trails",
}
_NEW = ["consult_histories", "manage_retention", "approve_destructions"]


def link_students(apps, schema_editor):
    events = apps.get_model("audit", "OutboxEvent").objects.filter(event__in=_NAMING, subject__isnull=False)
    students = apps.get_model("institutions", "Student").objects.exclude(identifier="").exclude(birth_on=None)
    keys, links = apps.get_model("audit", "LinkKey").objects, apps.get_model("audit", "PersonLink").objects
    known = {student.uuid: student for student in students.iterator()}
    for log, person in events.order_by().values_list("log", "subject").distinct():
        student = known.get(person)
        if student is None:
            continue
        key, _made = keys.get_or_create(log=log, defaults={"key": secrets.token_bytes(32)})
        text = f"identity\n{student.identifier_type}\n{student.identifier}\n{student.birth_on.isoformat()}"
        link = hmac.digest(bytes(key.key), text.encode(), hashlib.sha256).hex()
        links.get_or_create(log=log, link=link, person=person)


def give_rights(apps, schema_editor):
    for profile in apps.get_model("accounts", "Profile").objects.all():
        if _FORMER <= set(profile.rights):
            profile.rights = [*profile.rights, *(right for right in _NEW if right not in profile.rights)]
            profile.save(update_fields=["rights"])


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0001_initial"),
        ("audit", "0002_links"),
        ("accounts", "0001_initial"),
        ("institutions", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(link_students, migrations.RunPython.noop),
        migrations.RunPython(give_rights, migrations.RunPython.noop),
    ]
