/** What the demo agent hands over about the duplicates of its sample folder, as `handoff demo` words it. */
import { HOUR, iso, MINUTE, type ActionSpec, type Spec } from './build';

const FOLDER = '/home/me/.local/share/handoff-desk/demo/sample';

/** Each copy with what it is one of, in the order of its path. */
const COPIES = [
  ['Data/household-2026 (1).csv', 'Data/household-2026.csv'],
  ['Archives/recipes (1).zip', 'Archives/recipes.zip'],
  ['Contacts/contacts copy.vcf', 'Contacts/contacts.vcf'],
  ['Documents/boarding-pass (1).pdf', 'Documents/boarding-pass.pdf'],
  ['Documents/invoice-2026-09 (1).pdf', 'Documents/invoice-2026-09.pdf'],
  ['Documents/invoice-2026-09 (2).pdf', 'Documents/invoice-2026-09.pdf'],
  ['Documents/invoice-2026-10 (1).pdf', 'Documents/invoice-2026-10.pdf'],
  ['Documents/meeting-notes (1).md', 'Documents/meeting-notes.md'],
  ['Music/voice-memo copy.wav', 'Music/voice-memo.wav'],
  ['Pictures/IMG_0042 copy.png', 'Pictures/IMG_0042.png'],
  ['Pictures/scan-lease.png', 'Pictures/lease-page-1.png'],
  ['Pictures/team-photo (1).png', 'Pictures/team-photo.png'],
] as const;

/** How many copies the briefing names. */
const NAMED = 2;

export function demoSpec(now = Date.now()): Spec {
  const paths = COPIES.map(([copy]) => copy);
  const files = paths.map((path) => `${FOLDER}/${path}`);
  const back = { kind: 'tool' as const, tool: 'files.move', args: { moves: paths.toReversed().map((path) => ({ from: `Trash/${path.split('/').at(-1) ?? ''}`, to: path })) } };
  return {
    id: 'h-demo',
    agent: 'demo',
    task: 'tidy-1',
    title: 'Tidy the folder sample',
    question: 'What shall I do with the 12 extra copies?',
    question_step: 'remove_duplicates',
    dueMs: 30 * MINUTE,
    warnBeforeMs: 6 * MINUTE,
    onTimeout: 'safe_default',
    fallback: 'keep-all',
    reason: { code: 'approval_required', detail: 'A deleted file cannot be brought back, so a person decides.' },
    summary: 'Of 43 files, 11 exist more than once: 12 extra copies, 241.8 KiB, found by comparing content (SHA-256). One copy of each stays. Deleting them cannot be taken back; moving them to the Trash folder can.',
    intent: 'Have the folder sample in order, and lose nothing that is needed.',
    entities: [
      { kind: 'file', label: 'Folder', value: FOLDER },
      { kind: 'amount', label: 'Space they take', value: '241.8 KiB' },
      ...COPIES.slice(0, NAMED).map(([copy, kept]) => ({ kind: 'file' as const, label: `Copy of ${kept}`, value: copy })),
    ],
    constraints: [
      { text: 'At least one copy of every file stays.', expr: '!has(args.paths) || args.paths.all(p, !(p in steps.find_duplicates.output.keep))' },
      { text: 'No more than 12 files may be touched.', expr: '!has(args.paths) || size(args.paths) <= 12' },
      { text: 'A file that has changed since it was compared is left alone.', expr: null },
    ],
    not_included: ['What is in the files'],
    check: () => [{ text: 'At least one copy of every file stays.', holds: true, error: null }, { text: 'No more than 12 files may be touched.', holds: true, error: null }],
    steps: [
      { id: 'scan', title: 'Look at every file of the folder', status: 'done' },
      { id: 'sort', title: 'Move files into folders by type', status: 'done', dependsOn: ['scan'] },
      { id: 'find_duplicates', title: 'Find files with the same content', status: 'done', dependsOn: ['scan'] },
      { id: 'remove_duplicates', title: 'Remove the duplicates as decided', dependsOn: ['sort', 'find_duplicates'] },
      { id: 'index', title: 'Write an index of the files', dependsOn: ['scan'] },
      { id: 'checksums', title: 'Write the checksums of all files', dependsOn: ['scan'] },
      { id: 'report', title: 'Write the closing report', dependsOn: ['remove_duplicates', 'index', 'checksums'] },
    ],
    actions: moves(now),
    options: [
      { id: 'trash', label: 'Move 12 copies to Trash', description: 'Put the extra copies into the folder Trash, to be emptied by hand.', pros: ['Each copy can be moved back', 'The folders are free of duplicates'], cons: ['The 241.8 KiB stay in use until Trash is emptied'], effect: 'reversible', risk: 'low', why: 'A moved file can be moved back; nothing is overwritten.', recommended: true, action: { tool: 'files.trash', args: { into: 'Trash', paths }, undo: back, files } },
      { id: 'delete', label: 'Delete 12 copies', description: 'Delete the extra copies for good; this frees 241.8 KiB.', pros: ['Frees 241.8 KiB at once', 'Nothing is left to clean up'], cons: ['Cannot be taken back'], effect: 'irreversible', risk: 'high', why: 'A deleted file cannot be brought back.', action: { tool: 'files.delete', args: { paths }, files } },
      { id: 'keep-all', label: 'Keep all', description: 'Leave the extra copies where they are and name them in the report.', pros: ['Nothing can be lost'], cons: ['241.8 KiB stay in use', 'The duplicates stay confusing'], effect: 'read', risk: 'low', why: 'Nothing is changed.' },
    ],
    received_at: iso(now - MINUTE),
  };
}

/** The moves it made first, into folders by type. */
function moves(now: number): ActionSpec[] {
  return COPIES.map(([copy], index) => {
    const from = copy.split('/').at(-1) ?? '';
    return { id: `m${String(index)}`, step: 'Move files into folders by type', tool: 'files.move', effect: 'reversible', input: { from, to: copy }, undo: { kind: 'tool', tool: 'files.move', args: { from: copy, to: from }, until: iso(now + HOUR) }, files: [`${FOLDER}/${copy}`] };
  });
}
