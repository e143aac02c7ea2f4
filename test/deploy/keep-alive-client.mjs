import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';

/**
 * One connection that requests in turn, each request after the response to the one before. A failure is a status but 200, a
 * body that is not the expected one, or an end of the connection; then it connects anew.
 */
export class KeepAliveClient {
  responses = 0;
  failures = [];
  replicas = new Set();
  isStopping = false;

  constructor(port, requests, first) {
    this.port = port;
    this.requests = requests.map(({ head, expected }) => ({ head, expected: Buffer.from(expected) }));
    this.at = first % requests.length;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  run() {
    this.received = [];
    this.receivedBytes = 0;
    this.responseBytes = 0;
    this.socket = connect(this.port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('error', ({ code }) => {
      this.reason = code;
    });
    this.socket.on('data', (piece) => this.onData(piece));
    this.socket.on('close', () => this.onClose());
    this.send();
  }

  send() {
    this.socket.write(this.requests[this.at].head);
  }

  onData(piece) {
    this.received.push(piece);
    this.receivedBytes += piece.length;
    if (this.responseBytes === 0 && !this.findHead()) return;
    if (this.receivedBytes < this.responseBytes) return;
    this.onResponse(Buffer.concat(this.received));
  }

  findHead() {
    const start = Buffer.concat(this.received);
    this.received = [start];
    const end = start.indexOf(HEAD_END);
    if (end < 0) return false;
    this.head = start.toString('latin1', 0, end);
    this.bodyStart = end + HEAD_END.length;
    this.responseBytes = this.bodyStart + Number(/^content-length: (\d+)$/im.exec(this.head)?.[1] ?? 0);
    return true;
  }

  onResponse(response) {
    const { expected } = this.requests[this.at];
    const isExpected = this.head.startsWith('HTTP/1.1 200 ') && response.subarray(this.bodyStart).equals(expected);
    if (!isExpected) this.fail(this.head.split('\r\n')[0]);
    const replica = /^x-replica: (\w+)$/im.exec(this.head)?.[1];
    if (replica !== undefined) this.replicas.add(replica);
    this.responses++;
    this.received = [];
    this.receivedBytes = 0;
    this.responseBytes = 0;
    this.at = (this.at + 1) % this.requests.length;
    if (this.isStopping) this.socket.destroy();
    else if (/^connection: close$/im.test(this.head)) this.socket.end();
    else this.send();
  }

  onClose() {
    if (this.isStopping && this.receivedBytes === 0) return this.end();
    const isCut = !/^connection: close$/im.test(this.head ?? '') || this.receivedBytes > 0;
    if (isCut) this.fail(this.reason ?? 'the connection ended');
    this.head = undefined;
    this.reason = undefined;
    if (this.isStopping) this.end();
    else this.run();
  }

  fail(reason) {
    this.failures.push(`${this.requests[this.at].head.split('\r\n')[0]}: ${reason}`);
  }

  stop() {
    this.isStopping = true;
    return this.ended;
  }

  destroy() {
    this.isStopping = true;
    this.socket?.destroy();
  }
}
