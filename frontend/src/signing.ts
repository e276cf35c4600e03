// <form data-signature data-sign="/student/lines/…/sign">: the signature is sent as JSON, so that a drawing is never lost
// to a network that fails; it stays in its frame until the server has said that it is on disk.
import { goToLogin, post } from "./send.ts";

function bodyOf(form: HTMLFormElement): Record<string, string> {
  const data = new FormData(form);
  const body: Record<string, string> = {};
  for (const name of ["method", "drawing", "typed_name", "keyboard_consent"]) {
    const value = data.get(name);
    if (typeof value === "string") body[name] = value;
  }
  return body;
}

function say(form: HTMLFormElement, words: string): void {
  const place = form.querySelector<HTMLElement>("[data-signature-refusal]");
  if (!place) return;
  place.hidden = words === "";
  place.textContent = words;
}

async function send(form: HTMLFormElement, path: string, signed: (at: Date) => void): Promise<void> {
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  form.setAttribute("aria-busy", "true");
  say(form, "");
  const answer = await post(form, path, bodyOf(form));
  delete form.dataset.sending;
  form.removeAttribute("aria-busy");
  if (answer.kind === "taken") signed(new Date(String(answer.values.signed_at)));
  else if (answer.kind === "login") goToLogin(answer.login, `${path}?again=1`);
  else say(form, answer.text);
}

const attached = new WeakSet<HTMLFormElement>();

/** Send the signature forms of a page this way; `signed` is told when one was taken. */
export function attach(root: ParentNode, signed: (form: HTMLFormElement, at: Date) => void): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-sign]")) {
    if (attached.has(form)) continue;
    attached.add(form);
    form.addEventListener("submit", (event) => {
      const path = form.dataset.sign;
      if (event.defaultPrevented || !path) return;
      event.preventDefault();
      void send(form, path, (at) => signed(form, at));
    });
  }
}
