import { createHash, type Hash } from 'node:crypto';
import type { ContentCoding } from '../../http/semantics/accept-encoding.js';

/** 132 bits of SHA-256. */
const TAG_CHARACTERS = 22;
/** 48 bits of it: they tell the few forms apart that different versions of a library make of one file. */
const MADE_CHARACTERS = 8;

const digestOf = (hash: Hash, characters: number): string => hash.digest('base64url').slice(0, characters);

/** The tag of all that a SHA-256 was given, which takes no more. */
export const etagForHash = (hash: Hash): string => `"${digestOf(hash, TAG_CHARACTERS)}"`;

/** An entity tag of nothing but the content: equal wherever that is. */
export const etagForBytes = (bytes: Uint8Array): string => etagForHash(createHash('sha256').update(bytes));

/**
 * The tag of a form as it lies there, by the tag that its file has for itself. A coded one can be its original's very
 * bytes, or inode, and is another representation all the same, RFC 9110 section 8.8.3.3.
 */
export const etagForCoding = (etag: string, coding: ContentCoding | 'identity'): string =>
  coding === 'identity' ? etag : withSuffix(etag, coding);

/**
 * The tag of a form that was made here, by the tag of what it was made of. Other versions of zlib and brotli, and the same
 * on other processors, make other bytes of that: so it says which.
 */
export const etagForCompressed = (etag: string, coding: ContentCoding, made: Uint8Array): string =>
  withSuffix(etag, `${coding}-${digestOf(createHash('sha256').update(made), MADE_CHARACTERS)}`);

const withSuffix = (etag: string, suffix: string): string => (etag === '' ? '' : `${etag.slice(0, -1)}-${suffix}"`);
