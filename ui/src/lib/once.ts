/**
 * Keeps repeated work from piling up. It knows nothing of what it runs, and
 * swallows no failure: `work` handles its own.
 */

/**
 * Runs `work` now, or once more when the running one is over, however often
 * it is asked for in between. The promise is settled after a run that began
 * after the call.
 */
export function coalesce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const start = (): Promise<void> => {
    running = work().finally(() => {
      running = null;
    });
    return running;
  };
  return () => {
    if (running === null) return start();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}

/**
 * Runs `work` at the next frame, once for all calls until then, and never
 * beside itself: what is asked for meanwhile follows at the frame after it.
 */
export function eachFrame(work: () => Promise<unknown>): { ask: () => void; stop: () => void } {
  let frame = 0;
  let running = false;
  let again = false;
  const ask = () => {
    if (running) again = true;
    else if (frame === 0) frame = requestAnimationFrame(run);
  };
  const run = () => {
    frame = 0;
    running = true;
    void work().finally(() => {
      running = false;
      if (!again) return;
      again = false;
      ask();
    });
  };
  return {
    ask,
    stop: () => {
      cancelAnimationFrame(frame);
      frame = 0;
      again = false;
    },
  };
}

/** Runs `work` a while after the first call, once for all calls until then. */
export function soon(work: () => void, ms: number): { ask: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    ask: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        work();
      }, ms);
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Runs `work` a while after the last call; `stop` forgets it. */
export function later(work: () => void, ms: number): { ask: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    ask: () => {
      clearTimeout(timer);
      timer = setTimeout(work, ms);
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}
