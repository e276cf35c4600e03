from django.urls import path

from emarge.spaces.teachers import projector, roll_call, signature, timetable, validation

app_name = "teachers"

urlpatterns = [
    path("", timetable.timetable, name="timetable"),
    path("roll-call", roll_call.current, name="roll_call_now"),
    path("meetings/<uuid:uuid>", roll_call.sheet, name="roll_call"),
    path("meetings/<uuid:uuid>/start", roll_call.start, name="start_roll_call"),
    path("meetings/<uuid:uuid>/end", roll_call.end, name="end_roll_call"),
    path("meetings/<uuid:uuid>/list", roll_call.running_list, name="running_list"),
    path("meetings/<uuid:uuid>/projector", projector.projector, name="projector"),
    path("meetings/<uuid:uuid>/projector/state", projector.state, name="projector_state"),
    path("meetings/<uuid:uuid>/projector/code.svg", projector.image, name="projector_image"),
    path("lines/<uuid:uuid>/mark", roll_call.mark, name="mark"),
    path("meetings/<uuid:uuid>/signature", signature.signature, name="signature"),
    path("meetings/<uuid:uuid>/validation", validation.validation, name="validation"),
    path("meetings/<uuid:uuid>/validation/list", validation.fragment, name="validation_list"),
]
