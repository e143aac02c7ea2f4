// Stores uploads of up to 16 MiB on disk, one chunk in memory at a time. Run it:
//   npm run build && node examples/upload.mjs /tmp/uploads
//   curl http://127.0.0.1:8080/cat.jpg -T cat.jpg
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { serve } from 'epollet';

const directory = resolve(process.argv[2] ?? 'uploads');
await mkdir(directory, { recursive: true });

async function fetch(request) {
  const name = /^\/([\w-][\w.-]*)$/.exec(new URL(request.url).pathname)?.[1];
  if (request.method !== 'PUT' || name === undefined)
    return new Response('Not found: PUT /name stores a file.\n', { status: 404 });
  // A temporary name until the file is complete: no request is served a partial file.
  const part = join(directory, `.${randomUUID()}`);
  try {
    await pipeline(request.body ?? [], createWriteStream(part, { flags: 'wx' }));
    await rename(part, join(directory, name));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return new Response(null, { status: 201, headers: { Location: `/${name}` } });
}

// For a longer body the server responds with 413, and a stream that has begun fails.
const server = serve({
  port: Number(process.env.PORT ?? 8080),
  root: directory,
  fetch,
  limits: { bodyBytes: 16 * 1024 ** 2 },
});
console.log(server.url.href);
