// Routes with parameters, a prepared response, and early hints. Run it:
//   npm run build && node dist/epollet.cjs --app examples/routes.mjs
//   curl -i http://127.0.0.1:8080/ http://127.0.0.1:8080/notes/1
const notes = new Map([['1', 'Buy milk.']]);
let lastId = 1;

function page(_request, info) {
  // The browser loads the style while the page is made.
  info.informational(103, { Link: '</style.css>; rel=preload; as=style' });
  const items = [...notes].map(([id, text]) => `<li><a href="/notes/${id}">${encodeURIComponent(text)}</a>`);
  return new Response(`<!doctype html><link rel="stylesheet" href="/style.css"><ul>${items.join('')}</ul>\n`, {
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
  });
}

const note = ({ params }) =>
  notes.has(params.id) ? new Response(`${notes.get(params.id)}\n`) : new Response('No such note.\n', { status: 404 });

async function add(request) {
  notes.set(String(++lastId), await request.text());
  return new Response(null, { status: 201, headers: { Location: `/notes/${lastId}` } });
}

export default {
  routes: {
    '/': page,
    '/style.css': new Response('li { font: 1em serif }\n', { headers: { 'Content-Type': 'text/css' } }),
    '/notes': { POST: add },
    '/notes/:id': {
      GET: note,
      DELETE: ({ params }) => new Response(null, { status: notes.delete(params.id) ? 204 : 404 }),
    },
  },
};
