// JSON in, JSON out, and its own words for mistakes. Run it:
//   npm run build && node dist/cli/main.js --app test/examples/json-api.mjs
//   curl http://127.0.0.1:8080/sum -d '{ "numbers": [1, 2, 3] }'
class Mistake extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function fetch(request) {
  if (new URL(request.url).pathname !== '/sum') throw new Mistake(404, 'There is only /sum.');
  if (request.method !== 'POST') throw new Mistake(405, 'Send a POST.');
  const { numbers } = await request.json().catch(() => {
    throw new Mistake(400, 'The body is no JSON.');
  });
  if (!Array.isArray(numbers) || !numbers.every(Number.isFinite))
    throw new Mistake(422, 'numbers must be a list of numbers.');
  return Response.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
}

// What fetch throws comes here, and is on standard error too.
const error = ({ status = 500, message }) =>
  Response.json({ error: status < 500 ? message : 'This went wrong.' }, { status });

export default { fetch, error };
