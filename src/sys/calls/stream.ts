export interface StreamCalls {
  /** recv(2), hot. Reads at most `length` bytes into `bytes` at `offset`. Returns the count; 0 at end of file. */
  recv(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number;
  /**
   * recv(2) on several sockets in one native call, hot. Each of the first `count` descriptors in `fds` is replaced by
   * its result: the count of bytes, 0 at end of file, or -errno. The i-th reads into `bytes` at `i * stride`, at most
   * `stride - 1` bytes: the byte behind them is not written. The descriptors are read before the first call and the
   * results written after the last one.
   * @param count at most 1024
   */
  recvEach(fds: Int32Array, count: number, bytes: Uint8Array, stride: number): void;
  /** send(2), hot. `flags`: MSG_MORE; MSG_NOSIGNAL is always set. Returns the count, which may be short. */
  send(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number;
  /**
   * send(2) on several sockets in one native call, hot, with MSG_NOSIGNAL. The i-th of the first `count` descriptors in
   * `fds` sends the part of `bytes` from `ends[i - 1]` (the first from 0) to `ends[i]`, and is replaced by its result:
   * the count, which may be short, or -errno. RangeError, and nothing is sent, if `ends` is not ascending. `fds` and
   * `ends` are read before the first call and the results written after the last one.
   * @param count at most 1024
   */
  sendEach(fds: Int32Array, ends: Int32Array, count: number, bytes: Uint8Array): void;
  /**
   * sendfile(2). `offset` is a position in the file (0 to 2^53-1). Returns the count, which may be short and is at most
   * 2^31-4096; 0 at the end of the file. sendfile has no MSG_NOSIGNAL: a closed connection is -EPIPE because Node
   * ignores SIGPIPE. Do not add a listener for SIGPIPE: removing it restores the default action, and the signal ends
   * the process.
   */
  sendfile(socketFd: number, fileFd: number, offset: number, count: number): number;
  /** read(2), for descriptors other than sockets. Returns the count; 0 at end of file. */
  read(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** write(2), not for sockets. Returns the count; -EPIPE if the read end is closed; SIGPIPE as for `sendfile`. */
  write(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** readv(2), hot, for sockets too. Fills the buffers in their order. -EINVAL for more than 1024 buffers. */
  readv(fd: number, buffers: readonly Uint8Array[]): number;
  /**
   * writev(2), hot. Returns the count, which may be short. -EINVAL for more than 1024 buffers; SIGPIPE as for `sendfile`:
   * for sockets use `sendmsg`.
   */
  writev(fd: number, buffers: readonly Uint8Array[]): number;
  /** pipe2(2). Returns [read end, write end], or -errno. `flags`: O_NONBLOCK. */
  pipe2(flags: number): [number, number] | number;
}
