/**
 * One change of a draft on a row: what was called, where, and how it would be
 * undone. Pure: what does not fit on a row is cut openly and never left out.
 */
import type { ActionView } from '../gen/ActionView';
import { moment } from './time';
import { oneLine } from './json';
import { undoWords } from './words';

/** What a row says of a change. */
export interface Row {
  /** A move, without the folder that both ends are in, and only into which folder where the name stays. */
  move: { from: string; to: string; folder: string } | null;
  /** The one file it says it touched; no move. */
  file: string | null;
  /** What else it was told, on a line; empty where nothing. */
  told: string;
  /** How it would be undone, in a few words; empty where it has no way back. */
  undo: string;
}

/** The folder that all of these paths are in, with the mark at its end; empty where there is none. */
export function commonFolder(paths: string[]): string {
  const [first, ...others] = paths.map((path) => path.slice(0, path.replace(/\/+$/u, '').lastIndexOf('/') + 1));
  let folder = first ?? '';
  for (const other of others) {
    while (!other.startsWith(folder)) folder = folder.slice(0, folder.slice(0, -1).lastIndexOf('/') + 1);
  }
  return folder === '/' ? '' : folder;
}

/** The folder that everything on these rows is in, to be said once. */
export function foldered(actions: ActionView[]): string {
  return commonFolder(actions.flatMap(places));
}

/** How all of these would be undone, where that is the same for each and can be said once; else empty. */
export function sameUndo(actions: ActionView[], now: number): string {
  const ways = new Set(actions.map((action) => undoOf(action, now)).filter((way) => way !== ''));
  return actions.length > 1 && ways.size === 1 ? ([...ways][0] ?? '') : '';
}

/** What a row says of a change, where the folder of all rows is said already. */
export function changeRow(action: ActionView, folder: string, now: number): Row {
  const input = read(action);
  const bare = (path: string) => (path.startsWith(folder) ? path.slice(folder.length) : path);
  const [at] = places(action);
  const found = input === undefined ? null : moveOf(input);
  const undo = undoOf(action, now);
  if (found !== null) {
    const [from, to] = [bare(found.from), bare(found.to)];
    const inside = commonFolder([from, to]);
    return { move: { from: from.slice(inside.length), to: into(from.slice(inside.length), to.slice(inside.length)), folder: inside }, file: null, told: line(found.rest), undo };
  }
  const file = at === undefined ? null : bare(at);
  if (input === undefined || at === undefined || action.files.length !== 1) return { move: null, file, told: action.input === null ? '' : short(oneLine(action.input.head, Infinity) ?? '', action.input.whole), undo };
  return { move: null, file, told: line(Object.fromEntries(Object.entries(input).filter(([, value]) => value !== at))), undo };
}

/** A file that keeps its name: the folder it went into says all. */
function into(from: string, to: string): string {
  const folder = to.slice(0, to.lastIndexOf('/') + 1);
  return folder !== '' && from.slice(from.lastIndexOf('/') + 1) === to.slice(folder.length) ? folder : to;
}

/** The paths that its row names. */
function places(action: ActionView): string[] {
  const found = read(action);
  const move = found === undefined ? null : moveOf(found);
  return move === null ? action.files.slice(0, 1) : [move.from, move.to];
}

/** The arguments, where all of them are there and can be read. */
function read({ input }: ActionView): Record<string, unknown> | undefined {
  if (input?.whole !== true) return undefined;
  try {
    const value: unknown = JSON.parse(input.head);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One move, alone or as the only one of a list; `null` where it is something else. */
function moveOf(args: Record<string, unknown>): { from: string; to: string; rest: Record<string, unknown> } | null {
  const { moves, ...others } = args;
  if (Array.isArray(moves)) {
    const only: unknown = moves[0];
    const found = moves.length === 1 && isObject(only) && moves[0] !== undefined ? moveOf(only) : null;
    return found !== null && Object.keys(found.rest).length === 0 ? { ...found, rest: others } : null;
  }
  const { from, to, ...rest } = args;
  return typeof from === 'string' && typeof to === 'string' ? { from, to, rest } : null;
}

function undoOf(action: ActionView, now: number): string {
  const { undo } = action;
  if (undo === null) return '';
  const until = undo.until === undefined ? '' : `, until ${moment(undo.until, now)}`;
  if (undo.kind === 'files') return `from the desk’s copies${until}`;
  if (undo.kind === 'command') return `${short(undoWords(undo), true)}${until}`;
  const args = read(action);
  const [made, back] = [args === undefined ? null : moveOf(args), moveOf(undo.args)];
  const nothingElse = made !== null && back !== null && Object.keys({ ...made.rest, ...back.rest }).length === 0;
  if (nothingElse && undo.tool === action.tool && made.from === back.to && made.to === back.from) return `moved back${until}`;
  return `${short(`by ${undo.tool} ${line(undo.args)}`.trim(), true)}${until}`;
}

/** Arguments on a line, as they are written elsewhere too. */
function line(args: Record<string, unknown>): string {
  return Object.keys(args).length === 0 ? '' : short(oneLine(JSON.stringify(args, null, 1), Infinity) ?? '', true);
}

/** A line that fits on a row; what is cut, is cut openly. */
function short(text: string, whole: boolean): string {
  return text === '' || (text.length <= 96 && whole) ? text : `${text.slice(0, 90).replace(/[\uD800-\uDBFF]$/u, '')}…`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
