// Sentences for people come from the page (base.html, element #texts), so that they follow its language.

export function text(name: string): string {
  const value = document.getElementById("texts")?.dataset[name];
  if (value === undefined) throw new Error(`The page gives no text named ${name}.`);
  return value;
}
