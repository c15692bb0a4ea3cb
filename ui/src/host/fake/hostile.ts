/** Cases whose every text tries to deceive, to load something, or to hide. */
import type { Spec } from './build';

/** One text with everything in it. */
export const HOSTILE =
  '<img src="https://evil.example/x.png" onerror="fetch(1)"> ![x](https://evil.example/y.png) [click](javascript:alert(1)) ' +
  '\u202Egnp.exe\u202C a\u200Bb\u2060c \u{E0041}\u{E0042} e\uFE0F \u001B[31mred\u0007 <script>document.title="owned"</script> x\u0301\u0301\u0301\u0301\u0301\u0301 ⟨U+202E⟩';

/** The same in right-to-left writing. */
const RIGHT_TO_LEFT = 'هل نحذف الملفات المكررة؟ \u200F(7)';

export function hostileSpecs(): Spec[] {
  const text = HOSTILE;
  return [
    {
      id: 'h-hostile',
      agent: 'mallory',
      title: text,
      question: `Approve? ${text}`,
      summary: `${text}\n\n\n\n\n\n\n\n${text} ${' '.repeat(200)}hidden at the end`,
      intent: text,
      reason: { code: 'other', detail: text },
      entities: [{ kind: 'url', label: text, value: text }, { kind: 'file', label: 'Unbroken', value: 'x'.repeat(600) }],
      constraints: [{ text, expr: text }],
      sentiment: { label: 'angry', note: text },
      not_included: [text],
      question_step: 's1',
      steps: [{ id: 's1', title: text }, { id: 's2', title: text, dependsOn: ['s1'] }],
      options: [
        { id: 'o1', label: text, description: text, pros: [text], cons: [text], effect: 'irreversible', why: text, recommended: true, action: { tool: 'shell.run', args: { command: text, [text]: 1 }, files: [text], preconditions: [text] } },
        { id: 'o2', label: 'Refund 1.00 EUR', effect: 'read', why: text },
      ],
      actions: [{ id: 'a1', tool: text, step: text, input: text, output: { text }, reasoning: text, files: [text], facts: { [text]: text } },
        { id: 'a2', tool: text, step: text, effect: 'reversible', undo: { kind: 'command', argv: [text, 'x'.repeat(400)], cwd: text, timeout_s: 9 }, undoes: { fails: [text] } },
        { id: 'a3', tool: text, effect: 'irreversible', dependsOn: ['a2'] },
        { id: 'a4', tool: text, effect: 'reversible', files: [text, 'y'.repeat(300)], undo: { kind: 'files' }, dependsOn: ['a2'] },
      ],
      conversation: { channel: text, with: text, last_messages: [{ from: 'customer', text, at: '2026-11-20T09:12:40Z' }] },
      thread: [{ at: '2026-11-20T09:12:40Z', actor: 'agent', event: 'submitted', text, until: null }],
    },
    {
      id: 'h-rtl',
      agent: 'tidy-ar',
      title: 'ترتيب المجلد',
      question: RIGHT_TO_LEFT,
      summary: 'وجدنا سبعة ملفات مكررة حجمها 18.4 MB. النسخ الأصلية محفوظة.',
      options: [{ id: 'delete', label: 'احذف النسخ', effect: 'irreversible', why: 'لا يمكن التراجع.', action: { tool: 'files.delete', args: { paths: ['صور/نسخة.jpg'] } } }],
    },
  ];
}
