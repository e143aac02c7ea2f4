import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FetchHandler, type ServeOptions, type Server, serve } from '../../../src/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { RawClient } from '../../support/raw-client.js';
import { MIB, makeSite, type Site } from '../../support/site.js';

const UPLOAD_BYTES = 8 * MIB;
const SIZED = `Content-Length: ${UPLOAD_BYTES}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

const unauthorized = () => new Response('who are you?', { status: 401 });
const reading: FetchHandler = async (request) => new Response(await request.text());
const later = async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return new Response('not here', { status: 403 });
};

/** Rejected before its end: by what, the request, the fields of its body, the limit of bodies, the status. */
const UPLOADS: [by: string, fetch: FetchHandler | null, method: string, fields: string, bodyBytes: number, number][] = [
  ['the limit', null, 'POST', SIZED, MIB, 413],
  ['the limit, chunked', null, 'PUT', CHUNKED, MIB, 413],
  ['the limit, for a handler', unauthorized, 'POST', SIZED, MIB, 413],
  ['the limit, for a handler, chunked', reading, 'POST', CHUNKED, MIB, 413],
  ['a handler', unauthorized, 'POST', SIZED, 64 * MIB, 401],
  ['a handler, chunked', unauthorized, 'POST', CHUNKED, 64 * MIB, 401],
  ['a handler that takes its time', later, 'PUT', SIZED, 64 * MIB, 403],
  ['a handler, Connection: close', unauthorized, 'POST', `${SIZED}Connection: close\r\n`, 64 * MIB, 401],
  ['an expectation', null, 'POST', `${SIZED}Expect: the-unexpected\r\n`, 64 * MIB, 417],
  ['the parser', null, 'POST', `${SIZED}Transfer-Encoding: chunked\r\n`, 64 * MIB, 400],
  ['the parser, a coding', null, 'POST', 'Transfer-Encoding: gzip, chunked\r\n', 64 * MIB, 501],
];

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

describe.each(TRIGGERS)('%s', (trigger) => {
  test.each(UPLOADS)(
    'an upload rejected by %s: its client has sent all of it and reads the response',
    async (...row) => {
      const [, fetch, method, fields, bodyBytes, status] = row;
      const options: ServeOptions = { port: 0, trigger, limits: { bodyBytes } };
      const server: Server = serve(fetch === null ? { ...options, root: site.root } : { ...options, fetch });
      try {
        using client = await RawClient.connect(server.port);
        client.pause().send(`${method} /up HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
        const body = Buffer.alloc(UPLOAD_BYTES, 'x');
        await new Promise<void>((resolve, reject) => {
          const onSent = (error?: Error | null): void => (error ? reject(error) : resolve());
          if (fields !== CHUNKED) client.socket.write(body, onSent);
          else
            client.socket.write(Buffer.concat([Buffer.from('800000\r\n'), body, Buffer.from('\r\n0\r\n\r\n')]), onSent);
        });
        const response = await client.resume().response();
        expect(response.status).toBe(status);
        await client.untilClose();
        expect(client.failure).toBeNull();
      } finally {
        await server.stop({ force: true });
      }
    },
  );
});
