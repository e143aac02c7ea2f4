/**
 * The calls of io_uring(7), with the conventions of `Kernel`. Not a part of it: submissions hold addresses, so that a
 * wrong one corrupts the process.
 */
export interface UringCalls {
  /**
   * io_uring_setup(2). `entries`: at least 1. `params` is `struct io_uring_params` as 30 words, which the call fills.
   * Returns a descriptor. -ENOSYS before Linux 5.1 or under some seccomp profiles, -EPERM if
   * kernel.io_uring_disabled or a seccomp profile forbids it, -EINVAL for flags that the kernel does not know.
   */
  ioUringSetup(entries: number, params: Uint32Array): number;
  /**
   * mmap(2), readable and writable, of a ring's memory at IORING_OFF_SQ_RING and so on; with `fd` -1 of new memory, zeroed and
   * aligned to pages. Unmapped by `ioUringUnmap`, when the buffer is collected, or with its thread.
   * -EOPNOTSUPP if `fd` is not a ring, -ENOTSUP if the runtime takes no memory from outside, -EINVAL, -ENOMEM.
   */
  ioUringMap(fd: number, offset: number, length: number): ArrayBuffer | number;
  /** munmap(2) of what `ioUringMap` returned, whose views have the length 0 from then on. Returns 0. */
  ioUringUnmap(mapping: ArrayBuffer): number;
  /**
   * io_uring_register(2) with IORING_REGISTER_PBUF_RING: `entries`, a power of two up to 32768, of `struct io_uring_buf` at
   * an address aligned to pages, as the buffers of `group`. Returns 0. -EINVAL before Linux 5.19, -EEXIST.
   */
  ioUringRegisterBuffers(fd: number, address: number, entries: number, group: number): number;
  /**
   * io_uring_enter(2) with IORING_ENTER_GETEVENTS, hot: submits `toSubmit` entries, and waits for at least one completion.
   * Returns the number submitted; also before there is a completion, after the timeout, a signal, or if some were
   * submitted. -EBUSY if completions must be taken first, -EOPNOTSUPP if `fd` is not a ring.
   * @param timeoutMs whole milliseconds, up to 2^31-1; -1 waits without limit, 0 does not wait
   */
  ioUringEnter(fd: number, toSubmit: number, timeoutMs: number): number;
  /** The address of that part of `bytes`, hot. It holds as long as the array is referenced and its memory not detached. */
  addressOf(bytes: Uint8Array, offset: number, length: number): number;
  /**
   * Makes `fd`, which a completion reported, a descriptor of this thread, as those are that calls of `Kernel` return: it is
   * closed at the end of a worker, unless it is closed or disowned before. Returns 0; -EBADF.
   */
  own(fd: number): number;
}
