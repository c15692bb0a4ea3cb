/** The backups of the in-memory desk: one a day, and one from before an update. */
import type { BackupView } from '../../gen/BackupView';
import { HOUR, iso } from './build';

export function backups(now: number): BackupView[] {
  const backup = (hours: number, handoffs: number | null, before_new_format = false): BackupView => ({
    name: `desk-${String(hours)}.db`,
    at: iso(now - hours * HOUR),
    before_new_format,
    bytes: 1_400_000 + (handoffs ?? 0) * 21_000,
    handoffs,
  });
  return [backup(6, 7), backup(30, 6), backup(54, 4), backup(80, null, true)];
}
