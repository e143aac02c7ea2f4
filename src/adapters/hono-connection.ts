import type { GetConnInfo } from 'hono/conninfo';
import type { HandlerContext } from '../server/handlers/handler-context.js';

/**
 * The address and port of the client, as Hono's other adapters have it; behind a trusted proxy those of its client.
 * Without members for the peer of a Unix socket, and for a client that has disconnected.
 */
export const getConnInfo: GetConnInfo = (c) => {
  const { peer } = c.env as HandlerContext;
  if (peer === null || peer === undefined || peer.family === 'unix') return { remote: {} };
  const { address, port, family } = peer;
  return { remote: { address, port, addressType: family, transport: 'tcp' } };
};
