// An h3 app over epollet, with a WebSocket by crossws: npm install h3 srvx crossws && PORT=8080 node examples/h3.mjs
import { plugin } from 'crossws/server';
import { serve } from 'epollet/srvx';
import { defineWebSocketHandler, getRequestIP, H3, HTTPError, readBody } from 'h3';

const notes = new Map([['1', 'Buy milk']]);
const app = new H3();

app.get('/', (event) => `Hello, ${getRequestIP(event)}!`);
app.get('/notes/:id', ({ context }) => {
  const text = notes.get(context.params.id);
  if (text === undefined) throw new HTTPError({ status: 404, message: 'No such note' });
  return { text };
});
app.put('/notes/:id', async (event) => {
  const { text } = await readBody(event);
  notes.set(event.context.params.id, text);
  event.res.status = 201;
  return { text };
});

const chat = defineWebSocketHandler({
  open(peer) {
    peer.subscribe('chat');
    peer.publish('chat', `${peer.remoteAddress} has joined`);
  },
  message(peer, message) {
    peer.publish('chat', message.text());
  },
});
app.get('/chat', chat);

// With srvx's own serve, of node:http, it is the same program.
serve({ fetch: app.fetch, plugins: [plugin({ resolve: async (request) => (await app.fetch(request)).crossws })] });
