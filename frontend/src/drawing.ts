// The drawing that a signature leaves: see docs/formats/drawing.md. No time and no pressure, on purpose.

export interface Point {
  x: number;
  y: number;
}

export const WIDTH = 600;
export const HEIGHT = 300;
export const MAX_STROKES = 64;
export const MAX_POINTS = 4000;
export const MAX_TEXT = 24 * 1024;
export const MIN_LENGTH = 20;
const FINEST = 1.5;

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** Length of all strokes together, in drawing units. */
export function length(strokes: Point[][]): number {
  let total = 0;
  for (const stroke of strokes) {
    for (let i = 1; i < stroke.length; i++) total += distance(stroke[i - 1]!, stroke[i]!);
  }
  return total;
}

/** Whole units inside the box, without a point that repeats the one before it. */
function rounded(stroke: Point[]): Point[] {
  const points: Point[] = [];
  for (const { x, y } of stroke) {
    const point = {
      x: Math.min(WIDTH, Math.max(0, Math.round(x))),
      y: Math.min(HEIGHT, Math.max(0, Math.round(y))),
    };
    const last = points.at(-1);
    if (!last || last.x !== point.x || last.y !== point.y) points.push(point);
  }
  return points;
}

/** Leave out points that stand less than `step` units from the one kept before; the ends always stay. */
function thinned(stroke: Point[], step: number): Point[] {
  const points: Point[] = [];
  stroke.forEach((point, i) => {
    const last = points.at(-1);
    if (!last || i === stroke.length - 1 || distance(last, point) >= step) points.push(point);
  });
  return points;
}

function lines(strokes: Point[][], step: number): Point[][] {
  return strokes.map((stroke) => thinned(rounded(stroke), step));
}

function format(strokes: Point[][]): string {
  const parts = strokes.map((stroke) =>
    stroke
      .map((point, i) => {
        const last = stroke[i - 1];
        return last ? `${point.x - last.x},${point.y - last.y}` : `${point.x},${point.y}`;
      })
      .join(" "),
  );
  return [`v1;${WIDTH}x${HEIGHT}`, ...parts].join(";");
}

/** Why strokes (in drawing units) cannot be sent yet, or null. */
export function whyNot(strokes: Point[][]): "empty" | "short" | "many" | null {
  if (strokes.length === 0) return "empty";
  if (strokes.length > MAX_STROKES) return "many";
  return length(lines(strokes, FINEST)) < MIN_LENGTH ? "short" : null;
}

/** The text that is posted: coarser and coarser until it keeps to the limits of the format. */
export function encode(strokes: Point[][]): string {
  for (let step = FINEST; ; step *= 1.5) {
    const kept = lines(strokes, step);
    const text = format(kept);
    const points = kept.reduce((sum, line) => sum + line.length, 0);
    if (points <= MAX_POINTS && text.length <= MAX_TEXT) return text;
  }
}
