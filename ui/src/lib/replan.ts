/**
 * A plan that is being changed: its steps as rows to be edited, what differs
 * from the plan it began as, and what the desk would refuse. Pure.
 */
import type { Plan } from '../gen/Plan';
import type { Step } from '../gen/Step';
import { readObject } from './json';

/** A step as it is edited; its arguments are text until they are sent. */
export interface Row {
  id: string;
  title: string;
  depends_on: string[];
  args: string;
  /** The step it was; none where the reviewer added it. */
  was: Step | null;
}

/** Something that is different now. */
export interface Difference {
  kind: 'added' | 'dropped' | 'moved' | 'changed';
  step: string;
  text: string;
}

/** What is wrong with a row. */
export interface RowFault {
  step: string;
  text: string;
}

/** The rows of a plan. */
export function rowsOf(plan: Plan | null): Row[] {
  return (plan?.steps ?? []).map((was) => ({ id: was.id, title: was.title, depends_on: [...was.depends_on], args: argsText(was), was }));
}

/** Whether a step is done: the plan must not say otherwise. */
export function isLocked(row: Row): boolean {
  return row.was?.status === 'done';
}

/** A name for a step the reviewer adds. */
export function newId(rows: Row[]): string {
  let number = 1;
  while (rows.some((row) => row.id === `by-you-${String(number)}`)) number += 1;
  return `by-you-${String(number)}`;
}

/** The rows without one of them, and without waiting for it. */
export function without(rows: Row[], id: string): Row[] {
  return rows.filter((row) => row.id !== id).map((row) => (isLocked(row) ? row : { ...row, depends_on: row.depends_on.filter((need) => need !== id) }));
}

/** The rows with one of them moved past its neighbour. */
export function moved(rows: Row[], id: string, by: 1 | -1): Row[] {
  const from = rows.findIndex((row) => row.id === id);
  const to = from + by;
  const [row, other] = [rows[from], rows[to]];
  if (row === undefined || other === undefined) return rows;
  const next = [...rows];
  next[from] = other;
  next[to] = row;
  return next;
}

/** The plan as it would be sent. */
export function planOf(rows: Row[]): Plan {
  return {
    steps: rows.map((row) => {
      const { was } = row;
      if (was !== null && isLocked(row)) return was;
      const base: Step = was ?? { id: row.id, title: '', status: 'pending', depends_on: [], uses: [] };
      const read = row.args.trim() === '' ? null : readObject(row.args);
      const next: Step = { ...base, title: row.title.trim(), depends_on: row.depends_on };
      if (read === null) delete next.args;
      else if ('value' in read && was !== null && row.args === argsText(was)) next.args = was.args ?? {};
      else if ('value' in read) next.args = read.value;
      return next;
    }),
  };
}

/** What differs from the plan it began as, in the order of the new one. */
export function differences(before: Plan | null, rows: Row[]): Difference[] {
  const old = before?.steps ?? [];
  const title = (id: string) => rows.find((row) => row.id === id)?.title.trim() || old.find((step) => step.id === id)?.title || id;
  const kept = rows.filter((row) => row.was !== null).map((row) => row.id);
  const stayed = longestInOrder(old.map((step) => step.id).filter((id) => kept.includes(id)), kept);
  const gone = old.filter((step) => !rows.some((row) => row.id === step.id)).map((step): Difference => ({ kind: 'dropped', step: step.id, text: `Drop “${step.title}”` }));
  const changed = rows.flatMap((row, index): Difference[] => {
    const previous = rows[index - 1];
    const place = previous === undefined ? 'first' : `after “${title(previous.id)}”`;
    const { was } = row;
    if (was === null) return [{ kind: 'added', step: row.id, text: `Add “${row.title.trim() || 'a step without a title'}” ${place}` }];
    const found: Difference[] = [];
    if (!stayed.has(row.id)) found.push({ kind: 'moved', step: row.id, text: `Move “${title(row.id)}” ${place}` });
    if (row.title.trim() !== was.title.trim()) found.push({ kind: 'changed', step: row.id, text: `“${was.title}” becomes “${row.title.trim()}”` });
    const more = row.depends_on.filter((need) => !was.depends_on.includes(need));
    const less = was.depends_on.filter((need) => !row.depends_on.includes(need));
    if (more.length > 0) found.push({ kind: 'changed', step: row.id, text: `“${title(row.id)}” waits for ${names(more, title)} too` });
    if (less.length > 0) found.push({ kind: 'changed', step: row.id, text: `“${title(row.id)}” no longer waits for ${names(less, title)}` });
    if (row.args.trim() !== argsText(was)) found.push({ kind: 'changed', step: row.id, text: `Other arguments for “${title(row.id)}”` });
    return found;
  });
  return [...gone, ...changed];
}

/** What the desk would refuse, each at its step. */
export function rowFaults(rows: Row[]): RowFault[] {
  const known = new Set(rows.map((row) => row.id));
  const title = (id: string) => rows.find((row) => row.id === id)?.title.trim() || id;
  const circle = circleIn(rows);
  return rows.filter((row) => !isLocked(row)).flatMap((row): RowFault[] => {
    const found: string[] = [];
    if (row.title.trim() === '') found.push('It needs a title: the agent reads it.');
    const read = row.args.trim() === '' ? null : readObject(row.args);
    if (read !== null && 'fault' in read) found.push(read.fault);
    const lost = (row.was?.uses ?? []).map((used) => /^steps\.(.+?)\.output/u.exec(used)?.[1]).find((id) => id !== undefined && !known.has(id));
    if (lost !== undefined) found.push(`It uses what “${lost}” gives, and that step is dropped. Drop this one too, or keep that one.`);
    if (circle.includes(row.id)) found.push(`The steps wait for each other in a circle: ${[...circle, circle[0] ?? ''].map((id) => `“${title(id)}”`).join(', ')}. Take out one of these.`);
    return found.map((text) => ({ step: row.id, text }));
  });
}

function argsText(step: Step): string {
  return step.args === undefined ? '' : JSON.stringify(step.args, null, 2);
}

function names(ids: string[], title: (id: string) => string): string {
  return ids.map((id) => `“${title(id)}”`).join(', ');
}

/** The most of `now` that is in the order of `before`: the rest was moved. */
function longestInOrder(before: string[], now: string[]): Set<string> {
  const place = new Map(before.map((id, index) => [id, index]));
  /** By length, the chain that ends earliest. */
  const ends: { at: number; id: string; rest: Link | null }[] = [];
  for (const id of now) {
    const at = place.get(id);
    if (at === undefined) continue;
    let from = 0;
    let to = ends.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((ends[middle]?.at ?? 0) < at) from = middle + 1;
      else to = middle;
    }
    ends[from] = { at, id, rest: ends[from - 1] ?? null };
  }
  const found = new Set<string>();
  for (let link: Link | null = ends.at(-1) ?? null; link !== null; link = link.rest) found.add(link.id);
  return found;
}

interface Link {
  id: string;
  rest: Link | null;
}

/** The steps of one circle, in order; none where there is none. */
function circleIn(rows: Row[]): string[] {
  const needs = new Map(rows.map((row) => [row.id, [...row.depends_on, ...used(row)]]));
  const settled = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): string[] | null => {
    if (settled.has(id)) return null;
    const at = path.indexOf(id);
    if (at >= 0) return path.slice(at);
    path.push(id);
    for (const need of needs.get(id) ?? []) {
      const found = visit(need);
      if (found !== null) return found;
    }
    path.pop();
    settled.add(id);
    return null;
  };
  for (const { id } of rows) {
    const found = visit(id);
    if (found !== null) return found;
  }
  return [];
}

function used({ was }: Row): string[] {
  return (was?.uses ?? []).map((one) => /^steps\.(.+?)\.output/u.exec(one)?.[1]).filter((id) => id !== undefined);
}
