/** Say something that happened outside the person's own action, in the polite live region of the shell. */
export function toast(message: string): void {
  const region = document.getElementById("toasts");
  if (!region) return;
  const box = document.createElement("p");
  box.className = "toast-line";
  box.textContent = message;
  region.replaceChildren(box);
  window.setTimeout(() => box.remove(), 8000);
}
