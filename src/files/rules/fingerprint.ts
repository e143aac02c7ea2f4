import { buildToolOf } from './build-output.js';

/**
 * What bundlers put after the hash: `main.3f2a9c1b.chunk.js`, `app.3f2a9c1b.js.map`, `app-3f2a9c1b_bg.wasm`, VitePress
 * `.lean.js`, Storybook `.iframe.bundle.js`, next/font `-s.p.woff2`.
 */
const TAIL =
  /(?:_bg|-s(?:\.p)?(?=\.woff2?$))?(?:\.(?:async|bundle|chunk|cjs|css|d|iframe|js|lean|legacy|LICENSE|min|mjs|modern|module|worker))*\.\w{1,12}$/;

/** A date, possibly with more after it. */
const DATE = /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])/;
const WORD_AND_NUMBER = /^[A-Za-z]+\d+$/;

/** Whole bytes in hex; words in hex letters, such as `face2face`, have one digit at most. */
const HEX = /^(?=(?:\D*\d){2})(?:(?:[0-9a-f]{2}){4,64}|(?:[0-9A-F]{2}){4,64})$/;
/** A whole name counts as a hash only from this length and only in hex: nothing else distinguishes it. */
const WHOLE_NAME_BYTES = 16;
/** Only for what bundlers emit do alphabets other than hex count: other files have names such as `setup-Win10x64`. */
const ASSET = /\.(?:avif|cjs|css|eot|gif|ico|jpe?g|js|json|map|mjs|otf|png|svg|ttf|wasm|webp|woff2?)$/i;
/** esbuild's alphabet and length. */
const BASE32 = /^(?=.*\d)[A-Z2-7]{8}$/;
/** Bun's: no i, l, o and u. Only scripts and styles: words such as `h264mp4a` are in names of media. */
const LOWER_BASE32 = /^(?=(?:\d+[a-z]+){2}|(?:[a-z]+\d+){2})[0-9a-hjkmnp-tv-z]{8}$/;
const CODE = /\.(?:css|js)(?:\.map)?$/;
/** Vite and Rollup truncate to it. */
const BASE64URL_LENGTH = 8;
const BASE64URL = /^(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9]*[-_]?[A-Za-z0-9]*$/;
/** The last part of the name could be a hash by its length. */
const PERHAPS = /[-._][\w-]{8,128}$/;

/**
 * Whether a file's name contains a hash of its content, as bundlers write it, so that the name never means other bytes.
 * A missed hash costs a revalidation, a false one shows visitors an old file for a year: in doubt the result is false.
 * Recognized are 94 in 100 hashes of eight hex digits, 89 in 100 of 3,000 by Vite 8, 65 in 100 by esbuild and half of
 * those by Bun; where build tools have directories and forms of their own (build-output.ts), all of them. Of 26,000 words
 * in identifiers of npm packages, from `DataGrid` to `isXMLHttpRequest`, two are mistaken: `myMockFn`, `CwdError`.
 * @param name a base name, or a path
 */
export function isFingerprinted(name: string): boolean {
  if (buildToolOf(name) !== null) return true;
  const base = name.slice(name.lastIndexOf('/') + 1);
  const stem = stemOf(base);
  if (stem === base) return false;
  const start = Math.max(stem.lastIndexOf('.'), stem.lastIndexOf('-'), stem.lastIndexOf('_')) + 1;
  const last = stem.slice(start);
  if (DATE.test(last)) return false;
  if (HEX.test(last) && /[A-Fa-f]/.test(last) && !WORD_AND_NUMBER.test(last))
    return start > 0 || last.length >= WHOLE_NAME_BYTES;
  if (start === 0 || !ASSET.test(base)) return false;
  if (BASE32.test(last)) return odditiesOf(last) >= ODD_SHORT;
  if (LOWER_BASE32.test(last) && CODE.test(base)) return odditiesOf(last) >= ODD_SHORT;
  // Base64url has '-' and '_' of its own; one in 8 characters is usual, two are as likely to be words.
  const joint = stem.length - BASE64URL_LENGTH;
  const token = stem.slice(joint);
  return (
    joint > 0 &&
    joint <= start &&
    /[-._]/.test(stem[joint - 1]!) &&
    BASE64URL.test(token) &&
    odditiesOf(token) >= ODD_MIXED
  );
}

/**
 * Whether a name could be fingerprinted. A false positive serves a file of the previous release a while longer; a false
 * negative breaks an open page.
 * @param name a base name, or a path
 */
export function mayBeFingerprinted(name: string): boolean {
  if (buildToolOf(name) !== null) return true;
  const base = name.slice(name.lastIndexOf('/') + 1);
  const stem = stemOf(base);
  return stem !== base && PERHAPS.test(stem);
}

const stemOf = (base: string): string => base.replace(TAIL, '');

/** By the first letter of a pair, from a to z: the letters that follow it in hardly any word. */
const RARE_PAIRS =
  `hoz dfghkmpqtvwxz bfgjnpqvwz bhkmnqwxz z bcdghjkmnpqvwxz dfjkpqtvwxz bcdfghjkpqvwxz hjkwy bdfghjklmnpqrtvwxyz
  bcfhjklmoqrtuvxyz hjmnqrxz cdfghjkqrtvwxyz bqwxz hjqz fgjknqvwxz abcdefghijklmnopqrstvwxyz hjqxz bz bjknqvxz hjkquvwyz
  bcdfghjklmnpqrtuvwxyz bcdfgjklmpqtuvxyz bdfgjklnoqrsuvwyz cdghjkoquvxyz bcdfghjklmnpqrstuvwxyz`.split(/\s+/);

/** No eight characters of words have so many. */
const ODD_MIXED = 5;
const ODD_SHORT = 4;

/** Counts beginnings of words, single digits and letters, and pairs of letters that are rare in words. */
function odditiesOf(token: string): number {
  const runs = token.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[-_]/g) ?? [];
  // The first of 22 base64 digits has the top two of 128 bits, and a leading A is dropped: B, C or D in 3 of 4 hashes.
  let oddities = /^[BCD]/.test(token) ? 1 : 0;
  runs.forEach((run, at) => {
    const isWithin = at > 0 && at < runs.length - 1;
    if (/^\d/.test(run)) oddities += isWithin && run.length === 1 ? 1 : 0;
    else oddities += 1 + rarePairsOf(run.toLowerCase()) + (isWithin && isAlone(runs, at) ? 1 : 0);
  });
  return oddities;
}

/** A single letter between others, and not next to a number as in `x64`. */
const isAlone = (runs: readonly string[], at: number): boolean =>
  /^[A-Za-z]$/.test(runs[at]!) && !/\d/.test(runs[at - 1]! + runs[at + 1]!);

function rarePairsOf(word: string): number {
  let count = 0;
  for (let at = 1; at < word.length; at++) {
    if (RARE_PAIRS[word.charCodeAt(at - 1) - 0x61]?.includes(word[at]!)) count++;
  }
  return count;
}
