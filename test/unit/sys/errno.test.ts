import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import * as errno from '../../../src/sys/errno.js';

const { check, systemError } = errno;

describe('systemError', () => {
  it.each([
    ['epoll_ctl', errno.EEXIST, undefined, 'EEXIST', 'EEXIST: file already exists, epoll_ctl'],
    ['openat', errno.ENOENT, "'/x'", 'ENOENT', "ENOENT: no such file or directory, openat '/x'"],
    ['socket', errno.EAFNOSUPPORT, undefined, 'EAFNOSUPPORT', 'EAFNOSUPPORT: address family not supported, socket'],
    ['x', -constants.errno.EIDRM, undefined, 'EIDRM', `EIDRM: system error ${-constants.errno.EIDRM}, x`],
    ['x', errno.ERFKILL, undefined, 'ERFKILL', 'ERFKILL: system error -132, x'],
    ['x', -4000, undefined, 'UNKNOWN', 'UNKNOWN: system error -4000, x'],
  ])('%s %i', (syscall, result, detail, code, message) => {
    const error = systemError(syscall, result, detail);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code, errno: result, syscall, message });
    expect(error.stack).toMatch(/^Error: .*\n.*errno\.test/);
  });
});

describe('check', () => {
  it.each([0, 1, 2 ** 53 - 1])('returns %i', (result) => expect(check('read', result)).toBe(result));
  it('throws a system error', () =>
    expect(() => check('read', errno.EBADF)).toThrow('EBADF: bad file descriptor, read'));
});

it('the constants are the negative errnos of this system', () => {
  const named = Object.entries(errno).filter(([name]) => name.startsWith('E'));
  const program =
    'import errno, json; print(json.dumps({name: -getattr(errno, name) for name in dir(errno) if name[0] == "E"}))';
  const system = JSON.parse(execFileSync('python3', ['-c', program], { encoding: 'utf8' })) as Record<string, number>;
  // Python has no EHWPOISON before 3.14.
  expect({ EHWPOISON: -133, ...system }).toEqual(Object.fromEntries(named));
});
