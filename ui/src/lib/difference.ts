/**
 * What differs between two texts, line by line. Pure: it lays out and judges
 * nothing.
 */

/** A line that is in both, only in the former or only in the later text, or a number of lines that are in both. */
export type DiffLine = { kind: 'same' | 'gone' | 'new'; text: string } | { kind: 'gap'; count: number };

/** Beyond so many pairs of lines the comparison costs more than it helps. */
const MOST = 4_000_000;
/** How many lines around a change are shown. */
const AROUND = 2;
/** Two values that take no more than this together are read at a glance. */
const SHORT = 60;

/** The later text with what is gone from the former one in its place; `null` where there is too much to compare. */
export function difference(before: string, after: string): DiffLine[] | null {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < Math.min(old.length, now.length) && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const same = (lines: string[]): DiffLine[] => lines.map((text) => ({ kind: 'same', text }));
  const middle = between(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  return middle === null ? null : gaps([...same(now.slice(0, head)), ...middle, ...same(now.slice(now.length - tail))]);
}

/** What differs between two lists or objects, item by item, each as JSON. */
export interface Items {
  gone: string[];
  come: string[];
  /** How many are in both. */
  same: number;
}

/** The items of two lists, or the members of two objects; `null` where they are something else, or too short to need it. */
export function items(old: unknown, now: unknown): Items | null {
  const [before, after] = [parts(old), parts(now)];
  if (before === null || after === null || Array.isArray(old) !== Array.isArray(now)) return null;
  if (JSON.stringify(old).length + JSON.stringify(now).length <= SHORT) return null;
  const [gone, come] = [without(before, after), without(after, before)];
  return { gone, come, same: after.length - come.length };
}

/** What is in one list and not in the other; what stands twice counts twice. */
function without(list: string[], other: string[]): string[] {
  const left = new Map<string, number>();
  for (const one of other) left.set(one, (left.get(one) ?? 0) + 1);
  return list.filter((one) => {
    const there = left.get(one) ?? 0;
    left.set(one, there - 1);
    return there <= 0;
  });
}

function parts(value: unknown): string[] | null {
  if (Array.isArray(value)) return value.map((one) => JSON.stringify(one));
  return typeof value === 'object' && value !== null ? Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${JSON.stringify(one)}`) : null;
}

/** By the longest run of lines, not all of them neighbours, that both have. */
function between(old: string[], now: string[]): DiffLine[] | null {
  if ((old.length + 1) * (now.length + 1) > MOST) return null;
  const width = now.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  const at = (one: number, other: number) => common[one * width + other] ?? 0;
  for (let one = old.length - 1; one >= 0; one -= 1) {
    for (let other = now.length - 1; other >= 0; other -= 1) {
      common[one * width + other] = old[one] === now[other] ? at(one + 1, other + 1) + 1 : Math.max(at(one + 1, other), at(one, other + 1));
    }
  }
  const lines: DiffLine[] = [];
  for (let one = 0, other = 0; one < old.length || other < now.length;) {
    const [gone, come] = [old[one], now[other]];
    if (gone !== undefined && gone === come) {
      lines.push({ kind: 'same', text: gone });
      one += 1;
      other += 1;
    } else if (gone !== undefined && (come === undefined || at(one + 1, other) >= at(one, other + 1))) {
      lines.push({ kind: 'gone', text: gone });
      one += 1;
    } else {
      lines.push({ kind: 'new', text: come ?? '' });
      other += 1;
    }
  }
  return lines;
}

/** Counts the lines far from any change instead of showing them; a single one would take no less room as a number. */
function gaps(lines: DiffLine[]): DiffLine[] {
  const near = lines.map((_, index) => lines.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((line) => line.kind !== 'same'));
  const shown: DiffLine[] = [];
  for (let at = 0; at < lines.length;) {
    const next = near.indexOf(near[at] !== true, at);
    const run = lines.slice(at, next < 0 ? lines.length : next);
    if (near[at] === true || run.length === 1) shown.push(...run);
    else shown.push({ kind: 'gap', count: run.length });
    at += run.length;
  }
  return shown;
}
