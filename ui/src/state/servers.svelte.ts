/**
 * The servers of others that are asked for work: which there are, and adding,
 * trying and removing one. A secret is handed on and not kept here.
 */
import type { NewServer } from '../gen/NewServer';
import type { ServerTried } from '../gen/ServerTried';
import type { ServerView } from '../gen/ServerView';
import type { WindowError } from '../gen/WindowError';
import { windowError, type Host } from '../host/host';

export class Servers {
  /** By name; `null` until they are known. */
  all = $state.raw<ServerView[] | null>(null);
  error = $state.raw<WindowError | null>(null);
  /** Something is on its way. */
  busy = $state(false);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async load(): Promise<void> {
    try {
      this.all = await this.#host.servers();
    } catch (cause) {
      this.error = windowError(cause);
    }
  }

  /** What it answers; `null` where that is an error. */
  async test(server: NewServer): Promise<ServerTried | null> {
    return (await this.#try(() => this.#host.testServer(server))) ?? null;
  }

  /** Whether it was added. */
  async add(server: NewServer): Promise<boolean> {
    const added = await this.#try(async () => {
      await this.#host.addServer(server);
      return true;
    });
    await this.load();
    return added ?? false;
  }

  async look(name: string): Promise<void> {
    await this.#try(() => this.#host.lookAtServer(name));
  }

  /** Whether it is gone. */
  async remove(name: string): Promise<boolean> {
    const removed = await this.#try(async () => {
      await this.#host.removeServer(name);
      return true;
    });
    await this.load();
    return removed ?? false;
  }

  async #try<T>(call: () => Promise<T>): Promise<T | undefined> {
    this.busy = true;
    this.error = null;
    try {
      return await call();
    } catch (cause) {
      this.error = windowError(cause);
      return undefined;
    } finally {
      this.busy = false;
    }
  }
}
