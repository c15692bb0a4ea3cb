/** Opens the door to the desk and makes the state of the window. */
import { openHost } from '../host/open';
import { Desk } from './desk.svelte';

export async function openDesk(): Promise<Desk> {
  return new Desk(await openHost());
}
