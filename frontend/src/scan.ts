// The page behind the address of a QR code: it says *I am here* by itself, then lets its student sign, without any other
// page. It is light on purpose: a whole hall loads it within the same few seconds.
import { goToLogin, post } from "./send.ts";
import * as signature from "./signature.ts";
import * as signing from "./signing.ts";
import { text } from "./texts.ts";

const TRIES = 4;
const PAUSE_MS = 1000;

const form = document.querySelector<HTMLFormElement>("form[data-scan]");

function say(words: string, look: "calm" | "good" | "bad"): void {
  const place = document.getElementById("said");
  if (!place) return;
  place.textContent = words;
  place.className = `alert alert-${{ calm: "info", good: "success", bad: "danger" }[look]}`;
  place.hidden = false;
}

function show(id: string): void {
  const place = document.getElementById(id);
  if (place) place.hidden = false;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => window.setTimeout(done, milliseconds));
}

async function sayHere(form: HTMLFormElement): Promise<void> {
  const ticket = form.querySelector<HTMLInputElement>("[name=ticket]")?.value ?? "";
  form.hidden = true;
  say(text("saying"), "calm");
  const path = form.getAttribute("action") ?? "";
  let answer = await post(form, path, { ticket });
  for (let tried = 1; answer.kind === "unsent" && tried < TRIES; tried++) {
    await pause(PAUSE_MS * (tried + Math.random())); // not all of a hall at the same instant
    answer = await post(form, path, { ticket });
  }
  if (answer.kind === "login") {
    goToLogin(answer.login, `${path}?ticket=${encodeURIComponent(ticket)}`);
  } else if (answer.kind === "taken") {
    const sign = answer.values.signature === true;
    say(text(sign ? "hereSign" : "here"), "good");
    if (sign) offerToSign(String(answer.values.line));
    else show("onward");
  } else {
    say(answer.text, "bad");
    form.hidden = answer.kind !== "unsent";
    if (answer.kind === "refused") show("again");
  }
}

function offerToSign(line: string): void {
  const pad = document.querySelector<HTMLFormElement>("form[data-sign]");
  if (!pad) return;
  pad.dataset.sign = `/student/lines/${line}/sign`;
  show("sign");
  signature.attach(document);
  signing.attach(document, (signed, at) => {
    document.getElementById("sign")!.hidden = true;
    const hour = at.toLocaleTimeString(document.documentElement.lang, { timeZone: signed.dataset.zone });
    say(text("signed").replace("{time}", hour), "good");
    show("onward");
    document.getElementById("said")?.scrollIntoView({ block: "center" });
  });
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void sayHere(form);
  });
  void sayHere(form);
}
