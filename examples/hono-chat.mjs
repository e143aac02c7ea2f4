// A Hono app with rooms by WebSocket and files: npm install hono && node dist/epollet.cjs --app examples/hono-chat.mjs
import { fileURLToPath } from 'node:url';
import { getConnInfo, serveStatic, upgradeWebSocket, websocket } from 'epollet/hono';
import { Hono } from 'hono';

const root = fileURLToPath(new URL('.', import.meta.url));
const rooms = new Map();
const app = new Hono();

app.get('/me', (c) => c.text(getConnInfo(c).remote.address));
app.use('/files/*', serveStatic({ root, rewriteRequestPath: (path) => path.slice(6) }));
app.get(
  '/:room',
  upgradeWebSocket((c) => {
    const { path } = c.req;
    const room = rooms.get(path) ?? new Set();
    rooms.set(path, room);
    const send = (text) => {
      for (const each of room) each.send(text);
    };
    return {
      onOpen(_, ws) {
        room.add(ws);
        send(`${room.size} in ${path}`);
      },
      onMessage: ({ data }) => send(data),
      onClose(_, ws) {
        room.delete(ws);
        if (room.size === 0) rooms.delete(path);
      },
    };
  }),
);

export default { fetch: app.fetch, websocket };
