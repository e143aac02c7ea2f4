// JSON requests and responses, and error responses of its own. Run it:
//   npm run build && node dist/epollet.cjs --app examples/json-api.mjs
//   curl http://127.0.0.1:8080/sum -d '{ "numbers": [1, 2, 3] }'
class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function fetch(request) {
  if (new URL(request.url).pathname !== '/sum') throw new HttpError(404, 'Not found: the only path is /sum.');
  if (request.method !== 'POST') throw new HttpError(405, 'Method not allowed: use POST.');
  const { numbers } = await request.json().catch(() => {
    throw new HttpError(400, 'The body is not valid JSON.');
  });
  if (!Array.isArray(numbers) || !numbers.every(Number.isFinite))
    throw new HttpError(422, 'numbers must be an array of numbers.');
  return Response.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
}

// Called with what fetch throws, which is also written to standard error.
const error = ({ status = 500, message }) =>
  Response.json({ error: status < 500 ? message : 'Internal server error.' }, { status });

export default { fetch, error };
