import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { SymlinkPolicy } from '../../../src/files/rules/site-options.js';
import { serve } from '../../../src/index.js';
import { ENOSYS } from '../../../src/sys/errno.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { type Folder, makeFolder, settled } from '../../support/folder.js';
import { checkRow, type Row, testServedRows } from '../../support/rows.js';

const LONGEST = 'n'.repeat(255);
/** As many links as a kernel follows in one name, path_resolution(7). */
const MAX_LINKS = 40;

/** Each name of a path, and what it stands for. The body tells which file it was. */
const NAMES: Row[] = [
  // UTF-8, as it is and percent-encoded in any case.
  ['GET /%C3%BCn%C3%AF.txt', [], 200, {}, 'utf-8'],
  ['GET /%c3%bcn%c3%af.txt', [], 200, {}, 'utf-8'],
  ['GET /\xc3\xbcn\xc3\xaf.txt', [], 200, {}, 'utf-8'],
  ['GET /%E6%BC%A2/%E5%AD%97.txt', [], 200, {}, 'han'],
  ['GET /u%CC%88n.txt', [], 404], // a combining mark makes another name
  ['GET /%FCn%EF.txt', [], 404],
  ['GET /latin%FC%ff.txt', [], 200, {}, 'bytes'],
  ['GET /latin\xfc\xff.txt', [], 200, {}, 'bytes'],
  ['GET /latin%C3%BC%C3%BF.txt', [], 404],
  // Case is part of a name.
  ['GET /HELLO.txt', [], 404],
  ['GET /hello.TXT', [], 404],
  // Blanks and signs.
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
  // What is no escape, or stands for nothing.
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
  ['GET /folder%00/deep.txt', [], 400],
  // Control characters are bytes of names that are not there.
  ['GET /hello%0a.txt', [], 404],
  ['GET /%0d%0aX-Y:%20z', [], 404],
  ['GET /%7f', [], 404],
  ['GET /line%0Abreak.txt', [], 200, {}, 'line'],
  // No name holds a slash, however it is written.
  ['GET /folder%2Fdeep.txt', [], 404],
  ['GET /folder%2fdeep.txt', [], 404],
  ['GET /%2F', [], 404],
  ['GET /%2Fetc%2Fpasswd', [], 404],
  ['GET /folder/%2Fdeep.txt', [], 404],
  ['GET /folder%C0%AFdeep.txt', [], 404],
  ['GET /folder%E0%80%AFdeep.txt', [], 404],
  ['GET /folder%EF%BC%8Fdeep.txt', [], 404],
  // A backslash is a character.
  ['GET /folder\\deep.txt', [], 404],
  ['GET /folder%5Cdeep.txt', [], 404],
  ['GET /..\\outside\\secret.txt', [], 404],
  ['GET /..%5coutside%5csecret.txt', [], 404],
  ['GET /back%5Cslash.txt', [], 200, {}, 'backslash'],
  ['GET /back\\slash.txt', [], 200, {}, 'backslash'],
  // Dot segments, which a client resolves before it asks, RFC 3986 section 5.2.4; in no spelling do they lead anywhere.
  ['GET /.', [], 404],
  ['GET /./', [], 404],
  ['GET /..', [], 404],
  ['GET /../', [], 404],
  ['GET /./hello.txt', [], 404],
  ['GET /folder/../hello.txt', [], 404],
  ['GET /folder/./deep.txt', [], 404],
  ['GET /folder/..', [], 404],
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
  // Hidden names are hidden wherever they stand, but for /.well-known/, RFC 8615.
  ['GET /.hidden', [], 404],
  ['GET /%2ehidden', [], 404],
  ['GET //.hidden', [], 404],
  ['GET /folder/.hidden', [], 404],
  ['GET /.git/config', [], 404],
  ['GET /...', [], 404],
  ['GET /.../x', [], 404],
  ['GET /.well-known/security.txt', [], 200, {}, 'contact'],
  ['GET //.well-known//security.txt', [], 200, {}, 'contact'],
  ['GET /.well-known/.secret', [], 404],
  ['GET /.well-knownx/y', [], 404],
  ['GET /%2ewell-known/security.txt', [], 404],
  ['GET /folder/.well-known/security.txt', [], 404],
  // Dots elsewhere are characters.
  ['GET /hello.txt.', [], 404],
  ['GET /hello.txt..', [], 404],
  ['GET /hello.txt%20', [], 404],
  ['GET /hello.txt::$DATA', [], 404],
  ['GET /a..b.txt', [], 200, {}, 'dots'],
  ['GET /ends.', [], 200, {}, 'trailing'],
  ['GET /ends', [], 404],
  // Empty segments say nothing.
  ['GET //hello.txt', [], 200, {}, 'hello'],
  ['GET ///hello.txt', [], 200, {}, 'hello'],
  ['GET //folder///deep.txt', [], 200, {}, 'deep'],
  ['GET /folder//', [], 404],
  // A file is no folder.
  ['GET /hello.txt/', [], 404],
  ['GET /hello.txt//', [], 404],
  ['GET /hello.txt/x', [], 404],
  ['GET /hello.txt/.', [], 404],
  // As long as the file system has them, and longer.
  [`GET /${LONGEST}`, [], 200, {}, 'longest'],
  [`GET /${LONGEST}n`, [], 404],
  [`GET /%6e${LONGEST.slice(1)}`, [], 200, {}, 'longest'],
  [`GET /${'d/'.repeat(2100)}x`, [], 404],
  [`GET /${'d'.repeat(5000)}`, [], 404],
  [`GET ${'/'.repeat(5000)}hello.txt`, [], 200, {}, 'hello'],
  [`GET /${'%6e'.repeat(255)}`, [], 200, {}, 'longest'],
  [`GET /${'n'.repeat(8191)}`, [], 404],
  // What can be opened, but is no file.
  ['GET /fifo', [], 404],
  ['GET /fifo/', [], 404],
];

/** A link and its outcome by policy; null for a 404. */
const LINKS: [target: string, inside: string | null, deny: string | null, follow: string | null][] = [
  ['/hello.txt', 'hello', 'hello', 'hello'],
  ['/to-file', 'hello', null, 'hello'],
  ['/to-folder/deep.txt', 'deep', null, 'deep'],
  ['/to-folder-slash/deep.txt', 'deep', null, 'deep'],
  ['/folder/up', 'hello', null, 'hello'],
  ['/folder/round', 'deep', null, 'deep'],
  ['/folder/to-root/hello.txt', 'hello', null, 'hello'],
  ['/folder/to-root/folder/to-root/hello.txt', 'hello', null, 'hello'],
  ['/to-hidden', 'hidden', null, 'hidden'], // the name that is asked for is what a dot hides
  // Out of the root.
  ['/out', null, null, 'secret'],
  ['/out-folder/secret.txt', null, null, 'secret'],
  ['/out-folder/further/x.txt', null, null, 'further'],
  ['/folder/out', null, null, 'secret'],
  ['/out-and-back', null, null, 'hello'],
  ['/to-out', null, null, 'secret'],
  ['/to-parent/outside/secret.txt', null, null, 'secret'],
  // Beside the root, in a folder whose name begins as the root's does.
  ['/out-beside', null, null, 'beside'],
  ['/out-beside-folder/secret.txt', null, null, 'beside'],
  ['/folder/out-beside', null, null, 'beside'],
  ['/absolute-beside', null, null, 'beside'],
  // Absolute: that a target lies below the root is not asked, openat2(2).
  ['/absolute-in', null, null, 'hello'],
  ['/absolute-out', null, null, 'secret'],
  // Chains and circles.
  ['/chain-1', 'hello', null, 'hello'],
  ['/chain-0', null, null, null],
  ['/dangling', null, null, null],
  ['/dangling-out', null, null, null],
  ['/self', null, null, null],
  ['/loop-a', null, null, null],
  ['/self/x', null, null, null],
  // A slash behind a file.
  ['/to-file/', null, null, null],
  ['/file-slash', null, null, null],
  ['/to-fifo', null, null, null],
];

let folder: Folder;

beforeAll(async () => {
  folder = makeFolder({
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
    'folder/deep.txt': 'deep',
    'folder/.hidden': 'hidden',
    'folder/.well-known/security.txt': 'hidden',
    '.hidden': 'hidden',
    '.git/config': 'hidden',
    '.well-known/security.txt': 'contact',
    '.well-known/.secret': 'hidden',
    '.well-knownx/y': 'hidden',
    [LONGEST]: 'longest',
  });
  folder.write(Buffer.from('latin\xfc\xff.txt', 'latin1'), 'bytes');
  writeFileSync(join(folder.outside, 'secret.txt'), 'secret');
  mkdirSync(join(folder.outside, 'further'));
  writeFileSync(join(folder.outside, 'further/x.txt'), 'further');
  const beside = `${folder.root}-secret`;
  mkdirSync(beside);
  writeFileSync(join(beside, 'secret.txt'), 'beside');
  execFileSync('mkfifo', [folder.path('fifo')]);
  const links: [name: string, target: string][] = [
    ['to-file', 'hello.txt'],
    ['to-folder', 'folder'],
    ['to-folder-slash', './folder//'],
    ['folder/up', '../hello.txt'],
    ['folder/round', '../folder/../folder/./deep.txt'],
    ['folder/to-root', '..'],
    ['to-hidden', '.hidden'],
    ['out', '../outside/secret.txt'],
    ['out-folder', '../outside'],
    ['folder/out', '../../outside/secret.txt'],
    ['out-and-back', `../${basename(folder.root)}/hello.txt`],
    ['out-beside', `../${basename(beside)}/secret.txt`],
    ['out-beside-folder', `../${basename(beside)}`],
    ['folder/out-beside', `../../${basename(beside)}/secret.txt`],
    ['absolute-beside', join(beside, 'secret.txt')],
    ['to-out', 'out'],
    ['to-parent', '..'],
    ['absolute-in', folder.path('hello.txt')],
    ['absolute-out', join(folder.outside, 'secret.txt')],
    ['dangling', 'nowhere'],
    ['dangling-out', '../nowhere'],
    ['self', 'self'],
    ['loop-a', 'loop-b'],
    ['loop-b', 'loop-a'],
    ['file-slash', 'hello.txt/'],
    ['to-fifo', 'fifo'],
  ];
  for (let at = 0; at < MAX_LINKS; at++) links.push([`chain-${at}`, `chain-${at + 1}`]);
  links.push([`chain-${MAX_LINKS}`, 'hello.txt']);
  for (const [name, target] of links) folder.link(name, target);
  await settled();
});

afterAll(() => folder[Symbol.dispose]());

/** A kernel before 5.6 has no openat2, and the same outcomes. */
const KERNELS = { openat2: kernelWith({}), 'the walk': kernelWith({ openat2: () => ENOSYS }) };

describe.each(['openat2', 'the walk'] as const)('names by %s', (way) => {
  testServedRows(NAMES, () => ({ root: folder.root, kernel: KERNELS[way] }));
});

describe.each(['openat2', 'the walk'] as const)('links by %s', (way) => {
  describe.each([
    ['within-root', 1],
    ['deny', 2],
    ['follow', 3],
  ] satisfies [SymlinkPolicy, number][])('%s', (symlinks, column) => {
    const rows = LINKS.map((link): Row => {
      const body = link[column];
      return body === null ? [`GET ${link[0]}`, [], 404] : [`GET ${link[0]}`, [], 200, {}, body!];
    });
    testServedRows(rows, () => ({ root: folder.root, symlinks, kernel: KERNELS[way] }));
  });
});

test('the root itself may be a link under every policy', async () => {
  folder.link('../root-link', 'root');
  for (const symlinks of ['within-root', 'deny', 'follow'] as const) {
    await using server = serve({ root: join(folder.root, '../root-link'), port: 0, symlinks });
    await checkRow(server.port, ['GET /hello.txt', [], 200, {}, 'hello']);
  }
});
