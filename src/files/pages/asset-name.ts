import mime from 'mime-types';

/** Of files that sites have, and mime-db does not know: cursors, coded forms, sources, and what should not lie there. */
const MORE = new Set(
  'asp aspx astro bak br cgi cur env jsonl jsp lock ndjson sqlite svelte swp tmp tsx vue zst'.split(' '),
);

/** What mime-db knows, but addresses end in as domains do, `/users/a@b.com`: no page loads such a file. */
const DOMAINS = new Set('ai au com fm in me org pl rs tr xyz'.split(' '));

/**
 * Whether a file's name ends as an asset's does, so that where there is none a page in its place would be a riddle: in
 * an extension whose media type is known, or in one of a few more. A version (`v9.9`) and a person (`john.doe`) do not.
 */
export function looksLikeAsset(name: Buffer): boolean {
  const extension = /\.([^./]+)$/.exec(name.toString('latin1'))?.[1]?.toLowerCase();
  if (extension === undefined || /^\d+$/.test(extension) || DOMAINS.has(extension)) return false;
  return MORE.has(extension) || mime.lookup(`.${extension}`) !== false;
}
