/** An answered card says what was decided, by whom and when, and nothing that was only of use before. */
import { screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { desk, eachAlone, host, open, pass, show } from './stage';

eachAlone();

async function answered(): Promise<HTMLElement> {
  await open('empty');
  const at = new Date(Date.now() - 30 * 60_000).toISOString();
  host.submit({
    id: 'h-done', agent: 'tidy', title: 'Tidy', question: 'Move the files?', state: 'reconciled', flags: ['snoozed', 'escalated', 'cold'], snoozedMs: 3_600_000, received_at: at,
    steps: [{ id: 'scan', title: 'Scan', status: 'done' }, { id: 'move', title: 'Move', status: 'done', dependsOn: ['scan'] }, { id: 'report', title: 'Report', status: 'pending', dependsOn: ['move'] }], question_step: 'move',
    options: [{ id: 'move', label: 'Move 3 files', action: { tool: 'files.move', args: { from: 'a' }, preconditions: ['files.look gives 3'] } }],
    decision: { kind: 'approve', by: 'reviewer', at, option: 'move', facts: {}, constraints: [] }, report: { outcome: 'applied', steps: [{ id: 'move', outcome: 'applied' }] }, liveness: { kind: 'collected', at },
  });
  desk.show('done');
  await pass(300);
  await show('h-done');
  return screen.getByRole('main');
}

test('it says who answered and when, and what the agent did', async () => {
  const card = await answered();
  expect(screen.getByTestId('deadline').textContent.trim()).toBe('asked at 08:30, answered by you at 08:30');
  expect(card.querySelector('footer')?.textContent).toMatch(/Approved: Move 3 files[^.]*by you at 08:30\s*The agent has carried it out\./u);
});

test('it says nothing of deadlines, reminders, reading and what would run', async () => {
  const card = await answered();
  expect(card.textContent).not.toMatch(/due|left|snoozed|to read|warning|Checked again/iu);
  expect(document.querySelector('[data-part="reach"]')).toBeNull();
  const plan = screen.getByRole('region', { name: 'Plan' });
  expect(plan.querySelector('.verdict')).toBeNull();
  expect([...plan.querySelectorAll('.mark')].map((mark) => mark.textContent)).toEqual(['done', 'done', 'not begun']);
  expect(screen.getByTestId('queue-item').textContent).not.toMatch(/snoozed|overdue|incomplete/u);
});
