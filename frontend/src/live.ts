// <section data-live="/live/…" hx-get hx-trigger="live">: one stream of server-sent events per address; each message asks
// htmx for the fragment again. Messages that come while a fragment is on its way are kept as one more request.
import htmx from "htmx.org";
import { text } from "./texts.ts";

const SETTLE_MS = 10_000;

class Stream {
  private source!: EventSource;
  private opened = false;
  private failed = false;
  private asking = false;
  private again = false;
  private retryMs = 1000;
  private timer = 0;

  constructor(
    private readonly url: string,
    private readonly changed: () => void,
  ) {
    this.open();
  }

  /** Null before the first answer: nothing is lost yet. */
  get live(): boolean | null {
    if (this.source.readyState === EventSource.OPEN) return true;
    return this.failed ? false : null;
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.source.close();
  }

  /** The fragment came, or failed to: ask once more when something happened meanwhile. */
  settled(): void {
    window.clearTimeout(this.timer);
    this.asking = false;
    if (this.again) window.setTimeout(() => this.ask(), 100);
    this.again = false;
  }

  private open(): void {
    this.source = new EventSource(this.url);
    this.source.onopen = () => {
      this.retryMs = 1000;
      if (this.opened) this.ask(); // whatever happened while we were away
      this.opened = true;
      this.changed();
    };
    this.source.onmessage = () => this.ask();
    this.source.onerror = () => {
      this.failed = true;
      this.changed();
      if (this.source.readyState !== EventSource.CLOSED) return; // the browser reconnects by itself
      window.setTimeout(() => {
        if (streams.get(this.url) === this) this.open();
      }, this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, 30_000);
      this.opened = true;
    };
  }

  private ask(): void {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    this.timer = window.setTimeout(() => this.settled(), SETTLE_MS);
    for (const element of listeners(this.url)) htmx.trigger(element, "live");
  }
}

const streams = new Map<string, Stream>();

function listeners(url: string): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-live]")].filter((each) => each.dataset.live === url);
}

function showState(): void {
  const place = document.getElementById("live-state");
  if (!place) return;
  const all = [...streams.values()];
  place.hidden = all.every((stream) => stream.live === null);
  const live = all.every((stream) => stream.live !== false);
  place.classList.toggle("is-live", live);
  const sentence = text(live ? "streamLive" : "streamLost");
  if (place.textContent !== sentence) place.textContent = sentence;
}

/** Open a stream for each address that the page now shows, and close the others. */
export function attach(): void {
  const wanted = new Set<string>();
  for (const element of document.querySelectorAll<HTMLElement>("[data-live]")) {
    if (element.dataset.live) wanted.add(element.dataset.live);
  }
  for (const [url, stream] of streams) {
    if (!wanted.has(url)) {
      stream.close();
      streams.delete(url);
    }
  }
  for (const url of wanted) {
    if (!streams.has(url)) streams.set(url, new Stream(url, showState));
  }
  showState();
}

export function listen(): void {
  document.addEventListener("htmx:afterRequest", (event) => {
    const from: unknown = (event as CustomEvent).detail?.requestConfig?.elt;
    if (from instanceof HTMLElement && from.dataset.live) streams.get(from.dataset.live)?.settled();
  });
  window.addEventListener("pagehide", () => {
    for (const stream of streams.values()) stream.close();
    streams.clear();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) attach();
  });
}
