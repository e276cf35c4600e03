// A form is sent once: a second press while the first is under way does nothing.
// The guard goes when the page comes back (history) or when the answer was a file and the page stayed.

const RELEASE_MS = 8000;

function release(form: HTMLFormElement): void {
  delete form.dataset.sending;
  form.removeAttribute("aria-busy");
}

export function listen(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented) return;
    // Not form.method: the signature forms have an input of that name, which would hide it.
    if (form.getAttribute("method")?.toLowerCase() !== "post") return;
    if (form.hasAttribute("hx-post")) return;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    form.dataset.sending = "yes";
    form.setAttribute("aria-busy", "true");
    window.setTimeout(() => release(form), RELEASE_MS);
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sending]")) release(form);
  });
}
