/** What agents ask beyond their cards of the hour. */
import type { Desk } from './desk.svelte';

/** Brings all of it into the inbox. */
export async function showQueued(desk: Desk, agent: string): Promise<void> {
  const shown = await desk.faults.guard('queued', async () => {
    await desk.host.showQueued(agent);
  });
  if (!shown) return;
  desk.say(`All questions of ${agent} are in the inbox now.`);
  await desk.refresh();
}
