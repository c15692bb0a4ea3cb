/**
 * The door to the real desk: Tauri commands and its one event. Nothing but
 * names is decided here.
 */
import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Change } from '../gen/Change';
import type { Host } from './host';

/** The event that carries `Change[]`. */
const CHANGES = 'desk-change';

/** Opens the door. */
export function tauriHost(): Host {
  return {
    status: () => invoke('status'),
    queue: (query) => invoke('queue', { query }),
    showQueued: (agent) => invoke('show_queued', { agent }),
    openCase: (id) => invoke('open_case', { id }),
    actions: (id, offset) => invoke('actions', { id, offset }),
    unfold: (id, revision, pointer) => invoke('unfold', { id, revision, pointer }),
    preview: (request) => invoke('preview', { request }),
    decide: (request) => invoke('decide', { request }),
    undo: (id) => invoke('undo', { id }),
    regrant: (id) => invoke('regrant', { id }),
    seen: (id) => invoke('seen', { id }),
    snooze: (id, until) => invoke('snooze', { id, until }),
    wake: (id) => invoke('wake', { id }),
    allowDefault: (id, revision, allowed) => invoke('allow_default', { id, revision, allowed }),
    onScreen: (id) => invoke('on_screen', { id }),
    agents: () => invoke('agents'),
    setLevel: (set) => invoke('set_level', { set }),
    pause: (pause) => invoke('pause', { pause }),
    task: (of) => invoke('task', { of }),
    takeOver: (take) => invoke('take_over', { take }),
    giveBack: (back) => invoke('give_back', { back }),
    editPlan: (edit) => invoke('edit_plan', { edit }),
    tellAgent: (tell) => invoke('tell_agent', { tell }),
    gatherDraft: (agent, task) => invoke('gather_draft', { agent, task }),
    acceptTools: (accept) => invoke('accept_tools', { accept }),
    lookedAtAgent: (agent) => invoke('looked_at_agent', { agent }),
    rules: () => invoke('rules'),
    addRule: (rule) => invoke('add_rule', { rule }),
    addRuleFrom: (from) => invoke('add_rule_from', { from }),
    revokeRule: (id) => invoke('revoke_rule', { id }),
    ruleFrom: (id, days, uses) => invoke('rule_from', { id, days, uses }),
    insights: () => invoke('insights'),
    replay: (change) => invoke('replay', { change }),
    replayFrom: (from) => invoke('replay_from', { from }),
    settings: () => invoke('settings'),
    saveSettings: (settings) => invoke('save_settings', { settings }),
    backups: () => invoke('backups'),
    restore: (name) => invoke('restore', { name }),
    runDemo: () => invoke('run_demo'),
    onChange: (listener) => {
      const unlisten = listen<Change[]>(CHANGES, (event) => {
        event.payload.forEach(listener);
      });
      // A window that cannot hear changes would show stale cards: it says so.
      unlisten.catch(() => {
        listener({ kind: 'status' });
      });
      return () => {
        void unlisten.then((stop) => {
          stop();
        });
      };
    },
  };
}
