/**
 * The open settings: saves each change at once and keeps what was refused
 * beside the part it was about. It judges no value; the desk does.
 */
import type { Alerts } from '../gen/Alerts';
import type { Settings } from '../gen/Settings';
import type { WindowError } from '../gen/WindowError';
import { getContext, setContext } from 'svelte';
import type { Desk } from './desk.svelte';

const KEY = Symbol('sheet');

export class Sheet {
  /** What was refused, and about which part. */
  refused = $state.raw<{ part: string; error: WindowError } | null>(null);
  /** The part that was saved last. */
  saved = $state('');
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  get settings(): Settings {
    return this.#desk.settings;
  }

  /** Saves a change of the settings; says whether the desk took it. */
  async save(part: string, change: Partial<Settings>): Promise<boolean> {
    return this.#keep(part, (settings) => ({ ...settings, ...change }));
  }

  /** The same for those of time. */
  async alerts(part: string, change: Partial<Alerts>): Promise<boolean> {
    return this.#keep(part, (settings) => ({ ...settings, alerts: { ...settings.alerts, ...change } }));
  }

  /** What was refused about this part. */
  fault(part: string): WindowError | null {
    return this.refused?.part === part ? this.refused.error : null;
  }

  async #keep(part: string, change: (settings: Settings) => Settings): Promise<boolean> {
    const error = await this.#desk.saveSettings(change);
    this.refused = error === null ? null : { part, error };
    this.saved = error === null ? part : '';
    return error === null;
  }
}

export function provideSheet(sheet: Sheet): void {
  setContext(KEY, sheet);
}

export function useSheet(): Sheet {
  return getContext<Sheet>(KEY);
}
