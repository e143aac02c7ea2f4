import { STATUS_CODES } from 'node:http';

/** The reason phrase of RFC 9110 section 15; empty for a status that has none. */
export const reasonOf = (status: number): string => STATUS_CODES[status] ?? '';

/** What a request is refused with when its bytes, and not what it asks for, are at fault. */
export type ErrorStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 505;
