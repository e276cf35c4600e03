// The shared screen of a roll call by QR code (docs/formats/projector.md). The server says how long a step still lasts;
// no clock of this machine decides what counts. Any number of tabs may show the same roll call.

interface Step {
  step: number;
  left_ms: number;
  typed: string;
  image: string;
}

interface State {
  running: boolean;
  period_ms: number;
  now: Step;
  next: Step | null;
  count: string;
}

const ASK_MS = 2000;
const ASK_AGAIN_MS = 1000;
const PATIENCE_MS = 5000;

const page = document.getElementById("screen")!;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
let shown = Number(page.dataset.step);
let period = Number(page.dataset.period);
let due = period ? performance.now() + Number(page.dataset.left) : Infinity;
let coming: { step: Step; image: HTMLImageElement } | null = null;
let turn = 0;
let asking = 0;

function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

function write(id: string, words: string): void {
  const place = document.getElementById(id);
  if (place && place.textContent !== words) place.textContent = words;
}

function loaded(step: Step): HTMLImageElement {
  const image = new Image();
  image.alt = byId("code").querySelector("img")?.alt ?? "";
  image.src = step.image;
  return image;
}

async function show(step: Step, image: HTMLImageElement): Promise<void> {
  await image.decode();
  byId("code").replaceChildren(image);
  write("typed", step.typed);
  shown = step.step;
  page.classList.remove("is-stale");
}

/** The bar runs down with the step; without motion it is set each time that the server is asked. */
function drawBar(): void {
  const bar = document.getElementById("bar");
  if (!bar || !period) return;
  const left = Math.max(0, due - performance.now());
  for (const running of bar.getAnimations()) running.cancel();
  bar.style.transform = `scaleX(${Math.min(1, left / period)})`;
  if (!calm.matches) {
    const frames = [{ transform: `scaleX(${Math.min(1, left / period)})` }, { transform: "scaleX(0)" }];
    bar.animate(frames, { duration: left, fill: "forwards" });
  }
}

/** The step is over: show the next one, which was fetched before; without it, say so and ask. */
async function change(): Promise<void> {
  const next = coming;
  coming = null;
  try {
    if (!next || next.step.step <= shown) throw new Error("nothing to show next");
    await show(next.step, next.image);
    due += period;
    drawBar();
    plan();
  } catch {
    page.classList.add("is-stale");
    void ask();
  }
}

function plan(): void {
  window.clearTimeout(turn);
  if (due < Infinity) turn = window.setTimeout(() => void change(), Math.max(0, due - performance.now()));
}

async function take(state: State, sentAt: number): Promise<void> {
  write("count", state.count);
  if (state.now.step !== shown || page.classList.contains("is-stale")) await show(state.now, loaded(state.now));
  if (state.next) {
    period = state.period_ms;
    due = (sentAt + performance.now()) / 2 + state.now.left_ms; // as if the answer had left half-way
    if (coming?.step.step !== state.next.step) coming = { step: state.next, image: loaded(state.next) };
    drawBar();
    plan();
  }
  write("said", "");
}

function end(): void {
  window.clearTimeout(turn);
  window.clearTimeout(asking);
  page.classList.add("is-over");
  write("said", page.dataset.over ?? "");
}

async function ask(): Promise<void> {
  window.clearTimeout(asking);
  let again = ASK_MS;
  try {
    const sentAt = performance.now();
    const answer = await fetch(page.dataset.state!, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.redirected || answer.status === 403 || answer.status === 404) return window.location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    const state: State = await answer.json();
    if (!state.running) return end();
    await take(state, sentAt);
  } catch {
    again = ASK_AGAIN_MS;
    const stale = page.classList.contains("is-stale");
    write("said", (stale ? page.dataset.stale : page.dataset.lost) ?? "");
  }
  window.clearTimeout(asking);
  asking = window.setTimeout(() => void ask(), again);
}

/** Keep the machine from sleeping; a browser that refuses, or a hidden tab, is no fault. */
async function stayAwake(): Promise<void> {
  try {
    if (document.visibilityState === "visible") await navigator.wakeLock?.request("screen");
  } catch {
    // the screen may then turn off: the lecturer's own settings decide
  }
}

function offer(id: string, possible: boolean, act: () => void): void {
  const button = document.getElementById(id);
  if (!button) return;
  button.hidden = !possible;
  button.addEventListener("click", act);
}

offer("full", document.fullscreenEnabled, () => {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen();
});
offer("print", true, () => window.print());
document.addEventListener("visibilitychange", () => {
  void stayAwake();
  if (document.visibilityState === "visible") void ask();
});
void stayAwake();
void ask();
