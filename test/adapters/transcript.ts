import { WebSocket } from 'ws';
import { eventually, RawClient } from '../support/raw-client.js';

export interface Summary {
  status: number;
  reason: string;
  /** Without those of the connection and the date, sorted, with their names in lower case. */
  fields: string[];
  body: string;
}

const NOT_COMPARED = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);

/** Sends the bytes of one request, and reads its response. */
export async function summaryOf(port: number, bytes: string): Promise<Summary> {
  using client = await RawClient.connect(port);
  client.send(bytes);
  const { status, reason, fields, body } = await client.response(bytes.slice(0, bytes.indexOf(' ')), undefined, false);
  const compared = fields.filter(([name]) => !NOT_COMPARED.has(name.toLowerCase()));
  return {
    status,
    reason,
    fields: compared.map(([name, value]) => `${name.toLowerCase()}: ${value.replaceAll(String(port), 'PORT')}`).sort(),
    body: body.toString('latin1').replaceAll(String(port), 'PORT'),
  };
}

export type Action = (socket: WebSocket) => void;
/** A client connects to a path, or does something, and so many events of all clients follow. */
export type Step = [client: string, events: number, action: Action | string, ...protocols: string[]];

/** Plays the steps, and returns the events of all clients; those that follow the same step by client. */
export async function transcriptOf(port: number, steps: readonly Step[]): Promise<string[][]> {
  const clients = new Map<string, WebSocket>();
  const transcript: string[][] = [];
  let isOver = false;
  const note = (text: string): void => {
    if (!isOver) transcript.at(-1)!.push(text);
  };
  try {
    for (const [name, events, action, ...protocols] of steps) {
      transcript.push([]);
      if (typeof action === 'string')
        clients.set(name, connect(name, `ws://127.0.0.1:${port}${action}`, protocols, note));
      else action(clients.get(name)!);
      const met = transcript.at(-1)!;
      await eventually(() => met.length >= events, `${events} events after ${name} ${action}`);
      met.sort((a, b) => (a[0]! < b[0]! ? -1 : Number(a[0]! > b[0]!))); // stable: those of one client keep their order
    }
  } finally {
    isOver = true;
    for (const client of clients.values()) client.terminate();
  }
  return transcript;
}

function connect(name: string, url: string, protocols: string[], note: (text: string) => void): WebSocket {
  const socket = new WebSocket(url, protocols);
  const log = (text: string): void => note(`${name} ${text}`);
  socket.on('upgrade', ({ headers }) => {
    const own = Object.entries(headers).filter(([field]) => /^(x-|set-cookie|sec-websocket-protocol)/.test(field));
    log(`upgrade ${JSON.stringify(Object.fromEntries(own))}`);
  });
  socket.on('open', () => log(`open ${socket.protocol}`));
  socket.on('message', (data: Buffer, isBinary) => {
    const text = isBinary ? data.toString('hex') : data.toString();
    log(`${isBinary ? 'binary' : 'text'} ${text.length > 100 ? text.length : text}`);
  });
  socket.on('ping', (data) => log(`ping ${data}`));
  socket.on('pong', (data) => log(`pong ${data}`));
  socket.on('close', (code, reason) => log(`close ${code} ${reason}`));
  socket.on('error', () => {});
  socket.on('unexpected-response', (_, response) => {
    let body = '';
    response.on('data', (piece: Buffer) => {
      body += piece;
    });
    response.on('end', () => log(`declined ${response.statusCode} ${response.headers['x-why'] ?? ''} ${body}`));
  });
  return socket;
}
