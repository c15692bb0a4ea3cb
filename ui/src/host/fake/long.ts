/** Cases at the limits: long briefings, many options, long values, long histories. */
import { HOUR, type Spec } from './build';

const SENTENCE = 'The supplier moved the delivery of the second batch to the week after the trade fair and asks whether the first batch may leave the warehouse in Rotterdam without the new labels. ';

export function longSpecs(): Spec[] {
  const paths = Array.from({ length: 400 }, (_, index) => `archive/2026/scan-${String(index + 1).padStart(4, '0')} copy.pdf`);
  return [
    {
      id: 'h-long',
      agent: 'logistics',
      title: 'Delivery of the second batch, with a title that goes on for longer than any header has room for',
      question: 'May the first batch leave the warehouse in Rotterdam without the new labels, although the second one comes a week after the trade fair and the customer in Lyon expects both together?',
      summary: SENTENCE.repeat(13).trim(),
      dueMs: 5 * HOUR,
      entities: Array.from({ length: 14 }, (_, index) => ({ kind: 'other' as const, label: `Fact number ${String(index + 1)}`, value: index % 3 === 0 ? 'A value that takes more room than most of the others do' : `Value ${String(index + 1)}` })),
      constraints: Array.from({ length: 5 }, (_, index) => ({ text: `Condition ${String(index + 1)} of the frame contract must hold.`, expr: index % 2 === 0 ? `args.batch <= ${String(index + 2)}` : null })),
      options: Array.from({ length: 10 }, (_, index) => ({
        id: `o${String(index + 1)}`,
        label: `Way ${String(index + 1)}: ${index % 2 === 0 ? 'let it leave' : 'keep it until the labels are there'}`,
        description: SENTENCE,
        pros: ['Keeps the date', 'Costs nothing more'],
        cons: ['The labels are the old ones'],
        effect: (['read', 'reversible', 'irreversible'] as const)[index % 3] ?? 'read',
        why: 'A lorry that left is on the road.',
        recommended: index === 1,
        action: { tool: 'warehouse.release', args: { batch: index + 1, note: 'as agreed' } },
      })),
      actions: Array.from({ length: 450 }, (_, index) => ({
        id: `act-${String(index + 1)}`,
        tool: ['warehouse.read', 'mail.read', 'calendar.read'][index % 3] ?? 'mail.read',
        input: { page: index + 1 },
        output: index % 50 === 0 ? { rows: paths } : { rows: index },
        reasoning: index % 2 === 0 ? 'Looked for an answer of the supplier.' : SENTENCE,
        confidence: (index % 10) / 10,
      })),
    },
    {
      id: 'h-folded',
      agent: 'tidy',
      title: 'Delete 400 duplicates',
      question: 'Delete 400 duplicate scans?',
      summary: 'Four hundred scans are exact copies of others. Their originals stay where they are.',
      dueMs: 6 * HOUR,
      options: [
        { id: 'delete', label: 'Delete 400 copies', effect: 'irreversible', why: 'Deleted files are gone.', recommended: true, action: { tool: 'files.delete', args: { paths } } },
        { id: 'keep', label: 'Keep them all', effect: 'read', risk: 'low' },
      ],
    },
    {
      id: 'h-huge',
      agent: 'tidy',
      title: 'A payload of the largest size',
      question: 'Store an answer of eight megabytes?',
      summary: 'The answer of the tool is as large as a payload may be. It comes folded and opens on demand.',
      dueMs: 7 * HOUR,
      actions: [{ id: 'huge', tool: 'web.fetch', input: { page: 1 }, output: Array.from({ length: 80_000 }, (_, index) => `line ${String(index + 1)} ${'x'.repeat(88)}`).join('\n') }],
      options: [{ id: 'store', label: 'Store it', effect: 'reversible', risk: 'low', recommended: true, action: { tool: 'files.write', args: { name: 'answer.txt' } } }],
    },
  ];
}
