import type { Credentials, SocketAddress } from './socket.js';

/**
 * A datagram and its sender. An unnamed sender, and the peer of a connected stream, for which the kernel reports no
 * address, have the family 'unix', an empty address and port 0.
 */
export interface Datagram extends SocketAddress {
  /** The bytes that were stored; with MSG_TRUNC in the flags the length of the whole datagram. */
  count: number;
}

export interface Message {
  /** The bytes that were stored in the buffers; 0 at end of file; with MSG_TRUNC in `flags` there were more. */
  count: number;
  /** recvmsg(2): MSG_EOR, MSG_TRUNC, MSG_CTRUNC (more descriptors came than `maxFds`: they are closed), MSG_OOB. */
  flags: number;
  /** The sender; null if it is unnamed, if the socket is a connected stream, and for other address families. */
  address: SocketAddress | null;
  /** The received descriptors, which are the caller's from here on. Close-on-exec. */
  fds: number[];
  /** The sender's, at the time it sent; null unless the receiving Unix socket has SO_PASSCRED, unix(7). */
  credentials: Credentials | null;
}

export interface MessageCalls {
  /**
   * recvfrom(2), hot. As `recv`, with the sender's address: the next datagram, of which at most `length` bytes are
   * stored and the rest is lost. -EAFNOSUPPORT, after the datagram has been read, for an address that is not IPv4, IPv6
   * or Unix: use `recvmsg` there.
   */
  recvfrom(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): Datagram | number;
  /**
   * sendto(2), hot. One datagram of `length` bytes to an address, as in `bind`. `flags`: MSG_DONTWAIT, MSG_CONFIRM;
   * MSG_NOSIGNAL is always set. Returns the count. -EMSGSIZE for more bytes than a datagram has, -ECONNREFUSED for an
   * earlier datagram that no process received, -EISCONN if a stream is connected already, -EACCES for a broadcast
   * address without SO_BROADCAST, -EINVAL for port 0.
   */
  sendto(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    address: string,
    port: number,
  ): number;
  /**
   * recvmsg(2), hot. Fills the buffers in their order, and receives descriptors (SCM_RIGHTS, unix(7)) and credentials
   * (SCM_CREDENTIALS). MSG_CMSG_CLOEXEC is always set. -EMSGSIZE for more than 1024 buffers.
   *
   * Close what comes in `fds`, also what you did not expect: any peer of a Unix socket can send descriptors. Without a
   * buffer, and on a stream without bytes, none are received.
   * @param maxFds 0 to 253 (SCM_MAX_FD). Further descriptors of the message are closed, and reported as MSG_CTRUNC
   */
  recvmsg(fd: number, buffers: readonly Uint8Array[], flags: number, maxFds: number): Message | number;
  /**
   * sendmsg(2), hot. Sends the buffers as one message, and with it descriptors (SCM_RIGHTS), which stay the caller's:
   * the receiver gets duplicates, and they may be closed as soon as the call has returned. MSG_NOSIGNAL is always set.
   * Returns the count; on a stream it may be short, and the descriptors go with the first byte. -EMSGSIZE for more than
   * 1024 buffers; -EINVAL for more than 253 descriptors, or for descriptors on a socket that is not a Unix socket;
   * -EBADF if one of them is closed; -ETOOMANYREFS if too many are in flight, unix(7).
   * @param address as in `bind`; without one, to the connected peer
   * @param port 0 to 65535; 0 by default, for Unix addresses
   */
  sendmsg(
    fd: number,
    buffers: readonly Uint8Array[],
    flags: number,
    fds: readonly number[],
    address?: string,
    port?: number,
  ): number;
}
