/**
 * What is on the in-memory desk at the start, by the name in `?fake=`. All of
 * it is made up.
 */
import type { AgentCard } from '../../gen/AgentCard';
import type { AgentView } from '../../gen/AgentView';
import type { NotificationState } from '../../gen/NotificationState';
import type { RuleRow } from '../../gen/RuleRow';
import type { WindowError } from '../../gen/WindowError';
import { agentCards, firstAgent, gateSpecs, longDraft, ruleRows } from './autonomy';
import { HOUR, iso, MINUTE, type Spec } from './build';
import { demoSpec } from './demo';
import { hostileSpecs } from './hostile';
import { lateSpecs } from './late';
import { longSpecs } from './long';
import type { PastKind } from './past';
import { planSpec, refundSpec, returnSpecs } from './refund';
import { releaseSpec } from './release';
import { serverSpecs } from './servers';
import { refundTask, type TaskSpec } from './task';

export { demoSpec };

export interface Scene {
  agents: AgentView[];
  specs: Spec[];
  fault?: string;
  notices?: string[];
  notifications?: NotificationState;
  gate?: { paused: boolean; agents: AgentCard[]; rules: RuleRow[] };
  past?: PastKind;
  tasks?: TaskSpec[];
  failures?: [call: string, error: Omit<WindowError, 'faults'>][];
}

/** The scene of this name; an unknown one is the full desk. */
export function scene(name: string, now: number): Scene {
  switch (name) {
    case 'empty':
      return { agents: [], specs: [] };
    case 'clear':
      return { agents: agents(now), specs: overSpecs(now) };
    case 'error':
      return {
        agents: agents(now),
        specs: fullSpecs(now),
        fault: 'The disk that holds the desk is full: free some space, then decide again. Nothing that was acknowledged is lost.',
        notices: ['A spooled handoff could not be taken up and was set aside: It is no whole spool file. It lies in ~/.local/share/handoff-desk/spool/set-aside/h-1.json; remove it once that is settled.'],
        notifications: { kind: 'missing', why: 'org.freedesktop.DBus.Error.ServiceUnknown: The name org.freedesktop.Notifications was not provided by any .service files' },
        failures: [['queue', { code: 'store', message: 'The queue could not be read: the database is locked.', hint: 'Close the other program that holds it, then try again.' }]],
      };
    case 'quiet':
      return { agents: agents(now).map((agent) => ({ ...agent, connected: false })), specs: fullSpecs(now), notifications: { kind: 'missing', why: 'No notification service runs on this desktop.' } };
    case 'late':
      return { agents: agents(now), specs: lateSpecs(now) };
    case 'hostile':
      return { agents: [], specs: hostileSpecs() };
    case 'long':
      return { agents: [], specs: longSpecs() };
    case 'many':
      return { agents: [], specs: manySpecs(3000) };
    case 'examples':
      return { agents: [], specs: exampleSpecs(now) };
    case 'gate':
    case 'paused':
    case 'young':
      return { agents: [], specs: gateSpecs(now), past: name === 'young' ? 'young' : 'rich', gate: { paused: name === 'paused', agents: agentCards(now), rules: ruleRows(now) } };
    case 'sorted':
      return { agents: [], specs: [longDraft(now)] };
    case 'first':
      return { agents: [], specs: [], gate: { paused: false, agents: firstAgent(now), rules: [] } };
    case 'task':
      return { agents: [], specs: taskSpecs(now), past: 'rich', gate: { paused: false, agents: agentCards(now), rules: [] }, tasks: [refundTask(now)] };
    case 'back':
      return { agents: agents(now), specs: [releaseSpec(now), refundSpec(now)] };
    case 'plan':
      return { agents: agents(now), specs: [planSpec(now), ...returnSpecs(now)] };
    case 'servers':
      return { agents: agents(now), specs: serverSpecs(now) };
    case 'demo':
      return { agents: [], specs: [demoSpec(now)] };
    case 'ten':
      return { agents: [], specs: manySpecs(10) };
    default:
      return { agents: agents(now), specs: fullSpecs(now) };
  }
}

function agents(now: number): AgentView[] {
  const agent = (name: string, framework: string, connected: boolean, minutes: number, cold = 0): AgentView => ({
    name, framework, version: '1.4', connected, last_seen: iso(now - minutes * MINUTE), handoffs: 3, cold,
  });
  return [
    agent('billing-agent', 'LangGraph', true, 0),
    agent('deploy-bot', 'shell', true, 1),
    agent('claude-code', 'Claude Code', true, 2),
    agent('research', 'OpenAI Agents', false, 95, 2),
  ];
}

function fullSpecs(now: number): Spec[] {
  return [
    {
      id: 'h-drop', agent: 'deploy-bot', title: 'Clean up staging', question: 'Drop table sessions_old on staging?', priority: 'urgent', dueMs: 9 * MINUTE, warnBeforeMs: 10 * MINUTE,
      reason: { code: 'approval_required', detail: 'Dropping a table cannot be undone without the nightly backup.' },
      summary: 'The table sessions_old has not been read for 90 days. It holds 1,204,551 rows (2.1 GB). Last night’s backup contains it.',
      entities: [{ kind: 'other', label: 'Table', value: 'sessions_old' }, { kind: 'amount', label: 'Rows', value: '1,204,551' }, { kind: 'amount', label: 'Size', value: '2.1 GB' }],
      question_step: 'drop',
      steps: [{ id: 'scan', title: 'Find unused tables', status: 'done' }, { id: 'drop', title: 'Drop sessions_old', dependsOn: ['scan'] }, { id: 'vacuum', title: 'Give the space back', dependsOn: ['drop'] }, { id: 'report', title: 'Write the report', dependsOn: ['scan'], status: 'running' }],
      options: [
        { id: 'drop', label: 'Drop the table', effect: 'irreversible', why: 'Only the nightly backup could bring it back.', pros: ['Frees 2.1 GB'], cons: ['Needs a restore if something still reads it'], recommended: true, action: { tool: 'sql.execute', args: { database: 'staging', statement: 'DROP TABLE sessions_old' }, preconditions: ['sql.query {"statement": "SELECT count(*) FROM sessions_old"} answers 1204551'] } },
        { id: 'rename', label: 'Rename it and wait a week', effect: 'reversible', risk: 'low', why: 'A rename back restores it.', pros: ['Can be undone in a second'], action: { tool: 'sql.execute', args: { database: 'staging', statement: 'ALTER TABLE sessions_old RENAME TO sessions_old_unused' }, undo: { kind: 'tool', tool: 'sql.execute', args: { statement: 'ALTER TABLE sessions_old_unused RENAME TO sessions_old' } } } },
      ],
      actions: [{ id: 'd1', tool: 'sql.query', input: { statement: 'SELECT last_read FROM table_usage' }, output: { days: 90 }, reasoning: 'A table nobody reads can go.', step: 'Find unused tables' }],
    },
    refundSpec(now),
    {
      id: 'h-invoices', agent: 'tidy', title: 'Sort the scans', question: 'Which of two folders takes the invoices?', dueMs: 11 * HOUR, reason: { code: 'ambiguous_request' }, listens: false,
      summary: 'Both “Invoices 2026” and “Accounting/In” hold invoices of this year. The newest three went to different folders.',
      entities: [{ kind: 'file', label: 'First folder', value: 'Documents/Invoices 2026' }, { kind: 'file', label: 'Second folder', value: 'Documents/Accounting/In' }],
      missing_layers: ['history', 'constraints'], flags: ['cold'],
    },
    {
      id: 'h-draft', agent: 'claude-code', title: 'Rename the API', question: 'Apply the rename to 14 files in api/?', dueMs: 18 * HOUR,
      summary: 'The function load_user is renamed to fetch_user in 14 files. All 212 tests pass with the change.',
      options: [
        { id: 'apply', label: 'Apply the rename', effect: 'reversible', risk: 'medium', why: 'The desk keeps copies of all 14 files.', recommended: true, action: { tool: 'files.patch', args: { patch: 'rename.patch', files: 14 }, undo: { kind: 'files' }, files: ['api/user.py', 'api/session.py', 'api/admin.py'] } },
        { id: 'split', label: 'Only api/user.py for now', effect: 'reversible', risk: 'low', action: { tool: 'files.patch', args: { patch: 'rename.patch', files: 1 }, undo: { kind: 'files' }, files: ['api/user.py'] } },
      ],
    },
    {
      id: 'h-loop', agent: 'research', title: 'Market study', question: 'Same search rephrased 4 times. Narrow it?', priority: 'low', dueMs: 30 * HOUR, reason: { code: 'loop_detected' }, listens: false,
      summary: 'Four searches for the size of the market gave the same nine pages. None of them is newer than two years.',
      options: [{ id: 'narrow', label: 'Search the statistics office only', effect: 'read', risk: 'low', recommended: true, action: { tool: 'web.search', args: { site: 'statistics.example', words: 'market size' } } }, { id: 'stop', label: 'Go on with what there is', effect: 'read', risk: 'low' }],
    },
    {
      id: 'h-totals', agent: 'ledger', title: 'Close November', question: 'Two sources give different invoice totals', dueMs: 52 * HOUR, reason: { code: 'conflicting_evidence' },
      summary: 'The bank says 12,480.00 EUR, the ledger 12,408.00 EUR. Two digits look swapped in one entry.',
      options: [{ id: 'correct', label: 'Correct the entry to 480.00 EUR', effect: 'reversible', recommended: true, action: { tool: 'ledger.correct', args: { entry: 7781, amount: 480.0 }, undo: { kind: 'tool', tool: 'ledger.correct', args: { entry: 7781, amount: 408.0 } } } }],
    },
    ...overSpecs(now),
  ];
}

function overSpecs(now: number): Spec[] {
  const at = iso(now - 3 * HOUR);
  return [
    {
      id: 'h-mail', agent: 'research', title: 'Ask three suppliers', question: 'Send the request to all three suppliers?', state: 'collected', may_have_run: true, liveness: { kind: 'collected', at },
      options: [{ id: 'send', label: 'Send three mails', effect: 'irreversible', why: 'A sent mail stays sent.', action: { tool: 'mail.send', args: { to: ['a@supplier.example', 'b@supplier.example', 'c@supplier.example'] } } }],
      decision: { kind: 'approve', by: 'reviewer', at, option: 'send', tool: 'mail.send', args: { to: ['a@supplier.example'] }, facts: {}, constraints: [] },
    },
    {
      id: 'h-tags', agent: 'claude-code', title: 'Release notes', question: 'Tag version 2.4.0?', state: 'reconciled', report: { outcome: 'applied', steps: [] }, liveness: { kind: 'collected', at },
      options: [{ id: 'tag', label: 'Tag 2.4.0', effect: 'reversible' }], decision: { kind: 'approve', by: 'reviewer', at, option: 'tag', facts: {}, constraints: [] },
    },
    { id: 'h-gone', agent: 'deploy-bot', title: 'Nightly deploy', question: 'Deploy although one check is red?', state: 'withdrawn', closed_because: 'The check turned green by itself.' },
  ];
}

/** Two handoffs of one task, and one of another. */
function taskSpecs(now: number): Spec[] {
  const at = iso(now - 30 * MINUTE);
  const line = (minutes: number, actor: string, event: string, text: string) => ({ at: iso(now - minutes * MINUTE), actor, event, text, until: null });
  return [
    { ...refundSpec(now), task: 'ortiz', thread: [line(3, 'agent', 'submitted', 'Handed over')] },
    {
      id: 'h-tagged', agent: 'billing-agent', task: 'ortiz', title: 'Refund request from Dana Ortiz', question: 'Tag the case as a duplicate charge?', state: 'reconciled', report: { outcome: 'applied', steps: [] }, liveness: { kind: 'collected', at }, received_at: iso(now - 34 * MINUTE),
      options: [{ id: 'tag', label: 'Tag the case', effect: 'reversible' }], decision: { kind: 'approve', by: 'reviewer', at, option: 'tag', facts: {}, constraints: [] },
      thread: [line(34, 'agent', 'submitted', 'Handed over'), line(31, 'reviewer', 'decided', 'Approved: Tag the case'), line(30, 'System', 'released', 'Sent to the agent'), line(29, 'agent', 'reconciled', 'Did what was decided')],
    },
    { id: 'h-other', agent: 'deploy-bot', task: 'staging', title: 'Clean up staging', question: 'Which of the two backups may go?' },
  ];
}

/** The two example payloads of the public interface, with what the desk says of them. */
function exampleSpecs(now: number): Spec[] {
  return [
    { ...refundSpec(now), dueMs: 4 * HOUR },
    {
      id: 'h-tidy', agent: 'cli', title: 'Tidy the Downloads folder', question: 'Which folder should the invoices go to?', priority: 'low', dueMs: 24 * HOUR, warnBeforeMs: 5 * HOUR, reason: { code: 'missing_information' }, flags: ['cold'],
      summary: 'Two folders could take the 14 invoices found. I cannot tell which one you use.', missing_layers: ['history', 'intent', 'constraints'],
      liveness: { kind: 'will_collect', last_seen: iso(now - 4 * MINUTE) },
    },
  ];
}

function manySpecs(count: number): Spec[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `h-${String(index + 1).padStart(5, '0')}`,
    agent: `agent-${String((index % 7) + 1)}`,
    title: `Batch ${String(Math.floor(index / 100) + 1)}`,
    question: `Archive mailbox number ${String(index + 1)}?`,
    dueMs: 20 * MINUTE + index * 5 * MINUTE,
    warnBeforeMs: 5 * MINUTE,
    summary: 'Nobody has opened this mailbox for a year. Archiving keeps all of it.',
    options: [{ id: 'archive', label: 'Archive it', effect: 'reversible' as const, risk: 'low' as const, recommended: true, action: { tool: 'mail.archive', args: { mailbox: index + 1 }, undo: { kind: 'tool' as const, tool: 'mail.restore', args: { mailbox: index + 1 } } } }],
  }));
}
