import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { hashedTag, tagLater, tagOfCoded } from '../../src/files/content-tag.js';
import { resolveSiteOptions } from '../../src/files/options.js';
import { Files } from '../../src/files/serve.js';
import { type Limits, resolveLimits } from '../../src/http/limits.js';
import type { FileBody, Response } from '../../src/http/response.js';
import { kernel as realKernel } from '../../src/sys/binding.js';
import { EIO } from '../../src/sys/errno.js';
import type { Kernel } from '../../src/sys/kernel.js';
import { SharedFd } from '../../src/sys/shared-fd.js';
import { kernelWith } from '../support/counting-kernel.js';
import { testDescriptors } from '../support/descriptors.js';
import { settled } from '../support/folder.js';
import { parsed } from '../support/parsed.js';
import { eventually } from '../support/raw-client.js';
import { contentOf, KIB, MIB } from '../support/site.js';

const descriptors = testDescriptors();

describe('the tag of a content', () => {
  test('is a strong one, of its SHA-256 and of nothing else', () => {
    const sha = createHash('sha256').update('hello').digest('base64url');
    expect(hashedTag(Buffer.from('hello')).toString()).toBe(`"${sha.slice(0, 22)}"`);
    const contents = ['', 'a', 'b', 'aa', '\0', 'a\0'].map((text) => hashedTag(Buffer.from(text)).toString());
    expect(new Set(contents).size).toBe(contents.length);
    for (const tag of contents) expect(tag).toMatch(/^"[\w-]{22}"$/);
  });

  test.each([
    ['"abc"', 'br', '"abc-br"'],
    ['"abc"', 'gzip', '"abc-gzip"'],
    ['W/"abc"', 'zstd', 'W/"abc-zstd"'],
    ['""', 'br', '"-br"'],
    ['', 'br', ''],
  ] as const)('%s in %s is %s', (etag, coding, expected) => {
    expect(tagOfCoded(etag, coding)).toBe(expected);
  });
});

describe('the tag of a file that is read a piece at a time', () => {
  /** A file's body, whose descriptor is its reader's alone once the content has let it go. */
  function bodyOf(bytes: Uint8Array, offset = 0, length = bytes.length - offset): FileBody {
    const path = join(descriptors.folder(), 'file');
    fs.writeFileSync(path, bytes);
    return { kind: 'file', file: new SharedFd(fs.openSync(path, 'r')), offset, length };
  }

  /** Reads it as for a content that lets its descriptor go at once. What was told; null for nothing. */
  async function tagOf(body: FileBody, kernel: Kernel = realKernel, isWanted = () => true): Promise<string | null> {
    let told: string | null = null;
    tagLater(kernel, body, isWanted, (etag) => {
      told = etag;
    });
    expect(told).toBeNull();
    body.file.release(kernel);
    await eventually(() => isClosed(body), 'it is let go');
    return told;
  }

  function isClosed({ file }: FileBody): boolean {
    try {
      file.retain();
    } catch {
      return true;
    }
    file.release(realKernel);
    return false;
  }

  test.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5])('%i bytes: the same as of all at once', async (size) => {
    const bytes = contentOf(size);
    expect(await tagOf(bodyOf(bytes))).toBe(hashedTag(bytes).toString());
  });

  test('is of its part of the file', async () => {
    const bytes = contentOf(1000);
    expect(await tagOf(bodyOf(bytes, 100, 300))).toBe(hashedTag(bytes.subarray(100, 400)).toString());
  });

  test('is the same by short reads', async () => {
    const bytes = contentOf(20_000);
    const kernel = kernelWith({
      pread: (fd, into, offset, length, at) => realKernel.pread(fd, into, offset, Math.min(length, 777), at),
    });
    expect(await tagOf(bodyOf(bytes), kernel)).toBe(hashedTag(bytes).toString());
  });

  test('leaves others their turn between the pieces', async () => {
    let reads = 0;
    let most = 0;
    let sinceTurn = 0;
    const kernel = kernelWith(
      {},
      {
        pread: () => {
          reads++;
          most = Math.max(most, ++sinceTurn);
        },
      },
    );
    let isOver = false;
    const turn = (): void => {
      sinceTurn = 0;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    await tagOf(bodyOf(contentOf(8 * MIB)), kernel);
    isOver = true;
    expect([reads, most]).toEqual([8, 1]);
  });

  test.each<[string, (body: FileBody) => Kernel]>([
    ['a disk that fails', () => kernelWith({ pread: () => EIO })],
    [
      'a file that is shorter than it was',
      ({ file }) =>
        kernelWith({
          pread: (...args) => {
            fs.truncateSync(pathOf(file.fd), 1000);
            return realKernel.pread(...args);
          },
        }),
    ],
  ])('is not told of %s', async (_, kernelOf) => {
    const body = bodyOf(contentOf(2 * MIB));
    expect(await tagOf(body, kernelOf(body))).toBeNull();
  });

  test('is not looked for any longer than somebody wants it', async () => {
    let reads = 0;
    const kernel = kernelWith({}, { pread: (_, got) => (got as number) > 0 && reads++ });
    expect(await tagOf(bodyOf(contentOf(8 * MIB)), kernel, () => reads < 2)).toBeNull();
    expect(reads).toBe(2);
  });

  const pathOf = (fd: number): string => fs.readlinkSync(`/proc/self/fd/${fd}`);
});

describe('a site whose tags are of the content', () => {
  const opened: Files[] = [];

  afterEach(() => {
    for (const files of opened.splice(0)) files.close();
  });

  const LARGE = 300 * KIB;
  const contents = { 'small.txt': contentOf(500), 'large.txt': contentOf(LARGE) };

  async function site(limits: Partial<Limits> = {}, compress = false, secondsAgo = 3600) {
    const root = descriptors.folder();
    const path = (name: string): string => join(root, name);
    const at = Math.floor(Date.now() / 1000) - secondsAgo;
    for (const [name, content] of Object.entries(contents)) {
      fs.writeFileSync(path(name), content);
      fs.utimesSync(path(name), at, at);
    }
    await settled();
    const options = resolveSiteOptions({ etag: 'content', compress });
    const files = new Files(realKernel, { root, options }, new Map(), resolveLimits(limits));
    opened.push(files);
    return { files, path, get: (target: string, fields: string[] = []) => files.serve(parsed(target, fields), 0) };
  }

  const field = (response: Response, name: string): string | undefined =>
    response.fields.find(([each]) => each === name)?.[1];

  test('has the same on every machine, and no dates', async () => {
    const [one, other] = [await site(), await site({}, false, 7200)];
    for (const name of Object.keys(contents) as (keyof typeof contents)[]) {
      const expected = hashedTag(contents[name]).toString();
      for (const { get } of [one, other]) {
        await eventually(() => field(get(`/${name}`), 'ETag') === expected, `${name} has its tag`);
        expect(field(get(`/${name}`), 'Last-Modified')).toBeUndefined();
        expect(get(`/${name}`, [`If-None-Match: ${expected}`]).status).toBe(304);
        expect(get(`/${name}`, ['If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT']).status).toBe(200);
      }
    }
  });

  test('has none for a large file that is not read yet, and does not say that nobody holds it', async () => {
    const { get } = await site();
    const old = hashedTag(Buffer.from('what it was before')).toString();
    expect(field(get('/large.txt'), 'ETag')).toBeUndefined();
    for (const [line, status] of [
      [`If-None-Match: ${old}`, 200],
      ['If-None-Match: ', 200],
      ['If-None-Match: W/""', 200],
      ['If-None-Match: *', 304],
      [`If-Match: ${old}`, 200],
      ['If-Match: ', 412],
      ['If-Match: *', 200],
    ] as const)
      expect(get('/large.txt', [line]).status, line).toBe(status);
    expect(get('/large.txt', ['Range: bytes=0-9', `If-Range: ${old}`]).status).toBe(200);
    await eventually(() => field(get('/large.txt'), 'ETag') !== undefined, 'it has its tag');
  });

  test('a coded form is made when the file has its tag, and has one with it', async () => {
    const text = 'all work and no play '.repeat(20_000);
    const { get, path } = await site({}, true);
    fs.writeFileSync(path('play.txt'), text);
    await settled();
    const ask = (): Response => get('/play.txt', ['Accept-Encoding: gzip']);
    const tags = new Set<string | undefined>();
    await eventually(() => {
      const response = ask();
      if (field(response, 'Content-Encoding') === 'gzip') tags.add(field(response, 'ETag'));
      return tags.size > 0;
    }, 'it is compressed');
    expect([...tags]).toEqual([tagOfCoded(hashedTag(Buffer.from(text)), 'gzip').toString()]);
  });

  test('that is closed does not read on', async () => {
    const { files, get } = await site();
    get('/large.txt');
    files.close();
    opened.splice(0);
    await settled();
    expect(fs.readdirSync('/proc/self/fd').map(targetOf)).not.toContainEqual(expect.stringContaining('large.txt'));
  });

  function targetOf(fd: string): string {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  }
});
