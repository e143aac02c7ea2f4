// A chat with rooms by WebSocket, without a library: node dist/epollet.cjs --app examples/rooms.mjs
const page = `<!doctype html><title>Chat</title><form><input autofocus><button>Send</button></form><pre></pre><script>
const socket = new WebSocket(location.href.replace('http', 'ws').replace(/\\/$/, '/lobby'));
socket.onmessage = ({ data }) => document.querySelector('pre').append(data + '\\n');
document.querySelector('form').onsubmit = (event) => { event.preventDefault(); socket.send(event.target[0].value); event.target.reset(); };
</script>`;

export default {
  fetch(request, { server }) {
    // Browsers send cookies to any host that a page connects to: only pages of this one may.
    const origin = request.headers.get('Origin');
    const isOwn = origin === null || (URL.canParse(origin) && new URL(origin).host === request.headers.get('Host'));
    const room = new URL(request.url).pathname;
    if (isOwn && server.upgrade(request, { data: { room, server } })) return;
    return new Response(page, { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
  },
  websocket: {
    maxPayloadLength: 65_536,
    open(ws) {
      const { room, server } = ws.data;
      ws.subscribe(room);
      server.publish(room, `${server.subscriberCount(room)} in ${room}`);
    },
    message(ws, text) {
      const { room, server } = ws.data;
      server.publish(room, String(text));
    },
  },
};
