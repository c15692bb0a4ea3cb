/** A plan drawn in layers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { draw, type Drawn } from '../../src/lib/graph';

const step = (id: string, ...needs: string[]): Drawn => ({ id, needs });
const layers = (steps: Drawn[]) => Object.fromEntries(draw(steps).nodes.map((node) => [node.id, node.layer]));

describe('a plan is drawn', () => {
  test('each step below all that it needs', () => {
    expect(layers([step('c', 'a', 'b'), step('a'), step('b', 'a')])).toEqual({ a: 0, b: 1, c: 2 });
  });

  test('without the lines that others say already', () => {
    const { lines } = draw([step('a'), step('b', 'a'), step('c', 'b', 'a')]);
    expect(lines.map(({ from, to }) => from + to)).toEqual(['ab', 'bc']);
  });

  test('with a line past the layers between its ends', () => {
    const { lines, columns, width } = draw([step('a'), step('b', 'a'), step('c', 'b'), step('d', 'c', 'e'), step('e')]);
    expect(lines.find(({ from, to }) => from + to === 'ed')?.spots.map((spot) => spot.layer)).toEqual([0, 1, 2, 3]);
    expect(columns).toBe(2);
    expect(width).toBe(0.5);
  });

  test('so that lines do not cross where they need not', () => {
    const { nodes } = draw([step('a'), step('b'), step('x', 'b'), step('y', 'a')]);
    const x = (id: string) => nodes.find((node) => node.id === id)?.x ?? 0;
    expect(x('a') < x('b')).toBe(x('y') < x('x'));
  });

  test('also with what nobody knows and with a circle', () => {
    const { nodes, lines } = draw([step('a', 'gone', 'b'), step('b', 'a'), step('c', 'c')]);
    expect(nodes).toHaveLength(3);
    expect(lines.length).toBeLessThanOrEqual(1);
    expect(draw([])).toMatchObject({ nodes: [], lines: [] });
  });

  test('also where it is one long chain', () => {
    const chain = Array.from({ length: 3000 }, (_, at) => step(`s${String(at)}`, ...(at === 0 ? [] : [`s${String(at - 1)}`])));
    expect(draw(chain.toReversed()).layers).toBe(3000);
  });

  test('whatever it is: inside the drawing, no two steps on one another, and every line downwards', () => {
    const plan = fc.array(fc.array(fc.nat(11), { maxLength: 3 }), { maxLength: 12 }).map((all) => all.map((needs, at) => step(String(at), ...needs.filter((need) => need < at).map(String))));
    fc.assert(fc.property(plan, (steps) => {
      const { nodes, lines, width } = draw(steps);
      for (const node of nodes) {
        expect(node.x - width / 2).toBeGreaterThan(-1e-9);
        expect(node.x + width / 2).toBeLessThan(1 + 1e-9);
        for (const other of nodes) if (other.id !== node.id && other.layer === node.layer) expect(Math.abs(other.x - node.x)).toBeGreaterThan(width - 1e-9);
        for (const need of steps.find((one) => one.id === node.id)?.needs ?? []) expect(nodes.find((one) => one.id === need)?.layer).toBeLessThan(node.layer);
      }
      for (const { spots } of lines) spots.forEach((spot, at) => { expect(spot.layer).toBe((spots[0]?.layer ?? 0) + at); });
    }));
  });
});
