/**
 * Where the steps of a plan stand when it is drawn: in layers from top to
 * bottom, each below all that it needs. Pure; it knows no pixels.
 */

/** A step as far as it is drawn. */
export interface Drawn {
  id: string;
  needs: string[];
}

/** Where something stands: its middle across the drawing from 0 to 1, and its layer. */
export interface Spot {
  x: number;
  layer: number;
}

/** A drawing of a plan. */
export interface Drawing {
  nodes: (Spot & { id: string })[];
  /** Lines from a step to one that needs it, past the layers between them. */
  lines: { from: string; to: string; spots: Spot[] }[];
  layers: number;
  /** How many steps stand beside each other at most. */
  columns: number;
  /** How wide a step is, of 1. */
  width: number;
}

/** What only passes a layer is narrower than a step. */
const PASSES = 0.16;
const SWEEPS = 4;

interface Place {
  key: string;
  layer: number;
  /** What it hangs on in the layer above. */
  above: Place[];
  below: Place[];
  weight: number;
  order: number;
}

/** Draws a plan; what a step needs and nobody knows is left out, and so is what would close a circle. */
export function draw(steps: Drawn[]): Drawing {
  const layer = layers(steps);
  const needs = direct(steps, layer);
  const rows: Place[][] = [];
  const places = new Map<string, Place>();
  const put = (key: string, at: number, weight: number): Place => {
    const row = (rows[at] ??= []);
    const place: Place = { key, layer: at, above: [], below: [], weight, order: row.length };
    row.push(place);
    return place;
  };
  const join = (above: Place, below: Place) => {
    above.below.push(below);
    below.above.push(above);
  };
  for (const { id } of steps) places.set(id, put(id, layer.get(id) ?? 0, 1));
  const chains = [...needs].flatMap(([to, list]) => list.map((from) => {
    const [start, end] = [places.get(from), places.get(to)];
    const chain = start === undefined ? [] : [start];
    for (let at = (layer.get(from) ?? 0) + 1; at < (layer.get(to) ?? 0); at += 1) chain.push(put(`${from} ${to}`, at, PASSES));
    if (end !== undefined) chain.push(end);
    chain.forEach((place, index) => {
      const next = chain[index + 1];
      if (next !== undefined) join(place, next);
    });
    return { from, to, chain };
  }));
  arrange(rows);
  const widest = Math.max(1, ...rows.map((row) => row.reduce((sum, place) => sum + place.weight, 0)));
  const x = new Map<Place, number>();
  for (const row of rows) {
    let at = (widest - row.reduce((sum, place) => sum + place.weight, 0)) / 2;
    for (const place of row) {
      x.set(place, (at + place.weight / 2) / widest);
      at += place.weight;
    }
  }
  const spot = (place: Place): Spot => ({ x: x.get(place) ?? 0.5, layer: place.layer });
  return {
    nodes: [...places].map(([id, place]) => ({ id, ...spot(place) })),
    lines: chains.map(({ from, to, chain }) => ({ from, to, spots: chain.map(spot) })),
    layers: rows.length,
    columns: Math.max(1, ...rows.map((row) => row.filter((place) => place.weight === 1).length)),
    width: 1 / widest,
  };
}

/** How far below the top each step stands. */
function layers(steps: Drawn[]): Map<string, number> {
  const known = new Map(steps.map((step) => [step.id, step]));
  const found = new Map<string, number>();
  for (const { id } of steps) {
    // By hand, not by calls: a plan may be a chain of thousands.
    const path: { id: string; left: string[] }[] = [];
    const on = new Set<string>();
    const enter = (next: string) => {
      on.add(next);
      path.push({ id: next, left: [...(known.get(next)?.needs ?? [])] });
    };
    if (!found.has(id)) enter(id);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const need = top.left.pop();
      if (need !== undefined) {
        if (known.has(need) && !found.has(need) && !on.has(need)) enter(need);
        continue;
      }
      const above = (known.get(top.id)?.needs ?? []).map((one) => found.get(one) ?? -1);
      found.set(top.id, Math.max(-1, ...above) + 1);
      on.delete(top.id);
      path.pop();
    }
  }
  return found;
}

/** What each step needs, without what it needs through another one anyway. */
function direct(steps: Drawn[], layer: Map<string, number>): Map<string, string[]> {
  const below = (need: string, id: string) => (layer.get(need) ?? Infinity) < (layer.get(id) ?? 0);
  const needs = new Map(steps.map((step) => [step.id, [...new Set(step.needs)].filter((need) => below(need, step.id))]));
  return new Map([...needs].map(([id, list]) => {
    const through = new Set<string>();
    const next = list.flatMap((need) => needs.get(need) ?? []);
    for (let one = next.pop(); one !== undefined; one = next.pop()) {
      if (through.has(one)) continue;
      through.add(one);
      next.push(...(needs.get(one) ?? []));
    }
    return [id, list.filter((need) => !through.has(need))];
  }));
}

/** Puts each layer in an order in which few lines cross: everything near the middle of what it hangs on. */
function arrange(rows: Place[][]): void {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : rows.toReversed()) {
      const wanted = new Map(row.map((place) => {
        const others = down ? place.above : place.below;
        return [place, others.length === 0 ? place.order : others.reduce((sum, other) => sum + other.order, 0) / others.length];
      }));
      row.sort((one, other) => (wanted.get(one) ?? 0) - (wanted.get(other) ?? 0) || one.order - other.order);
      row.forEach((place, index) => (place.order = index));
    }
  }
}
