// Scan the code with the camera of the phone, inside the space. No picture leaves the page or is kept.

type Read = (video: HTMLVideoElement) => Promise<string | undefined>;

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

const BETWEEN_MS = 120;
const WIDEST = 960; // pixels: enough for a code across a hall, and quick to read

const place = document.getElementById("camera")!;
const video = place.querySelector("video")!;
const said = document.getElementById("camera-said")!;
let stream: MediaStream | null = null;
let reading = false;

function say(name: "denied" | "foreign" | "none"): void {
  said.textContent = place.dataset[name] ?? "";
  said.hidden = false;
}

/** The browser's own reader, else ours. */
async function reader(): Promise<Read> {
  const own = (window as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (own && (await own.getSupportedFormats()).includes("qr_code")) {
    const detector = new own({ formats: ["qr_code"] });
    return async (source) => (await detector.detect(source))[0]?.rawValue;
  }
  const decoder: typeof import("./decoder.ts") = await import(place.dataset.decoder!);
  decoder.prepare(place.dataset.wasm!);
  const canvas = document.createElement("canvas");
  const picture = canvas.getContext("2d", { willReadFrequently: true })!;
  return async (source) => {
    const scale = Math.min(1, WIDEST / source.videoWidth);
    canvas.width = Math.round(source.videoWidth * scale);
    canvas.height = Math.round(source.videoHeight * scale);
    picture.drawImage(source, 0, 0, canvas.width, canvas.height);
    return decoder.read(picture.getImageData(0, 0, canvas.width, canvas.height));
  };
}

/** The path of a code of this very host, or null for any other QR code. */
function pathOf(text: string): string | null {
  const address = URL.canParse(text) ? new URL(text) : null;
  if (!address || !/^https?:$/.test(address.protocol) || address.host !== window.location.host) return null;
  return /^\/q\/[0-9a-z]{1,12}\/[0-9a-z]{16}$/i.test(address.pathname) ? address.pathname : null;
}

async function look(): Promise<void> {
  if (reading) return;
  reading = true;
  const read = await reader();
  while (stream) {
    const text = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? await read(video) : undefined;
    const path = text === undefined ? null : pathOf(text);
    if (path !== null) {
      stop();
      window.location.assign(`${path}?by=app`);
    } else if (text !== undefined) {
      say("foreign");
    }
    await new Promise((done) => window.setTimeout(done, BETWEEN_MS));
  }
  reading = false;
}

async function start(): Promise<void> {
  if (stream) return;
  if (!navigator.mediaDevices) return say("none"); // only a page under HTTPS may ask
  try {
    const found = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
      audio: false,
    });
    if (document.visibilityState !== "visible") return found.getTracks().forEach((track) => track.stop());
    stream = found;
    video.srcObject = stream;
    place.hidden = false;
    await video.play();
    await look();
  } catch (error) {
    stop();
    say(error instanceof DOMException && error.name === "NotFoundError" ? "none" : "denied");
  }
}

function stop(): void {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  place.hidden = true;
}

window.addEventListener("pagehide", stop);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) void start();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void start();
  else stop();
});
void start();
