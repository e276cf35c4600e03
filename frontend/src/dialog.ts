// <button data-dialog-open="id"> … <dialog data-dialog id="id"> … <button data-dialog-close>.
// A dialog marked data-dialog-shown opens with the page: the server refused what was typed in it.

function closest(event: Event, selector: string): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>(selector) : null;
}

export function listen(): void {
  document.addEventListener("click", (event) => {
    const opener = closest(event, "[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen ?? "");
      if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
      return;
    }
    closest(event, "[data-dialog-close]")?.closest("dialog")?.close();
  });
}

export function attach(root: ParentNode): void {
  for (const dialog of root.querySelectorAll<HTMLDialogElement>("dialog[data-dialog]")) {
    const title = dialog.querySelector<HTMLElement>("h1, h2, h3");
    if (title && !dialog.hasAttribute("aria-labelledby") && !dialog.hasAttribute("aria-label")) {
      title.id ||= `${dialog.id}-title`;
      dialog.setAttribute("aria-labelledby", title.id);
    }
    if (dialog.hasAttribute("data-dialog-shown") && !dialog.open) dialog.showModal();
  }
}
