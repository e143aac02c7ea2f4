/** The constants of epoll and eventfd. */
export interface EpollConstants {
  // epoll_create1(2), epoll_ctl(2), eventfd(2)
  readonly EPOLL_CLOEXEC: number;
  readonly EPOLL_CTL_ADD: number;
  readonly EPOLL_CTL_MOD: number;
  readonly EPOLL_CTL_DEL: number;
  readonly EFD_NONBLOCK: number;
  readonly EFD_SEMAPHORE: number;
}
