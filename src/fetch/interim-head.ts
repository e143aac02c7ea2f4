import { reasonOf } from '../http/status.js';
import { argumentRangeError, shown } from '../sys/error-code.js';
import { toHttpResponse } from './handler-response.js';
import type { HeadersSource } from './native.js';
import { FastResponse } from './response.js';

/** Processing, the first status of an interim response that is a handler's to send. */
const FIRST_STATUS = 102;
const LAST_STATUS = 199;

/** @throws RangeError ERR_EPOLLET_ARGUMENT */
export function checkInterimStatus(status: unknown): asserts status is number {
  if (Number.isInteger(status) && (status as number) >= FIRST_STATUS && (status as number) <= LAST_STATUS) return;
  throw argumentRangeError(
    `the status of an interim response must be ${FIRST_STATUS} to ${LAST_STATUS}, not ${shown(status)}: 100 is sent when a body is read, and 101 by an upgrade handler`,
  );
}

/**
 * The bytes of an interim response, RFC 9110 section 15.2: a status line and fields. Those of framing and of the connection
 * are left out, as of any response.
 * @throws TypeError for a field that cannot be sent
 */
export function interimHead(status: number, headers: HeadersSource | undefined): Buffer {
  const { fieldLines } = toHttpResponse(new FastResponse(null, headers === undefined ? undefined : { headers }));
  return Buffer.from(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n${fieldLines}\r\n`, 'latin1');
}
