// An unchanged Hono app. Run it: npm run build && node dist/epollet.cjs --app examples/hono.mjs
import { Hono } from 'hono';

const notes = new Map([['1', 'Buy milk']]);
const app = new Hono();

// The second argument of fetch is Hono's env.
app.get('/', (c) => c.text(`Hello, ${c.env.peer.address}!`));
app.get('/notes/:id', (c) => {
  const text = notes.get(c.req.param('id'));
  return text === undefined ? c.notFound() : c.json({ text });
});
app.post('/notes', async (c) => {
  const { text } = await c.req.json();
  const id = String(notes.size + 1);
  notes.set(id, text);
  return c.json({ id, text }, 201, { Location: `/notes/${id}` });
});

export default app;
