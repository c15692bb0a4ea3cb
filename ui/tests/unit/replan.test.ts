import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/gen/Plan';
import { differences, isLocked, moved, newId, planOf, rowFaults, rowsOf, without, type Row } from '../../src/lib/replan';
import { standing, withThread } from '../../src/lib/task';

const PLAN: Plan = {
  steps: [
    { id: 'find', title: 'Find', status: 'done', depends_on: [], uses: [] },
    { id: 'refund', title: 'Refund', status: 'pending', depends_on: ['find'], uses: ['steps.find.output.sum'], tool: 'billing.refund', args: { amount: 149 } },
    { id: 'write', title: 'Write', status: 'pending', depends_on: ['refund'], uses: ['steps.refund.output.receipt'] },
    { id: 'report', title: 'Report', status: 'running', depends_on: [], uses: [] },
  ],
};
const texts = (rows: Row[]) => differences(PLAN, rows).map((one) => one.text);
const edit = (id: string, change: Partial<Row>) => rowsOf(PLAN).map((row) => (row.id === id ? { ...row, ...change } : row));

describe('a plan that is changed', () => {
  test('is the very same while nothing is changed', () => {
    expect(planOf(rowsOf(PLAN))).toEqual(PLAN);
    expect(texts(rowsOf(PLAN))).toEqual([]);
    expect(rowFaults(rowsOf(PLAN))).toEqual([]);
  });

  test('says each difference once, in words', () => {
    expect(texts(moved(rowsOf(PLAN), 'report', -1))).toEqual(['Move “Report” after “Refund”']);
    expect(texts(edit('refund', { title: 'Refund it' }))).toEqual(['“Refund” becomes “Refund it”']);
    expect(texts(edit('report', { depends_on: ['refund', 'write'] }))).toEqual(['“Report” waits for “Refund”, “Write” too']);
    expect(texts(edit('refund', { args: '{ "amount": 100 }' }))).toEqual(['Other arguments for “Refund”']);
    expect(texts([...rowsOf(PLAN), { id: 'by-you-1', title: 'Call', depends_on: [], args: '', was: null }])).toEqual(['Add “Call” after “Report”']);
    expect(texts(without(rowsOf(PLAN), 'refund'))).toEqual(['Drop “Refund”', '“Write” no longer waits for “Refund”']);
  });

  test('sends what was edited and leaves the rest as it was', () => {
    const plan = planOf(edit('refund', { title: ' Refund it ', args: '{ "amount": 100 }' }));
    expect(plan.steps[1]).toEqual({ ...PLAN.steps[1], title: 'Refund it', args: { amount: 100 } });
    expect(plan.steps[0]).toEqual(PLAN.steps[0]);
    expect(planOf(edit('refund', { args: '' })).steps[1]).not.toHaveProperty('args');
  });

  test('never changes what is done', () => {
    const rows = edit('find', { title: 'Something else', depends_on: ['refund'] });
    expect(planOf(rows).steps[0]).toEqual(PLAN.steps[0]);
    expect(rowsOf(PLAN).filter(isLocked).map((row) => row.id)).toEqual(['find']);
  });

  test('tells what the desk would refuse at its step', () => {
    const told = (rows: Row[]) => rowFaults(rows).map((fault) => [fault.step, fault.text]);
    expect(told(edit('report', { title: ' ' }))).toEqual([['report', 'It needs a title: the agent reads it.']]);
    expect(told(edit('refund', { args: '{ "amount": ' }))[0]?.[1]).toContain('This is not JSON yet');
    expect(told(without(rowsOf(PLAN), 'refund'))[0]).toEqual(['write', 'It uses what “refund” gives, and that step is dropped. Drop this one too, or keep that one.']);
    const circle = told(edit('refund', { depends_on: ['find', 'write'] }));
    expect(circle.map(([step]) => step)).toEqual(['refund', 'write']);
    expect(circle[0]?.[1]).toContain('“Refund”, “Write”, “Refund”');
  });

  test('gives added steps names of their own', () => {
    const one: Row = { id: newId(rowsOf(PLAN)), title: 'A', depends_on: [], args: '', was: null };
    expect(newId([...rowsOf(PLAN), one])).not.toBe(one.id);
  });

  test('whatever the moves, those it names are enough to explain the order, and it names no step twice', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e', 'f'], { minLength: 6, maxLength: 6 }), (order) => {
        const plan: Plan = { steps: ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => ({ id, title: id, status: 'pending', depends_on: [], uses: [] })) };
        const rows = order.map((id) => rowsOf(plan).find((row) => row.id === id)).filter((row) => row !== undefined);
        const steps = differences(plan, rows).map((one) => one.step);
        expect(new Set(steps).size).toBe(steps.length);
        const stayed = order.filter((id) => !steps.includes(id));
        expect(stayed).toEqual([...stayed].sort());
      }),
    );
  });
});

describe('who acts', () => {
  const view = { acts: 'agent', stopped: null, pending: [], connected: true } as const;
  test.each([
    [{ ...view }, 'The agent works', 'Nothing waits for you.'],
    [{ ...view, connected: false }, 'The agent works', 'It is not connected now; it may still be at work.'],
    [{ ...view, pending: ['h'] }, 'The agent works', '1 question waits for you; what does not depend on it goes on.'],
    [{ ...view, acts: 'reviewer', pending: ['h', 'i'] } as const, 'You: all of it waits for your answer', '2 questions wait for you.'],
    [{ ...view, acts: 'reviewer', stopped: 'taken_over' } as const, 'You do it by hand', 'The agent may not even read until you give it back.'],
    [{ ...view, acts: 'paused', stopped: 'task' } as const, 'Paused', 'The agent may read. Everything else it asks for waits.'],
    [{ ...view, acts: 'paused', stopped: 'everything' } as const, 'Paused', 'It is paused with everything. The agent may read.'],
    [{ ...view, acts: 'over' } as const, 'Over', 'The agent has ended it.'],
  ])('is said in words, %#', (given, word, says) => {
    expect(standing({ ...given, pending: [...given.pending] })).toMatchObject({ word, says });
  });
});

test('the thread of the handoff on screen takes the place of what the task says of it, the latest first', () => {
  const entry = (at: number, text: string, handoff: string | null) => ({ at: new Date(at).toISOString(), actor: 'agent', event: 'x', text, until: null, handoff, action: null });
  const line = (at: number, text: string) => ({ at: new Date(at).toISOString(), actor: 'System', event: 'x', text, until: null });
  const found = withThread([entry(1, 'other', 'h2'), entry(2, 'handed over', 'h1'), entry(5, 'told', null)], 'h1', [line(2, 'handed over'), line(3, 'notified')], [{ at: new Date(4).toISOString(), text: 'Hello.', handoff: 'h1', known: true }]);
  expect(found.map((one) => [one.text, one.handoff])).toEqual([['told', null], ['To the end user: Hello.', 'h1'], ['notified', 'h1'], ['handed over', 'h1'], ['other', 'h2']]);
  expect(withThread([entry(1, 'first', null), entry(1, 'second', null)], null, [], []).map((one) => one.text)).toEqual(['second', 'first']);
});
