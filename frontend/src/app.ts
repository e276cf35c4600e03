import htmx from "htmx.org";
import * as dialog from "./dialog.ts";
import * as live from "./live.ts";
import * as signature from "./signature.ts";
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
  live.attach();
});

document.addEventListener("htmx:responseError", () => toast(text("refused")));
document.addEventListener("htmx:sendError", () => toast(text("unreachable")));
