/** A release of which every kind of action was made: each stands differently when it comes to undoing it. */
import { HOUR, iso, MINUTE, type Spec } from './build';

export function releaseSpec(now: number): Spec {
  return {
    id: 'h-release',
    agent: 'release-bot',
    task: 'release-2.4',
    title: 'Release 2.4',
    question: 'Announce version 2.4.0 to all customers?',
    priority: 'high',
    dueMs: 2 * HOUR,
    reason: { code: 'approval_required', detail: 'A mail to 3,120 customers cannot be called back.' },
    summary: 'Version 2.4.0 is tagged and published, and the testers have it. One of them reports that the import of old settings fails. The announcement to all customers is written.',
    question_step: 'announce',
    steps: [
      { id: 'changelog', title: 'Write the changelog', status: 'done' },
      { id: 'tag', title: 'Tag the version', status: 'done', dependsOn: ['changelog'] },
      { id: 'publish', title: 'Publish the package', status: 'done', dependsOn: ['tag'] },
      { id: 'testers', title: 'Tell the testers', status: 'done', dependsOn: ['publish'] },
      { id: 'docs', title: 'Move the old guide', status: 'done', dependsOn: ['changelog'] },
      { id: 'status', title: 'Show it on the status page', status: 'done', dependsOn: ['publish'] },
      { id: 'announce', title: 'Announce it to all customers', dependsOn: ['publish', 'testers'] },
    ],
    options: [
      { id: 'send', label: 'Announce it now', effect: 'irreversible', why: 'A sent mail stays sent.', action: { tool: 'mail.send', args: { list: 'customers', template: 'release-2.4.0' } } },
      { id: 'wait', label: 'Wait for the fix', effect: 'read', risk: 'low', recommended: true },
    ],
    actions: [
      { id: 'r1', step: 'Write the changelog', tool: 'git.log', input: { since: 'v2.3.0' }, output: { commits: 48 }, agoMs: 90 * MINUTE },
      { id: 'r2', step: 'Write the changelog', tool: 'files.write', effect: 'reversible', input: { path: 'CHANGELOG.md' }, files: ['CHANGELOG.md'], undo: { kind: 'files' }, agoMs: 88 * MINUTE, dependsOn: ['r1'] },
      { id: 'r3', step: 'Tag the version', tool: 'git.tag', effect: 'reversible', input: { name: 'v2.4.0' }, undo: { kind: 'command', argv: ['git', 'tag', '--delete', 'v2.4.0'], cwd: '/srv/release/checkout', timeout_s: 20 }, agoMs: 80 * MINUTE, dependsOn: ['r2'], undoes: { fails: ['error: tag v2.4.0 is protected'], output: "Deleted tag 'v2.4.0' (was 4f1c2aa)" } },
      { id: 'r4', step: 'Publish the package', tool: 'registry.publish', effect: 'irreversible', reasoning: 'The tag is signed and the tests are green.', input: { package: 'desk', version: '2.4.0' }, undo: { kind: 'tool', tool: 'registry.yank', args: { package: 'desk', version: '2.4.0' } }, agoMs: 70 * MINUTE, dependsOn: ['r3'] },
      { id: 'r5', step: 'Tell the testers', tool: 'mail.send', effect: 'irreversible', input: { list: 'testers', template: 'release-2.4.0' }, agoMs: 60 * MINUTE, dependsOn: ['r4'] },
      { id: 'r6', step: 'Move the old guide', tool: 'files.move', effect: 'reversible', input: { from: 'docs/guide.md', to: 'docs/archive/guide-2.3.md' }, files: ['docs/guide.md', 'docs/archive/guide-2.3.md'], undo: { kind: 'files' }, agoMs: 50 * MINUTE, undoes: { changed: ['docs/guide.md'] } },
      { id: 'r7', step: 'Show it on the status page', tool: 'status.post', effect: 'reversible', input: { text: 'Version 2.4.0 is out.' }, undo: { kind: 'tool', tool: 'status.remove', args: { post: 512 }, until: iso(now + 40 * MINUTE) }, agoMs: 40 * MINUTE, dependsOn: ['r4'] },
      { id: 'r8', step: 'Show it on the status page', tool: 'banner.show', effect: 'reversible', input: { days: 3 }, undo: { kind: 'tool', tool: 'banner.hide', args: {} }, status: 'undone', standing: { state: 'undone' }, agoMs: 39 * MINUTE },
      { id: 'r9', step: 'Show it on the status page', tool: 'cdn.purge', effect: 'reversible', input: { path: '/downloads' }, undo: { kind: 'tool', tool: 'cdn.restore', args: { path: '/downloads' } }, standing: { state: 'undo_failed', why: 'The agent reported: no snapshot of /downloads is left.', again: false }, agoMs: 38 * MINUTE },
      { id: 'r10', step: 'Tag the version', tool: 'tracker.close', effect: 'reversible', input: { milestone: '2.4' }, undo: { kind: 'tool', tool: 'tracker.reopen', args: { milestone: '2.4' }, until: iso(now - 5 * MINUTE) }, standing: { state: 'irreversible', why: 'It could be undone until 5 minutes ago.' }, agoMs: 36 * MINUTE },
    ],
  };
}
