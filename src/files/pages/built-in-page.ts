import { createHash } from 'node:crypto';
import { type Field, HttpResponse } from '../../http/response/response.js';
import { reasonOf } from '../../http/status.js';

/** In the colours of the listings; the number is what a visitor may report. */
const STYLE = `
:root { color-scheme: light dark; --ground: #f3f6f7; --ink: #12242d; --muted: #4d626c; --user: #0b5f78; --kernel: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1b22; --ink: #e3edf0; --muted: #9bb0b8; --user: #62c3dc;
  --kernel: #f3b64c; } }
html { -webkit-text-size-adjust: 100%; }
body { box-sizing: border-box; display: grid; align-content: center; min-height: 100vh; min-height: 100svh; max-width: 40rem;
  margin: 0 auto; padding: 2rem clamp(1.25rem, 6vw, 3rem); background: var(--ground); color: var(--ink);
  font: 1.125rem / 1.5 "Avenir Next", "Segoe UI", Cantarell, Ubuntu, "Noto Sans", "Helvetica Neue", "Liberation Sans", sans-serif; }
h1 { margin: 0; font-size: clamp(1.75rem, 7vw, 2.5rem); line-height: 1.2; letter-spacing: -0.015em; }
h1 span { display: block; color: var(--kernel); font-size: 1.125rem; letter-spacing: 0.05em; }
p { margin: 0.75rem 0 0; color: var(--muted); }
a { color: var(--user); text-underline-offset: 0.2em; }
:focus-visible { outline: 3px solid var(--kernel); outline-offset: 3px; border-radius: 3px; }
`;

/** No scripts, no requests, and no style but the one above. */
const POLICY: Field = [
  'Content-Security-Policy',
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`,
];

/**
 * The page of an error for a site that has none of its own: number, title, and a way home.
 * @param sentence what happened, as plain text without markup characters
 * @param fields all others but those that describe the page; a policy among them is meant for the site's pages
 */
export function builtInPage(status: number, sentence: string, fields: readonly Field[]): HttpResponse {
  const title = reasonOf(status);
  const others = fields.filter(([name]) => !/^content-/i.test(name));
  const bytes = Buffer.from(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${status} ${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1><span>${status}</span> ${title}</h1>
<p>${sentence}</p>
<p><a href="/">Go to the home page</a></p>
</main>
</body>
</html>
`);
  return new HttpResponse(status, [['Content-Type', 'text/html; charset=utf-8'], POLICY, ...others], {
    kind: 'bytes',
    bytes,
  });
}
