import { linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll } from 'vitest';
import { type Explanation, explain } from '../../src/explain/explain.js';
import type { ServeOptions } from '../../src/server/options.js';
import { sleep } from './raw-client.js';

/** A site with a path for each kind of response; `root` is a symlink to its release. */
export const directory = join(tmpdir(), `epollet-explain-${process.pid}`);
export const root = join(directory, 'current');
const HOUR_SECONDS = 3600;
const CODE = 'let x = 1;\n'.repeat(400);

function write(name: string, content: string | Uint8Array, hoursAgo = 1): void {
  const path = join(directory, 'r42', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  const second = Math.floor(Date.now() / 1000) - hoursAgo * HOUR_SECONDS;
  utimesSync(path, second, second);
}

/** For the tests of the calling file. */
export function testExplained(): void {
  beforeAll(makeSite);
  afterAll(() => rmSync(directory, { recursive: true }));
}

async function makeSite(): Promise<void> {
  write('index.html', '<h1>hi</h1>');
  write('404.html', '<h1>not here</h1>');
  write('about.html', '<p>about');
  write('both', 'the file');
  write('both.html', 'the page');
  write('blog.html', '<p>blog');
  write('blog/post.html', '<p>post');
  write('app.js', CODE);
  write('app.js.gz', gzipSync(CODE));
  write('app.js.br', brotliCompressSync(CODE), 2);
  write('assets/app-3f2a9c1b.js', 'x');
  write('docs/a.txt', 'text');
  write('big.bin', new Uint8Array(100_000));
  write('none', 'no extension');
  write('odd.zzqq', 'odd');
  write('.git/config', 'secret');
  symlinkSync('docs', join(directory, 'r42/documentation'));
  symlinkSync('/etc/passwd', join(directory, 'r42/out'));
  symlinkSync(join(directory, 'r42/docs'), join(directory, 'r42/in'));
  symlinkSync('in', join(directory, 'r42/hop'));
  symlinkSync('../b/index.html', join(directory, 'r42/up'));
  symlinkSync('../r42/docs/a.txt', join(directory, 'r42/back'));
  symlinkSync('r42', root);
  mkdirSync(join(directory, 'b'));
  mkdirSync(join(directory, 'empty'));
  linkSync(join(directory, 'r42/none'), join(directory, 'b/index.html'));
  await sleep(50); // what is younger than the clock's step has a tag for each request
}

/** Explains a request, by its bytes. */
export const ask = (head: string, options: Partial<ServeOptions> = {}): Explanation =>
  explain({ root, ...options }, Buffer.from(head, 'latin1'));

export const CORS = { cors: { origins: ['https://a.example'] } };
export const RULES = { redirects: [{ from: '/old/:id', to: '/new/:id', status: 302 as const }] };
export const HTML = 'Accept: text/html';
export const LARGE = { limits: { maxCachedFileBytes: 0 } };
