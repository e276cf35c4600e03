// What the student's pages post as JSON (docs/formats/sign-in-http.md): sending the same again is harmless.
import { text } from "./texts.ts";

const PATIENCE_MS = 30_000;

export type Answer =
  | { kind: "taken"; values: Record<string, unknown> }
  | { kind: "refused"; code: string; text: string }
  | { kind: "login"; login: string }
  | { kind: "unsent"; text: string };

/** Post what a form says, under its token. Nothing of the form is lost, whatever is answered. */
export async function post(form: HTMLFormElement, path: string, body: Record<string, string>): Promise<Answer> {
  const token = form.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const values: Record<string, unknown> = await answer.json();
    if (answer.ok) return { kind: "taken", values };
    if (answer.status === 401) return { kind: "login", login: String(values.login) };
    const said = String(values.text);
    return answer.status >= 500 ? { kind: "unsent", text: said } : { kind: "refused", code: String(values.refusal), text: said };
  } catch {
    return { kind: "unsent", text: text("unsent") };
  }
}

/** Go to the login, and back to an address of this host after it. */
export function goToLogin(login: string, next: string): void {
  window.location.assign(`${login}?next=${encodeURIComponent(next)}`);
}
