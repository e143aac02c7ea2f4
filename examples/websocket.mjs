// A chat with rooms by WebSocket: npm install ws && node dist/epollet.cjs --app examples/websocket.mjs
import { WebSocketServer } from 'ws';

const sockets = new WebSocketServer({ noServer: true, maxPayload: 65536 });
const rooms = new Map();
const page = `<!doctype html><title>Chat</title><form><input autofocus><button>Send</button></form><pre></pre><script>
const socket = new WebSocket(location.href.replace('http', 'ws').replace(/\\/$/, '/lobby'));
socket.onmessage = ({ data }) => document.querySelector('pre').append(data + '\\n');
document.querySelector('form').onsubmit = (event) => { event.preventDefault(); socket.send(event.target[0].value); event.target.reset(); };
</script>`;

sockets.on('connection', (client, { url }) => {
  const room = (rooms.get(url) ?? rooms.set(url, new Set()).get(url)).add(client);
  const send = (text) => {
    for (const each of room) each.send(text);
  };
  send(`${room.size} in ${url}`);
  client.on('message', (text) => send(String(text)));
  client.on('close', () => {
    room.delete(client);
    if (room.size === 0) rooms.delete(url);
  });
});

export default {
  fetch: () => new Response(page, { headers: { 'Content-Type': 'text/html; charset=utf-8' } }),
  upgrade(request, { incoming, socket, head }) {
    if (request.headers.get('Upgrade').toLowerCase() !== 'websocket') return new Response(null, { status: 426 });
    sockets.handleUpgrade(incoming, socket, head, (client) => sockets.emit('connection', client, incoming));
  },
};
