import { typeOfExtension } from '../rules/media-type.js';

/** Extensions that mime-db does not have: cursors, content codings, sources, and files that should not be on a site. */
const MORE_EXTENSIONS = new Set(
  'asp aspx astro bak br cgi cur env jsonl jsp lock ndjson sqlite svelte swp tmp tsx vue zst'.split(' '),
);

/** Extensions of mime-db that are also top-level domains, `/users/a@b.com`: no page loads such a file. */
const TOP_LEVEL_DOMAINS = new Set('ai au com fm in me org pl rs tr xyz'.split(' '));

/**
 * Whether a name has the extension of an asset, so that a page in place of the missing file would be confusing: one with
 * a known media type, or one of a few more. A version (`v9.9`) and a person (`john.doe`) have none.
 */
export function looksLikeAsset(name: Buffer): boolean {
  const extension = /\.([^./]+)$/.exec(name.toString('latin1'))?.[1]?.toLowerCase();
  if (extension === undefined || /^\d+$/.test(extension) || TOP_LEVEL_DOMAINS.has(extension)) return false;
  return MORE_EXTENSIONS.has(extension) || typeOfExtension(extension) !== undefined;
}
