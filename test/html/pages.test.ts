import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../src/index.js';
import { PACKAGE } from '../support/command.js';
import { needs } from '../support/needs.js';
import { exchange, type RawResponse, request } from '../support/raw-client.js';

const HTML = `${PACKAGE}html`;
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const BROWSER_MS = 40_000;

const pages = readdirSync(HTML).filter((name) => name.endsWith('.html'));
const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

let server: Server;

beforeAll(() => {
  server = serve({ root: HTML, port: 0 });
});

afterAll(() => server.stop({ force: true }));

const get = (target: string): Promise<RawResponse> => exchange(server.port, request(target));

/** Every `href` and `src` of a page, and every url() of a style sheet. */
const linksOf = (text: string): string[] =>
  [...text.matchAll(/\b(?:href|src)\s*=\s*"([^"]*)"|url\(\s*['"]?([^'")]+)/g)].map(
    ([, quoted, called]) => (quoted ?? called)!,
  );

test.each(readdirSync(HTML))('%s is served with its type', async (name) => {
  const response = await get(`/${name}`);
  expect([response.status, response.field('Content-Type')]).toEqual([200, TYPES[name.split('.').pop()!]]);
  expect(response.body.equals(readFileSync(join(HTML, name)))).toBe(true);
});

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(HTML, page), 'utf8');

  test('every link leads to a page of the server and to an id in it', async () => {
    const links = linksOf(text);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links.filter((each) => !/^(https?:|data:)/.test(each))) {
      const url = new URL(link, `${server.url.href}${page}`);
      const response = await get(url.pathname + url.search);
      expect(response.status, link).toBe(200);
      if (url.hash) expect(response.body.toString(), link).toMatch(new RegExp(`\\bid="${url.hash.slice(1)}"`));
    }
  });

  test('every resource is loaded from the same server', () => {
    for (const [tag] of text.matchAll(/<(?!a\b)[a-z][^>]*>/gi))
      expect(tag).not.toMatch(/\b(href|src|srcset|action)\s*=\s*"(https?:)?\/\//i);
  });
});

test('scripts and styles load from the same server', () => {
  for (const name of readdirSync(HTML).filter((each) => /\.(js|css|svg)$/.test(each))) {
    const text = readFileSync(join(HTML, name), 'utf8').replaceAll(/http:\/\/www\.w3\.org\/[\w/]*/g, '');
    expect(text, name).not.toMatch(/(url\(|import|from|fetch\(|src=|href=)\s*['"(]?\s*(https?:)?\/\//);
  }
});

describe('in a browser', () => {
  const browser = BROWSERS.find(isInstalled);
  const runs = needs(browser !== undefined, 'the pages in a browser', 'chromium is not installed');
  let profile: string;

  beforeAll(() => {
    profile = mkdtempSync(join(tmpdir(), 'epollet-browser-'));
  });

  afterAll(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));

  /** Opens a page, and returns the standard output and the console of the browser. */
  async function open(path: string, ...flags: string[]): Promise<{ output: string; console: string[] }> {
    const process = spawn(
      browser!,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-dev-shm-usage',
        `--user-data-dir=${profile}`,
        '--enable-logging=stderr',
        '--virtual-time-budget=5000',
        ...flags,
        new URL(path, server.url).href,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    );
    // Kills the process group, with the child processes of the browser.
    const timer = setTimeout(() => globalThis.process.kill(-process.pid!, 'SIGKILL'), BROWSER_MS - 5000);
    let output = '';
    let log = '';
    process.stdout.on('data', (piece) => {
      output += piece;
    });
    process.stderr.on('data', (piece) => {
      log += piece;
    });
    await new Promise((resolve) => process.on('close', resolve));
    clearTimeout(timer);
    return { output, console: log.split('\n').filter((line) => /CONSOLE/.test(line)) };
  }

  test.runIf(runs).each(pages)('%s opens without a console message', { timeout: BROWSER_MS }, async (page) => {
    const { output, console } = await open(page, '--dump-dom');
    expect(output).toMatch(/<\/html>\s*$/);
    expect(console).toEqual([]);
  });

  test.runIf(runs)('a console message of a page is captured', { timeout: BROWSER_MS }, async () => {
    const { console } = await open(`data:text/html,<script>console.error('captured')</script>`);
    expect(console.join('\n')).toMatch(/captured/);
  });

  test.runIf(runs)('wire.html shows a successful exchange', { timeout: BROWSER_MS }, async () => {
    const { output } = await open('wire.html', '--dump-dom');
    expect(output).toMatch(/<p id="summary"[^>]*>GET \/style\.css: 200 OK\.<\/p>/);
    expect(output).toMatch(/<dt[^>]*>Status<\/dt><dd[^>]*>200 OK<\/dd>/);
    expect(output).toMatch(/HTTP\/1\.1 200 OK/);
    expect(output).not.toMatch(/<section[^>]*hidden/);
  });

  test.runIf(runs)('a screenshot is not empty', { timeout: BROWSER_MS }, async () => {
    const path = join(profile, 'page.png');
    await open('', `--screenshot=${path}`, '--window-size=1200,900');
    const bytes = readFileSync(path);
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    // A blank page compresses to a few KiB.
    expect(statSync(path).size).toBeGreaterThan(20_000);
  });
});

function isInstalled(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
