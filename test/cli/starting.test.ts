import { expect, test } from 'vitest';
import type { Listening } from '../../src/cli/settings/listening.js';
import { starting } from '../../src/cli/settings/starting.js';
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, ENOMEM, EROFS, systemError } from '../../src/sys/errno.js';

const ONE: Listening = { host: '::', port: 80 };
const LIST: Listening = { host: '127.0.0.1', listen: ['[::]:80'] };
const unix = { address: '/run/x', listen: 'unix:/run/x' };

test.each<[errno: number, error: object, listening: Listening, sentence: string]>([
  [
    EADDRINUSE,
    { address: '::', port: 80 },
    ONE,
    'Port 80 of :: is taken, in IPv6 or in IPv4, which :: has too; stop the process that uses it or choose another with --port (0 picks a free one).',
  ],
  [
    EADDRINUSE,
    { address: '::1', port: 80 },
    LIST,
    'Port 80 of ::1 is taken; stop the process that uses it or choose another in --listen (0 picks a free one).',
  ],
  [
    EACCES,
    { address: '::', port: 80 },
    ONE,
    'This user may not listen on port 80; choose one from 1024 with --port, give node the capability (setcap cap_net_bind_service=+ep, AmbientCapabilities= of systemd), or lower net.ipv4.ip_unprivileged_port_start with sysctl.',
  ],
  [
    EADDRNOTAVAIL,
    { address: '192.0.2.1', port: 80 },
    LIST,
    'The host "192.0.2.1" is not an address of this machine; give --listen one of its own, 127.0.0.1 or ::.',
  ],
  [
    EACCES,
    unix,
    LIST,
    'This user may not create /run/x (EACCES); change the permissions of its directory or the user, or give --listen another path.',
  ],
  [
    EROFS,
    unix,
    LIST,
    'This user may not create /run/x (EROFS); change the permissions of its directory or the user, or give --listen another path.',
  ],
  [ENOMEM, unix, LIST, 'The socket unix:/run/x cannot be opened (ENOMEM); give --listen another.'],
])('%i %j', async (errno, members, listening, sentence) => {
  const start = () => {
    throw Object.assign(systemError('bind', errno), members);
  };
  await expect(starting(listening, start)).rejects.toMatchObject({ code: 'ERR_EPOLLET_USAGE', message: sentence });
});
