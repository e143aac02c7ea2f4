/** What bundlers put behind the hash: `main.3f2a9c1b.chunk.js`, `app.3f2a9c1b.js.map`, `app-3f2a9c1b_bg.wasm`. */
const TAIL =
  /(?:_bg)?(?:\.(?:async|bundle|chunk|cjs|css|d|js|legacy|LICENSE|min|mjs|modern|module|worker))*\.\w{1,12}$/;

/** Digits that a person means: a date, and what may stand behind it. */
const DATE = /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])/;
const WORD_AND_NUMBER = /^[A-Za-z]+\d+$/;

const HEX = /^(?:[0-9a-f]{8,128}|[0-9A-F]{8,128})$/;
/** A whole name is taken for a hash only from this length, and only in hex: it has nothing else that tells. */
const WHOLE_NAME_HEX = /^[0-9a-f]{16,128}$/;
/** esbuild's alphabet and length. */
const BASE32 = /^[A-Z2-7]{8}$/;
/** To which Vite and Rollup cut it. */
const BASE64URL_LENGTH = 8;
const MIXED = /^[A-Za-z0-9_-]{8,64}$/;

/**
 * Whether a file's name carries a hash of its content, as bundlers write it, so that the name never means other bytes.
 * To miss one costs a revalidation, to see one that is none shows a visitor an old file for a year: in doubt it is none.
 * @param name a base name, or a path
 */
export function isHashed(name: string): boolean {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const stem = base.replace(TAIL, '');
  if (stem === base) return false;
  const start = Math.max(stem.lastIndexOf('.'), stem.lastIndexOf('-'), stem.lastIndexOf('_')) + 1;
  if (start === 0) return WHOLE_NAME_HEX.test(stem) && hasDigitAndLetter(stem) && !DATE.test(stem);
  if (isHash(stem.slice(start))) return true;
  // Base64url has '-' and '_' of its own; one in 8 characters is usual, two are as likely to be words.
  const joint = stem.length - BASE64URL_LENGTH;
  return (
    joint > 0 &&
    joint < start &&
    /^[.\-_][A-Za-z0-9]*[-_][A-Za-z0-9]*$/.test(stem.slice(joint - 1)) &&
    isMixedHash(stem.slice(joint))
  );
}

function isHash(token: string): boolean {
  if (DATE.test(token) || WORD_AND_NUMBER.test(token)) return false;
  if (HEX.test(token) || BASE32.test(token)) return hasDigitAndLetter(token);
  return isMixedHash(token);
}

const hasDigitAndLetter = (text: string): boolean => /\d/.test(text) && /[A-Za-z]/.test(text);

/**
 * Small and capital letters in a token of base64url that does not read as words: `BXq3kZ9a`, but not `DataGrid`,
 * `iPhoneXR` or `Ipv4Addr`. A word is `Data`, `data` or `DATA`, a number is one too.
 */
function isMixedHash(token: string): boolean {
  if (!MIXED.test(token) || !/[a-z]/.test(token) || !/[A-Z]/.test(token) || WORD_AND_NUMBER.test(token)) return false;
  const words = token.match(/[A-Z]+[a-z]*|[a-z]+|\d+/g) ?? [];
  if (token.length > BASE64URL_LENGTH) return token.length <= 2.5 * words.length;
  return words.length >= 4 || words.some((word, at) => isOdd(word, at, words.length));
}

/** A letter that stands alone within, or a capital too many: neither is the case in `jQuery`, `PlanB` or `UIKit`. */
function isOdd(word: string, at: number, count: number): boolean {
  if (/^[A-Z]{2,}[a-z]$/.test(word)) return true;
  return (at > 0 && /^[a-z]$/.test(word)) || (at < count - 1 && /^[A-Z]$/.test(word));
}
