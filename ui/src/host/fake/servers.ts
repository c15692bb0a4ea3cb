/** The servers of the in-memory desk: one that answers, one that is away, and cards of theirs. */
import type { NewServer } from '../../gen/NewServer';
import type { ServerTried } from '../../gen/ServerTried';
import type { ServerView } from '../../gen/ServerView';
import { refusal } from './answers';
import { HOUR, iso, MINUTE, type Spec } from './build';

export class FakeServers {
  #all: ServerView[];
  readonly #told: () => void;

  constructor(some: boolean, now: number, told: () => void) {
    this.#all = some ? first(now) : [];
    this.#told = told;
  }

  list(): ServerView[] {
    return this.#all;
  }

  test(server: NewServer): ServerTried {
    if (!/^https?:\/\//u.test(server.url)) throw refusal('invalid_params', 'The address must begin with https:// or http://.', 'Nothing was added; mend it and try again.');
    if (server.url.includes('off.')) throw refusal('refused', `Nothing listens at ${server.url}.`, 'Nothing was added.');
    return { version: '0.16.7', waiting: 3, caution: server.url.startsWith('http://') ? 'What is sent there is not encrypted: anyone on the way can read your answers, and change them.' : null };
  }

  add(server: NewServer): void {
    if (this.#all.some(({ name }) => name === server.name)) throw refusal('conflict', `There is a server "${server.name}" already.`, 'Choose another name, or remove that one first.');
    this.test(server);
    const { name, url, headers } = server;
    const secret = server.secret === null ? null : { header: server.secret.name, kept_in: 'key_store' as const };
    this.#all = [...this.#all, { name, url, headers, secret, agent: `langgraph:${name}`, in_the_clear: url.startsWith('http://'), contact: { kind: 'unknown' }, waiting: 0, outbox: 0, problems: [] }];
    this.#told();
  }

  remove(name: string): void {
    this.#all = this.#all.filter((server) => server.name !== name);
    this.#told();
  }

  /** A server answers, or not. */
  change(name: string, change: Partial<ServerView>): void {
    this.#all = this.#all.map((server) => (server.name === name ? { ...server, ...change } : server));
    this.#told();
  }
}

function first(now: number): ServerView[] {
  return [
    {
      name: 'billing', agent: 'langgraph:billing', url: 'https://agents.example.com', in_the_clear: false, headers: [{ name: 'x-team', value: 'billing' }], secret: { header: 'x-api-key', kept_in: 'key_store' },
      contact: { kind: 'connected', version: '0.16.7', at: iso(now - 2000) }, waiting: 4, outbox: 0, problems: [],
    },
    {
      name: 'lab', agent: 'langgraph:lab', url: 'http://lab.example.net:2024', in_the_clear: true, headers: [], secret: { header: 'authorization', kept_in: 'file' },
      contact: { kind: 'offline', since: iso(now - 40 * MINUTE), last: iso(now - HOUR), why: 'Nothing listens at http://lab.example.net:2024.' }, waiting: 1, outbox: 1,
      problems: ['What the thread 01a2 asks cannot be understood: a request is no object. Nobody was asked, and it stays where it is: answer it on the server, or mend the graph.'],
    },
  ];
}

/** Cards of a server, each at another point of its way back. */
export function serverSpecs(now: number): Spec[] {
  const at = iso(now - 5 * MINUTE);
  const decision = { kind: 'approve' as const, by: 'reviewer' as const, at, option: 'run', facts: {}, constraints: [] };
  const card = (id: string, spec: Partial<Spec>): Spec => ({
    id, agent: 'langgraph:lab', title: 'refunds, thread …72595d1bdaef', question: 'May it call send_email with these arguments?', flags: ['cold'], dueMs: 20 * HOUR,
    options: [{ id: 'run', label: 'Run send_email', effect: 'irreversible', why: 'Nobody says that it can be taken back.', action: { tool: 'send_email', args: { to: 'dana@example.com' } } }],
    ...spec,
  });
  const way = (standing: NonNullable<Spec['outbox']>['standing'], reached: boolean, undecided = 0): NonNullable<Spec['outbox']> => ({ server: 'lab', reached, standing, undecided });
  const released = { state: 'released' as const, decision };
  return [
    card('h-asked', { outbox: way({ kind: 'asked' }, false) }),
    card('h-waits', { ...released, outbox: way({ kind: 'asked' }, false) }),
    card('h-together', { ...released, outbox: way({ kind: 'asked' }, true, 1) }),
    card('h-sending', { ...released, state: 'collected', liveness: { kind: 'collected', at }, outbox: way({ kind: 'sending', tries: 1 }, true) }),
    card('h-sent', { ...released, state: 'collected', liveness: { kind: 'collected', at }, outbox: way({ kind: 'sent', tries: 1, at }, true) }),
    card('h-answered', { state: 'reconciled', decision, report: { outcome: 'applied', steps: [] }, outbox: way({ kind: 'over', how: { kind: 'confirmed' } }, true) }),
    card('h-elsewhere', { state: 'reconciled', flags: ['diverged'], decision, report: { outcome: 'diverged', why: 'It was answered elsewhere before your decision could be sent: the thread does not wait for it any more. Nothing was sent.', steps: [] }, outbox: way({ kind: 'over', how: { kind: 'elsewhere' } }, true) }),
  ];
}
