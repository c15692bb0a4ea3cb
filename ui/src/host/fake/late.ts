/** A desk on which time runs out: near, past, put off, and with a default. */
import { HOUR, iso, MINUTE, type OptionSpec, type Spec } from './build';
import { refundSpec } from './refund';

export function lateSpecs(now: number): Spec[] {
  const restart: OptionSpec = { id: 'restart', label: 'Restart the worker', effect: 'reversible', risk: 'low', recommended: true, why: 'A restart drops no job.', action: { tool: 'service.restart', args: { unit: 'worker-3' } } };
  const passed = (ms: number, event: string, text: string) => ({ at: iso(now - ms), actor: 'System', event, text, until: null });
  return [
    {
      id: 'h-review', agent: 'ledger', title: 'Close November', question: 'Post the correction of 72.00 EUR?', dueMs: -2 * HOUR, flags: ['manual_review'], onTimeout: 'safe_default', fallback: 'post', leave: false, listens: false, refused: 'The default was not taken. At its level this agent may not change anything unasked.',
      summary: 'Two digits look swapped in one entry. The correction makes bank and ledger agree.',
      options: [{ id: 'post', label: 'Post the correction', effect: 'reversible', recommended: true, action: { tool: 'ledger.correct', args: { entry: 7781, amount: 480.0 }, undo: { kind: 'tool', tool: 'ledger.correct', args: { entry: 7781, amount: 408.0 } } } }],
      thread: [passed(3 * HOUR, 'submitted', 'Handed over'), passed(2.5 * HOUR, 'warned', 'Warned of the deadline'), passed(2 * HOUR, 'manual_review', 'Deadline passed: nothing was done. The default was not taken. At its level this agent may not change anything unasked.')],
    },
    {
      id: 'h-escalated', agent: 'deploy-bot', title: 'Nightly deploy', question: 'Restart worker-3 before the nightly run?', priority: 'urgent', dueMs: -12 * MINUTE, flags: ['escalated'], onTimeout: 'escalate',
      summary: 'worker-3 has not taken a job for 40 minutes. The nightly run needs all three workers.', options: [restart],
      thread: [passed(HOUR, 'submitted', 'Handed over'), passed(12 * MINUTE, 'escalated', 'Deadline passed: you are alerted'), passed(12 * MINUTE, 'alerted', 'Alerted after the deadline'), passed(2 * MINUTE, 'alerted', 'Alerted after the deadline')],
    },
    { id: 'h-slept', agent: 'deploy-bot', title: 'Nightly deploy', question: 'Keep the old logs for another week?', dueMs: -MINUTE, onTimeout: 'manual_review', summary: 'The disk holds 3 weeks more.', options: [restart] },
    { id: 'h-near', agent: 'claude-code', title: 'Rename the API', question: 'Run the migration on the test database?', priority: 'high', dueMs: 7 * MINUTE, warnBeforeMs: 8 * MINUTE, onTimeout: 'escalate', summary: 'The migration renames one column and keeps all rows.', options: [restart] },
    { id: 'h-soon', agent: 'claude-code', title: 'Rename the API', question: 'Apply the rename to 14 files in api/?', dueMs: 14 * MINUTE, warnBeforeMs: 6 * MINUTE, onTimeout: 'escalate', summary: 'The function load_user is renamed to fetch_user in 14 files.', options: [restart] },
    { ...refundSpec(now), snoozedMs: HOUR, flags: ['snoozed'] },
    { id: 'h-later', agent: 'tidy', title: 'Sort the scans', question: 'Which of two folders takes the invoices?', dueMs: 52 * HOUR, warnBeforeMs: 5 * HOUR, priority: 'low', summary: 'Both hold invoices of this year.' },
  ];
}
