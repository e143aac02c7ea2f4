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
/** A name whose open fails, and its errno. */
let failing: [name: string, errno: number] | null;

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
    failing !== null && Buffer.from(name).toString() === failing[0]
      ? failing[1]
      : realKernel.openat2(dir, name, ...rest),
});

beforeEach(() => {
  failing = null;
  descriptors = countDescriptors();
  const options = resolveSiteOptions({ cleanUrls: true });
  files = new Files(kernel, { root: directory.root, options }, new Map(), resolveLimits());
});

afterEach(() => {
  files.close();
  expect(countDescriptors()).toBe(descriptors);
});

/** As a server does: events are read before a request. */
function outcomeOf(target: string): string {
  files.inotify.read();
  const { status, fields } = files.serve(parsed(target), 0);
  return `${status} ${Object.fromEntries(fields)['Location'] ?? ''}`.trim();
}

describe('with clean URLs', () => {
  test.each<[target: string, is: string, failing: string, otherwise: string]>([
    ['/about', '200', 'about', '503'],
    ['/about', '200', 'about.html', '503'],
    ['/about.html', '301 /about', 'about', '503'],
    ['/blog', '200', 'blog/index.html', '503'],
    ['/blog', '200', 'blog.html', '503'],
    ['/blog.html', '301 /blog', 'blog/index.html', '503'],
    ['/twice', '301 /twice/', 'twice/index.html', '503'],
    ['/twice.html', '200', 'twice/index.html', '503'],
  ])('EMFILE is not cached: %s is %s, and while %s fails %s', (target, is, name, otherwise) => {
    failing = [name, EMFILE];
    for (let time = 0; time < 2; time++) expect(outcomeOf(target)).toBe(otherwise);
    failing = null;
    expect(outcomeOf(target)).toBe(is);
  });

  test.each<[target: string, failing: string, errno: number, is: string]>([
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
  ])('%s, with an error of %s (%i), is %s', (target, name, errno, is) => {
    failing = [name, errno];
    for (let time = 0; time < 2; time++) expect(outcomeOf(target)).toBe(is);
  });
});
