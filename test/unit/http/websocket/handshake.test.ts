import { expect, test } from 'vitest';
import {
  acceptOf,
  type Handshake,
  isHandshakeError,
  switchingProtocols,
  validateHandshake,
} from '../../../../src/http/websocket/handshake.js';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const VALID: { [name: string]: string | null } = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': KEY,
};
const NO_CONTEXT = { serverContext: false, clientContext: false };

function validate(
  fields: { [name: string]: string | null } = {},
  { method = 'GET', minorVersion = 1, deflate = true } = {},
) {
  const all = { ...VALID, ...fields };
  const request = { method, minorVersion, field: (name: string) => all[name] ?? null };
  return validateHandshake(request, deflate ? NO_CONTEXT : null);
}

test('the key of RFC 6455 section 1.3 has the value that it has there', () => {
  expect(acceptOf(KEY)).toBe(ACCEPT);
  expect(validate()).toEqual({ accept: ACCEPT, protocols: [], deflate: null });
});

test.each([
  ['other protocols in Upgrade', { upgrade: 'h2c, WebSocket' }],
  ['other options in Connection', { connection: 'keep-alive, upgrade' }],
  ['a key that is not canonical', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZR==' }],
])('%s do not matter', (_, fields) => expect(isHandshakeError(validate(fields))).toBe(false));

test.each([
  ['POST', 405, {}, { method: 'POST' }],
  ['HTTP/1.0', 426, {}, { minorVersion: 0 }],
  ['no Upgrade', 426, { upgrade: null }, {}],
  ['another protocol', 426, { upgrade: 'websockets' }, {}],
  ['no Connection', 426, { connection: null }, {}],
  ['another connection option', 426, { connection: 'keep-alive' }, {}],
  ['no version', 426, { 'sec-websocket-version': null }, {}],
  ['an old version', 426, { 'sec-websocket-version': '8' }, {}],
  ['two versions', 426, { 'sec-websocket-version': '13, 8' }, {}],
  ['no key', 400, { 'sec-websocket-key': null }, {}],
  ['an empty key', 400, { 'sec-websocket-key': '' }, {}],
  ['a key of 15 bytes', 400, { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25j' }, {}],
  ['a key of 17 bytes', 400, { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQE=' }, {}],
  ['a key that is not base64', 400, { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25-ZQ==' }, {}],
  ['two keys', 400, { 'sec-websocket-key': `${KEY}, ${KEY}` }, {}],
  ['an empty subprotocol', 400, { 'sec-websocket-protocol': 'a,,b' }, {}],
  ['a subprotocol that is not a token', 400, { 'sec-websocket-protocol': 'a b' }, {}],
  ['a subprotocol twice', 400, { 'sec-websocket-protocol': 'a, b, a' }, {}],
])('%s is %i', (_, status, fields, request) => {
  const result = validate(fields, request);
  expect(result).toMatchObject({ status });
  if (!isHandshakeError(result)) return;
  const names = result.fields.map(([name]) => name);
  if (status === 426)
    expect(Object.fromEntries(result.fields)).toMatchObject({ 'Sec-WebSocket-Version': '13', Upgrade: 'websocket' });
  else expect(names).toEqual(status === 405 ? ['Allow'] : []);
});

test('subprotocols keep their order and case', () => {
  expect(validate({ 'sec-websocket-protocol': 'Chat.v2,\tchat , superchat' })).toMatchObject({
    protocols: ['Chat.v2', 'chat', 'superchat'],
  });
});

test('compression is agreed on only if the server wishes it', () => {
  const fields = { 'sec-websocket-extensions': 'permessage-deflate' };
  expect(validate(fields)).toMatchObject({ deflate: { serverContext: false } });
  expect(validate(fields, { deflate: false })).toMatchObject({ deflate: null });
});

test('the response has what was chosen', () => {
  const handshake = validate({
    'sec-websocket-protocol': 'a, b',
    'sec-websocket-extensions': 'permessage-deflate',
  }) as Handshake;
  expect(switchingProtocols(handshake, 'b', [['Set-Cookie', 'x=y']]).split('\r\n')).toEqual([
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${ACCEPT}`,
    'Sec-WebSocket-Protocol: b',
    'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    'Set-Cookie: x=y',
    '',
    '',
  ]);
  const least = switchingProtocols({ ...handshake, deflate: null }, null);
  expect(least).not.toMatch(/Protocol:|Extensions:/);
  expect(least).toMatch(/\r\n\r\n$/);
});
