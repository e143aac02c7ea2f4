import { describe, expect, test } from 'vitest';
import { RENAMED_FLAGS } from '../../src/cli/settings/flags.js';
import { didYouMean, RENAMED } from '../../src/files/rules/did-you-mean.js';
import { SITE_OPTION_NAMES, SYMLINK_POLICIES } from '../../src/files/rules/site-options.js';
import { LIMIT_NAMES } from '../../src/http/limits.js';
import { type ServeOptions, serve } from '../../src/index.js';
import { run } from '../support/command.js';

const NAMES: readonly string[] = [...SITE_OPTION_NAMES, ...LIMIT_NAMES, ...SYMLINK_POLICIES];

test.each([...RENAMED])('%s was renamed to %s', (old, name) => {
  expect(NAMES).toContain(name);
  expect(NAMES).not.toContain(old);
  expect(didYouMean(old, NAMES)).toBe(name);
});

test.each<[word: string, words: string[], meant: string | null]>([
  ['Etag', ['etag', 'cors'], 'etag'],
  ['prot', ['host', 'port'], 'port'],
  ['quux', ['host', 'port'], null],
  ['sidecars', ['host', 'port'], null],
  ['', ['host'], null],
])('of %j in %j, %j is meant', (word, words, meant) => expect(didYouMean(word, words)).toBe(meant));

test.each<[options: object, message: string]>([
  [{ sidecars: false }, 'sidecars is not an option; did you mean precompressed?'],
  [{ listing: true }, 'listing is not an option; did you mean directoryListing?'],
  [{ keepPreviousMs: 1 }, 'keepPreviousMs is not an option; did you mean previousReleaseMs?'],
  [{ limits: { freshnessMs: 1 } }, 'limits.freshnessMs is not an option; did you mean revalidateMs?'],
  [
    { hosts: { a: { root: '.', sidecars: true } } },
    'hosts["a"].sidecars is not an option; did you mean precompressed?',
  ],
])('serve(%j) names the new option', (options, message) =>
  expect(() => serve({ root: '.', port: 0, ...options } as ServeOptions)).toThrow(message),
);

describe('the command names the new flag or variable', () => {
  test.each<[args: string[], env: Record<string, string>, message: string]>([
    [['--no-sidecars'], {}, "unknown option '--no-sidecars' (did you mean --no-precompressed?)"],
    [['--freshness-ms=5'], {}, "unknown option '--freshness-ms=5' (did you mean --revalidate-ms?)"],
    [['--max-watched-folders', '5'], {}, "unknown option '--max-watched-folders' (did you mean --max-watches?)"],
    [[], { EPOLLET_SIDECARS: '0' }, 'EPOLLET_SIDECARS was renamed; set EPOLLET_PRECOMPRESSED instead.'],
    [['explain', '/'], { EPOLLET_FRESHNESS_MS: '0' }, 'EPOLLET_FRESHNESS_MS was renamed; set EPOLLET_REVALIDATE_MS'],
  ])('%j %j', async (args, env, message) => {
    const ended = await run(args, { env });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(`epollet: ${message}`);
  });

  test('flags that kept their name are not among them', () => {
    expect([...RENAMED_FLAGS.keys()]).not.toContain('listing');
    expect([...RENAMED_FLAGS.keys()]).not.toContain('keep-previous-ms');
  });
});
