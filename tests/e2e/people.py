"""People at their browsers, who touch, draw and type; and devices that only speak HTTP."""

import re
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response

from tests.e2e.hand import strokes
from tests.e2e.school import School

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
_REPORT_CSP = (
    "document.addEventListener('securitypolicyviolation',"
    " e => console.error('CSP', e.violatedDirective, e.blockedURI, e.sourceFile))"
)
_STATUS = re.compile(r"the server responded with a status of (\d+)")


@dataclass
class Watch:
    """Keeps whatever a browser complains of. ``expected``: the statuses of the refusals that a test provokes."""

    expected: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        status = _STATUS.search(message.text)
        if message.type == "error" and not (status and int(status[1]) in self.expected):
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        # Aborted by the browser itself: the page was left while it listened or refreshed, or a download began.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.request.method} {response.url}: {response.status}")


@dataclass
class Person:
    """Somebody of the school, at a browser of their own."""

    school: School
    role: str
    language: str
    size: str
    context: BrowserContext
    watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        self.login, self.password = self.school.logins[self.role]
        self.context.add_init_script(_REPORT_CSP)
        self.page = self.context.new_page()
        self.watch.attach(self.page)

    def log_in(self, *, by_keyboard: bool = False) -> None:
        """Fill the form of the login page that is shown, or go there first."""
        if not self.page.url.startswith(f"{self.school.url}/login"):
            self.page.goto("/login")
        if by_keyboard:
            for name, text in (("username", self.login), ("password", self.password)):
                self.tab_to(self.page.locator(f"[name={name}]"))
                self.page.keyboard.type(text)
        else:
            self.page.fill("[name=username]", self.login)
            self.page.fill("[name=password]", self.password)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def tab_to(self, place: Locator) -> None:
        """Move the focus with the Tab key alone."""
        for _ in range(60):
            if place.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {place}")

    def draw(self, pointer: str = "mouse", *, every: int = 4) -> None:
        """Draw one's signature with the mouse, a pen or a finger, as the input devices send it.

        ``every``: which points are taken; each costs the time of a frame.
        """
        canvas = self.page.locator("canvas[data-signature-pad]")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        scale = min(box["width"] / 600, box["height"] / 300)
        for stroke in strokes(self.login):
            taken = [*stroke[:-1:every], stroke[-1]]
            points = [{"x": box["x"] + x * scale, "y": box["y"] + y * scale} for x, y in taken]
            {"mouse": self._mouse, "pen": self._pen, "finger": self._finger}[pointer](points)

    def _mouse(self, points: list[dict[str, float]]) -> None:
        mouse = self.page.mouse
        mouse.move(**points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(**point)
        mouse.up()

    def _pen(self, points: list[dict[str, float]]) -> None:
        kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        pen = {"button": "left", "buttons": 1, "pointerType": "pen", "clickCount": 1, "force": 0.5}
        devices = self.context.new_cdp_session(self.page)
        for kind, point in zip(kinds, [*points, points[-1]], strict=True):
            devices.send("Input.dispatchMouseEvent", {"type": kind, **pen, **point})
        devices.detach()

    def _finger(self, points: list[dict[str, float]]) -> None:
        kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
        devices = self.context.new_cdp_session(self.page)
        for kind, point in zip(kinds, points, strict=True):
            devices.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        devices.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        devices.detach()


class Device:
    """Somebody's session over HTTP alone, to send what no page would."""

    def __init__(self, school: School, role: str, language: str = "en") -> None:
        self.login, password = school.logins[role]
        self.http = httpx.Client(
            base_url=school.url, timeout=60, trust_env=False, headers={"accept-language": language}
        )
        self.http.get("/login")
        assert self.post("/login", username=self.login, password=password).status_code == 302

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form with its token, as the page would."""
        return self.http.post(path, data={"csrfmiddlewaretoken": self.http.cookies["csrftoken"], **fields})
