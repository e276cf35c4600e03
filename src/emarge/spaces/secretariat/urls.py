from django.urls import path

from emarge.spaces.secretariat import audit_trails, courses, page, parameters, student, students, supervision

app_name = "secretariat"

urlpatterns = [
    path("", page.home, name="home"),
    path("supervision", supervision.supervision, name="supervision"),
    path("supervision/<uuid:uuid>", supervision.meeting, name="meeting"),
    path("supervision/lines/<uuid:uuid>/settle", supervision.settle, name="settle"),
    path("supervision/<uuid:uuid>/validate", supervision.validate, name="validate"),
    path("courses", courses.courses, name="courses"),
    path("courses/flag", courses.flag, name="courses_flag"),
    path("students", students.students, name="students"),
    path("students/flag", students.flag, name="students_flag"),
    path("students/<uuid:uuid>", student.student, name="student"),
    path("parameters", parameters.parameters, name="parameters"),
    path("parameters/activate", parameters.activate, name="activate"),
    path("parameters/deactivate", parameters.deactivate, name="deactivate"),
    path("parameters/extension", parameters.extension, name="extension"),
    path("parameters/fingerprint", parameters.fingerprint, name="fingerprint"),
    path("audit-trails", audit_trails.audit_trails, name="audit_trails"),
    path("audit-trails/new", audit_trails.new, name="audit_trail_new"),
    path("audit-trails/students", audit_trails.student_options, name="audit_trail_students"),
    path("audit-trails/<uuid:uuid>", audit_trails.audit_trail, name="audit_trail"),
    path("audit-trails/<uuid:uuid>/approve", audit_trails.approve, name="audit_trail_approve"),
    path("audit-trails/<uuid:uuid>/refuse", audit_trails.refuse, name="audit_trail_refuse"),
    path("audit-trails/<uuid:uuid>/produce", audit_trails.produce, name="audit_trail_produce"),
    path("audit-trails/<uuid:uuid>/download", audit_trails.download, name="audit_trail_download"),
]
