import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { SymlinkPolicy } from '../../../src/files/rules/site-options.js';
import { serve } from '../../../src/index.js';
import { ENOSYS } from '../../../src/sys/errno.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { checkRow, type Row, testServedRows } from '../../support/rows.js';

const LONGEST = 'n'.repeat(255);
/** As many symlinks as the kernel follows in one path, path_resolution(7). */
const MAX_SYMLINKS = 40;

/** Request targets and the file they name, identified by its body. */
const NAMES: Row[] = [
  // UTF-8, as it is and percent-encoded in any case.
  ['GET /%C3%BCn%C3%AF.txt', [], 200, {}, 'utf-8'],
  ['GET /%c3%bcn%c3%af.txt', [], 200, {}, 'utf-8'],
  ['GET /\xc3\xbcn\xc3\xaf.txt', [], 200, {}, 'utf-8'],
  ['GET /%E6%BC%A2/%E5%AD%97.txt', [], 200, {}, 'han'],
  ['GET /u%CC%88n.txt', [], 404], // a combining mark is another name
  ['GET /%FCn%EF.txt', [], 404],
  ['GET /latin%FC%ff.txt', [], 200, {}, 'bytes'],
  ['GET /latin\xfc\xff.txt', [], 200, {}, 'bytes'],
  ['GET /latin%C3%BC%C3%BF.txt', [], 404],
  // Case is part of a name.
  ['GET /HELLO.txt', [], 404],
  ['GET /hello.TXT', [], 404],
  // Whitespace and punctuation.
  ['GET /with%20space.txt', [], 200, {}, 'space'],
  ['GET /with+space.txt', [], 404], // a plus is a plus in a path
  ['GET /%20', [], 404],
  ['GET /a%23b%3Fc%25d.txt', [], 200, {}, 'signs'],
  ['GET /a%23b?c%25d.txt', [], 404],
  ["GET /!$&'()*+,;=:@~_-.txt", [], 200, {}, 'delimiters'],
  ['GET /%21%24%26%27%28%29%2A%2b%2c%3b%3D%3a%40%7e%5f%2d.txt', [], 200, {}, 'delimiters'],
  ['GET /h%65llo%2Etxt', [], 200, {}, 'hello'],
  ['GET /hello.txt?', [], 200, {}, 'hello'],
  ['GET /hello.txt?a=/../b', [], 200, {}, 'hello'],
  ['GET /hello.txt;v=1', [], 404],
  ['GET /%2568ello.txt', [], 404], // decoded once, not twice
  ['GET /%68ello.txt', [], 200, {}, 'hello'],
  // Invalid percent-encoding, and NUL.
  ['GET /%', [], 400],
  ['GET /hello.txt%', [], 400],
  ['GET /%4', [], 400],
  ['GET /%zz', [], 400],
  ['GET /%%68', [], 400],
  ['GET /%u0041', [], 400],
  ['GET /%-1', [], 400],
  ['GET /%00', [], 400],
  ['GET /hello.txt%00', [], 400],
  ['GET /hello.txt%00.html', [], 400],
  ['GET /dir%00/deep.txt', [], 400],
  // Control characters are legal in names; these do not exist.
  ['GET /hello%0a.txt', [], 404],
  ['GET /%0d%0aX-Y:%20z', [], 404],
  ['GET /%7f', [], 404],
  ['GET /line%0Abreak.txt', [], 200, {}, 'line'],
  // A name cannot contain a slash, however it is encoded.
  ['GET /dir%2Fdeep.txt', [], 404],
  ['GET /dir%2fdeep.txt', [], 404],
  ['GET /%2F', [], 404],
  ['GET /%2Fetc%2Fpasswd', [], 404],
  ['GET /dir/%2Fdeep.txt', [], 404],
  ['GET /dir%C0%AFdeep.txt', [], 404],
  ['GET /dir%E0%80%AFdeep.txt', [], 404],
  ['GET /dir%EF%BC%8Fdeep.txt', [], 404],
  // A backslash is an ordinary character.
  ['GET /dir\\deep.txt', [], 404],
  ['GET /dir%5Cdeep.txt', [], 404],
  ['GET /..\\outside\\secret.txt', [], 404],
  ['GET /..%5coutside%5csecret.txt', [], 404],
  ['GET /back%5Cslash.txt', [], 200, {}, 'backslash'],
  ['GET /back\\slash.txt', [], 200, {}, 'backslash'],
  // Clients remove dot segments, RFC 3986 section 5.2.4; the server rejects them in every spelling.
  ['GET /.', [], 404],
  ['GET /./', [], 404],
  ['GET /..', [], 404],
  ['GET /../', [], 404],
  ['GET /./hello.txt', [], 404],
  ['GET /dir/../hello.txt', [], 404],
  ['GET /dir/./deep.txt', [], 404],
  ['GET /dir/..', [], 404],
  ['GET /../outside/secret.txt', [], 404],
  ['GET /../../../../../../etc/passwd', [], 404],
  ['GET /%2e%2e/outside/secret.txt', [], 404],
  ['GET /%2E%2e/outside/secret.txt', [], 404],
  ['GET /.%2e/outside/secret.txt', [], 404],
  ['GET /%252e%252e/outside/secret.txt', [], 404],
  ['GET /%C0%AE%C0%AE/outside/secret.txt', [], 404],
  ['GET /%c0%2e%c0%2e/outside/secret.txt', [], 404],
  ['GET /%E0%80%AE%E0%80%AE/outside/secret.txt', [], 404],
  ['GET /..;/outside/secret.txt', [], 404],
  ['GET /..%00/outside/secret.txt', [], 400],
  ['GET /.%00', [], 400],
  ['GET /.git/%', [], 400],
  ['GET /%2F%00', [], 400],
  ['GET /%00/../outside/secret.txt', [], 400],
  ['GET http://a/../outside/secret.txt', [], 404],
  // Hidden names are hidden at every level, except /.well-known/, RFC 8615.
  ['GET /.hidden', [], 404],
  ['GET /%2ehidden', [], 404],
  ['GET //.hidden', [], 404],
  ['GET /dir/.hidden', [], 404],
  ['GET /.git/config', [], 404],
  ['GET /...', [], 404],
  ['GET /.../x', [], 404],
  ['GET /.well-known/security.txt', [], 200, {}, 'contact'],
  ['GET //.well-known//security.txt', [], 200, {}, 'contact'],
  ['GET /.well-known/.secret', [], 404],
  ['GET /.well-knownx/y', [], 404],
  ['GET /%2ewell-known/security.txt', [], 404],
  ['GET /dir/.well-known/security.txt', [], 404],
  // Other dots are ordinary characters.
  ['GET /hello.txt.', [], 404],
  ['GET /hello.txt..', [], 404],
  ['GET /hello.txt%20', [], 404],
  ['GET /hello.txt::$DATA', [], 404],
  ['GET /a..b.txt', [], 200, {}, 'dots'],
  ['GET /ends.', [], 200, {}, 'trailing'],
  ['GET /ends', [], 404],
  // Empty segments are ignored.
  ['GET //hello.txt', [], 200, {}, 'hello'],
  ['GET ///hello.txt', [], 200, {}, 'hello'],
  ['GET //dir///deep.txt', [], 200, {}, 'deep'],
  ['GET /dir//', [], 404],
  // A file is not a directory.
  ['GET /hello.txt/', [], 404],
  ['GET /hello.txt//', [], 404],
  ['GET /hello.txt/x', [], 404],
  ['GET /hello.txt/.', [], 404],
  // Names of the greatest length of the filesystem, and longer.
  [`GET /${LONGEST}`, [], 200, {}, 'longest'],
  [`GET /${LONGEST}n`, [], 404],
  [`GET /%6e${LONGEST.slice(1)}`, [], 200, {}, 'longest'],
  [`GET /${'d/'.repeat(2100)}x`, [], 404],
  [`GET /${'d'.repeat(5000)}`, [], 404],
  [`GET ${'/'.repeat(5000)}hello.txt`, [], 200, {}, 'hello'],
  [`GET /${'%6e'.repeat(255)}`, [], 200, {}, 'longest'],
  [`GET /${'n'.repeat(8191)}`, [], 404],
  // Can be opened, but is not a regular file.
  ['GET /fifo', [], 404],
  ['GET /fifo/', [], 404],
];

/** A symlink and the body by policy; null for a 404. */
const SYMLINKS: [target: string, withinRoot: string | null, deny: string | null, follow: string | null][] = [
  ['/hello.txt', 'hello', 'hello', 'hello'],
  ['/to-file', 'hello', null, 'hello'],
  ['/to-dir/deep.txt', 'deep', null, 'deep'],
  ['/to-dir-slash/deep.txt', 'deep', null, 'deep'],
  ['/dir/up', 'hello', null, 'hello'],
  ['/dir/round', 'deep', null, 'deep'],
  ['/dir/to-root/hello.txt', 'hello', null, 'hello'],
  ['/dir/to-root/dir/to-root/hello.txt', 'hello', null, 'hello'],
  ['/to-hidden', 'hidden', null, 'hidden'], // only the requested name is checked for a dot
  // Escaping the root.
  ['/out', null, null, 'secret'],
  ['/out-dir/secret.txt', null, null, 'secret'],
  ['/out-dir/further/x.txt', null, null, 'further'],
  ['/dir/out', null, null, 'secret'],
  ['/out-and-back', null, null, 'hello'],
  ['/to-out', null, null, 'secret'],
  ['/to-parent/outside/secret.txt', null, null, 'secret'],
  // Into a directory next to the root that has the root's name as a prefix.
  ['/out-sibling', null, null, 'sibling'],
  ['/out-sibling-dir/secret.txt', null, null, 'sibling'],
  ['/dir/out-sibling', null, null, 'sibling'],
  ['/absolute-sibling', null, null, 'sibling'],
  // Absolute targets escape even if they point below the root, openat2(2).
  ['/absolute-in', null, null, 'hello'],
  ['/absolute-out', null, null, 'secret'],
  // Chains and loops.
  ['/chain-1', 'hello', null, 'hello'],
  ['/chain-0', null, null, null],
  ['/dangling', null, null, null],
  ['/dangling-out', null, null, null],
  ['/self', null, null, null],
  ['/loop-a', null, null, null],
  ['/self/x', null, null, null],
  // A trailing slash after a file.
  ['/to-file/', null, null, null],
  ['/file-slash', null, null, null],
  ['/to-fifo', null, null, null],
];

let directory: TestDirectory;

beforeAll(async () => {
  directory = makeDirectory({
    'hello.txt': 'hello',
    'ünï.txt': 'utf-8',
    '漢/字.txt': 'han',
    'with space.txt': 'space',
    'a#b?c%d.txt': 'signs',
    "!$&'()*+,;=:@~_-.txt": 'delimiters',
    'line\nbreak.txt': 'line',
    'back\\slash.txt': 'backslash',
    'a..b.txt': 'dots',
    'ends.': 'trailing',
    'dir/deep.txt': 'deep',
    'dir/.hidden': 'hidden',
    'dir/.well-known/security.txt': 'hidden',
    '.hidden': 'hidden',
    '.git/config': 'hidden',
    '.well-known/security.txt': 'contact',
    '.well-known/.secret': 'hidden',
    '.well-knownx/y': 'hidden',
    [LONGEST]: 'longest',
  });
  directory.write(Buffer.from('latin\xfc\xff.txt', 'latin1'), 'bytes');
  writeFileSync(join(directory.outside, 'secret.txt'), 'secret');
  mkdirSync(join(directory.outside, 'further'));
  writeFileSync(join(directory.outside, 'further/x.txt'), 'further');
  const sibling = `${directory.root}-secret`;
  mkdirSync(sibling);
  writeFileSync(join(sibling, 'secret.txt'), 'sibling');
  execFileSync('mkfifo', [directory.path('fifo')]);
  const symlinks: [name: string, target: string][] = [
    ['to-file', 'hello.txt'],
    ['to-dir', 'dir'],
    ['to-dir-slash', './dir//'],
    ['dir/up', '../hello.txt'],
    ['dir/round', '../dir/../dir/./deep.txt'],
    ['dir/to-root', '..'],
    ['to-hidden', '.hidden'],
    ['out', '../outside/secret.txt'],
    ['out-dir', '../outside'],
    ['dir/out', '../../outside/secret.txt'],
    ['out-and-back', `../${basename(directory.root)}/hello.txt`],
    ['out-sibling', `../${basename(sibling)}/secret.txt`],
    ['out-sibling-dir', `../${basename(sibling)}`],
    ['dir/out-sibling', `../../${basename(sibling)}/secret.txt`],
    ['absolute-sibling', join(sibling, 'secret.txt')],
    ['to-out', 'out'],
    ['to-parent', '..'],
    ['absolute-in', directory.path('hello.txt')],
    ['absolute-out', join(directory.outside, 'secret.txt')],
    ['dangling', 'nowhere'],
    ['dangling-out', '../nowhere'],
    ['self', 'self'],
    ['loop-a', 'loop-b'],
    ['loop-b', 'loop-a'],
    ['file-slash', 'hello.txt/'],
    ['to-fifo', 'fifo'],
  ];
  for (let i = 0; i < MAX_SYMLINKS; i++) symlinks.push([`chain-${i}`, `chain-${i + 1}`]);
  symlinks.push([`chain-${MAX_SYMLINKS}`, 'hello.txt']);
  for (const [name, target] of symlinks) directory.link(name, target);
  await settled();
});

afterAll(() => directory[Symbol.dispose]());

/** Kernels before 5.6 lack openat2; the openat walk must give the same results. */
const KERNELS = { openat2: kernelWith({}), 'the openat walk': kernelWith({ openat2: () => ENOSYS }) };

describe.each(['openat2', 'the openat walk'] as const)('names resolved by %s', (resolution) => {
  testServedRows(NAMES, () => ({ root: directory.root, kernel: KERNELS[resolution] }));
});

describe.each(['openat2', 'the openat walk'] as const)('symlinks resolved by %s', (resolution) => {
  describe.each([
    ['within-root', 1],
    ['deny', 2],
    ['follow', 3],
  ] satisfies [SymlinkPolicy, number][])('%s', (symlinks, column) => {
    const rows = SYMLINKS.map((link): Row => {
      const body = link[column];
      return body === null ? [`GET ${link[0]}`, [], 404] : [`GET ${link[0]}`, [], 200, {}, body!];
    });
    testServedRows(rows, () => ({ root: directory.root, symlinks, kernel: KERNELS[resolution] }));
  });
});

test('the root itself may be a symlink under every policy', async () => {
  directory.link('../root-link', 'root');
  for (const symlinks of ['within-root', 'deny', 'follow'] as const) {
    await using server = serve({ root: join(directory.root, '../root-link'), port: 0, symlinks });
    await checkRow(server.port, ['GET /hello.txt', [], 200, {}, 'hello']);
  }
});
