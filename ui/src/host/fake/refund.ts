/** The refund case: every layer of a handoff is in it. */
import { HOUR, iso, MINUTE, type Spec } from './build';

export function refundSpec(now: number): Spec {
  return {
    id: 'h-refund',
    agent: 'billing-agent',
    title: 'Refund request from Dana Ortiz',
    question: 'Refund only the proven duplicate, or both charges?',
    priority: 'high',
    dueMs: 3 * HOUR + 42 * MINUTE,
    onTimeout: 'safe_default',
    fallback: 'send-to-billing',
    leave: false,
    reason: { code: 'approval_required', detail: 'Refunds above 100.00 EUR change money and cannot be taken back once settled.' },
    summary: 'Dana Ortiz was charged twice for order A-1187 and asks for both charges back. One charge of 149.00 EUR is a proven duplicate. The second is a valid purchase outside the 30-day window.',
    intent: 'Get her money back for what she sees as two wrong charges.',
    entities: [
      { kind: 'person', label: 'Customer', value: 'Dana Ortiz' },
      { kind: 'id', label: 'Order', value: 'A-1187' },
      { kind: 'amount', label: 'Duplicate charge', value: '149.00 EUR' },
      { kind: 'date', label: 'Purchased', value: '2026-09-30' },
    ],
    constraints: [
      { text: 'Never refund more than was captured on the charge.', expr: '!has(args.amount) || args.amount <= steps.find_charges.output.duplicate_captured' },
      { text: 'Goodwill credit is limited to 50.00 EUR.', expr: '!has(args.credit) || args.credit <= 50.0' },
    ],
    sentiment: { label: 'frustrated', note: 'Third contact this week; mentions switching provider.' },
    not_included: ['Full chat transcript (34 messages)'],
    question_step: 'refund',
    steps: [
      { id: 'find_charges', title: 'Find the charges of the order', status: 'done' },
      { id: 'open_case', title: 'Tag the case', status: 'done', dependsOn: ['find_charges'] },
      { id: 'refund', title: 'Refund the duplicate', dependsOn: ['find_charges'] },
      { id: 'notify', title: 'Write to the customer', dependsOn: ['refund'] },
      { id: 'report', title: 'Update the weekly duplicate report', status: 'running', dependsOn: ['open_case'] },
    ],
    options: [
      {
        id: 'duplicate-only',
        label: 'Refund the duplicate (149.00 EUR)',
        description: 'Refund charge ch_2 and explain why the first one stands.',
        pros: ['Within policy', 'Settles the proven error today'],
        cons: ['The customer asked for both'],
        effect: 'irreversible',
        why: 'A settled refund cannot be taken back.',
        recommended: true,
        action: {
          tool: 'billing.refund',
          args: { charge: 'ch_2', amount: 149.0, currency: 'EUR' },
          schema: {
            type: 'object',
            required: ['charge', 'amount', 'currency'],
            additionalProperties: false,
            properties: { charge: { type: 'string' }, amount: { type: 'number', exclusiveMinimum: 0 }, currency: { enum: ['EUR', 'USD'] }, credit: { type: 'number', minimum: 0 } },
          },
          preconditions: ['billing.list_charges {"order": "A-1187"} still answers two charges'],
        },
      },
      {
        id: 'send-to-billing',
        label: 'Leave it to the billing team',
        description: 'Do nothing now; the case waits in the billing queue with this briefing.',
        pros: ['No money moves'],
        cons: ['The customer waits at least two days'],
        risk: 'low',
        why: 'The case can be reopened at any time.',
        action: { tool: 'crm.assign_case', args: { case: '48213', queue: 'billing' }, undo: { kind: 'tool', tool: 'crm.unassign_case', args: { case: '48213' } } },
      },
    ],
    check: (args) => {
      const within = (name: string, most: number) => typeof args?.[name] !== 'number' || args[name] <= most;
      return [
        { text: 'Never refund more than was captured on the charge.', holds: within('amount', 149), error: null },
        { text: 'Goodwill credit is limited to 50.00 EUR.', holds: within('credit', 50), error: null },
      ];
    },
    actions: [
      { id: 'a1', step: 'Find the charges of the order', tool: 'billing.list_charges', input: { order: 'A-1187' }, output: { charges: [{ id: 'ch_1', amount: 149.0 }, { id: 'ch_2', amount: 149.0 }], duplicate_captured: 149.0 }, reasoning: 'Needed both charges to see whether one repeats the other.', confidence: 0.97, facts: { duplicate_captured: 149.0 } },
      { id: 'a2', step: 'Tag the case', tool: 'crm.tag_case', effect: 'reversible', input: { case: '48213', tag: 'duplicate-charge' }, output: { ok: true }, reasoning: 'Tagging routes the case to billing reports.', dependsOn: ['a1'], undo: { kind: 'tool', tool: 'crm.untag_case', args: { case: '48213', tag: 'duplicate-charge' }, until: iso(now + 28 * 24 * HOUR) } },
    ],
    conversation: { channel: 'chat', with: 'Dana Ortiz', last_messages: [{ from: 'customer', text: 'I want BOTH charges back, this is the third time I ask.', at: iso(now - 20 * MINUTE) }] },
  };
}

/** The same with a plan of which much is done: a letter that cannot be called back, and a tag that can. */
export function planSpec(now: number): Spec {
  const base = refundSpec(now);
  return {
    ...base,
    id: 'h-plan',
    task: 'ortiz-plan',
    from: { amount: 'captured' },
    question_step: 'refund',
    steps: [
      { id: 'find', title: 'Find the charges', status: 'done' },
      { id: 'policy', title: 'Read the refund policy', status: 'done' },
      { id: 'tag', title: 'Tag the case', status: 'done', dependsOn: ['find'], uses: ['captured'] },
      { id: 'sum', title: 'Add up what is owed', status: 'done', dependsOn: ['find', 'policy'], uses: ['captured'] },
      { id: 'letter', title: 'Write a first answer', status: 'done', dependsOn: ['find'], uses: ['email'] },
      { id: 'refund', title: 'Refund the duplicate', dependsOn: ['sum'], uses: ['captured'] },
      { id: 'notify', title: 'Write to the customer', dependsOn: ['refund', 'letter'], uses: ['email'] },
      { id: 'report', title: 'Update the weekly duplicate report', status: 'running', dependsOn: ['tag'] },
    ],
    actions: [
      { id: 'p1', step: 'Find the charges', tool: 'billing.list_charges', input: { order: 'A-1187' }, output: { captured: 149 }, facts: { captured: 149, email: 'dana@example.com' } },
      { id: 'p2', step: 'Read the refund policy', tool: 'docs.read', input: { page: 'refunds' }, output: { window_days: 30 } },
      { id: 'p3', step: 'Tag the case', tool: 'crm.tag_case', effect: 'reversible', input: { case: '48213', tag: 'duplicate-149' }, undo: { kind: 'tool', tool: 'crm.untag_case', args: { case: '48213' }, until: iso(now + 28 * 24 * HOUR) }, dependsOn: ['p1'] },
      { id: 'p4', step: 'Add up what is owed', tool: 'ledger.sum', input: { order: 'A-1187' }, output: { owed: 149 } },
      { id: 'p5', step: 'Write a first answer', tool: 'mail.send', effect: 'irreversible', input: { to: 'dana@example.com', template: 'we-look-into-it' }, dependsOn: ['p1'] },
    ],
  };
}

/** What an agent did with a decision that was not simply that: no report, something else, and a check that no longer held. */
export function returnSpecs(now: number): Spec[] {
  const decided = iso(now - 2 * HOUR);
  const steps = [{ id: 'check', title: 'Compare both totals', status: 'done' as const }, { id: 'correct', title: 'Correct the entry', dependsOn: ['check'] }, { id: 'close', title: 'Close the month', dependsOn: ['correct'] }];
  const options = [{ id: 'correct', label: 'Correct the entry to 480.00 EUR', effect: 'reversible' as const, recommended: true, action: { tool: 'ledger.correct', args: { entry: 7781, amount: 480 }, undo: { kind: 'tool' as const, tool: 'ledger.correct', args: { entry: 7781, amount: 408 } }, preconditions: ['ledger.read {"entry": 7781} answers 408'] } }];
  const decision = { kind: 'approve' as const, by: 'reviewer' as const, at: decided, option: 'correct', tool: 'ledger.correct', args: { entry: 7781, amount: 480 }, facts: {}, constraints: [] };
  return [
    { id: 'h-unreported', agent: 'ledger', title: 'Close November', question: 'Correct the entry of 12 November?', state: 'collected', flags: ['unreported'], report_by: iso(now - 90 * MINUTE), liveness: { kind: 'collected', at: decided }, question_step: 'correct', steps, options, decision },
    {
      id: 'h-diverged', agent: 'ledger', title: 'Close October', question: 'Correct the entry of 3 October?', state: 'reconciled', flags: ['diverged'], question_step: 'correct', steps, options, decision, report: { outcome: 'diverged', why: 'The entry was locked, so it added a second one.', steps: [] },
      divergences: [{ kind: 'said', why: 'The entry was locked, so it added a second one.' }, { kind: 'old_args', step: 'correct', action: 'x1', why: 'ledger.correct ran with amount 408, not with 480.' }, { kind: 'kept_repeated', step: 'check', action: 'x2', why: 'ledger.write ran again for it.' }],
    },
    { id: 'h-again', agent: 'ledger', title: 'Close September', question: 'Correct the entry of 9 September?', revision: 2, dueMs: HOUR, question_step: 'correct', steps, options, changed: [{ tool: 'ledger.read', args: { entry: 7781 }, expect: 408, found: 440.5 }] },
  ];
}
