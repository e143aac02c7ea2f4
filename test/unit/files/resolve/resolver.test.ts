import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Files } from '../../../../src/files/files.js';
import { resolveSiteOptions } from '../../../../src/files/rules/site-options.js';
import { resolveLimits } from '../../../../src/http/limits.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { EACCES, EMFILE, EXDEV } from '../../../../src/sys/errno.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { countDescriptors } from '../../../support/descriptors.js';
import { makeDirectory, settled, type TestDirectory } from '../../../support/directory.js';
import { parsed } from '../../../support/parsed.js';

let directory: TestDirectory;
let files: Files;
let descriptors: number;
/** What is refused, and with which errno. */
let refused: [name: string, errno: number] | null;

beforeAll(async () => {
  directory = makeDirectory({
    'about.html': 'about',
    'blog.html': 'blog',
    'blog/post.html': 'post',
    'twice.html': 'page',
    'twice/index.html': 'index',
  });
  await settled();
});

afterAll(() => directory[Symbol.dispose]());

const kernel = kernelWith({
  openat2: (dir, name, ...rest) =>
    refused !== null && Buffer.from(name).toString() === refused[0]
      ? refused[1]
      : realKernel.openat2(dir, name, ...rest),
});

beforeEach(() => {
  refused = null;
  descriptors = countDescriptors();
  const options = resolveSiteOptions({ cleanUrls: true });
  files = new Files(kernel, { root: directory.root, options }, new Map(), resolveLimits());
});

afterEach(() => {
  files.close();
  expect(countDescriptors()).toBe(descriptors);
});

/** As a server asks: what the kernel tells is heard first. */
function ask(target: string): string {
  files.inotify.read();
  const { status, fields } = files.serve(parsed(target), 0);
  return `${status} ${Object.fromEntries(fields)['Location'] ?? ''}`.trim();
}

describe('with clean URLs', () => {
  test.each<[target: string, is: string, refused: string, otherwise: string]>([
    ['/about', '200', 'about', '503'],
    ['/about', '200', 'about.html', '503'],
    ['/about.html', '301 /about', 'about', '503'],
    ['/blog', '200', 'blog/index.html', '503'],
    ['/blog', '200', 'blog.html', '503'],
    ['/blog.html', '301 /blog', 'blog/index.html', '503'],
    ['/twice', '301 /twice/', 'twice/index.html', '503'],
    ['/twice.html', '200', 'twice/index.html', '503'],
  ])('a shortage passes, and nothing is made of it: %s is %s, and without %s %s', (target, is, name, otherwise) => {
    refused = [name, EMFILE];
    for (let time = 0; time < 2; time++) expect(ask(target)).toBe(otherwise);
    refused = null;
    expect(ask(target)).toBe(is);
  });

  test.each<[target: string, refused: string, errno: number, is: string]>([
    ['/about', 'about.html', EACCES, '403'],
    ['/about', 'about', EACCES, '403'],
    ['/about.html', 'about', EACCES, '200'],
    ['/about', 'about', EXDEV, '404'],
    ['/about.html', 'about', EXDEV, '200'],
    ['/blog', 'blog/index.html', EACCES, '403'],
    ['/blog.html', 'blog/index.html', EACCES, '200'],
    ['/blog', 'blog/index.html', EXDEV, '200'],
    ['/blog.html', 'blog/index.html', EXDEV, '301 /blog'],
    ['/blog', 'blog.html', EXDEV, '301 /blog/'],
  ])('no page is sent to an address that has none: of %s, %s is refused with %i: %s', (target, name, errno, is) => {
    refused = [name, errno];
    for (let time = 0; time < 2; time++) expect(ask(target)).toBe(is);
  });
});
