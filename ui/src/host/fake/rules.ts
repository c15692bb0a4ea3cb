/**
 * Rules on the in-memory desk: what is wrong with one, and what it covers in
 * words. It knows only the faults that the window's own form can make.
 */
import type { Rule } from '../../gen/Rule';
import { moment } from '../../lib/time';

const DAY = 24 * 3_600_000;
const SHELLS = ['bash', 'shell', 'sh', 'exec_command'];

/** The first fault of a rule. */
export function ruleFault(rule: Rule, now: number): { pointer: string; message: string } | null {
  const { when } = rule;
  if (rule.name.trim() === '') return { pointer: '/name', message: 'The rule has no name that can be shown.' };
  if (rule.until !== undefined && Date.parse(rule.until) <= now) return { pointer: '/until', message: 'The rule would be over already.' };
  if (rule.uses === 0) return { pointer: '/uses', message: 'The rule would cover no call.' };
  if (when.argv !== undefined && when.cwd === undefined) return { pointer: '/when/cwd', message: 'A command is named without its folder.' };
  if (when.cwd !== undefined && !when.cwd.startsWith('/')) return { pointer: '/when/cwd', message: 'This is not one folder for sure.' };
  if (when.expr !== undefined) {
    const open = (when.expr.match(/\(/gu) ?? []).length - (when.expr.match(/\)/gu) ?? []).length;
    if (open !== 0 || /(&&|\|\||[=<>+])\s*$/u.test(when.expr)) return { pointer: '/when/expr', message: 'The condition cannot be read: it ends too early.' };
    const other = /\b(?!agent\b|task\b|tool\b|args\b|facts\b)([a-z_]+)\./u.exec(when.expr.replaceAll(/"[^"]*"/gu, '').replaceAll(/\.[a-z_]+/gu, (part) => part))?.[1];
    if (other !== undefined) return { pointer: '/when/expr', message: `Nothing is called ${other} here.` };
  }
  switch (rule.does) {
    case 'hold':
      return rule.why.trim() === '' ? { pointer: '/why', message: 'A hold has to say why on the card.' } : null;
    case 'counts':
      if (rule.tool === undefined) return { pointer: '/tool', message: 'What a call counts as is said of one tool.' };
      if (rule.effect === 'irreversible' || when.argv !== undefined) return null;
      if (SHELLS.includes(rule.tool.toLowerCase())) return { pointer: '/when/argv', message: 'What a shell does is told by the exact words of one command.' };
      return Object.keys(when.args).length === 0 && when.expr === undefined ? { pointer: '/when/args', message: 'It does not say which calls count as less than they may do.' } : null;
    case 'allow':
      return rule.until === undefined || Date.parse(rule.until) > now + 30 * DAY + 60_000 ? { pointer: '/until', message: 'An allow lasts at most 30 days.' } : null;
  }
}

/** What a rule covers, in words. */
export function covers(rule: Rule): string {
  const { when } = rule;
  const does = { allow: 'Runs without asking, as long as it can be undone:', hold: 'Always asks first:', counts: rule.does === 'counts' ? { read: 'Counts as a read, which runs without asking:', reversible: 'Counts as a change that can be undone:', irreversible: 'Counts as irreversible, so it always asks:' }[rule.effect] : '' }[rule.does];
  const said = [
    ...Object.entries(when.args).map(([name, pattern]) => `\`${name}\` is ${shape(pattern)}`),
    ...(when.argv === undefined ? [] : [`the command is exactly ${JSON.stringify(when.argv)}`]),
    ...(when.cwd === undefined ? [] : [`it runs in ${when.cwd}`]),
    ...(when.expr === undefined ? [] : [`\`${when.expr}\` holds`]),
  ];
  const whose = `calls of ${rule.tool === undefined ? 'any tool' : `\`${rule.tool}\``} by ${rule.agent ?? 'any agent'}`;
  const uses = rule.uses === undefined ? '' : ` after ${String(rule.uses)} ${rule.uses === 1 ? 'call' : 'calls'}`;
  const until = rule.until === undefined ? '' : `${uses === '' ? '' : ', or'} on ${moment(rule.until, Date.parse(rule.until) - 8 * DAY)}`;
  return `${does} ${whose}${said.length === 0 ? '' : `, where ${said.join(' and ')}`}.${uses + until === '' ? ' It has no end.' : ` It ends${uses}${until}.`}`;
}

function shape(pattern: unknown): string {
  if (pattern === 'any') return 'anything at all';
  const one = pattern as { is?: unknown; within?: string };
  return one.within === undefined ? `exactly ${JSON.stringify(one.is)}` : `the path of a file in ${one.within} or deeper`;
}
