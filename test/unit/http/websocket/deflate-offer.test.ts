import { expect, test } from 'vitest';
import { deflateField, negotiateDeflate } from '../../../../src/http/websocket/deflate-offer.js';

const NO_CONTEXT = 'server_no_context_takeover; client_no_context_takeover';

/** The field of the response; null if no offer is accepted. */
function responseTo(offers: string | null, serverContext = false, clientContext = false): string | null {
  const agreement = negotiateDeflate(offers, { serverContext, clientContext });
  return agreement === null ? null : deflateField(agreement).replace('permessage-deflate', 'pmd');
}

test.each([
  [null, null],
  ['', null],
  ['permessage-deflate', `pmd; ${NO_CONTEXT}`],
  ['permessage-deflate; client_max_window_bits', `pmd; ${NO_CONTEXT}`],
  ['permessage-deflate; client_max_window_bits=8', `pmd; ${NO_CONTEXT}`],
  ['permessage-deflate;server_max_window_bits=10', `pmd; ${NO_CONTEXT}; server_max_window_bits=10`],
  ['permessage-deflate; server_max_window_bits = "9"', `pmd; ${NO_CONTEXT}; server_max_window_bits=9`],
  ['permessage-deflate; server_max_window_bits=15', `pmd; ${NO_CONTEXT}`],
  ['x-other, permessage-deflate', `pmd; ${NO_CONTEXT}`],
  [
    'permessage-deflate; server_max_window_bits=12, permessage-deflate',
    `pmd; ${NO_CONTEXT}; server_max_window_bits=12`,
  ],
  ['permessage-deflate; server_max_window_bits=8, permessage-deflate', `pmd; ${NO_CONTEXT}`],
  ['permessage-deflate; server_max_window_bits=8', null],
  ['permessage-deflate; server_max_window_bits', null],
  ['permessage-deflate; server_max_window_bits=', null],
  ['permessage-deflate; server_max_window_bits=16', null],
  ['permessage-deflate; server_max_window_bits=09', null],
  ['permessage-deflate; server_max_window_bits="', null],
  ['permessage-deflate; client_max_window_bits=7', null],
  ['permessage-deflate; client_max_window_bits=x', null],
  ['permessage-deflate; server_no_context_takeover=1', null],
  ['permessage-deflate; client_no_context_takeover=""', null],
  ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', null],
  ['permessage-deflate; unknown', null],
  ['permessage-deflate;', null],
  ['permessage-deflate-2', null],
])('%s has the response %s', (offers, response) => expect(responseTo(offers)).toBe(response));

test.each([
  ['permessage-deflate', true, true, 'pmd'],
  ['permessage-deflate', true, false, 'pmd; client_no_context_takeover'],
  ['permessage-deflate', false, true, 'pmd; server_no_context_takeover'],
  ['permessage-deflate; server_no_context_takeover', true, true, 'pmd; server_no_context_takeover'],
  ['permessage-deflate; client_no_context_takeover', true, true, 'pmd; client_no_context_takeover'],
])('%s with contexts %s and %s has the response %s', (offers, serverContext, clientContext, response) =>
  expect(responseTo(offers, serverContext, clientContext)).toBe(response),
);
