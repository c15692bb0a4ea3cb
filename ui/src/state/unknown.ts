/** The settings before the desk has told them. They are never saved. */
import type { Settings } from '../gen/Settings';

const NONE = { low: 0, normal: 0, high: 0, urgent: 0 };

export const UNKNOWN: Settings = {
  hold_s: 5,
  theme: 'system',
  shortcuts: true,
  notify_question: true,
  alerts: { remind_every_s: NONE, pause_s: 0, warn_before_s: NONE, grace_s: NONE, quiet: null, focus_until: null, urgent_pierces: false, stages: [], give_up_after_s: 0 },
  triggers: { missing_argument: false, contradiction: false, fact_mismatch: false, compliance: false, words: [], rephrased: false, rephrased_retries: 0, rephrased_alike: 0, scope: false, chain_length: false, chain_bound: 0, context_churn: false, churn_reads: 0, repeated_error: false, error_times: 0 },
};
