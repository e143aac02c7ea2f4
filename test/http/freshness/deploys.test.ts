import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { countDescriptors } from '../../support/descriptors.js';
import { OLD_ENOUGH_MS, settled } from '../../support/directory.js';
import { eventually, exchange, RawClient, request, sleep } from '../../support/raw-client.js';
import { MIB } from '../../support/site.js';
import { makeReleases, RELEASE_TARGETS, type Releases, releaseOf } from './releases.js';

/** A flip finished this long before a request is sent must be seen. */
const SEEN_WITHIN_MS = 50;

let releases: Releases;
let server: Server;

beforeEach(() => {
  releases = makeReleases();
});

afterEach(async () => {
  await server.stop({ force: true });
  releases[Symbol.dispose]();
});

const start = (root: string, options: Partial<ServeOptions> = {}): void => {
  server = serve({ port: 0, root: `${releases.base}/${root}`, ...options });
};

const ask = (target: string) => exchange(server.port, request(target));
const releaseNow = async (): Promise<number> => releaseOf(await ask('/a.txt'), '/a.txt');
const statusOf = async (target: string): Promise<number> => (await ask(target)).status;

describe.each(TRIGGERS)('%s', (trigger) => {
  test('under load every response is of one release, the newest', async () => {
    for (const number of [0, 1, 2, 3]) releases.release(`releases/${number}`, number);
    releases.flip('current', 'releases/0');
    start('current', { trigger });
    await settled();
    const flips: { number: number; atMs: number }[] = [{ number: 0, atMs: 0 }];
    let done = false;
    let responses = 0;
    const load = async (): Promise<void> => {
      using client = await RawClient.connect(server.port);
      while (!done) {
        const sentMs = performance.now();
        client.send(RELEASE_TARGETS.map((target) => request(target)).join(''));
        for (const target of RELEASE_TARGETS) {
          const number = releaseOf(await client.response(), target);
          const known = flips.findLastIndex(({ atMs }) => atMs <= sentMs - SEEN_WITHIN_MS);
          expect(flips.slice(known).map((flip) => flip.number)).toContain(number);
          responses++;
        }
      }
    };
    const loads = Promise.all([load(), load(), load()]);
    let seenAtOnce = 0;
    const count = 50;
    try {
      for (let flip = 1; flip <= count; flip++) {
        releases.flip('current', `releases/${flip % 4}`);
        flips.push({ number: flip % 4, atMs: performance.now() });
        if ((await releaseNow()) === flip % 4) seenAtOnce++;
        await sleep(flip % 10 === 0 ? OLD_ENOUGH_MS + SEEN_WITHIN_MS : flip % 7);
      }
    } finally {
      done = true;
      await loads;
    }
    console.log(`${trigger}: ${count} flips, ${seenAtOnce} seen at once, ${responses} responses meanwhile`);
    expect(seenAtOnce).toBe(count);
    expect(server.stats().files!.rootChanges).toBe(count);
  });

  test('a response of a removed release is sent to its end', async () => {
    const sizes = { 'a.txt': 10, 'big.bin': 12 * MIB };
    for (const number of [1, 2]) releases.release(`releases/${number}`, number, sizes);
    releases.flip('current', 'releases/1');
    start('current', { trigger });
    const clients = await Promise.all([1, 2].map(() => RawClient.connect(server.port)));
    for (const client of clients) client.pause().send(request('/big.bin'));
    await eventually(() => server.stats().bytes.out > 0 && server.stats().requests === 2, 'all are under way');
    releases.flip('current', 'releases/2');
    releases.remove('releases/1');
    expect(releaseOf(await ask('/a.txt'), '/a.txt', sizes)).toBe(2);
    for (const client of clients) {
      client.resume();
      expect(releaseOf(await client.response(), '/big.bin', sizes)).toBe(1);
      expect(releaseOf(await client.send(request('/big.bin')).response(), '/big.bin', sizes)).toBe(2);
      client.close();
    }
  });
});

/** Ways to exchange a root. `turn` points it to a release; `old` is the previous one. */
const WAYS: [subject: string, root: string, turn: (number: number, old: number) => void][] = [
  ['a symlink', 'current', (number) => releases.flip('current', `releases/${number}`)],
  [
    'a symlink with an absolute target',
    'current',
    (number) => releases.flip('current', releases.path(`releases/${number}`)),
  ],
  [
    'a removed and recreated symlink',
    'current',
    (number, old) => {
      if (old > 0) releases.remove('current');
      releases.flip('current', `./releases/../releases//${number}/`);
    },
  ],
  [
    'the second symlink of a chain',
    'current',
    (number, old) => {
      releases.flip('stage', `releases/${number}`);
      if (old === 0) releases.flip('current', 'stage');
    },
  ],
  [
    'a symlink on the path',
    'site/public',
    (number) => {
      releases.release(`sites/${number}/public`, number);
      releases.flip('site', `sites/${number}`);
    },
  ],
  [
    "a symlink in a symlink's target",
    'current',
    (number, old) => {
      releases.flip('set', `releases`);
      releases.release(`more-${number}/in`, number);
      releases.flip('set', `more-${number}`);
      if (old === 0) releases.flip('current', 'set/in');
    },
  ],
  [
    'a symlink reached through .. from the target of another',
    'to/../current',
    (number, old) => {
      if (old === 0) releases.release('other/place', 0);
      if (old === 0) releases.flip('to', 'other/place');
      releases.flip('other/current', `../releases/${number}`);
    },
  ],
  [
    'a renamed directory',
    'root',
    (number, old) => {
      if (old > 0) releases.move('root', `releases/was-${old}`);
      releases.move(`releases/${number}`, 'root');
    },
  ],
  [
    'a directory on the path',
    'way/root',
    (number, old) => {
      releases.release(`ways/${number}/root`, number);
      if (old > 0) releases.move('way', `ways/was-${old}`);
      releases.move(`ways/${number}`, 'way');
    },
  ],
  [
    'a removed and recreated directory',
    'root',
    (number, old) => {
      if (old > 0) releases.remove('root');
      releases.release('root', number);
    },
  ],
  [
    'a directory removed with its parent',
    'above/root',
    (number, old) => {
      if (old > 0) releases.remove('above');
      releases.release('above/root', number);
    },
  ],
];

test.each(WAYS)('the next request follows %s', async (_, root, turn) => {
  for (let number = 1; number <= 6; number++) releases.release(`releases/${number}`, number);
  turn(1, 0);
  start(root);
  for (let number = 2; number <= 6; number++) {
    await settled();
    for (const target of RELEASE_TARGETS) expect(releaseOf(await ask(target), target)).toBe(number - 1);
    turn(number, number - 1);
    expect(await releaseNow()).toBe(number);
    for (const target of RELEASE_TARGETS) expect(releaseOf(await ask(target), target)).toBe(number);
  }
  expect(server.stats().files!.rootChanges).toBe(5);
});

test('while the root symlink dangles the old release is served, without its removed files', async () => {
  releases.release('releases/1', 1);
  releases.flip('current', 'releases/1');
  start('current');
  expect(await releaseNow()).toBe(1);
  releases.flip('current', 'releases/2');
  expect(await releaseNow()).toBe(1);
  releases.remove('releases/1');
  expect(await statusOf('/a.txt')).toBe(404);
  releases.release('releases/2', 2);
  expect(await releaseNow()).toBe(2);
});

describe('previousReleaseMs', () => {
  const HASHED = 'assets/app-3f2a9c1b.js';
  const LATER = 'assets/late-99ab12cd.js';
  /** Looks like words, but may be a hash. */
  const WORDLIKE = 'assets/index-DiwrgTda.js';
  const release = (number: number, ...names: string[]): void =>
    releases.release(`releases/${number}`, number, Object.fromEntries(['a.txt', ...names].map((name) => [name, 40])));
  const of = async (target: string): Promise<number> => {
    const response = await ask(target);
    return response.status === 200 ? releaseOf(response, target, { [target.slice(1)]: 40 }) : response.status;
  };

  test('only fingerprinted assets are served from the previous release', async () => {
    release(1, HASHED, WORDLIKE, 'assets/app.js', 'page.html', LATER, 'only-1.txt');
    release(2, 'assets/app-77ce01da.js');
    release(3);
    releases.flip('current', 'releases/1');
    start('current', { previousReleaseMs: 60_000 });
    for (const target of [`/${HASHED}`, '/assets/app.js', '/page.html', '/only-1.txt', '/a.txt']) {
      expect(await of(target)).toBe(1);
    }
    releases.flip('current', 'releases/2');
    for (let time = 0; time < 3; time++) {
      for (const name of [HASHED, WORDLIKE, LATER]) expect(await of(`/${name}`)).toBe(1);
      expect(await of('/assets/app-77ce01da.js')).toBe(2);
      expect(await of('/a.txt')).toBe(2);
      for (const target of ['/assets/app.js', '/page.html', '/only-1.txt']) expect(await of(target)).toBe(404);
      await settled();
    }
    // Files may still be added to the new release and removed from the old one.
    releases.release('releases/2', 2, { [LATER]: 40 });
    expect(await of(`/${LATER}`)).toBe(2);
    releases.remove('releases/1');
    expect(await of(`/${HASHED}`)).toBe(404);
    releases.flip('current', 'releases/3');
    expect([await of('/assets/app-77ce01da.js'), await of('/a.txt')]).toEqual([2, 3]);
    releases.flip('current', 'releases/2');
    releases.flip('current', 'releases/3');
    expect(await of('/a.txt')).toBe(3);
  });

  test('the previous release is served for previousReleaseMs only, even from the cache, and only the last one', async () => {
    release(1, HASHED);
    release(2);
    release(3);
    releases.flip('current', 'releases/1');
    start('current', { previousReleaseMs: 300 });
    expect(await of(`/${HASHED}`)).toBe(1);
    releases.flip('current', 'releases/2');
    await settled();
    expect([await of(`/${HASHED}`), await of(`/${HASHED}`)]).toEqual([1, 1]);
    await sleep(300);
    expect([await of(`/${HASHED}`), await of('/a.txt')]).toEqual([404, 2]);
    releases.flip('current', 'releases/1');
    expect(await of(`/${HASHED}`)).toBe(1);
    releases.flip('current', 'releases/2');
    expect([await of(`/${HASHED}`), await of('/a.txt')]).toEqual([1, 2]);
    releases.flip('current', 'releases/3');
    expect([await of('/a.txt'), await of(`/${HASHED}`)]).toEqual([3, 404]);
  });
});

test.each([0, 60_000])('100 flips leak no descriptor and no watch, previousReleaseMs %i', async (previousReleaseMs) => {
  const flip = (number: number): void => {
    releases.release(`sites/${number}/public`, number);
    releases.flip('site', `sites/${number}`);
  };
  flip(0);
  start('site/public', { previousReleaseMs });
  using client = await RawClient.connect(server.port);
  const round = async (number: number): Promise<void> => {
    flip(number);
    if (number % 10 === 0) await settled();
    client.send(RELEASE_TARGETS.map((target) => request(target)).join(''));
    for (const target of RELEASE_TARGETS) expect(releaseOf(await client.response(), target)).toBe(number);
  };
  for (let number = 1; number <= 5; number++) await round(number);
  const before = { open: countDescriptors(), watched: server.stats().files!.watches };
  for (let number = 6; number <= 105; number++) await round(number);
  const { rootChanges, watches, unwatchedReasons } = server.stats().files!;
  console.log(
    `100 flips: ${countDescriptors() - before.open} more descriptors, ` +
      `${before.watched} watches before, ${watches} after`,
  );
  expect([rootChanges, unwatchedReasons]).toEqual([105, []]);
  expect(watches).toBeLessThanOrEqual(before.watched);
  expect(countDescriptors()).toBeLessThanOrEqual(before.open + 1);
});
