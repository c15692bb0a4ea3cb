/**
 * What the in-memory desk holds of time: the settings it begins with, those it
 * refuses, and the sentence about the deadline. Nothing rings here.
 */
import type { Alerts } from '../../gen/Alerts';
import type { ByPriority } from '../../gen/ByPriority';
import type { CaseView } from '../../gen/CaseView';
import type { OptionView } from '../../gen/OptionView';
import type { Settings } from '../../gen/Settings';
import type { Stage } from '../../gen/Stage';
import { firstTriggers } from './gate';

const WEEK_S = 7 * 24 * 3600;
const DAY_MIN = 24 * 60;
const SHORTEST_S = 30;
const MOST = 10;
const MOST_WORDS = 32;

/** What nobody has set yet. */
export function firstSettings(): Settings {
  const alert: Stage = { after_s: 0, times: 1, notify: true, sound: false, attention: true, command: [] };
  return {
    hold_s: 5,
    cards_per_hour: 30,
    report_within_s: 1800,
    theme: 'system',
    shortcuts: true,
    notify_question: true,
    alerts: {
      respond_within_s: { low: 3600, normal: 3600, high: 3600, urgent: 3600 },
      on_timeout: { low: 'escalate', normal: 'escalate', high: 'escalate', urgent: 'escalate' },
      remind_every_s: { low: 0, normal: 3600, high: 1800, urgent: 600 },
      pause_s: 900,
      warn_before_s: { low: 0, normal: 0, high: 0, urgent: 0 },
      grace_s: { low: 300, normal: 300, high: 300, urgent: 300 },
      quiet: null,
      focus_until: null,
      urgent_pierces: true,
      stages: [alert, { ...alert, after_s: 600, times: 2, sound: true }],
      give_up_after_s: 1800,
    },
    triggers: firstTriggers(),
  };
}

/** Why these cannot be set. */
export function alertsFault(alerts: Alerts): string | null {
  const each = ({ low, normal, high, urgent }: ByPriority) => [low, normal, high, urgent];
  if (each(alerts.remind_every_s).some((span) => span !== 0 && (span < SHORTEST_S || span > WEEK_S))) return 'Reminders come every 30 seconds at most, once a week at least.';
  if (each(alerts.respond_within_s).some((span) => span < 60 || span > WEEK_S)) return 'The time to answer is a minute at least, a week at most.';
  const spans = [alerts.pause_s, alerts.give_up_after_s, ...each(alerts.warn_before_s), ...each(alerts.grace_s), ...alerts.stages.map((stage) => stage.after_s)];
  if (spans.some((span) => span > WEEK_S)) return 'No time may be longer than a week.';
  const { quiet } = alerts;
  if (quiet !== null && (quiet.from_min >= DAY_MIN || quiet.to_min >= DAY_MIN || quiet.from_min === quiet.to_min)) return 'Quiet hours need a start and another end within the day.';
  if (alerts.stages.length > MOST) return `There can be ${String(MOST)} stages of escalation.`;
  return alerts.stages.map(stageFault).find((fault) => fault !== null) ?? null;
}

/** What happens at the deadline, in one sentence. */
export function atTheDeadline(view: Pick<CaseView, 'deadline'>, option: OptionView | undefined, alerts: Alerts): string {
  switch (view.deadline.on_timeout) {
    case 'escalate': {
      const count = alerts.stages.reduce((sum, stage) => sum + stage.times, 0);
      return `${count === 0 ? 'It waits for you' : count === 1 ? 'You are alerted once more' : `You are alerted up to ${String(count)} times`}; if you do not answer, nothing is done and it stays for later.`;
    }
    case 'manual_review':
      return 'Nothing is done; it stays for later.';
    case 'safe_default':
      if (view.deadline.default_allowed === false) return `Nothing is done and it stays for later: “${option?.label ?? ''}” changes something, and that is not done unasked.`;
      if (!view.deadline.takes_default) return `Nothing is done and it stays for later: “${option?.label ?? ''}” is not taken unasked. It cannot be undone, or nobody knows what it does.`;
      return `“${option?.label ?? ''}” is taken. It is recorded as done by the desk, not by you.`;
  }
}

function stageFault(stage: Stage): string | null {
  if (stage.times < 1 || stage.times > MOST) return `A stage alerts once to ${String(MOST)} times.`;
  if (stage.times > 1 && stage.after_s < SHORTEST_S) return 'A stage that repeats needs 30 seconds between its alerts.';
  if (stage.command.length > MOST_WORDS) return `A command has up to ${String(MOST_WORDS)} words.`;
  return stage.command[0]?.trim() === '' ? 'A command needs the name of its program.' : null;
}
