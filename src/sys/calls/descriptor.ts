export interface DescriptorCalls {
  /** close(2). Returns 0. Not retried after EINTR: on Linux the descriptor is closed then. */
  close(fd: number): number;
}
