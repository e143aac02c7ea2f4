/** The servers that are measured: this one, and the library ws on Node's own server. */
export const ECHO_WAYS = ['epollet', 'ws on node:http'] as const;
export type EchoWay = (typeof ECHO_WAYS)[number];

/** What is measured twice. */
export const REPEATED: EchoWay = 'epollet';

/** Bytes of a message: one of a chat, and one that takes longer to copy and to unmask than to receive. */
export const ECHO_BYTES = [100, 16_384] as const;
