/** How a connection goes towards its end. */
export const Closing = { none: 0, whenSent: 1, lingerWhenSent: 2, lingering: 3, closed: 4 } as const;
export type Closing = (typeof Closing)[keyof typeof Closing];
