import { expect, it } from 'vitest';
import { activatedSockets } from '../../../../src/net/listening/socket-activation.js';

it.each<[env: Record<string, string>, expected: unknown]>([
  [{}, []],
  [{ LISTEN_FDS: '', LISTEN_PID: '7' }, []],
  [{ LISTEN_FDS: '0', LISTEN_PID: '7' }, []],
  [{ LISTEN_FDS: '1', LISTEN_PID: '7' }, [{ fd: 3, name: 'unknown' }]],
  [
    { LISTEN_FDS: '3', LISTEN_PID: '7', LISTEN_FDNAMES: 'a::c' },
    [
      { fd: 3, name: 'a' },
      { fd: 4, name: 'unknown' },
      { fd: 5, name: 'c' },
    ],
  ],
  [{ LISTEN_FDS: 'x', LISTEN_PID: '7' }, expect.stringMatching(/^LISTEN_FDS must be a count of descriptors, not "x"$/)],
  [{ LISTEN_FDS: '1', LISTEN_PID: '8' }, expect.stringMatching(/^LISTEN_PID is 8 and this process is 7, so/)],
  [{ LISTEN_FDS: '1' }, expect.stringMatching(/^LISTEN_PID is missing and this process is 7, so/)],
])('%j', (env, expected) => {
  expect(activatedSockets(env, 7)).toEqual(expected);
});
