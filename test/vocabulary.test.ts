import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Words that stand for another word of the glossary, or that make a machine speak. Each is a regular expression, matched as
 * whole words and without regard to case; a camelCase, kebab-case or snake_case name counts as its words.
 */
const BANNED: [word: string, instead: string][] = [
  ['answer(s|ed|ing)?', 'response, respond'],
  ['told', 'reported, notified; watched'],
  ['untold', 'unwatched'],
  ['tell(s|ing)?', 'report, notify, show'],
  ['teller', 'name the part that reports'],
  ['say(s|ing)?|said', 'is, states, reports; text, reason'],
  ['speaks?|speaker', 'supports, uses; name the part'],
  ['silence', 'no event, no report'],
  ['hears|heard|heed', 'receives, is notified; watch'],
  ['witness(ed|es)?|sightings?', 'record'],
  ['story|stories', 'trace'],
  ['conversation', 'response queue'],
  ['whoever|whom', 'the caller, the client, another process'],
  ['nobody|somebody|everybody|anybody', 'no process, a client, every caller'],
  ['let(s|ting)? go', 'release a reference, cancel a body, evict an entry'],
  ['sidecars?|beside', 'precompressed; next to'],
  ['survey(s|or|ors)?', 'resolve, resolution'],
  ['outdate[sd]?', 'invalidate, stale'],
  ['misuse', 'usage error'],
  ['refusals?', 'error response, errno, reason'],
  ['settler|settling|on settle|settle later', 'batch end, arm, resolve'],
  ['patience', 'timeout'],
  ['young', 'racy'],
  ['coded', 'encoded'],
  ['(?<!font )variants?(?!=minbase| Also Negotiates)', 'representation'],
  ['lies?|lay', 'is; stored at'],
  // "There is no" and "is no longer" are English.
  ['(?<!there )is no(?! longer| more)', 'is not a, has no, there is no'],
  ['(?<!there )(is|are) none', 'is not one, there is none'],
  ['but for', 'except'],
  ['what is asked for', 'the request, the requested X'],
  ['looked at anew', 'revalidated'],
];

/** Refused in code only: pages for people may use it. */
const BANNED_IN_CODE: [word: string, instead: string][] = [['folders?', 'directory']];

const CODE = ['src', 'native', 'test', 'examples'];
const PROSE = ['docs', 'html', 'README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'SECURITY.md'];
const TEXT_FILE = /\.(ts|mts|js|mjs|cc|h|json|md|html|css|svg|sh)$/;

/** These name the old words. */
const EXCEPT = [
  'test/vocabulary.test.ts',
  'docs/glossary.md',
  'src/files/rules/did-you-mean.ts',
  'test/cli/renamed-options.test.ts',
];

const code = linesOf(CODE);
const prose = linesOf(PROSE);

test.each(BANNED)('"%s" is not used, instead: %s', (word, instead) => {
  expect(uses(word, instead, [...code, ...prose])).toEqual([]);
});

test.each(BANNED_IN_CODE)('"%s" is not used in code, instead: %s', (word, instead) => {
  expect(uses(word, instead, code)).toEqual([]);
});

/** The places where `word` is used, as `file:line: word, use: instead`. */
function uses(word: string, instead: string, lines: readonly [at: string, words: string][]): string[] {
  const pattern = new RegExp(`\\b(?:${word})\\b`, 'gi');
  return lines.flatMap(([at, words]) =>
    [...words.matchAll(pattern)].map(([use]) => `${at}: "${use}", use: ${instead}`),
  );
}

/** Every path and every line of the files below `roots`, as words. */
function linesOf(roots: string[]): [at: string, words: string][] {
  return roots.flatMap(filesBelow).flatMap((path) => {
    const lines = readFileSync(join(ROOT, path), 'utf8').split('\n');
    return [
      [path, wordsOf(path)] as [string, string],
      ...lines.map((line, index): [string, string] => [`${path}:${index + 1}`, wordsOf(line)]),
    ];
  });
}

/** `isToldOf` is "is Told Of", `HTTPStory` "HTTP Story", `let-go` and `LET_GO` two words each. */
function wordsOf(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .replace(/[_-]/g, ' ');
}

function filesBelow(root: string): string[] {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.name === root)
    .flatMap((entry) =>
      entry.isFile()
        ? [root]
        : readdirSync(join(ROOT, root), { recursive: true, withFileTypes: true })
            .filter((each) => each.isFile() && TEXT_FILE.test(each.name))
            .map((each) => relative(ROOT, join(each.parentPath, each.name))),
    )
    .filter((path) => !EXCEPT.includes(path));
}
