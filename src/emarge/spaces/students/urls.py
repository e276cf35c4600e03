from django.urls import path

from emarge.spaces.students import home, scan, sign, summary

app_name = "students"

urlpatterns = [
    path("", home.home, name="home"),
    path("widget", home.widget, name="widget"),
    path("sign-ins", summary.summary, name="summary"),
    path("to-sign", summary.to_sign, name="to_sign"),
    path("scan", scan.scan, name="scan"),
    path("code", scan.camera, name="camera"),
    path("code/typed", scan.typed, name="typed"),
    path("lines/<uuid:uuid>/sign", sign.sign, name="sign"),
    path("lines/<uuid:uuid>/signed", sign.signed_page, name="signed"),
]
