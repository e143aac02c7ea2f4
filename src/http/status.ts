import { STATUS_CODES } from 'node:http';

/** The reason phrase of RFC 9110 section 15; empty for a status without one. */
export const reasonOf = (status: number): string => STATUS_CODES[status] ?? '';

/** The status of an error response to a malformed, oversized or incomplete request. */
export type ErrorStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 505;
