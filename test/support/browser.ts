import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const TIMEOUT_MS = 30_000;

export const browserName = BROWSERS.find((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);

type Params = Record<string, unknown>;
interface Message {
  id?: number;
  method?: string;
  params?: Params;
  result?: Params;
  error?: { message: string };
}

/** Headless Chromium, controlled by the DevTools protocol over a pipe: JSON messages, each followed by NUL. */
export class Browser implements AsyncDisposable {
  private readonly profile = mkdtempSync(join(tmpdir(), 'epollet-lab-browser-'));
  private readonly process: ChildProcess;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private session: string | undefined;
  private lastId = 0;
  /** URLs of all network requests. */
  readonly requests: string[] = [];
  /** Console output, log entries and exceptions. */
  readonly errors: string[] = [];

  private constructor() {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
    this.process = spawn(
      browserName!,
      [...flags, '--disable-dev-shm-usage', '--remote-debugging-pipe', `--user-data-dir=${this.profile}`],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true },
    );
    let received = '';
    (this.process.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      received += text;
      for (let end = received.indexOf('\0'); end >= 0; end = received.indexOf('\0')) {
        this.onMessage(JSON.parse(received.slice(0, end)) as Message);
        received = received.slice(end + 1);
      }
    });
  }

  static async open(url: string): Promise<Browser> {
    const browser = new Browser();
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    browser.session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.send(`${domain}.enable`);
    await browser.load(url);
    return browser;
  }

  /** Requests and errors are those of the new page from then on. */
  async load(url: string): Promise<void> {
    for (const list of [this.requests, this.errors]) list.length = 0;
    await this.send('Page.navigate', { url });
    for (let tries = 0; (await this.evaluate('document.readyState')) !== 'complete'; tries++) {
      if (tries > TIMEOUT_MS / 50) throw new Error('the page does not finish loading');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** @param media `screen` or `print` */
  async emulate(width: number, height: number, scheme: 'light' | 'dark', media = 'screen'): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await this.send('Emulation.setEmulatedMedia', {
      media,
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
    await this.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
  }

  async evaluate<Value>(expression: string): Promise<Value> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', options);
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: Value }).value;
  }

  /** A PNG of the whole page. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
    return Buffer.from(data as string, 'base64');
  }

  async pdf(): Promise<Buffer> {
    const { data } = await this.send('Page.printToPDF', {
      printBackground: false,
      paperWidth: 8.27,
      paperHeight: 11.7,
    });
    return Buffer.from(data as string, 'base64');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('close', resolve));
    process.kill(-this.process.pid!, 'SIGKILL'); // the whole process group
    for (const stream of this.process.stdio) stream?.destroy();
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  private send(method: string, params: Params = {}): Promise<Params> {
    const id = ++this.lastId;
    const session = this.session === undefined ? {} : { sessionId: this.session };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} timed out`)), TIMEOUT_MS);
      this.waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result ?? {});
      });
      (this.process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    });
  }

  private onMessage({ id, method, params, ...rest }: Message): void {
    if (id !== undefined) {
      this.waiting.get(id)?.(rest);
      this.waiting.delete(id);
    } else if (method === 'Network.requestWillBeSent') {
      this.requests.push((params!['request'] as { url: string }).url);
    } else if (method === 'Log.entryAdded' && JSON.stringify(params).includes('willReadFrequently')) {
      // Caused by the test itself, which reads the canvases.
    } else if (method === 'Log.entryAdded' || method === 'Runtime.exceptionThrown') {
      this.errors.push(JSON.stringify(params));
    } else if (method === 'Runtime.consoleAPICalled') {
      this.errors.push(JSON.stringify(params!['args']));
    }
  }
}
