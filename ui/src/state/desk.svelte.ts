/**
 * What the window knows of the desk: the queue, the handoff on screen, the
 * running holds and the settings. It asks again whenever the desk says that
 * something changed, and keeps no truth of its own.
 */
import type { Change } from '../gen/Change';
import type { DeskStatus } from '../gen/DeskStatus';
import type { List } from '../gen/List';
import type { QueueItem } from '../gen/QueueItem';
import type { QueueView } from '../gen/QueueView';
import type { Settings } from '../gen/Settings';
import type { WindowError } from '../gen/WindowError';
import { windowError, type Host } from '../host/host';
import { coalesce, soon } from '../lib/once';
import { group, type Group } from '../lib/time';
import { stateWords } from '../lib/words';
import { Answering } from './answering.svelte';
import { Calm } from './calm.svelte';
import { Clock } from './clock.svelte';
import { Draft } from './draft.svelte';
import { Faults } from './faults.svelte';
import { News } from './news';
import { Opened } from './opened.svelte';
import { Places } from './places.svelte';
import { Rollback } from './rollback.svelte';
import { Screen } from './screen.svelte';
import type { Control } from './task.svelte';
import { UNKNOWN } from './unknown';

/** How many items are asked for at first, and how many more at a time. */
export const PAGE = 50;
/** A busy desk tells of a change with every agent that comes and goes. */
const REST = 300;
/** By how many milliseconds a running hold may seem to end otherwise than it did before. */
const SAME_HOLD = 1000;
/** How many answers are kept in which nothing is written that was not sent. */
const DRAFTS = 200;
const GROUPS: [Group, string][] = [
  ['over', 'Past the deadline'],
  ['soon', 'Runs out soon'],
  ['today', 'Due today'],
  ['later', 'Due later'],
];

/** A decision that can still be taken back. */
export interface Held {
  id: string;
  question: string;
  outcome: string;
  /** When the hold ends, by this window's clock. */
  ends: number;
  total: number;
}

export type Dialog = 'palette' | 'help' | 'settings' | 'rollback';
export type Part = 'search' | 'queue' | 'case' | 'option' | 'confirm' | 'override' | 'folded' | 'form' | 'submit' | 'unsent';
export type Evidence = 'plan' | 'history' | 'thread';

/** Whether it can be answered now. */
export const isReady = ({ state }: QueueItem): boolean => state === 'ready';

export class Desk {
  readonly host: Host;
  readonly clock = new Clock();
  readonly faults = new Faults();
  readonly answering = new Answering(this);
  readonly calm = new Calm(this);
  readonly screen = new Screen(this);
  readonly places = new Places(this);
  readonly rollback = new Rollback(this);
  status = $state.raw<DeskStatus | null>(null);
  settings = $state.raw<Settings>(UNKNOWN);
  list = $state<List>('inbox');
  search = $state('');
  queue = $state.raw<QueueView | null>(null);
  selected = $state<string | null>(null);
  opened = $state.raw<Opened | null>(null);
  holds = $state.raw<Held[]>([]);
  dialog = $state<Dialog | null>(null);
  evidence = $state<Evidence>('plan');
  /** In a narrow window the evidence lies over the case, when asked for. */
  evidenceShown = $state(false);
  /** The part of the window that is to take the focus. */
  wanted = $state.raw<{ part: Part } | null>(null);
  /** What a screen reader is told. */
  announcement = $state('');
  /** Where in the list the selected item was last. */
  #place = $state(0);
  #limit = PAGE;
  readonly #news = new News();
  #saved: Promise<unknown> = Promise.resolve();
  readonly #drafts = new Map<string, Draft>();
  #unfollow: () => void = () => undefined;
  readonly #again = soon(() => void this.#load(), REST);

  constructor(host: Host) {
    this.host = host;
  }

  /** The queue as it is shown: the inbox in groups by deadline, other lists in one. */
  readonly groups = $derived.by(() => {
    const items = this.queue?.items ?? [];
    if (items.length === 0) return [];
    if (this.list !== 'inbox' || this.search !== '') return [{ name: '', items }];
    const now = this.clock.minute;
    return GROUPS.map(([key, name]) => ({ name, items: items.filter((item) => group(item.respond_by, item.warn_at, now) === key) })).filter(
      (part) => part.items.length > 0,
    );
  });

  /** The items in the order they are shown. */
  readonly order: QueueItem[] = $derived(this.groups.flatMap((part) => part.items));

  /** What to go on with where the card on screen has left the inbox. */
  readonly following: QueueItem | null = $derived.by(() => {
    const { opened, order } = this;
    if (opened === null || opened.open || !this.asks || this.search !== '' || order.some((item) => item.id === this.selected)) return null;
    return order[Math.min(this.#place, order.length - 1)] ?? null;
  });

  /** Nothing has ever been handed off here. */
  readonly blank = $derived.by(() => {
    const { queue } = this;
    return queue !== null && this.search === '' && queue.counts.inbox + queue.counts.review + queue.counts.waiting + queue.counts.done + queue.counts.queued === 0;
  });

  /** Begins to listen and loads everything; the returned function ends it. */
  start(): () => void {
    const stopClock = this.clock.start();
    void this.#follow().then(() => {
      void this.#loadSettings();
      void this.loadStatus();
      void this.refresh().then(() => {
        if (this.selected === null) this.#selectFirst();
      });
    });
    return () => {
      stopClock();
      this.#unfollow();
    };
  }

  /** Hears of changes before anything is read: what comes in between is not missed. A window that cannot hear would show stale cards, so it says that. */
  async #follow(): Promise<void> {
    await this.faults.guard(
      'changes',
      async () => {
        this.#unfollow = await this.host.onChange((change) => {
          this.#changed(change);
        });
      },
      () => void this.#follow().then(() => this.refresh()),
    );
  }

  /** Loads the queue and the running holds again. */
  readonly refresh = coalesce(async () => {
    await this.faults.guard(
      'queue',
      async () => {
        const { list, search } = this;
        const queue = await this.host.queue({ list, search: search.trim(), limit: this.#limit });
        const waiting = queue.counts.waiting === 0 ? [] : list === 'waiting' && search === '' ? queue.items : (await this.host.queue({ list: 'waiting', search: '', limit: PAGE })).items;
        if (list !== this.list || search !== this.search) return;
        const at = this.order.findIndex((item) => item.id === this.selected);
        if (at >= 0) this.#place = at;
        this.queue = queue;
        this.#hold(waiting);
        const news = this.#news.of(queue, list === 'inbox' && search === '');
        if (news !== null) this.say(news);
        if (this.selected === null && this.opened === null) this.#selectFirst();
      },
      () => void this.refresh(),
    );
  });

  /** Asks again how the desk stands. */
  readonly loadStatus = coalesce(async () => {
    await this.faults.guard('status', async () => {
      this.status = await this.host.status();
    }, () => void this.loadStatus());
  });

  readonly #loadSettings = coalesce(async () => {
    await this.faults.guard('settings', async () => {
      this.settings = await this.host.settings();
    }, () => void this.#loadSettings());
  });

  /** Loads the selected handoff again, or for the first time. */
  readonly #load = coalesce(async () => {
    const id = this.selected;
    if (id === null) return;
    await this.faults.guard(
      'case',
      async () => {
        const view = await this.host.openCase(id);
        if (this.selected !== id) return;
        // What was sent and has gone out is no answer to the proposal that came for it.
        const answered = view.state === 'ready' && Draft.goesOn(this.opened?.draft, view) === undefined;
        if (this.opened?.view.id === id && !answered) {
          const { open, draft } = this.opened;
          this.opened.take(view);
          if (open && !this.opened.open && !draft.sent) this.#closedElsewhere(this.opened);
          await this.opened.unfoldEdited();
          await this.opened?.again();
          return;
        }
        const draft = Draft.goesOn(this.#drafts.get(id), view) ?? new Draft();
        this.#drafts.set(id, draft);
        for (const [other, { unsent }] of this.#drafts) if (this.#drafts.size > DRAFTS && unsent === '') this.#drafts.delete(other);
        this.opened = new Opened(this.host, view, draft);
        this.see();
      },
      () => void this.#load(),
    );
  });

  /** Tells the desk that the card is on screen, once it really is. */
  see(): void {
    const { opened } = this;
    if (opened === null || opened.seen || document.visibilityState !== 'visible') return;
    opened.seen = true;
    void this.faults.guard('seen', () => this.host.seen(opened.view.id));
  }

  /** Shows this item. */
  select(id: string): void {
    if (this.selected === id) return;
    this.selected = id;
    this.wanted = null;
    this.calm.menu = false;
    this.faults.clear('case');
    this.faults.clear('decide');
    void this.#load();
  }

  /** Leaves the card that was answered for the next one. */
  leave(next: string | null): void {
    this.opened = null;
    this.selected = null;
    if (next !== null) this.select(next);
  }

  /** Moves the selection; past the last item it asks for more. */
  move(by: 1 | -1): void {
    const at = this.order.findIndex((item) => item.id === this.selected);
    // Where it has left the list, the next one has taken its place.
    const left = this.selected === null ? 0 : Math.min(this.#place + (by === 1 ? 0 : -1), this.order.length - 1);
    const next = this.order[at < 0 ? Math.max(left, 0) : at + by];
    if (next !== undefined) this.select(next.id);
    if (at + by >= this.order.length - 1) this.more();
  }

  /** Shows another list. */
  show(list: List): void {
    if (this.list === list && this.search === '') return;
    this.list = list;
    this.search = '';
    this.#place = 0;
    this.#limit = PAGE;
    void this.refresh();
  }

  /** Looks for words in all lists, and opens what is found first. */
  findFirst(words: string): void {
    this.search = words;
    this.#place = 0;
    this.#limit = PAGE;
    void this.refresh().then(() => {
      const first = this.order[0];
      if (this.search === words && first !== undefined) this.select(first.id);
    });
  }

  /** Looks for words in all lists. */
  find(words: string): void {
    this.search = words;
    this.#place = 0;
    this.#limit = PAGE;
    void this.refresh();
  }

  /** Asks for the next page of the list. */
  more(): void {
    const { queue } = this;
    if (queue === null || queue.items.length >= queue.total || queue.items.length < this.#limit) return;
    this.#limit += PAGE;
    void this.refresh();
  }

  /** Tells a screen reader; the same words twice are told twice. */
  say(words: string): void {
    this.announcement = words === this.announcement ? `${words}\u00A0` : words;
  }

  /** Brings a step of the plan into view. */
  point(step: string): void {
    this.evidence = 'plan';
    this.evidenceShown = true;
    if (this.opened !== null) this.opened.pointed = { step };
  }

  /** Puts the focus on a part of the window. */
  want(part: Part): void {
    this.wanted = { part };
  }

  /** The card that is open, unless the queue already marks another one: an answer is to what was chosen. */
  get shown(): Opened | null {
    return this.opened !== null && this.opened.view.id === this.selected ? this.opened : null;
  }

  /** The card that was chosen is not on screen yet. */
  get opening(): boolean {
    return this.selected !== null && this.opened?.view.id !== this.selected;
  }

  /** Says that the card on screen no longer waits for an answer. */
  #closedElsewhere(opened: Opened): void {
    const { view, draft } = opened;
    const what = view.decision === null ? stateWords[view.state].word : 'decided elsewhere';
    this.say(`This handoff is closed: ${what}.${draft.unsent === '' ? '' : ' What you had written is kept on the card.'}`);
    if (draft.unsent !== '') this.want('unsent');
  }

  /** Takes the latest decision back, or the one named. */
  async undo(id = this.holds.at(-1)?.id): Promise<void> {
    if (id === undefined) return;
    const done = await this.faults.guard('undo', async () => {
      await this.host.undo(id);
    });
    this.holds = this.holds.filter((held) => held.id !== id);
    await this.refresh();
    if (!done) return;
    this.say('Taken back.');
    this.places.go('handoffs');
    await this.reveal(id);
  }

  /** Hands a decision out again whose lease lapsed. */
  async regrant(id: string): Promise<void> {
    await this.faults.guard('regrant', async () => {
      await this.host.regrant(id);
    });
    await this.reload();
  }

  /** Saves a change of the settings, one after the other; says why where it fails. */
  saveSettings(change: (settings: Settings) => Settings): Promise<WindowError | null> {
    const saved = this.#saved.then(async () => {
      // What is not known yet must not be overwritten.
      if (this.settings === UNKNOWN) await this.#loadSettings();
      if (this.settings === UNKNOWN) return windowError('The settings could not be read, so nothing was saved.');
      try {
        this.settings = await this.host.saveSettings(change(this.settings));
        return null;
      } catch (cause) {
        return windowError(cause);
      }
    });
    this.#saved = saved;
    return saved;
  }

  /** Asks again for the card and the queue. */
  async reload(): Promise<void> {
    await Promise.all([this.#load(), this.refresh()]);
  }

  async runDemo(): Promise<void> {
    await this.faults.guard('demo', () => this.host.runDemo(), () => void this.runDemo());
    void this.loadStatus();
  }

  /** The window has the focus again: nothing is decided by the click that gave it. */
  focused(): void {
    this.opened?.guard.arm();
  }

  #changed(change: Change): void {
    if (this.places.take(change)) return;
    switch (change.kind) {
      case 'handoff':
        void this.refresh();
        if (change.id === this.selected) void this.#load();
        break;
      case 'status':
        void this.loadStatus();
        void this.#loadSettings();
        // The card says at which level its agent is.
        this.#again.ask();
        break;
      case 'attention':
        // The window manager is asked for it, not the page.
        break;
      case 'show':
        if (change.id === null) break;
        this.dialog = null;
        void this.reveal(change.id).then(() => { this.want('case'); });
        break;
    }
  }

  /** Whether the list on screen is one of cards that ask for an answer. */
  get asks(): boolean {
    return this.list === 'inbox' || this.list === 'review';
  }

  /** Shows this item, and the list in which it waits for an answer. */
  async reveal(id: string): Promise<void> {
    if (this.selected === id) await this.#load();
    else this.select(id);
    await this.#load();
    const view = this.opened?.view;
    if (view?.id === id && this.selected === id) this.show(view.state === 'ready' && view.flags.includes('manual_review') ? 'review' : 'inbox');
  }

  /** Opens a form for the task of the card on screen, beside it. */
  control(wanted: Control): void {
    if (this.opened === null) return;
    const { agent, task } = this.opened.view;
    this.evidence = 'thread';
    this.evidenceShown = true;
    const found = this.places.tasks.open({ agent: agent.name, task: task.id });
    if (found.form !== wanted) found.toggle(wanted);
  }

  /** Of what was found only what waits: a finished card is opened by whoever asks for it. */
  #selectFirst(): void {
    const first = this.search === '' ? this.order[0] : this.order.find(isReady);
    if (first !== undefined) this.select(first.id);
  }

  #hold(waiting: QueueItem[]): void {
    const now = Date.now();
    const held = new Map(waiting.filter((item) => item.hold !== null).map((item) => [item.id, item]));
    const kept = this.holds
      .filter((one) => held.has(one.id))
      .map((one) => {
        const { left_ms: left, total_ms: total } = held.get(one.id)?.hold ?? { left_ms: 0, total_ms: 0 };
        // It may begin anew, or be put off; what the way here took is no news.
        return Math.abs(now + left - one.ends) > SAME_HOLD ? { ...one, ends: now + left, total } : one;
      });
    const fresh = [...held.values()]
      .filter((item) => !kept.some((one) => one.id === item.id))
      .map((item) => ({
        id: item.id,
        question: item.question,
        outcome: item.outcome ?? 'Decided',
        ends: now + (item.hold?.left_ms ?? 0),
        total: item.hold?.total_ms ?? 0,
      }))
      .sort((a, b) => a.ends - b.ends);
    this.holds = [...kept, ...fresh];
  }
}
