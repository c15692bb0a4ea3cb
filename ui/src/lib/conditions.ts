/**
 * The conditions of a rule, one by one, for reading. It leaves none out: a
 * pattern it does not know is shown as it is.
 */
import type { When } from '../gen/When';

/** `case` – `is exactly` – `"48213"`; what stands in `what` and `value` is not the desk's own text. */
export interface Condition {
  what: string;
  how: string;
  value: string;
}

/** Every condition that a call has to meet; none where every call is meant. */
export function conditions(when: When): Condition[] {
  return [
    ...Object.entries(when.args).map(([what, pattern]) => ({ what, ...shape(pattern) })),
    ...(when.argv === undefined ? [] : [{ what: 'its command', how: 'is exactly', value: JSON.stringify(when.argv) }]),
    ...(when.cwd === undefined ? [] : [when.cwd === '' ? { what: 'its folder', how: 'is not named', value: '' } : { what: 'its folder', how: 'is', value: when.cwd }]),
    ...(when.expr === undefined ? [] : [{ what: 'its call', how: 'meets', value: when.expr }]),
  ];
}

function shape(pattern: unknown): { how: string; value: string } {
  if (pattern === 'any') return { how: 'is anything at all', value: '' };
  const [[kind, value] = [], ...more] = typeof pattern === 'object' && pattern !== null ? (Object.entries(pattern) as [string, unknown][]) : [];
  if (more.length === 0) {
    if (kind === 'is') return { how: 'is exactly', value: JSON.stringify(value) };
    if (kind === 'one_of' && Array.isArray(value)) return { how: 'is one of', value: value.map((one) => JSON.stringify(one)).join(', ') };
    if (kind === 'within' && typeof value === 'string') return { how: 'is the path of a file in', value };
    if (kind === 'between' && Array.isArray(value)) return { how: 'is a number from', value: value.map(String).join(' to ') };
  }
  return { how: 'fits', value: JSON.stringify(pattern) };
}
