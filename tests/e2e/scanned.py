"""QR codes as a camera meets them: read off a picture of the screen, and held before a fake camera."""

import base64
from pathlib import Path

import segno
from playwright.sync_api import Page

_WIDTH, _HEIGHT = 640, 480
_BLACK, _WHITE, _GREY = b"\x10", b"\xeb", b"\x80"
_READ = """async (png) => {
  const decoder = await import("/static/built/decoder.js");
  decoder.prepare("/static/built/zxing_reader.wasm");
  const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0))]));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  return decoder.read(context.getImageData(0, 0, picture.width, picture.height));
}"""


def read_off(screen: Page, reader: Page) -> str | None:
    """The text of the QR code that a page shows, from its pixels; ``reader`` is a page that may run the decoder."""
    picture = screen.screenshot()
    text: str | None = reader.evaluate(_READ, base64.b64encode(picture).decode())
    return text


def video_of(text: str, path: Path) -> Path:
    """A camera's film of a QR code, on a sheet that fills the height of the picture."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=4)]
    scale = _HEIGHT // len(rows)
    left, top = (_WIDTH - scale * len(rows)) // 2, (_HEIGHT - scale * len(rows)) // 2
    sheet = [_GREY * _WIDTH] * top
    for row in rows:
        line = b"".join((_BLACK if dark else _WHITE) * scale for dark in row)
        sheet += [(_GREY * left + line).ljust(_WIDTH, _GREY)] * scale
    sheet += [_GREY * _WIDTH] * (_HEIGHT - len(sheet))
    colours = _GREY * (_WIDTH * _HEIGHT // 2)
    frame = b"FRAME\n" + b"".join(sheet) + colours
    path.write_bytes(f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F5:1 Ip A1:1 C420jpeg\n".encode() + frame * 2)
    return path
