import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EINVAL, ENOSYS, ESRCH } from '../../src/sys/errno.js';
import { EPOLLIN } from '../../src/sys/events.js';
import { flagsOf, testDescriptors } from '../support/descriptors.js';
import { permits } from '../support/needs.js';

const { EPOLL_CTL_ADD, O_CLOEXEC, PIDFD_NONBLOCK, SIGKILL, SIGTERM } = constants;
const test = testDescriptors();

const probe = kernel.pidfdOpen(process.pid, 0);
if (probe >= 0) kernel.close(probe);
const runsPidfd = permits(probe !== ENOSYS, 'pidfds', 'the kernel is older than Linux 5.3');

describe.runIf(runsPidfd)('pidfd', () => {
  it('is readable when the process has ended, and sends it signals', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const exit = once(child, 'exit');
    const fd = test.own('pidfd_open', kernel.pidfdOpen(child.pid!, PIDFD_NONBLOCK));
    expect(flagsOf(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
    const epfd = test.own('epoll_create1', kernel.epollCreate1(0));
    kernel.epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN, 0, 0);
    const events = new Uint32Array(3);
    expect(kernel.epollWait(epfd, events, 1, 0)).toBe(0);
    expect(kernel.pidfdSendSignal(fd, 0)).toBe(0);
    expect(kernel.pidfdSendSignal(fd, SIGTERM)).toBe(0);
    expect(kernel.epollWait(epfd, events, 1, 10_000)).toBe(1);
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(kernel.pidfdSendSignal(fd, SIGKILL)).toBe(ESRCH);
    expect(kernel.pidfdOpen(child.pid!, 0)).toBe(ESRCH);
  });

  it('errors are -errno', () => {
    const fd = test.own('pidfd_open', kernel.pidfdOpen(process.pid, 0));
    expect(kernel.pidfdSendSignal(fd, 65)).toBe(EINVAL);
    expect(kernel.pidfdOpen(0, 0)).toBe(EINVAL);
    expect(kernel.pidfdOpen(process.pid, 1)).toBe(EINVAL);
    expect(() => kernel.pidfdOpen('1' as unknown as number, 0)).toThrow('pid must be an integer');
  });
});
