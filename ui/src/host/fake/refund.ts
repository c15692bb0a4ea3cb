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
