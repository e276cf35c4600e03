// <section id="…" data-live="/live/…" hx-get hx-trigger="live">: one stream of server-sent events per address
// (docs/formats/live.md). An event holds the numbers of one class meeting: they are written at once into
// <… data-counts="UUID" data-count="signed">. Then htmx is asked for the fragment again: for data-live-of="UUID" only when the
// event is of that class meeting, and data-live-every="5" seconds apart at least. Never more than one request of a
// fragment is on its way; what comes meanwhile is one more, after a pause as long as the last one took.
import htmx from "htmx.org";
import { text } from "./texts.ts";

const SETTLE_MS = 10_000;
const PAUSE_MS = 250;

class Fragment {
  private asking = false;
  private again = false;
  private askedAt = 0;
  private timer = 0;

  constructor(private readonly id: string) {}

  ask(): void {
    const element = document.getElementById(this.id);
    if (!element?.dataset.live) return;
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    this.askedAt = performance.now();
    this.timer = window.setTimeout(() => this.settled(), SETTLE_MS);
    htmx.trigger(element, "live");
  }

  /** The fragment came, or failed to: ask once more when something happened meanwhile. */
  settled(): void {
    if (!this.asking) return;
    window.clearTimeout(this.timer);
    const every = Number(document.getElementById(this.id)?.dataset.liveEvery ?? 0) * 1000;
    const pause = Math.max(PAUSE_MS, performance.now() - this.askedAt, every);
    this.timer = window.setTimeout(() => {
      const again = this.again;
      this.asking = this.again = false;
      if (again) this.ask();
    }, pause);
  }
}

class Stream {
  private source!: EventSource;
  private opened = false;
  private failed = false;
  private retryMs = 1000;

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
    this.source.close();
  }

  private open(): void {
    this.source = new EventSource(this.url);
    this.source.onopen = () => {
      this.retryMs = 1000;
      if (this.opened) this.ask(null); // whatever happened while we were away
      this.opened = true;
      this.changed();
    };
    this.source.onmessage = (event: MessageEvent<string>) => {
      const counts = JSON.parse(event.data) as Record<string, string | number>;
      show(counts);
      this.ask(String(counts.meeting));
    };
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

  private ask(meeting: string | null): void {
    for (const element of document.querySelectorAll<HTMLElement>("[data-live][hx-get]")) {
      const of = element.dataset.liveOf;
      if (element.dataset.live === this.url && (!of || meeting === null || of === meeting)) fragment(element).ask();
    }
  }
}

const streams = new Map<string, Stream>();
const fragments = new Map<string, Fragment>();

function fragment(element: HTMLElement): Fragment {
  const found = fragments.get(element.id) ?? new Fragment(element.id);
  fragments.set(element.id, found);
  return found;
}

function show(counts: Record<string, string | number>): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-counts]")) {
    if (element.dataset.counts !== counts.meeting) continue;
    const value = String(counts[element.dataset.count ?? ""] ?? "");
    if (element.textContent !== value) element.textContent = value;
  }
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
    if (from instanceof HTMLElement && from.dataset.live) fragments.get(from.id)?.settled();
  });
  window.addEventListener("pagehide", () => {
    for (const stream of streams.values()) stream.close();
    streams.clear();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) attach();
  });
}
