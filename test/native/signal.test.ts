import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EAGAIN, EINVAL, ENOSYS, ESRCH } from '../../src/sys/errno.js';
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

describe('signalfd', () => {
  const { SFD_NONBLOCK, SIGRTMIN, SIGUSR2, SIGWINCH } = constants;
  const addon = fileURLToPath(new URL('../../build/Release/epollet.node', import.meta.url));

  /** Runs a program in a process of its own, as signals end it; `kernel` and `c` are the addon and its constants. */
  function run(program: string) {
    const script = `const kernel = require(${JSON.stringify(addon)}); const c = kernel.constants;
      const { setTimeout: sleep } = require('node:timers/promises');
      const { readdirSync, readFileSync } = require('node:fs');
      const statusOf = (tid) => { try { return readFileSync('/proc/self/task/' + tid + '/status', 'utf8'); } catch { return ''; } };
      // A thread of Node may end meanwhile: it has no mask then.
      const masks = () => readdirSync('/proc/self/task').flatMap((tid) => /SigBlk:\\s*(\\w+)/.exec(statusOf(tid))?.[1] ?? []);
      const blocks = (signal) => masks().every((mask) => (BigInt('0x' + mask) >> BigInt(signal - 1)) & 1n);
      (async () => {${program}})();`;
    const result = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 10_000 });
    return { ...result, out: result.stdout };
  }

  it('blocks in every thread, also in later ones, and is read from an epoll set, with its sender', () => {
    const { out, stderr } = run(`
      require('node:fs').stat('/', () => {}); await sleep(1); // starts the threads of libuv's pool
      const fd = kernel.signalfd([c.SIGTERM, c.SIGUSR2], c.SFD_NONBLOCK);
      const epfd = kernel.epollCreate1(0);
      kernel.epollCtl(epfd, c.EPOLL_CTL_ADD, fd, 1, 0, 0);
      const before = [blocks(c.SIGTERM), blocks(c.SIGUSR2), kernel.signalfdRead(fd)];
      const { Worker } = require('node:worker_threads');
      const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
      await require('node:events').once(worker, 'online');
      const during = blocks(c.SIGTERM);
      const killer = require('node:child_process').spawn('kill', ['-TERM', String(process.pid)]);
      await require('node:events').once(killer, 'exit');
      kernel.epollWait(epfd, new Uint32Array(3), 1, 5000);
      const { signal, code, pid, uid } = kernel.signalfdRead(fd);
      console.log(JSON.stringify([before, during, signal === c.SIGTERM, code === c.SI_USER, pid === killer.pid, uid]));
      await worker.terminate();`);
    expect([out, stderr]).toEqual([
      `${JSON.stringify([[true, true, EAGAIN], true, true, true, true, process.getuid!()])}\n`,
      '',
    ]);
  });

  it('unblockSignals gives the default action back', () => {
    const { signal, out } = run(`
      const fd = kernel.signalfd([c.SIGTERM], c.SFD_NONBLOCK);
      process.kill(process.pid, 'SIGTERM');
      console.log(kernel.signalfdRead(fd).signal === c.SIGTERM, kernel.unblockSignals([c.SIGTERM]));
      process.kill(process.pid, 'SIGTERM');
      await sleep(5000);
      console.log('alive');`);
    expect([out, signal]).toEqual(['true 0\n', 'SIGTERM']);
  });

  it('unblockSignals gives the listeners of process.on back', () => {
    const { out } = run(`
      process.on('SIGUSR2', () => { console.log('listener'); process.exit(0); });
      const fd = kernel.signalfd([c.SIGUSR2], c.SFD_NONBLOCK);
      process.kill(process.pid, 'SIGUSR2');
      await sleep(1);
      console.log(kernel.signalfdRead(fd).signal === c.SIGUSR2);
      kernel.unblockSignals([c.SIGUSR2]);
      process.kill(process.pid, 'SIGUSR2');
      await sleep(5000);`);
    expect(out).toBe('true\nlistener\n');
  });

  it('a child does not inherit the mask', () => {
    const { out } = run(`
      kernel.signalfd([c.SIGTERM], 0);
      const child = require('node:child_process').spawn('sleep', ['60']);
      child.on('exit', (code, signal) => console.log(code, signal));
      child.kill('SIGTERM');`);
    expect(out).toBe('null SIGTERM\n');
  });

  it('in a worker; several signals; twice', () => {
    const { out, stderr } = run(`
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(\`
        const kernel = require(\${JSON.stringify(${JSON.stringify(addon)})}); const c = kernel.constants;
        const fds = [0, 1].map(() => kernel.signalfd([c.SIGWINCH, c.SIGRTMIN], c.SFD_NONBLOCK));
        process.kill(process.pid, c.SIGRTMIN);
        process.kill(process.pid, c.SIGWINCH);
        require('node:worker_threads').parentPort.postMessage(
          fds.map((fd) => kernel.signalfdRead(fd).signal === c.SIGWINCH).concat(kernel.signalfdRead(fds[1])));
      \`, { eval: true });
      worker.on('message', (message) => console.log(blocks(c.SIGWINCH), blocks(c.SIGRTMIN), JSON.stringify(message)));`);
    expect([out, stderr]).toEqual([`true true ${JSON.stringify([true, false, EAGAIN])}\n`, '']);
  });

  it.each([SIGKILL, constants.SIGSTOP, constants.SIGSEGV, constants.SIGBUS, 32, SIGRTMIN - 1, 0, 65, -1])(
    'signal %i is a RangeError',
    (signal) => {
      expect(() => kernel.signalfd([SIGUSR2, signal], SFD_NONBLOCK)).toThrow(RangeError);
      expect(() => kernel.unblockSignals([signal])).toThrow(RangeError);
    },
  );

  it('invalid arguments, and another kind of descriptor', () => {
    expect(() => kernel.signalfd(SIGWINCH as unknown as number[], 0)).toThrow('signals must be an array of integers');
    expect(() => kernel.signalfd([1.5], 0)).toThrow('signals must be an integer');
    expect(() => kernel.signalfd(Array(65).fill(SIGWINCH), 0)).toThrow('signals.length must be from 0 to 64');
    expect(kernel.signalfd([], 1)).toBe(EINVAL);
    const [reader, writer] = test.pipe();
    kernel.write(writer, new Uint8Array(3), 0, 3);
    expect(kernel.signalfdRead(reader)).toBe(EINVAL);
  });
});
