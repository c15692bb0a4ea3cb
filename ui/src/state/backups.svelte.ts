/**
 * The backups of the desk and going back to one. What that loses is asked in
 * the view; nothing here asks again.
 */
import type { BackupView } from '../gen/BackupView';
import type { WindowError } from '../gen/WindowError';
import { windowError, type Host } from '../host/host';

export class Backups {
  /** The newest first; `null` until they are known. */
  all = $state.raw<BackupView[] | null>(null);
  error = $state.raw<WindowError | null>(null);
  /** The desk is about to start again. */
  going = $state(false);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async load(): Promise<void> {
    try {
      this.all = await this.#host.backups();
      this.error = null;
    } catch (cause) {
      this.error = windowError(cause);
    }
  }

  /** Goes back to it; comes back only where that failed. */
  async restore(name: string): Promise<void> {
    this.going = true;
    this.error = null;
    try {
      await this.#host.restore(name);
    } catch (cause) {
      await this.load();
      this.error = windowError(cause);
    }
    this.going = false;
  }
}
