import { createHash, type Hash } from 'node:crypto';
import type { ContentCoding } from '../../http/semantics/accept-encoding.js';

/** 132 bits of SHA-256. */
const ETAG_CHARACTERS = 22;
/** 48 bits of SHA-256: enough to distinguish the few results that versions of a compressor have for one file. */
const COMPRESSED_CHARACTERS = 8;

const digestOf = (hash: Hash, characters: number): string => hash.digest('base64url').slice(0, characters);

/** The entity tag of all bytes that a SHA-256 was updated with. Ends the hash. */
export const etagForHash = (hash: Hash): string => `"${digestOf(hash, ETAG_CHARACTERS)}"`;

/** An entity tag of nothing but the content: the same on every replica. */
export const etagForBytes = (bytes: Uint8Array): string => etagForHash(createHash('sha256').update(bytes));

/**
 * The entity tag of a stored representation, from the tag of its own file. A precompressed file may have the bytes or the
 * inode of its original, and is a different representation all the same, RFC 9110 section 8.8.3.3.
 */
export const etagForCoding = (etag: string, coding: ContentCoding | 'identity'): string =>
  coding === 'identity' ? etag : withSuffix(etag, coding);

/**
 * The entity tag of a representation that was compressed here, from the tag of its original. Other versions of zlib and
 * brotli, and other processors, produce other bytes, so these are part of it.
 */
export const etagForCompressed = (etag: string, coding: ContentCoding, encoded: Uint8Array): string =>
  withSuffix(etag, `${coding}-${digestOf(createHash('sha256').update(encoded), COMPRESSED_CHARACTERS)}`);

const withSuffix = (etag: string, suffix: string): string => (etag === '' ? '' : `${etag.slice(0, -1)}-${suffix}"`);
