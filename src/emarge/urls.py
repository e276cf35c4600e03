from django.urls import URLPattern, URLResolver, include, path, re_path

from emarge.accounts import views as accounts
from emarge.spaces import home, live
from emarge.spaces.students import scan

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("login", accounts.login, name="login"),
    path("logout", accounts.logout, name="logout"),
    path("language", home.language, name="language"),
    path("teacher/", include("emarge.spaces.teachers.urls")),
    re_path(r"^[Qq]/(?P<number>[0-9A-Za-z]{1,12})/(?P<text>[0-9A-Za-z]{16})$", scan.code, name="code"),
    path("student/", include("emarge.spaces.students.urls")),
    path("live/meetings/<uuid:uuid>", live.may_watch, name="live"),
    path("live/base", live.may_watch_base, name="live_base"),
    path("secretariat/", include("emarge.spaces.secretariat.urls")),
]

handler400 = "emarge.spaces.errors.bad_request"
handler403 = "emarge.spaces.errors.forbidden"
handler404 = "emarge.spaces.errors.not_found"
handler500 = "emarge.spaces.errors.broken"
