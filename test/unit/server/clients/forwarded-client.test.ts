import { expect, test } from 'vitest';
import { resolveLimits } from '../../../../src/http/limits.js';
import { COMPLETE, RequestParser } from '../../../../src/http/request/parser.js';
import { ForwardedClient } from '../../../../src/server/clients/forwarded-client.js';
import { TrustedProxies } from '../../../../src/server/clients/trusted-proxies.js';
import type { SocketAddress } from '../../../../src/sys/kernel.js';
import { below, seeded } from '../../../support/random.js';

const PEER: SocketAddress = { family: 'IPv4', address: '10.0.0.1', port: 1 };
const PROXIES = new TrustedProxies(['10.0.0.0/8', 'fd00::/8', 'unix'], false);
const parser = new RequestParser(resolveLimits());

/** The client of a request with these fields, and its scheme. */
function clientOf(client: ForwardedClient, fields: string): string {
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n\0`, 'latin1');
  expect(parser.parse(bytes, 0, bytes.length - 1), fields).toBe(COMPLETE);
  client.reset();
  const { family, address, port } = client.addressOf(parser);
  expect(client.addressOf(parser)).toBe(client.addressOf(parser)); // read once
  return `${family} ${address} ${port} ${client.schemeOf(parser)}`;
}

test('requests with the same bytes have the same client, also from the cache of sections, and others have theirs', () => {
  const client = new ForwardedClient(PEER, null, PROXIES);
  const long = 'User-Agent: a browser with a long name';
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) {
      expect(clientOf(client, `${long}\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https`)).toBe(
        'IPv4 192.0.2.1 0 https',
      );
      if (round > 0) expect(clientOf(client, `${long}\r\nX-Forwarded-For: 192.0.2.2`)).toBe('IPv4 192.0.2.2 0 null');
      if (round > 1) expect(clientOf(client, `${long}\r\nForwarded: for=_x;proto=http`)).toBe('IPv4 10.0.0.1 1 http');
      expect(clientOf(client, long)).toBe('IPv4 10.0.0.1 1 null');
    }
  }
  expect(parser.cachedSection).not.toBeNull();
});

test('without trusted proxies it is the peer of all requests', () => {
  const client = new ForwardedClient(PEER, PEER, null);
  expect(clientOf(client, 'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https')).toBe('IPv4 10.0.0.1 1 null');
});

test('whatever a client sends in front, the element of the proxy counts', () => {
  const random = seeded();
  const characters = '",;=\\ \t[]:._forpt129afunix\xff';
  const text = (): string =>
    Array.from({ length: below(random, 20) }, () => characters[below(random, characters.length)]).join('');
  const client = new ForwardedClient(PEER, null, PROXIES);
  for (let i = 0; i < 5000; i++) {
    const sent = text();
    const separator = [', ', ',', '\r\nX: y\r\nFORWARDED: ', '\r\nForwarded:\r\nForwarded: '][below(random, 4)]!;
    const forwarded = `Forwarded: ${sent}${separator}for="[2001:db8::1]:47";proto=https`;
    expect([forwarded, clientOf(client, forwarded)]).toEqual([forwarded, 'IPv6 2001:db8::1 47 https']);
    const xForwardedFor = `X-Forwarded-For: ${sent}${separator.replace(/forwarded/gi, '$&-for').replaceAll(/(\n)f/gi, '$1X-F')}192.0.2.1`;
    expect([xForwardedFor, clientOf(client, xForwardedFor)]).toEqual([xForwardedFor, 'IPv4 192.0.2.1 0 null']);
    // Of anything at all it is an address, for a line of the log.
    expect(clientOf(client, `Forwarded: ${text()},${text()}`)).toMatch(/^IPv[46] [\da-f.:]+ \d+ (?:null|https?)$/);
    expect(clientOf(client, `X-Forwarded-For: ${text()},${text()}`)).toMatch(/^IPv[46] [\da-f.:]+ \d+ null$/);
  }
});
