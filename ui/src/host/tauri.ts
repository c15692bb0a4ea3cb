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
    dismiss: (notice) => invoke('dismiss', { notice }),
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
    previewGiveBack: (back) => invoke('preview_give_back', { back }),
    editPlan: (edit) => invoke('edit_plan', { edit }),
    tellAgent: (tell) => invoke('tell_agent', { tell }),
    previewRollback: (request) => invoke('preview_rollback', { request }),
    confirmRollback: (confirm) => invoke('confirm_rollback', { confirm }),
    retryUndo: (item) => invoke('retry_undo', { item }),
    skipUndo: (item) => invoke('skip_undo', { item }),
    handOverUndo: (item) => invoke('hand_over_undo', { item }),
    confirmUndone: (item) => invoke('confirm_undone', { item }),
    allowUndoCommands: (allow) => invoke('allow_undo_commands', { allow }),
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
    servers: () => invoke('servers'),
    addServer: (server) => invoke('add_server', { server }),
    testServer: (server) => invoke('test_server', { server }),
    lookAtServer: (name) => invoke('look_at_server', { name }),
    removeServer: (name) => invoke('remove_server', { name }),
    backups: () => invoke('backups'),
    restore: (name) => invoke('restore', { name }),
    runDemo: () => invoke('run_demo'),
    quit: () => invoke('quit'),
    onChange: async (listener) => {
      const stop = await listen<Change[]>(CHANGES, (event) => {
        event.payload.forEach(listener);
      });
      await invoke('listens');
      return stop;
    },
  };
}
