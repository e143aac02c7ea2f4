import { describe, expect, it } from 'vitest';
import { type GivenAddress, listenText, parseListen } from '../../../../src/net/listening/listen-address.js';

const tcp = (host: string | null, port: number): GivenAddress => ({ kind: 'tcp', host, port });
const unix = (path: string, mode: number | null = null): GivenAddress => ({ kind: 'unix', path, mode });

describe('an address is parsed, and written as', () => {
  it.each<[text: string, address: GivenAddress, written?: string]>([
    ['8080', tcp(null, 8080)],
    ['0', tcp(null, 0)],
    [':8080', tcp('::', 8080), '[::]:8080'],
    ['*:8080', tcp('::', 8080), '[::]:8080'],
    ['127.0.0.1:65535', tcp('127.0.0.1', 65535)],
    ['localhost:1', tcp('localhost', 1)],
    ['web.example:1', tcp('web.example', 1)],
    ['[::1]:80', tcp('::1', 80)],
    ['tcp://[::]:80', tcp('::', 80), '[::]:80'],
    ['http://127.0.0.1:80/', tcp('127.0.0.1', 80), '127.0.0.1:80'],
    ['unix:/run/x.sock', unix('/run/x.sock')],
    ['unix:///run/x.sock', unix('/run/x.sock'), 'unix:/run/x.sock'],
    ['unix:x.sock', unix('/base/x.sock'), 'unix:/base/x.sock'],
    ['unix:./a/x.sock?mode=0600', unix('/base/a/x.sock', 0o600), 'unix:/base/a/x.sock?mode=600'],
    ['unix:/x?mode=060', unix('/x', 0o060)],
    ['unix:/a b:c', unix('/a b:c')],
    ['unix:@name', unix('\0name')],
    ['fd:3', { kind: 'fd', fd: 3 }],
    ['fd://12', { kind: 'fd', fd: 12 }, 'fd:12'],
    ['systemd', { kind: 'systemd', name: null }],
    ['systemd:web', { kind: 'systemd', name: 'web' }],
  ])('%s', (text, address, written = text) => {
    expect(parseListen(text, '/base/')).toEqual(address);
    expect(listenText(address)).toBe(written);
    expect(parseListen(written, '/')).toEqual(address);
  });

  it.each([
    '',
    ' 80',
    '65536',
    '-1',
    'x',
    '127.0.0.1',
    '::1:80',
    '[::1]',
    '[::1]80',
    'a:b',
    'https://a:80',
    'http://a:80/path',
    'user@a:80',
    'unix:',
    'unix:@',
    'unix:/x?mode=',
    'unix:/x?mode=999',
    'unix:/x?mode=60',
    'unix:/x?user=a',
    'unix:@x?mode=600',
    'unix:/x\0y',
    'fd:',
    'fd:-1',
    'fd:x',
    'fd',
    'systemd:',
    'SYSTEMD',
  ])('%j is not an address', (text) => {
    expect(parseListen(text, '/base/')).toBeNull();
  });
});
