import { describe, expect, test } from 'vitest';
import { cause, unshown } from '../../src/lib/unshown';

const RAW = 'org.freedesktop.DBus.Error.ServiceUnknown: The name org.freedesktop.Notifications was not provided by any .service files';

describe('why a notification could not be shown', () => {
  test('is told in words, and what the system said is kept apart', () => {
    expect(cause(RAW)).toMatchObject({ says: 'The desktop’s notification service could not be used.', raw: RAW });
    expect(cause('No notification service runs on this desktop.')).toMatchObject({ says: 'No notification service runs on this desktop.', raw: null });
  });

  test.each([
    ['warned', `Warned of the deadline, but it could not be shown: ${RAW}`, 'Warned of the deadline, but it could not be shown', RAW],
    ['not_notified', `No notification: ${RAW}`, 'No notification', RAW],
    ['alerted', 'Alerted after the deadline, but it could not be shown: The notification service does not answer.; your command waits for the end of that', 'Alerted after the deadline, but it could not be shown; your command waits for the end of that', null],
  ])('is found in a thread: %s', (event, text, what, raw) => {
    expect(unshown({ event, text })).toMatchObject({ what, cause: { raw } });
  });

  test.each([
    ['warned', 'Warned of the deadline'],
    ['reminded', 'Reminded, not shown: it is on screen'],
    ['submitted', `No notification: ${RAW}`],
  ])('is not looked for elsewhere: %s, %s', (event, text) => {
    expect(unshown({ event, text })).toBeNull();
  });
});
