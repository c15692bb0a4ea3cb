/**
 * The failures the reviewer has not dealt with. Every failed call lands here
 * under the name of what failed; a later success clears it. Nothing is
 * swallowed.
 */
import type { WindowError } from '../gen/WindowError';
import { windowError } from '../host/host';

export interface Fault {
  /** What failed; one fault each. */
  source: string;
  error: WindowError;
  retry: (() => void) | null;
}

export class Faults {
  all = $state.raw<Fault[]>([]);

  /** Shows that `source` failed. */
  add(source: string, cause: unknown, retry: (() => void) | null = null): WindowError {
    const error = windowError(cause);
    this.all = [...this.all.filter((fault) => fault.source !== source), { source, error, retry }];
    return error;
  }

  /** `source` works again, or the reviewer has read it. */
  clear(source: string): void {
    if (this.all.some((fault) => fault.source === source)) this.all = this.all.filter((fault) => fault.source !== source);
  }

  /** Runs `work`, showing its failure under `source`; says whether it worked. */
  async guard(source: string, work: () => Promise<void>, retry: (() => void) | null = null): Promise<boolean> {
    try {
      await work();
      this.clear(source);
      return true;
    } catch (cause) {
      this.add(source, cause, retry);
      return false;
    }
  }
}
