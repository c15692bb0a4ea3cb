/**
 * Every command of the window with its key: the one table behind the keyboard,
 * the palette and the help. A command that makes no sense now is not offered.
 */
import { focusEnds } from '../lib/alerts';
import { choices, unable } from '../lib/snooze';
import { tomorrowAtNine } from '../lib/time';
import type { Desk } from './desk.svelte';
import type { Control } from './task.svelte';

export interface Command {
  id: string;
  title: string;
  group: 'Decide' | 'Move' | 'Window';
  /** The keys it answers to, the one to show first. */
  keys: string[];
  /** What else it may be looked for as; none of that is shown. */
  words?: string;
  /** Whether it makes sense now. */
  available: boolean;
  /** Whether holding the key down repeats it. */
  repeats?: boolean;
  /** Only its keys run it; chosen from a list, it leads to its button. */
  deliberate?: boolean;
  run: () => void;
}

/** The commands as they stand; where no card is on screen, none of them touches one. */
export function commands(desk: Desk): Command[] {
  const all = [...every(desk), ...places(desk)];
  return desk.places.home ? all : all.map((command) => (aboutTheCard(command) ? { ...command, available: false } : command));
}

function aboutTheCard({ id, group }: Command): boolean {
  return (group === 'Decide' && id !== 'undo') || ['next', 'previous', 'show-plan', 'show-history', 'show-thread', 'task-tell', 'task-plan', 'task-page'].includes(id);
}

/** Going from place to place, and stopping everything. */
function places({ places }: Desk): Command[] {
  const { roster } = places;
  return [
    { id: 'handoffs', title: 'Show the handoffs', words: 'inbox queue cards', group: 'Move', keys: ['Ctrl+1'], available: !places.home, run: () => { places.go('handoffs'); } },
    { id: 'agents', title: 'Show the agents', words: 'levels tools autonomy', group: 'Move', keys: ['Ctrl+2'], available: places.at !== 'agents', run: () => { places.go('agents'); } },
    { id: 'rules', title: 'Show the rules', words: 'triggers always allow', group: 'Move', keys: ['Ctrl+3'], available: places.at !== 'rules', run: () => { places.go('rules'); } },
    { id: 'insights', title: 'Show the insights', words: 'statistics rate interruptions charts', group: 'Move', keys: ['Ctrl+4'], available: places.at !== 'insights', run: () => { places.go('insights'); } },
    { id: 'pause-all', title: 'Pause all agents', words: 'stop hold halt', group: 'Window', keys: ['Ctrl+.'], available: !roster.paused, run: () => void roster.pause(true) },
    { id: 'resume-all', title: 'Let all agents go on', words: 'resume continue unpause', group: 'Window', keys: [], available: roster.paused, run: () => void roster.pause(false) },
  ];
}

function every(desk: Desk): Command[] {
  const { opened } = desk;
  const open = opened !== null && opened.view.state === 'ready';
  const allowed = opened?.view.allowed;
  const form = opened?.draft.form ?? null;
  // Marking changes of a draft opens no form that would be in the way.
  const free = open && (form === null || (form === 'modify' && opened.view.is_draft));
  const label = opened?.option?.label;
  const yes = label === undefined ? 'Choose an option to approve' : `Approve: ${label}`;
  return [
    { id: 'submit', title: form === null ? yes : 'Send the answer', group: 'Decide', keys: ['Ctrl+Enter'], deliberate: true, available: desk.opening || (open && (form !== null || (allowed?.approve ?? false))), run: () => { desk.answering.submit(); } },
    { id: 'edit', title: 'Edit the arguments', words: 'change modify', group: 'Decide', keys: ['e'], available: free && form === null && (allowed?.modify ?? false) && opened.option?.action != null, run: () => void desk.answering.begin('modify') },
    { id: 'inform', title: 'Give new information', words: 'facts conditions tell', group: 'Decide', keys: ['i'], available: free && (allowed?.inform ?? false), run: () => void desk.answering.begin('inform') },
    { id: 'reject', title: 'Reject', words: 'no refuse deny', group: 'Decide', keys: ['r'], available: free && (allowed?.reject ?? false), run: () => void desk.answering.begin('reject') },
    { id: 'takeover', title: 'Take over', words: 'by hand myself', group: 'Decide', keys: ['t'], available: free && (allowed?.take_over ?? false), run: () => void desk.answering.begin('take_over') },
    { id: 'undo', title: 'Undo the latest decision', words: 'take back revert', group: 'Decide', keys: ['z'], available: desk.holds.length > 0, run: () => void desk.undo() },
    ...options(desk, free),
    ...snooze(desk, free),
    ...task(desk),
    { id: 'next', title: 'Next handoff', group: 'Move', keys: ['j'], available: desk.order.length > 0, repeats: true, run: () => { desk.move(1); } },
    { id: 'previous', title: 'Previous handoff', group: 'Move', keys: ['k'], available: desk.order.length > 0, repeats: true, run: () => { desk.move(-1); } },
    { id: 'search', title: 'Search handoffs and history', words: 'find', group: 'Move', keys: ['/'], available: true, run: () => { desk.want('search'); } },
    { id: 'inbox', title: 'Show the inbox', words: 'waiting open', group: 'Move', keys: [], available: desk.list !== 'inbox', run: () => { desk.show('inbox'); } },
    { id: 'review', title: 'Show what waited too long', words: 'missed overdue late deadline passed', group: 'Move', keys: [], available: desk.list !== 'review', run: () => { desk.show('review'); } },
    { id: 'waiting', title: 'Show what was sent to the agents', words: 'sent answers', group: 'Move', keys: [], available: desk.list !== 'waiting', run: () => { desk.show('waiting'); } },
    { id: 'done', title: 'Show what is done', words: 'finished archive', group: 'Move', keys: [], available: desk.list !== 'done', run: () => { desk.show('done'); } },
    ...(['plan', 'history', 'thread'] as const).map((tab) => ({
      id: `show-${tab}`,
      title: { plan: 'Show the plan', history: 'Show what it did', thread: 'Show the thread' }[tab],
      group: 'Move' as const,
      keys: [],
      available: opened !== null,
      run: () => {
        desk.evidence = tab;
        desk.evidenceShown = true;
      },
    })),
    { id: 'palette', title: 'All commands', group: 'Window', keys: ['Ctrl+K'], available: true, run: () => { desk.dialog = 'palette'; } },
    { id: 'help', title: 'Keys and help', words: 'shortcuts keyboard', group: 'Window', keys: ['?'], available: true, run: () => { desk.dialog = 'help'; } },
    { id: 'settings', title: 'Settings', words: 'preferences options theme look dark light quiet hours calm reminders notifications mute warn escalation shortcuts servers backups version', group: 'Window', keys: ['Ctrl+,'], available: true, run: () => { desk.dialog = 'settings'; } },
    ...focus(desk),
    ...theme(desk),
    { id: 'quit', title: 'Quit the desk: no agent is answered until it runs again', words: 'exit close', group: 'Window', keys: [], available: true, run: () => void desk.faults.guard('quit', () => desk.host.quit()) },
    { id: 'demo', title: 'Run the demo agent', words: 'example try sample', group: 'Window', keys: [], available: !(desk.status?.demo_running ?? false), run: () => void desk.runDemo() },
  ];
}

/** Choosing an option by its digit; the tenth has the zero. */
function options(desk: Desk, free: boolean): Command[] {
  const { opened } = desk;
  if (opened === null) return [];
  return opened.view.options.slice(0, 10).map((option, index) => ({
    id: `option-${String(index + 1)}`,
    title: `Choose: ${option.label}`,
    group: 'Decide',
    keys: [String((index + 1) % 10)],
    available: free,
    run: () => { opened.choose(option.id); },
  }));
}

/** What can be done with the task of the card at any time. */
function task(desk: Desk): Command[] {
  const { opened, places } = desk;
  if (opened === null) return [];
  const of = { agent: opened.view.agent.name, task: opened.view.task.id };
  const form = (wanted: Control) => () => { desk.control(wanted); };
  return [
    { id: 'task-tell', title: 'Say something to the agent', group: 'Move', keys: [], available: true, run: form('tell') },
    { id: 'task-plan', title: 'Edit the plan of the task', group: 'Move', keys: [], available: true, run: form('edit_plan') },
    { id: 'task-page', title: 'Show the task on a page of its own', group: 'Move', keys: [], available: true, run: () => { places.showTask(of); } },
  ];
}

/** Putting the card off. */
function snooze(desk: Desk, free: boolean): Command[] {
  const { opened, calm } = desk;
  if (opened === null) return [];
  const { now } = desk.clock;
  const may = free && unable(opened.view, now) === null;
  return [
    { id: 'snooze', title: 'Snooze…', group: 'Decide', keys: ['s'], available: free, run: () => { calm.menu = true; } },
    ...choices(now).map((choice) => ({ id: `snooze-${choice.id}`, title: `Snooze: ${choice.label}`, group: 'Decide' as const, keys: [], available: may, run: () => void calm.snooze(choice.until) })),
    { id: 'wake', title: 'End the snooze', group: 'Decide', keys: [], available: opened.view.deadline.snoozed_until !== null, run: () => void calm.wake() },
  ];
}

/** The look of the window; what it is already is not offered. */
function theme(desk: Desk): Command[] {
  return (['dark', 'light', 'system'] as const).map((look) => ({
    id: `theme-${look}`,
    title: look === 'system' ? 'Theme: as the system' : `Theme: ${look}`,
    words: 'look colours mode appearance',
    group: 'Window' as const,
    keys: [],
    available: desk.settings.theme !== look,
    run: () => void desk.saveSettings((known) => ({ ...known, theme: look })).then((refused) => { if (refused !== null) desk.faults.add('theme', refused); }),
  }));
}

const CALM = 'quiet calm mute do not disturb notifications silence';

/** Hearing of nothing for a while. */
function focus(desk: Desk): Command[] {
  const { calm, clock, settings } = desk;
  return [
    { id: 'focus-hour', title: 'Focus for 1 hour: no reminders', words: CALM, group: 'Window', keys: [], available: true, run: () => void calm.focus(Date.now() + 3_600_000) },
    { id: 'focus-tomorrow', title: 'Focus until tomorrow 9:00', words: CALM, group: 'Window', keys: [], available: true, run: () => void calm.focus(tomorrowAtNine(Date.now())) },
    { id: 'focus-end', title: 'End the focus', words: CALM, group: 'Window', keys: [], available: focusEnds(settings.alerts, clock.now) !== null, run: () => void calm.focus(null) },
  ];
}
