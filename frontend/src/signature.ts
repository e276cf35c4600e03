// <form data-signature> with a <canvas data-signature-pad>: drawn by touch, pen or mouse, sent as whole numbers.
import SignaturePad from "signature_pad";
import { encode, WIDTH, whyNot, type Point } from "./drawing.ts";
import { text } from "./texts.ts";

const INK = "#1b2a6b"; // the pad is paper in both themes, so the ink never changes

class SignatureForm {
  private readonly pad: SignaturePad;
  private readonly reason: HTMLElement;
  private drawnWidth = 0;

  constructor(
    private readonly form: HTMLFormElement,
    private readonly canvas: HTMLCanvasElement,
  ) {
    this.pad = new SignaturePad(canvas, { penColor: INK, minWidth: 0.9, maxWidth: 2.6, minDistance: 2 });
    this.reason = this.makeReason();
    if (!canvas.hasAttribute("aria-label") && !canvas.hasAttribute("aria-labelledby")) {
      canvas.setAttribute("aria-label", text("pad"));
    }
    canvas.setAttribute("role", "img");
    this.pad.addEventListener("endStroke", () => this.refresh());
    // Or a quick last stroke counts as the swing of a scroll, and the browser swallows a tap that follows at once.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    for (const button of form.querySelectorAll("[data-signature-clear]")) {
      button.addEventListener("click", () => {
        this.pad.clear();
        this.refresh();
      });
    }
    for (const name of ["input", "change"]) form.addEventListener(name, () => this.refresh());
    form.addEventListener("submit", (event) => this.fill(event), { capture: true });
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
    this.refresh();
  }

  /** Keep the bitmap sharp and the strokes in place when the screen turns or the dialog opens. */
  private resize(): void {
    const width = this.canvas.clientWidth;
    if (width === 0 || width === this.drawnWidth) return;
    const factor = this.drawnWidth ? width / this.drawnWidth : 1;
    const groups = this.pad.toData().map((group) => ({
      ...group,
      points: group.points.map((point) => ({ ...point, x: point.x * factor, y: point.y * factor })),
    }));
    const ratio = Math.max(window.devicePixelRatio, 1);
    this.canvas.width = width * ratio;
    this.canvas.height = this.canvas.clientHeight * ratio;
    this.canvas.getContext("2d")?.scale(ratio, ratio);
    this.pad.clear();
    this.pad.fromData(groups);
    this.drawnWidth = width;
  }

  private strokes(): Point[][] {
    const unit = this.drawnWidth ? WIDTH / this.drawnWidth : 1;
    return this.pad.toData().map((group) => group.points.map(({ x, y }) => ({ x: x * unit, y: y * unit })));
  }

  private byKeyboard(): boolean {
    const consent = this.form.querySelector<HTMLInputElement>("[name=keyboard_consent]");
    const name = this.form.querySelector<HTMLInputElement>("[name=typed_name]");
    return Boolean(consent?.checked && (!name || name.value.trim()));
  }

  private refresh(): void {
    const missing = whyNot(this.strokes());
    const ready = missing === null || (missing === "empty" && this.byKeyboard());
    for (const button of this.form.querySelectorAll<HTMLButtonElement>("button:not([type=button])")) {
      button.disabled = !ready;
    }
    for (const button of this.form.querySelectorAll<HTMLButtonElement>("[data-signature-clear]")) {
      button.disabled = missing === "empty";
    }
    const sentence = ready ? "" : text(`${missing}Drawing`);
    if (this.reason.textContent !== sentence) this.reason.textContent = sentence;
  }

  private fill(event: SubmitEvent): void {
    const strokes = this.strokes();
    const drawn = whyNot(strokes) === null;
    if (!drawn && !this.byKeyboard()) {
      event.preventDefault();
      this.refresh();
      return;
    }
    this.input("method").value = drawn ? "drawn" : "keyboard";
    this.input("drawing").value = drawn ? encode(strokes) : "";
  }

  private input(name: string): HTMLInputElement {
    const input = this.form.querySelector<HTMLInputElement>(`input[name=${name}]`);
    if (!input) throw new Error(`The signature form has no input named ${name}.`);
    return input;
  }

  private makeReason(): HTMLElement {
    const given = this.form.querySelector<HTMLElement>("[data-signature-reason]");
    const reason = given ?? document.createElement("p");
    reason.classList.add("signature-reason");
    reason.setAttribute("role", "status");
    if (!given) {
      const submit = [...this.form.querySelectorAll("button:not([type=button])")].at(-1);
      (submit ?? this.canvas).after(reason);
    }
    return reason;
  }
}

const attached = new WeakSet<HTMLFormElement>();

export function attach(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-signature]")) {
    const canvas = form.querySelector<HTMLCanvasElement>("canvas[data-signature-pad]");
    if (!canvas || attached.has(form)) continue;
    attached.add(form);
    new SignatureForm(form, canvas);
  }
}
