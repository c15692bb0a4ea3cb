/**
 * A desk in memory that answers like the real one: it holds, releases, is
 * collected from and reports. Time is the global clock, so tests can fake it.
 * It keeps nothing and starts no agent.
 */
import type { AcceptTools } from '../../gen/AcceptTools';
import type { ActionView } from '../../gen/ActionView';
import type { AgentView } from '../../gen/AgentView';
import type { BackupView } from '../../gen/BackupView';
import type { CaseView } from '../../gen/CaseView';
import type { Change } from '../../gen/Change';
import type { DecideRequest } from '../../gen/DecideRequest';
import type { DeadlineView } from '../../gen/DeadlineView';
import type { DeskStatus } from '../../gen/DeskStatus';
import type { Flag } from '../../gen/Flag';
import type { Hold } from '../../gen/Hold';
import type { NewServer } from '../../gen/NewServer';
import type { Pause } from '../../gen/Pause';
import type { Preview } from '../../gen/Preview';
import type { QueueItem } from '../../gen/QueueItem';
import type { QueueQuery } from '../../gen/QueueQuery';
import type { QueueView } from '../../gen/QueueView';
import type { Receipt } from '../../gen/Receipt';
import type { Rule } from '../../gen/Rule';
import type { RuleFrom } from '../../gen/RuleFrom';
import type { RuleRow } from '../../gen/RuleRow';
import type { ServerTried } from '../../gen/ServerTried';
import type { ServerView } from '../../gen/ServerView';
import type { SetLevel } from '../../gen/SetLevel';
import type { Settings } from '../../gen/Settings';
import type { State } from '../../gen/State';
import type { WindowError } from '../../gen/WindowError';
import type { Host } from '../host';
import { alertsFault, atTheDeadline, firstSettings } from './alerts';
import { allowed, decision, exactly, preview, refusal } from './answers';
import { backups } from './backups';
import { entry, iso, type Entry, type Spec } from './build';
import { FakeGate, triggersFault } from './gate';
import { FakePast } from './past';
import { FakeRollbacks } from './rollback';
import { returned } from './reconcile';
import { covers } from './rules';
import { FakeServers } from './servers';
import { FakeTasks } from './task';
import { demoSpec, scene } from './scenes';
import { counted, isFound, outcome } from './standing';

const COLLECT_MS = 700;
const REPORT_MS = 1500;
const NOT_FOUND: WindowError = { code: 'not_found', message: 'There is no such handoff on this desk.', hint: 'It may have been replaced; choose another in the queue.', faults: [] };

export class FakeDesk implements Host {
  readonly #entries = new Map<string, Entry>();
  readonly #agents: AgentView[];
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #holds = new Map<string, { timer: ReturnType<typeof setTimeout>; ends: number; total: number }>();
  readonly #failures = new Map<string, WindowError[]>();
  readonly gate: FakeGate;
  readonly tasks: FakeTasks;
  readonly rollbacks: FakeRollbacks;
  readonly others: FakeServers;
  readonly #backups: BackupView[];
  readonly #past: FakePast;
  readonly #status: Omit<DeskStatus, 'agents' | 'paused' | 'calling' | 'in_hands'>;
  #settings: Settings = firstSettings();
  /** The calls that reached the desk, for tests. */
  readonly calls: { name: string; argument: unknown }[] = [];

  constructor(name: string) {
    const now = Date.now();
    const { agents, specs, fault, notices, notifications, failures, gate, past, tasks } = scene(name, now);
    this.#past = new FakePast(past ?? 'none', now);
    this.gate = new FakeGate(gate?.paused ?? false, gate?.agents ?? [], gate?.rules ?? []);
    this.rollbacks = new FakeRollbacks(() => [...this.#entries.values()], () => { this.#tell({ kind: 'status' }); });
    this.tasks = new FakeTasks(tasks ?? [], () => [...this.#entries.values()].map(({ view }) => view), this.gate, this.rollbacks);
    this.#agents = gate === undefined ? agents : gate.agents.map(({ name, framework, version, connected, last_seen, track }) => ({ name, framework, version, connected, last_seen, handoffs: track.handoffs, cold: track.cold }));
    this.others = new FakeServers(name === 'servers', now, () => { this.#tell({ kind: 'status' }); });
    this.#backups = name === 'empty' ? [] : backups(now);
    this.#status = {
      version: '0.1.0',
      notifications: notifications ?? { kind: 'available', service: 'dunst' },
      home: '~/.local/share/handoff-desk',
      socket: '/run/user/1000/handoff-desk/desk.sock',
      fault: fault ?? null,
      notices: notices ?? [],
      demo_running: false,
    };
    for (const spec of specs) this.#add(spec, now);
    for (const [call, error] of failures ?? []) this.failNext(call, error);
  }

  // What a test or the outside does to the desk.

  /** An agent hands off. */
  submit(spec: Spec): void {
    this.#add(spec, Date.now());
    this.#tell({ kind: 'handoff', id: spec.id });
  }

  /** The agent takes a pending handoff back. */
  withdraw(id: string, why = 'The customer called and settled it.'): void {
    const { view } = this.#entry(id);
    view.closed_because = why;
    this.#move(view, 'withdrawn', 'agent', `withdrew it: ${why}`);
  }

  /** The agent makes another proposal in the same handoff. */
  revise(id: string, change: Partial<CaseView>): void {
    const { view } = this.#entry(id);
    Object.assign(view, change);
    view.revision += 1;
    if (view.deadline.default_allowed !== null) view.deadline = { ...view.deadline, default_allowed: false, takes_default: false };
    this.#move(view, 'ready', 'agent', 'revised the proposal');
  }

  /** Its agent asks more than the hour allows. */
  putOff(id: string): void {
    this.#move(this.#entry(id).view, 'queued', 'System', 'waits behind others');
  }

  /** The deadline passes without an answer. */
  lapse(id: string, flag: 'escalated' | 'manual_review', why = ''): void {
    const { view } = this.#entry(id);
    this.#mark(view, 'snoozed', false);
    this.#mark(view, flag, true);
    view.deadline = { ...view.deadline, warned: true, snoozed_until: null };
    this.#move(view, view.state, 'System', flag === 'escalated' ? 'Deadline passed: you are alerted' : `Deadline passed: nothing was done.${why === '' ? '' : ` ${why}`}`, flag);
    if (flag === 'escalated') this.#tell({ kind: 'attention' });
  }

  /** Another window decides first. */
  decideElsewhere(id: string): void {
    const { view } = this.#entry(id);
    view.decision = { kind: 'reject', by: 'reviewer', at: iso(Date.now()), reason: 'Decided in another window.', then: 'stop', facts: {}, constraints: [] };
    this.#move(view, 'released', 'reviewer', 'rejected it in another window');
  }

  /** The next call of this name fails. */
  failNext(call: string, error: Omit<WindowError, 'faults'> & Partial<WindowError>): void {
    this.#failures.set(call, [...(this.#failures.get(call) ?? []), { faults: [], ...error }]);
  }

  /** The desk asks the window to show an item. */
  show(id: string | null): void {
    this.#tell({ kind: 'show', id });
  }

  // The door.

  status(): Promise<DeskStatus> {
    return this.#answer('status', null, () => ({ ...this.#status, agents: this.#agents, ...this.gate.calls(), in_hands: this.tasks.inHands() }));
  }

  queue(query: QueueQuery): Promise<QueueView> {
    return this.#answer('queue', query, () => {
      const all = [...this.#entries.values()].map(({ view }) => view);
      const found = all.filter((view) => isFound(view, query));
      found.sort((a, b) => (query.list === 'done' ? b.received_at.localeCompare(a.received_at) : a.deadline.respond_by.localeCompare(b.deadline.respond_by)));
      return { items: found.slice(0, query.limit).map((view) => this.#item(view)), total: found.length, ...counted(all) };
    });
  }

  showQueued(agent: string): Promise<number> {
    const queued = [...this.#entries.values()].filter(({ view }) => view.agent.name === agent && view.state === 'queued');
    return this.#answer('showQueued', agent, () => queued.map(({ view }) => { this.#move(view, 'ready', 'System', 'became ready'); }).length);
  }

  openCase(id: string): Promise<CaseView> {
    return this.#answer('openCase', id, () => {
      const { view } = this.#entry(id);
      return { ...view, hold: this.#hold(id), allowed: allowed(view), deadline: this.#deadline(view), rollbacks: this.rollbacks.of({ agent: view.agent.name, task: view.task.id }) };
    });
  }

  actions(id: string, offset: number): Promise<ActionView[]> {
    return this.#answer('actions', { id, offset }, () => this.#entry(id).actions.slice(offset, offset + 200));
  }

  unfold(id: string, revision: number, pointer: string): Promise<string> {
    return this.#answer('unfold', { id, revision, pointer }, () => {
      const text = this.#entry(id).texts.get(pointer);
      if (text === undefined) throw refusal('not_found', `The handoff has nothing at ${pointer}.`, 'Open the card again.');
      return text;
    });
  }

  preview(request: DecideRequest): Promise<Preview> {
    return this.#answer('preview', request, () => preview(this.#entry(request.id), request));
  }

  decide(request: DecideRequest): Promise<Receipt> {
    return this.#answer('decide', request, () => {
      const { view } = this.#entry(request.id);
      if (view.state !== 'ready') throw refusal('conflict', `This handoff is already ${view.state}.`, 'The card shows what was decided and by whom.');
      if (view.revision !== request.revision) throw refusal('conflict', 'The agent revised the proposal meanwhile.', 'Read the new proposal and decide again.');
      const judged = preview(this.#entry(request.id), request);
      const [fault] = judged.faults;
      if (fault !== undefined) throw refusal('invalid', fault.message, 'Mend the answer and send it again.');
      if (judged.needs_confirmation && !request.confirmed) throw refusal('unconfirmed', 'The consequence is not confirmed.', 'Confirm it in the window first.');
      if (judged.needs_override && request.override === null) throw refusal('constraint', 'A constraint does not hold.', 'State why you go against it.');
      view.decision = decision(this.#entry(request.id), request);
      view.plan = judged.directive;
      this.#move(view, 'decided', 'reviewer', 'decided');
      const total = this.#settings.hold_s * 1000;
      const timer = setTimeout(() => this.#release(request.id), total);
      this.#holds.set(request.id, { timer, ends: Date.now() + total, total });
      return { state: view.state, hold: this.#hold(request.id) };
    });
  }

  undo(id: string): Promise<Receipt> {
    return this.#answer('undo', id, () => {
      const { view } = this.#entry(id);
      const hold = this.#holds.get(id);
      if (hold === undefined) throw refusal('conflict', 'The hold is over: the decision is on its way to the agent.', 'It can no longer be taken back here.');
      clearTimeout(hold.timer);
      this.#holds.delete(id);
      view.decision = null;
      this.#move(view, 'ready', 'reviewer', 'took the decision back');
      return { state: view.state, hold: null };
    });
  }

  regrant(id: string): Promise<Receipt> {
    return this.#answer('regrant', id, () => {
      const { view } = this.#entry(id);
      view.may_have_run = false;
      this.#move(view, 'released', 'reviewer', 'handed the decision out again');
      return { state: view.state, hold: null };
    });
  }

  readonly seen: Host['seen'] = (id) => this.#answer('seen', id, () => undefined);

  readonly dismiss: Host['dismiss'] = (notice) => this.#answer('dismiss', notice, () => void (this.#status.notices = this.#status.notices.filter((known) => known !== notice)));
  snooze(id: string, until: string): Promise<string> {
    return this.#answer('snooze', { id, until }, () => {
      const { view } = this.#entry(id);
      const warn = Date.parse(view.deadline.warn_at);
      const cut = Math.min(Date.parse(until), warn);
      if (view.state !== 'ready' || view.deadline.warned || Date.now() >= warn || cut <= Date.now()) throw refusal('too_late', 'It can no longer be put off.', 'Its warning is out; answer it, or let the deadline pass.');
      this.#mark(view, 'snoozed', true);
      view.deadline = { ...view.deadline, snoozed_until: iso(cut) };
      this.#move(view, view.state, 'reviewer', 'Reminders put off', 'snoozed', iso(cut));
      return iso(cut);
    });
  }

  wake(id: string): Promise<void> {
    return this.#answer('wake', id, () => {
      const { view } = this.#entry(id);
      this.#mark(view, 'snoozed', false);
      view.deadline = { ...view.deadline, snoozed_until: null };
      this.#move(view, view.state, 'reviewer', 'Reminders are on again', 'woken');
    });
  }

  allowDefault(id: string, revision: number, allowed: boolean): Promise<void> {
    return this.#answer('allowDefault', { id, revision, allowed }, () => {
      const { view, fallback } = this.#entry(id);
      if (view.revision !== revision) throw refusal('conflict', 'The agent revised the proposal meanwhile.', 'Read the new proposal and decide again.');
      if (view.deadline.default_allowed === null) throw refusal('conflict', 'There is no default to allow.', 'Answer it, or let the deadline pass.');
      view.deadline = { ...view.deadline, default_allowed: allowed, takes_default: allowed };
      view.deadline.then = atTheDeadline(view, view.options.find((option) => option.id === fallback), this.#settings.alerts);
      this.#move(view, view.state, 'reviewer', allowed ? 'Allowed the default to be taken' : 'Took that leave back', allowed ? 'default_allowed' : 'default_disallowed');
    });
  }

  readonly onScreen: Host['onScreen'] = (id) => this.#answer('onScreen', id, () => undefined);
  readonly agents: Host['agents'] = () => this.#answer('agents', null, () => { const all = this.gate.agents(this.#agents, Date.now()); return { ...all, agents: all.agents.map((agent) => ({ ...agent, undo_commands: this.rollbacks.allowed(agent.name) })) }; });

  setLevel(set: SetLevel): Promise<void> {
    return this.#answer('setLevel', set, () => { this.gate.setLevel(set, Date.now()); });
  }

  pause(pause: Pause): Promise<void> {
    return this.#answer('pause', pause, () => {
      this.gate.pause(pause);
      this.tasks.pause(pause);
      this.#tell({ kind: 'status' });
    });
  }

  readonly task: Host['task'] = (of) => this.#answer('task', of, () => this.tasks.view(of));
  readonly takeOver: Host['takeOver'] = (take) => this.#answer('takeOver', take, () => { this.tasks.takeOver(take); this.#tell({ kind: 'status' }); });
  readonly giveBack: Host['giveBack'] = (back) => this.#answer('giveBack', back, () => { this.tasks.giveBack(back); this.#tell({ kind: 'status' }); });
  readonly previewGiveBack: Host['previewGiveBack'] = (back) => this.#answer('previewGiveBack', back, () => returned([...this.#entries.values()].find(({ view }) => view.agent.name === back.agent && view.task.id === back.task), back));
  readonly editPlan: Host['editPlan'] = (edit) => this.#answer('editPlan', edit, () => { this.tasks.editPlan(edit); this.#tell({ kind: 'status' }); });
  readonly tellAgent: Host['tellAgent'] = (tell) => this.#answer('tellAgent', tell, () => { this.tasks.tellAgent(tell); this.#tell({ kind: 'status' }); });

  readonly previewRollback: Host['previewRollback'] = (request) => this.#answer('previewRollback', request, () => this.rollbacks.preview(request));
  readonly confirmRollback: Host['confirmRollback'] = (confirm) => this.#answer('confirmRollback', confirm, () => this.rollbacks.confirm(confirm));
  readonly retryUndo: Host['retryUndo'] = (item) => this.#answer('retryUndo', item, () => this.rollbacks.retry(item));
  readonly skipUndo: Host['skipUndo'] = (item) => this.#answer('skipUndo', item, () => this.rollbacks.skip(item));
  readonly handOverUndo: Host['handOverUndo'] = (item) => this.#answer('handOverUndo', item, () => this.rollbacks.handOver(item));
  readonly confirmUndone: Host['confirmUndone'] = (item) => this.#answer('confirmUndone', item, () => this.rollbacks.confirmUndone(item));
  readonly allowUndoCommands: Host['allowUndoCommands'] = (allow) => this.#answer('allowUndoCommands', allow, () => { this.rollbacks.allow(allow.agent, allow.allowed); this.#tell({ kind: 'status' }); });

  gatherDraft(agent: string, task: string): Promise<string | null> {
    const is = ({ view }: Entry) => view.agent.name === agent && view.task.id === task && view.is_draft;
    return this.#answer('gatherDraft', { agent, task }, () => [...this.#entries.values()].find(is)?.view.id ?? null);
  }

  acceptTools(accept: AcceptTools): Promise<void> {
    return this.#answer('acceptTools', accept, () => { this.gate.acceptTools(accept); });
  }

  readonly lookedAtAgent: Host['lookedAtAgent'] = (agent) => this.#answer('lookedAtAgent', agent, () => { this.gate.looked(agent); });

  readonly rules: Host['rules'] = () => this.#answer('rules', null, () => this.gate.rules());

  addRule(rule: Rule): Promise<number> {
    return this.#answer('addRule', rule, () => this.gate.addRule(rule, Date.now()));
  }

  revokeRule(id: number): Promise<void> {
    return this.#answer('revokeRule', id, () => { this.gate.revoke(id, Date.now()); });
  }

  ruleFrom(id: string, days: number, uses: number | null): Promise<RuleRow> {
    return this.#answer('ruleFrom', { id, days, uses }, () => {
      const rule = exactly(this.#entry(id), days, uses);
      return { id: 0, rule, covers: covers(rule), used: 0, last_used: null, made_at: iso(Date.now()), revoked_at: null, active: false };
    });
  }

  readonly insights: Host['insights'] = () => this.#answer('insights', null, () => this.#past.insights(this.gate.rules()));
  readonly addRuleFrom: Host['addRuleFrom'] = (from) => this.#answer('addRuleFrom', from, () => this.gate.addRule(this.#ruleOf(from), Date.now()));
  readonly replayFrom: Host['replayFrom'] = (from) => this.#answer('replayFrom', from, () => this.#past.replay({ with_rule: this.#ruleOf(from) }));
  readonly replay: Host['replay'] = (change) => this.#answer('replay', change, () => this.#past.replay(change));

  settings(): Promise<Settings> {
    return this.#answer('settings', null, () => this.#settings);
  }

  saveSettings(settings: Settings): Promise<Settings> {
    return this.#answer('saveSettings', settings, () => {
      if (!Number.isInteger(settings.hold_s) || settings.hold_s < 0 || settings.hold_s > 30) throw refusal('invalid', 'The hold must be between 0 and 30 seconds.', 'Choose a value in that range.');
      const fault = alertsFault(settings.alerts) ?? triggersFault(settings.triggers);
      if (fault !== null) throw refusal('invalid', fault, 'Nothing was changed; mend it and save again.');
      this.#settings = settings;
      this.#tell({ kind: 'status' });
      return settings;
    });
  }

  servers(): Promise<ServerView[]> {
    return this.#answer('servers', null, () => this.others.list());
  }

  addServer(server: NewServer): Promise<void> {
    return this.#answer('addServer', server, () => { this.others.add(server); });
  }

  testServer(server: NewServer): Promise<ServerTried> {
    return this.#answer('testServer', server, () => this.others.test(server));
  }

  lookAtServer(name: string): Promise<void> {
    return this.#answer('lookAtServer', name, () => undefined);
  }

  removeServer(name: string): Promise<void> {
    return this.#answer('removeServer', name, () => { this.others.remove(name); });
  }

  backups(): Promise<BackupView[]> {
    return this.#answer('backups', null, () => this.#backups);
  }

  async restore(name: string): Promise<void> {
    await this.#answer('restore', name, () => {
      if (!this.#backups.some((backup) => backup.name === name)) throw refusal('not_found', `There is no backup “${name}” any more.`, 'Look at the list again and choose another one.');
    });
    // The real desk starts again, and its page with it.
    return new Promise(() => undefined);
  }

  quit(): Promise<void> {
    return this.#answer('quit', null, () => undefined);
  }

  runDemo(): Promise<void> {
    return this.#answer('runDemo', null, () => {
      this.#status.demo_running = true;
      this.#tell({ kind: 'status' });
      setTimeout(() => {
        this.submit(demoSpec());
        this.#tell({ kind: 'status' });
      }, 400);
    });
  }

  onChange(listener: (change: Change) => void): Promise<() => void> {
    return this.#answer('onChange', null, () => {
      this.#listeners.add(listener);
    }).then(() => () => this.#listeners.delete(listener));
  }

  // How it does it.

  async #answer<T>(name: string, argument: unknown, work: () => T): Promise<T> {
    this.calls.push({ name, argument });
    const failure = this.#failures.get(name)?.shift();
    if (failure !== undefined) throw failure;
    await Promise.resolve();
    const result = work();
    return result === undefined ? result : (JSON.parse(JSON.stringify(result)) as T);
  }

  #ruleOf(from: RuleFrom): Rule {
    switch (from.source) {
      case 'card':
        return exactly(this.#entry(from.id), from.days, from.uses);
      case 'suggestion':
        return this.#past.suggested(from.id);
      case 'taken_back':
        return this.gate.takenBack(from.id);
    }
  }

  #add(spec: Spec, now: number): void {
    let agent = this.#agents.find((one) => one.name === spec.agent);
    if (agent === undefined) {
      agent = { name: spec.agent, framework: null, version: null, connected: true, last_seen: iso(now), handoffs: 0, cold: 0 };
      this.#agents.push(agent);
    }
    agent.handoffs += 1;
    this.#entries.set(spec.id, entry(spec, agent, now));
  }

  #entry(id: string): Entry {
    const found = this.#entries.get(id);
    if (found === undefined) throw NOT_FOUND;
    return found;
  }

  #tell(change: Change): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener(change);
    });
  }

  #mark(view: CaseView, flag: Flag, on: boolean): void {
    view.flags = [...view.flags.filter((one) => one !== flag), ...(on ? [flag] : [])];
  }

  #deadline(view: CaseView): DeadlineView {
    const { deadline } = view;
    return { ...deadline, can_snooze: view.state === 'ready' && !deadline.warned && Date.now() < Date.parse(deadline.warn_at) };
  }

  #move(view: CaseView, state: State, actor: string, text: string, event: string = state, until: string | null = null): void {
    view.state = state;
    view.thread = [...view.thread, { at: iso(Date.now()), actor, event, text, until }];
    this.#tell({ kind: 'handoff', id: view.id });
  }

  #release(id: string): void {
    this.#holds.delete(id);
    const { view, listens } = this.#entry(id);
    this.#move(view, 'released', 'System', 'released the decision');
    if (view.decision?.kind === 'take_over') this.tasks.taken({ agent: view.agent.name, task: view.task.id }, () => { this.#tell({ kind: 'status' }); });
    if (listens) setTimeout(() => {
      view.liveness = { kind: 'collected', at: iso(Date.now()) };
      this.#move(view, 'collected', 'agent', 'collected the decision');
      setTimeout(() => {
        view.report = { outcome: 'applied', steps: [] };
        this.#move(view, 'reconciled', 'agent', 'carried it out');
      }, REPORT_MS);
    }, COLLECT_MS);
  }

  #hold(id: string): Hold | null {
    const hold = this.#holds.get(id);
    return hold === undefined ? null : { left_ms: Math.max(0, hold.ends - Date.now()), total_ms: hold.total };
  }

  #item(view: CaseView): QueueItem {
    const order = ['read', 'reversible', 'irreversible'] as const;
    const worst = order.findLast((effect) => view.options.some((option) => option.effect === effect));
    return {
      id: view.id,
      agent: view.agent.name,
      task: view.task.title,
      question: view.question,
      priority: view.priority,
      state: view.state,
      flags: view.flags,
      effect: worst ?? null,
      irreversible: view.decision !== null && view.options.some((option) => option.id === view.decision?.option && option.effect === 'irreversible'),
      received_at: view.received_at,
      respond_by: view.deadline.respond_by,
      warn_at: view.deadline.warn_at,
      snoozed_until: view.deadline.snoozed_until,
      hold: this.#hold(view.id),
      outcome: view.decision === null ? null : outcome(view, view.decision),
    };
  }
}
