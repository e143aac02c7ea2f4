import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';

/** The address by which a connection's client is limited; undefined if it has disconnected, or is on a unix socket. */
export const clientAddressOf = (connection: Connection): string | undefined => peerOf(connection)?.address;
