/** The numbers of one event in the array that `pollInto` fills: mask, descriptor, data. */
export const WORDS_PER_EVENT = 3;

export interface EpollEvent {
  /** The registered descriptor. If it was closed meanwhile, its number may belong to another file. */
  fd: number;
  /** What is ready, unsigned; see `describeEvents`. */
  events: number;
  /** The data given to `register` or `modify`; 0 by default. */
  data: number;
}
