/** The settings before the desk has told them. They are never saved. */
import type { Settings } from '../gen/Settings';

const NONE = { low: 0, normal: 0, high: 0, urgent: 0 };

export const UNKNOWN: Settings = {
  hold_s: 5,
  theme: 'system',
  shortcuts: true,
  notify_question: true,
  alerts: { respond_within_s: NONE, on_timeout: { low: 'escalate', normal: 'escalate', high: 'escalate', urgent: 'escalate' }, remind_every_s: NONE, pause_s: 0, warn_before_s: NONE, grace_s: NONE, quiet: null, focus_until: null, urgent_pierces: false, stages: [], give_up_after_s: 0 },
  triggers: { missing_argument: true, contradiction: true, fact_mismatch: true, compliance: true, words: [], rephrased: true, rephrased_retries: 2, rephrased_alike: 80, scope: true, chain_length: true, chain_bound: 50, context_churn: true, churn_reads: 3, repeated_error: true, error_times: 3 },
  cards_per_hour: 30,
  report_within_s: 1800,
};
