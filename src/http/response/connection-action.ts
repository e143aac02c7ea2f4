/** What happens to the connection after a response, RFC 9112 section 9.3. In order: the greater of two is the safer one. */
export const ConnectionAction = {
  keepAlive: 0,
  close: 1,
  /** Close, but first read on for a while: unread bytes would make close(2) send a reset, RFC 9112 section 9.6. */
  linger: 2,
} as const;
export type ConnectionAction = (typeof ConnectionAction)[keyof typeof ConnectionAction];

/** @param mayHaveUnread bytes of the client are left, or may still arrive, that will not be read as a request */
export function actionAfter(keepAlive: boolean, mayHaveUnread: boolean): ConnectionAction {
  if (keepAlive) return ConnectionAction.keepAlive;
  return mayHaveUnread ? ConnectionAction.linger : ConnectionAction.close;
}
