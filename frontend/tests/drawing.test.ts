import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, length, MAX_POINTS, MAX_TEXT, whyNot, type Point } from "../src/drawing.ts";

test("a stroke is its first point, then the steps", () => {
  const stroke = [{ x: 10, y: 20 }, { x: 110.4, y: 20 }, { x: 110, y: 70.6 }];
  assert.equal(encode([stroke, [{ x: 5, y: 5 }, { x: 5, y: 15 }]]), "v1;600x300;10,20 100,0 0,51;5,5 0,10");
});

test("points stay inside the box and a dot is one point", () => {
  assert.equal(encode([[{ x: 640, y: -3 }]]), "v1;600x300;600,0");
  assert.equal(encode([[{ x: 0, y: 299.6 }, { x: 0.2, y: 300 }]]), "v1;600x300;0,300");
});

test("a point that repeats the last one is left out", () => {
  assert.equal(encode([[{ x: 1, y: 1 }, { x: 1.2, y: 0.9 }, { x: 9, y: 1 }]]), "v1;600x300;1,1 8,0");
});

test("a huge drawing grows coarser until it fits", () => {
  const strokes: Point[][] = Array.from({ length: 40 }, (_, n) =>
    Array.from({ length: 900 }, (_, i) => ({ x: (i * 7 + n) % 600, y: (i * 13 + n) % 300 })),
  );
  const text = encode(strokes);
  const [version, box, ...lines] = text.split(";");
  assert.deepEqual([version, box, lines.length], ["v1", "600x300", 40]);
  assert.ok(text.length <= MAX_TEXT);
  assert.ok(lines.reduce((sum, line) => sum + line.split(" ").length, 0) <= MAX_POINTS);
});

test("why a drawing cannot be sent", () => {
  const line = [{ x: 0, y: 0 }, { x: 30, y: 0 }];
  assert.equal(whyNot([]), "empty");
  assert.equal(whyNot([[{ x: 3, y: 3 }]]), "short");
  assert.equal(whyNot([line]), null);
  assert.equal(whyNot(Array.from({ length: 65 }, () => line)), "many");
  assert.equal(length([line, line]), 60);
});
