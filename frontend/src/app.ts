import htmx from "htmx.org";
import * as dialog from "./dialog.ts";
import * as live from "./live.ts";
import * as signature from "./signature.ts";
import * as signing from "./signing.ts";
import * as submit from "./submit.ts";
import { text } from "./texts.ts";
import { toast } from "./toast.ts";

dialog.listen();
live.listen();
submit.listen();

// Called for the whole page, then for whatever each swap brings.
htmx.onLoad((content) => {
  const root = content instanceof HTMLElement ? (content.parentElement ?? content) : document;
  dialog.attach(root);
  signature.attach(root);
  signing.attach(root, (form) => {
    if (form.dataset.signed) window.location.assign(form.dataset.signed);
  });
  live.attach();
});

// On a narrow screen the tabs scroll: begin where the person is.
document.querySelector(".nav-tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

/** What a person asked for, unlike a page that refreshes by itself and will try again. */
function asked(event: Event): { verb: string } | null {
  const config = (event as CustomEvent).detail?.requestConfig;
  const trigger: unknown = config?.elt?.getAttribute?.("hx-trigger");
  return typeof trigger === "string" && /live|every/.test(trigger) ? null : (config ?? null);
}

document.addEventListener("htmx:responseError", (event) => {
  if (asked(event)) toast(text("refused"));
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    const config = asked(event);
    if (config) toast(text(config.verb === "get" ? "unreachable" : "unsure"));
  });
}
