// Reads QR codes where the browser itself cannot. Loaded by the page of the camera alone.
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";

/** Say where the program is, and load it. */
export function prepare(wasm: string): void {
  void prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
}

/** The text of a QR code in a picture, if there is one. */
export async function read(picture: ImageData): Promise<string | undefined> {
  const found = await readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
  return found.find((code) => code.isValid)?.text;
}
