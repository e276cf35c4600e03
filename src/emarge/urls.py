from django.urls import URLPattern, URLResolver, include, path

from emarge.accounts import views as accounts
from emarge.spaces import home, live

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("login", accounts.login, name="login"),
    path("logout", accounts.logout, name="logout"),
    path("language", home.language, name="language"),
    path("teacher/", include("emarge.spaces.teachers.urls")),
    path("student/", include("emarge.spaces.students.urls")),
    path("live/meetings/<uuid:uuid>", live.may_watch, name="live"),
    path("secretariat/", include("emarge.spaces.secretariat.urls")),
]

handler400 = "emarge.spaces.errors.bad_request"
handler403 = "emarge.spaces.errors.forbidden"
handler404 = "emarge.spaces.errors.not_found"
handler500 = "emarge.spaces.errors.broken"
