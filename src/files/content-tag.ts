import { createHash, type Hash } from 'node:crypto';
import type { Coding } from './encoding.js';

/** 132 bits of SHA-256. */
const TAG_CHARACTERS = 22;

/** The tag of all that a SHA-256 was given, which takes no more. */
export const tagOfHash = (hash: Hash): string => `"${hash.digest('base64url').slice(0, TAG_CHARACTERS)}"`;

/** An entity tag of nothing but the content: equal wherever that is. */
export const hashedTag = (bytes: Uint8Array): string => tagOfHash(createHash('sha256').update(bytes));

/** The tag of a form that was made from another: as strong or weak, and its own. */
export const tagOfCoded = (etag: string, coding: Coding): string =>
  etag === '' ? '' : `${etag.slice(0, -1)}-${coding}"`;
