import type { Settings } from '../gen/Settings';

/** What is in force until the desk has said what the reviewer has set: the same as its own. */
export const UNTOUCHED: Settings = {
  hold_s: 5,
  theme: 'system',
  shortcuts: true,
  notify_question: true,
  alerts: {
    remind_every_s: { low: 0, normal: 3600, high: 1800, urgent: 600 },
    pause_s: 900,
    warn_before_s: { low: 0, normal: 0, high: 0, urgent: 0 },
    grace_s: { low: 300, normal: 300, high: 300, urgent: 300 },
    quiet: null,
    focus_until: null,
    urgent_pierces: true,
    stages: [
      { after_s: 0, times: 1, notify: true, sound: false, attention: true, command: [] },
      { after_s: 600, times: 2, notify: true, sound: true, attention: true, command: [] },
    ],
    give_up_after_s: 1800,
  },
};
