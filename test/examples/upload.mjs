// Takes files of up to 16 MiB, and holds no more than a piece of them in memory. Run it:
//   npm run build && node test/examples/upload.mjs /tmp/uploads
//   curl http://127.0.0.1:8080/cat.jpg -T cat.jpg
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { serve } from 'epollet';

const folder = resolve(process.argv[2] ?? 'uploads');
await mkdir(folder, { recursive: true });

async function fetch(request) {
  const name = /^\/([\w-][\w.-]*)$/.exec(new URL(request.url).pathname)?.[1];
  if (request.method !== 'PUT' || name === undefined) return new Response('PUT /name takes files.\n', { status: 404 });
  // Under another name until it is whole: nobody sees half a file.
  const part = join(folder, `.${randomUUID()}`);
  try {
    await pipeline(request.body ?? [], createWriteStream(part, { flags: 'wx' }));
    await rename(part, join(folder, name));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return new Response(null, { status: 201, headers: { Location: `/${name}` } });
}

// A longer body is refused with 413 by the server, and its stream fails if it was begun.
const server = serve({
  port: Number(process.env.PORT ?? 8080),
  root: folder,
  fetch,
  limits: { bodyBytes: 16 * 1024 ** 2 },
});
console.log(server.url.href);
